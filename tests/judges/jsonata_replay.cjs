// Evaluates recorded JSONata expressions.
//
// Standard input: {"frozen": {"now", "millis", "random", "uuid"}, "records": [{"expression", "bindings", "frozen"?}]}.
// Standard output: for each record {"value"} or {"error"}.
"use strict";
const { evaluate } = require("./jsonata_of_step_functions.cjs");

const { frozen, records } = JSON.parse(require("fs").readFileSync(0, "utf8"));

async function main() {
  const answers = [];
  for (const { expression, bindings, frozen: own } of records)
    answers.push(await evaluate(expression, bindings, { ...frozen, ...own }));
  process.stdout.write(JSON.stringify(answers));
}

main();
