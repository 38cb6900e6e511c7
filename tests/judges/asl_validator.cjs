// Reads {name: {"definition", "filled": boolean}} from standard input, writes {name: [error]} as asl-validator finds them.
// An ARN that holds a variable is one only when the definition is filled in.
"use strict";
const validate = require("asl-validator");

const definitions = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = {};
for (const [name, { definition, filled }] of Object.entries(definitions)) {
  found[name] = validate(definition, { checkPaths: true, checkArn: filled }).errors.map(
    (error) => `${error["Error code"]}: ${error.Message}`,
  );
}
process.stdout.write(JSON.stringify(found));
