// Evaluates recorded JSONata expressions.
//
// Standard input: {"frozen": {"now", "millis", "random", "uuid"}, "records": [{"expression", "bindings"}]}.
// Standard output: for each record {"value"} or {"error"}.
"use strict";
const { evaluate } = require("./jsonata_of_step_functions.cjs");

const { frozen, records } = JSON.parse(require("fs").readFileSync(0, "utf8"));

async function main() {
  const answers = [];
  for (const { expression, bindings } of records) answers.push(await evaluate(expression, bindings, frozen));
  process.stdout.write(JSON.stringify(answers));
}

main();
