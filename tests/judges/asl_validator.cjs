// Reads {name: definition} from standard input, writes {name: [error]} as asl-validator finds them.
"use strict";
const validate = require("asl-validator");

const definitions = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = {};
for (const [name, definition] of Object.entries(definitions)) {
  found[name] = validate(definition, { checkPaths: true, checkArn: true }).errors.map(
    (error) => `${error["Error code"]}: ${error.Message}`,
  );
}
process.stdout.write(JSON.stringify(found));
