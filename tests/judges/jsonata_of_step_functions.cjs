// JSONata as Step Functions has it: the reference implementation, the functions that AWS adds, no $eval and no document.
//
// Time and chance are frozen: {"now", "millis", "random", "uuid"}. An expression without a value is an error, and so is one
// whose value JSON cannot hold.
"use strict";
const { createHash } = require("crypto");
const jsonata = require("jsonata");

// "JSONata functions provided by Step Functions" in "Transforming data with JSONata" of the Step Functions guide.
const ALGORITHMS = { MD5: "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" };

function partition(list, size) {
  const whole = Math.floor(size);
  if (!(whole > 0)) throw new Error("$partition: the size must be a positive integer");
  const parts = [];
  for (let at = 0; at < list.length; at += whole) parts.push(list.slice(at, at + whole));
  return parts;
}

function range(start, end, step) {
  const [first, last, by] = [start, end, step].map(Math.floor);
  if (by === 0) throw new Error("$range: the step must not be zero");
  const values = [];
  for (let value = first; by > 0 ? value <= last : value >= last; value += by) values.push(value);
  return values;
}

function hash(text, algorithm) {
  if (typeof text !== "string" || !(algorithm in ALGORITHMS)) throw new Error("$hash: unknown algorithm or no string");
  return createHash(ALGORITHMS[algorithm]).update(text, "utf8").digest("hex");
}

// What `now`, `millis`, `random` and `uuid` answer in the evaluation that is going on; one at a time is.
let frozen = {};

function prepare(expression) {
  const prepared = jsonata(expression);
  prepared.registerFunction("partition", partition);
  prepared.registerFunction("range", range);
  prepared.registerFunction("hash", hash);
  prepared.registerFunction("parse", (text) => JSON.parse(text));
  prepared.registerFunction("random", () => frozen.random);
  prepared.registerFunction("uuid", () => frozen.uuid);
  prepared.registerFunction("now", () => frozen.now);
  prepared.registerFunction("millis", () => frozen.millis);
  // Step Functions has no $eval.
  prepared.registerFunction("eval", () => {
    throw new Error("$eval is not a function of Step Functions");
  });
  return prepared;
}

const prepared = new Map();

async function evaluate(expression, bindings, frozenNow) {
  frozen = frozenNow;
  try {
    if (!prepared.has(expression)) prepared.set(expression, prepare(expression));
    const value = await prepared.get(expression).evaluate(undefined, bindings);
    if (value === undefined || typeof value === "function") return { error: "no value" };
    if (typeof value === "number" && !Number.isFinite(value)) return { error: "not a number that JSON can hold" };
    return { value };
  } catch (error) {
    return { error: `${error.code ?? "Error"}: ${error.message}` };
  }
}

module.exports = { evaluate };
