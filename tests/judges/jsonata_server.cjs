// Evaluates JSONata expressions one after the other: a line {"expression", "frozen"} of standard input is answered by a line
// {"value"} or {"error"} of standard output.
"use strict";
const { evaluate } = require("./jsonata_of_step_functions.cjs");

async function main() {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    const { expression, frozen } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await evaluate(expression, {}, frozen))}\n`);
  }
}

main();
