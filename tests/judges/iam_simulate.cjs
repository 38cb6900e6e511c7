// Decides questions about policies with @cloud-copilot/iam-simulate, all in one process.
//
// Standard input: {"policies": {NAME: DOCUMENT}, "resourcePolicies": {ARN: DOCUMENT}, "questions": [{"principal": ARN or
// service, "policy": NAME or null, "action", "resource": ARN, "policyOf": ARN or null, "account", "context": {KEY: ...}}],
// "keys": [CONDITION KEY], "withoutResource": [ACTION]}, the last for actions that have resources but need not name one.
// Standard output: {"answers": [...], "sets": [...]}. An answer is "Allowed", "ImplicitlyDenied", "ExplicitlyDenied" or
// "no such request: REASON", for an action that AWS does not have on such a resource. "sets" are the keys of "keys" that
// hold a set of values. Errors in a policy end the process.
"use strict";
const { loadPolicy, validateIdentityPolicy, validateResourcePolicy } = require("@cloud-copilot/iam-policy");
const {
  isConditionKeyArray,
  isWildcardOnlyAction,
  runSimulation,
  runUnsafeSimulation,
  typeForContextKey,
} = require("@cloud-copilot/iam-simulate");

const NO_SUCH_REQUEST = ["no.resource.types", "must.use.wildcard"];

const given = JSON.parse(require("fs").readFileSync(0, "utf8"));

function refuseErrors(documents, validate) {
  for (const [name, document] of Object.entries(documents)) {
    const errors = validate(document);
    if (errors.length) throw new Error(`${name}: ${JSON.stringify(errors)}`);
  }
}

async function decide(question) {
  const { principal, policy, action, resource, account, context } = question;
  const simulation = {
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: policy ? [{ name: policy, policy: given.policies[policy] }] : [],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: given.resourcePolicies[question.policyOf],
  };
  // To iam-simulate a wildcard is a question about any resource; a request names one, unless its action has none.
  if (resource === "*" && given.withoutResource.includes(action)) return runUnsafeSimulation(simulation, {});
  if (resource === "*" && !(await isWildcardOnlyAction(...action.split(":"))))
    return "no such request: the action has resources";
  const answer = await runSimulation(simulation, {});
  if (answer.resultType !== "error") return answer.overallResult;
  // Both kinds of resource have the same permissions, for all that this project's policies say.
  if (answer.errors.message === "multiple.resource.types") return runUnsafeSimulation(simulation, {});
  if (NO_SUCH_REQUEST.includes(answer.errors.message)) return `no such request: ${answer.errors.message}`;
  throw new Error(`${JSON.stringify(question)}: ${JSON.stringify(answer.errors)}`);
}

async function main() {
  refuseErrors(given.policies, validateIdentityPolicy);
  refuseErrors(given.resourcePolicies, validateResourcePolicy);
  const answers = [];
  for (const question of given.questions) answers.push(await decide(question));
  const sets = [];
  for (const key of given.keys) if (isConditionKeyArray(await typeForContextKey(key))) sets.push(key);
  process.stdout.write(JSON.stringify({ answers, sets }));
}

main();
