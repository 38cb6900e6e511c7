// Writes the time as the reference implementation of JSONata writes it.
"use strict";
require("jsonata")("$now()")
  .evaluate(undefined)
  .then((now) => process.stdout.write(JSON.stringify([now])));
