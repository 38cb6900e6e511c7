"""What a workflow's states need of IAM, and the questions put to MiniStack's own policy evaluator."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from ministack.core import iam_evaluator
from ministack.core.iam_actions import identity_denial_message
from ministack.core.responses import get_account_id, get_region

from scones.local.ministack.refusals import log_refusal

# The action of each integration, and the resource that its arguments name.
INTEGRATIONS: Final = {
    "lambda:invoke": ("lambda:InvokeFunction", "{FunctionName}"),
    "dynamodb:updateItem": ("dynamodb:UpdateItem", "arn:aws:dynamodb:{region}:{account}:table/{TableName}"),
    "sns:publish": ("sns:Publish", "{TopicArn}"),
    "sqs:sendMessage": ("sqs:SendMessage", "arn:aws:sqs:{region}:{account}:{QueueName}"),
    "aws-sdk:cloudwatch:putMetricData": ("cloudwatch:PutMetricData", "*"),
    "aws-sdk:s3:getObject": ("s3:GetObject", "arn:aws:s3:::{Bucket}/{Key}"),
    "aws-sdk:s3:putObject": ("s3:PutObject", "arn:aws:s3:::{Bucket}/{Key}"),
    "aws-sdk:s3:deleteObject": ("s3:DeleteObject", "arn:aws:s3:::{Bucket}/{Key}"),
    "aws-sdk:sfn:startSyncExecution": ("states:StartSyncExecution", "{StateMachineArn}"),
    "aws-sdk:sfn:listMapRuns": ("states:ListMapRuns", "{ExecutionArn}"),
    "aws-sdk:sfn:describeMapRun": ("states:DescribeMapRun", "{MapRunArn}"),
}
# Arguments that IAM has in a condition key, because the action has no resource.
CONDITION_KEYS: Final = {"Namespace": "cloudwatch:namespace"}


def as_eventbridge_sees_it(policy: str | dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a topic's policy less its statements with a condition."""
    if not policy:
        return None
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return document | {"Statement": [one for one in listed if not one.get("Condition")]}


class Call(NamedTuple):
    """What IAM is asked: an action on a resource, with the condition keys that the request carries."""

    action: str
    resource: str
    context: dict[str, Any]


def call_of_state(resource: str, arguments: dict[str, Any]) -> Call | None:
    """Return what a Task state needs; None where an argument is missing, which the service itself refuses.

    Raises
    ------
    KeyError
        For an integration that is not known here: none goes unasked.
    """
    action, named = INTEGRATIONS[resource.removeprefix("arn:aws:states:::")]
    if None in arguments.values():
        return None
    named_by = arguments | {"QueueName": str(arguments.get("QueueUrl")).rpartition("/")[2]}
    context = {key: arguments[name] for name, key in CONDITION_KEYS.items() if name in arguments}
    return Call(action, named.format(region=get_region(), account=get_account_id(), **named_by), context)


def refusal(role_arn: str, call: Call) -> str | None:
    """Return AWS's sentence where the role may not do this; None where it may."""
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    caller = f"arn:aws:sts::{account}:assumed-role/{role}/local"
    question = iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type="AssumedRole",
        principal_account=account,
        action=call.action,
        resource_arn=call.resource,
        region=get_region(),
        service_context=call.context,
    )
    answer = iam_evaluator.evaluate(question, iam_evaluator._gather_role_policies(role, account))
    policy = iam_evaluator._resource_policy(call.action.split(":")[0], call.resource)
    if policy is not None:
        answer = iam_evaluator.combine_resource_policy(answer, question, *policy)
    if answer.decision == "Allow":
        return None
    return log_refusal(identity_denial_message(call.action, caller, call.resource, answer.decision == "Deny"))


def refusal_of_service(service: str, call: Call) -> str | None:
    """Return why the resource's own policy does not let an AWS service do this; None where it does."""
    found = iam_evaluator._resource_policy(call.action.split(":")[0], call.resource)
    question = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=call.action,
        resource_arn=call.resource,
        region=get_region(),
        service_context=call.context,
    )
    policy = found[0] if found else None
    if (service, call.action) == ("events.amazonaws.com", "sns:Publish"):
        policy = as_eventbridge_sees_it(policy)
    if iam_evaluator.evaluate_resource_policy(policy, question, service=service).decision == "Allow":
        return None
    return log_refusal(identity_denial_message(call.action, service, call.resource, explicit_deny=False))
