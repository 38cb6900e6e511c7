"""IAM where MiniStack 1.5.33 does not enforce it: what services do for a stack with its roles. Under AUTH=true only.

MiniStack holds HTTP requests to the caller's policies, so the functions are held to their roles. What a workflow's
states do, what a Distributed Map reads and writes, and what rules and alarms deliver are calls inside the emulator that
nobody asks about. Here its own evaluator is asked, with the role or the resource's policy that AWS would ask.

Every refusal, of a request too, is a line in the emulator's log: ``refused: User: ... is not authorized to perform``.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services import cloudwatch, eventbridge, stepfunctions

from scones.local.ministack import refusals
from scones.local.ministack.permissions import Call, call_of_state, refusal, refusal_of_service

_role: ContextVar[str] = ContextVar("role of the execution")

# By the exceptions of the SDK that Step Functions calls with; the workflows match on Lambda's alone, not seen on AWS.
ERRORS: Final = {
    "lambda": "Lambda.AWSLambdaException",
    "dynamodb": "DynamoDB.AmazonDynamoDBException",
    "sqs": "SQS.AmazonSQSException",
    "sns": "SNS.AuthorizationErrorException",
    "cloudwatch": "CloudWatch.CloudWatchException",
    "s3": "S3.S3Exception",
    "states": "Sfn.SfnException",
}


def enforce() -> None:
    """Hold executions, maps, rules and alarms to the policies they work with, and log every refusal."""
    refusals.log_refusals()
    refusals.hide_what_is_gone()
    name_rules_of_the_default_bus()
    ask_for_a_batch_as_for_one()
    hold_states_to_their_role()
    hold_maps_to_their_role()
    hold_rules_to_their_targets()
    hold_alarms_to_their_topics()


def name_rules_of_the_default_bus() -> None:
    """Compare policies with `rule/NAME`, as AWS does for a rule of the default bus, not with `rule/default/NAME`."""
    extract = iam_actions.extract_resource_arn

    def without_the_bus(service: str, *request: Any) -> str:
        found = str(extract(service, *request))
        return found.replace(":rule/default/", ":rule/") if service == "events" else found

    iam_actions.extract_resource_arn = without_the_bus


def ask_for_a_batch_as_for_one() -> None:
    """Ask for sqs:DeleteMessage where many messages are deleted: SQS has no actions for batches."""
    extract = iam_actions.extract_iam_action

    def without_batch(service: str, *request: Any) -> Any:
        found = extract(service, *request)
        return found.removesuffix("Batch") if service == "sqs" and isinstance(found, str) else found

    iam_actions.extract_iam_action = without_batch


def hold_states_to_their_role() -> None:
    """Ask before each Task state; a refusal is the state's error, for its Retry and Catch to see."""
    execute, invoke = stepfunctions._execute_task, stepfunctions._invoke_resource

    def execute_as_role(state: Any, raw: Any, execution: dict[str, Any], context: Any) -> Any:
        with_role = _role.set(_role_of(execution))
        try:
            return execute(state, raw, execution, context)
        finally:
            _role.reset(with_role)

    def invoke_if_allowed(resource: str, given: dict[str, Any]) -> Any:
        if call := call_of_state(resource, given):
            error = ERRORS[call.action.split(":")[0]]
            _require(_role.get(), call, error)
            if call.action == "s3:GetObject":
                _require_to_know(_role.get(), given["Bucket"], given["Key"], error)
        return invoke(resource, given)

    stepfunctions._execute_task = execute_as_role
    stepfunctions._invoke_resource = invoke_if_allowed


def hold_maps_to_their_role() -> None:
    """Ask before a Distributed Map lists or reads its items, starts its children and writes their results."""
    run, read = stepfunctions._run_distributed_map, stepfunctions._read_map_items

    def run_as_role(state: Any, raw: Any, effective: Any, iterator: Any, execution: Any, context: Any) -> Any:
        role = _role_of(execution)
        with_role = _role.set(role)
        try:
            _require(
                role, Call("states:StartExecution", execution["stateMachineArn"], {}), "States.TaskFailed"
            )
            if writer := state.get("ResultWriter"):
                place = stepfunctions._resolve_params_obj(writer["Parameters"], effective, context)
                manifest = f"arn:aws:s3:::{place['Bucket']}/{place['Prefix']}/manifest.json"
                _require(role, Call("s3:PutObject", manifest, {}), "States.ResultWriterFailed")
            return run(state, raw, effective, iterator, execution, context)
        finally:
            _role.reset(with_role)

    def read_if_allowed(reader: dict[str, Any], effective: Any, context: Any) -> Any:
        place = stepfunctions._resolve_params_obj(reader["Parameters"], effective, context)
        bucket = f"arn:aws:s3:::{place['Bucket']}"
        if reader["Resource"].endswith("listObjectsV2"):
            call = Call("s3:ListBucket", bucket, {"s3:prefix": place.get("Prefix", "")})
        else:
            call = Call("s3:GetObject", f"{bucket}/{place['Key']}", {})
        _require(_role.get(), call, "States.ItemReaderFailed")
        return read(reader, effective, context)

    stepfunctions._run_distributed_map = run_as_role
    stepfunctions._read_map_items = read_if_allowed


def hold_rules_to_their_targets() -> None:
    """Ask before a rule starts a workflow (its role) or reaches a queue, topic or function (that one's policy)."""
    deliver = eventbridge._invoke_target
    actions = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}

    def deliver_if_allowed(target: dict[str, Any], event: Any, rule: dict[str, Any], *view: Any) -> Any:
        service = target["Arn"].split(":")[2]
        if service == "states":
            refused = refusal(target["RoleArn"], Call("states:StartExecution", target["Arn"], {}))
        else:
            call = Call(actions[service], target["Arn"], {"aws:sourcearn": rule["Arn"]})
            refused = refusal_of_service("events.amazonaws.com", call)
        return None if refused else deliver(target, event, rule, *view)

    eventbridge._invoke_target = deliver_if_allowed


def hold_alarms_to_their_topics() -> None:
    """Ask a topic's policy before an alarm publishes to it."""
    act = cloudwatch._dispatch_alarm_actions
    kinds = ("AlarmActions", "OKActions", "InsufficientDataActions")

    def allowed(topic: str) -> bool:
        account = {"aws:sourceaccount": get_account_id()}
        return refusal_of_service("cloudwatch.amazonaws.com", Call("sns:Publish", topic, account)) is None

    def act_if_allowed(alarm: dict[str, Any], *change: Any) -> Any:
        listed = {kind: [topic for topic in alarm.get(kind) or [] if allowed(topic)] for kind in kinds}
        return act(alarm | listed, *change)

    cloudwatch._dispatch_alarm_actions = act_if_allowed


def _require(role_arn: str, call: Call, error: str) -> None:
    if refused := refusal(role_arn, call):
        raise stepfunctions._ExecutionError(error, refused)


def _require_to_know(role_arn: str, bucket: str, key: str, error: str) -> None:
    """Refuse to say that an object does not exist to a role that may not list its bucket."""
    if needed := refusals.needed_to_know("s3:GetObject", bucket, key):
        _require(role_arn, Call(needed, f"arn:aws:s3:::{bucket}", {}), error)


def _role_of(execution: dict[str, Any]) -> str:
    # A map's children carry its label behind the name of the machine whose role they work with.
    machine, _, _ = execution["stateMachineArn"].partition("/")
    return str(stepfunctions._state_machines[machine]["roleArn"])
