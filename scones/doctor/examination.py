"""All checks in their order: the account, its quotas, the endpoint, and the stack where there is one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from scones.connection import Connection
from scones.doctor.account import (
    LAMBDA,
    QUOTA_NAMES,
    SERVERLESS,
    STATES,
    check_credentials,
    check_lambda,
    check_serverless,
    check_step_functions,
)
from scones.doctor.attention import (
    ALARMS,
    FAILED_IMAGES,
    REVIEW,
    check_alarms,
    check_queue,
    check_review_queue,
    check_topic,
)
from scones.doctor.deployment import (
    BUCKET,
    RETENTION,
    RULES,
    STACK,
    TABLE,
    THRESHOLD,
    check_bucket,
    check_retention,
    check_rules,
    check_status,
    check_table,
    check_threshold,
)
from scones.doctor.endpoint_answer import ANSWER, ANSWER_S, check_answer
from scones.doctor.endpoint_state import ENDPOINT, UNUSED, check_endpoint, check_unused
from scones.doctor.findings import Finding, Level, broken, ok, warning
from scones.errors import SconesError, explain, is_denied
from scones.pause_state import read_pause_of
from scones.stack import describe_stack, list_resources, read_stack

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

NEEDS_NONE: Final = frozenset({"GetCallerIdentity"})
"""AWS STS API Reference, GetCallerIdentity: no permissions are required to perform this operation."""

ACTIONS: Final[Mapping[str, str]] = {
    "DescribeStacks": "cloudformation:DescribeStacks",
    "ListStackResources": "cloudformation:ListStackResources",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
    "GetMetricStatistics": "cloudwatch:GetMetricStatistics",
    "DescribeTable": "dynamodb:DescribeTable",
    "Query": "dynamodb:Query",
    "DescribeRule": "events:DescribeRule",
    "ListTargetsByRule": "events:ListTargetsByRule",
    "GetAccountSettings": "lambda:GetAccountSettings",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "DescribeEndpoint": "sagemaker:DescribeEndpoint",
    "InvokeEndpoint": "sagemaker:InvokeEndpoint",
    "ListEndpoints": "sagemaker:ListEndpoints",
    "GetAWSDefaultServiceQuota": "servicequotas:GetAWSDefaultServiceQuota",
    "GetServiceQuota": "servicequotas:GetServiceQuota",
    "ListSubscriptionsByTopic": "sns:ListSubscriptionsByTopic",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "GetParameter": "ssm:GetParameter",
}


POLICY = "docs/first-deploy.md has a policy with all actions of this command"
LAMBDA_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Model:
    """The endpoint to check, and the classes that it is to answer probabilities for."""

    endpoint: str
    labels: tuple[str, ...]
    runtime_url: str | None = None


type Ask = Callable[[Model], list[Finding] | None]
"""Whether the endpoint may be asked: None for yes, else what to say instead."""
type Check = Callable[[], Finding | list[Finding]]


def examine_account(connection: Connection, model: Model, may_ask: Ask) -> Iterator[Finding]:
    """Check what a stack will need, before there is one."""
    credentials = check_credentials(connection)
    yield credentials
    if credentials.level is Level.BROKEN:
        return
    yield from _examine_quotas(connection)
    yield from _examine_endpoint(connection, model, may_ask)


def examine_stack(connection: Connection, may_ask: Ask) -> Iterator[Finding]:
    """Check a deployed stack, and what it needs."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

    credentials = check_credentials(connection)
    yield credentials
    if credentials.level is Level.BROKEN:
        return
    yield from _examine_quotas(connection)
    try:
        description = describe_stack(connection)
    except SconesError as error:
        yield broken(STACK, error.message, "docs/first-deploy.md says how to deploy a stack")
        return
    except (BotoCoreError, ClientError) as error:
        yield _unchecked(STACK, error)
        return
    parameters = {
        one.get("ParameterKey", ""): one.get("ParameterValue", "")
        for one in description.get("Parameters", [])
    }
    if "EndpointName" in parameters and "Labels" in parameters:
        labels = tuple(label.strip() for label in parameters["Labels"].split(","))
        # The address in a deployed stack is one that its functions reach, not this machine.
        url = parameters.get("SageMakerRuntimeUrl") or None if connection.is_local else None
        yield from _examine_endpoint(connection, Model(parameters["EndpointName"], labels, url), may_ask)
    status = check_status(description)
    yield status
    if status.level is not Level.BROKEN:
        yield from _examine_resources(connection, description["StackId"], parameters)


def _examine_quotas(connection: Connection) -> Iterator[Finding]:
    if connection.is_local:
        yield from (ok(name, "not applicable to the local cloud") for name in QUOTA_NAMES)
        return
    yield from guarded(LAMBDA, lambda: check_lambda(connection.lambda_(LAMBDA_TIMEOUT_S)))
    yield from guarded(STATES, lambda: check_step_functions(connection.service_quotas()))
    yield from guarded(SERVERLESS, lambda: check_serverless(connection.service_quotas()))


def _examine_endpoint(connection: Connection, model: Model, may_ask: Ask) -> Iterator[Finding]:
    takes_requests = True
    if connection.is_local:
        repair = "`scones chaos clear` ends injected faults; else `scones down`, then `scones up`"
        if not model.runtime_url:  # boto3 would ask AWS instead
            yield broken(ENDPOINT, "the stack has no SageMakerRuntimeUrl", "`scones down`, then `scones up`")
            return
        yield ok(ENDPOINT, f"{model.endpoint} is the local cloud's own server")
    else:
        repair = f"`aws logs tail /aws/sagemaker/Endpoints/{model.endpoint} --since 10m` has its log"
        found = list(guarded(ENDPOINT, lambda: check_endpoint(connection.sagemaker(), model.endpoint)))
        yield from found
        takes_requests = all(finding.level is not Level.BROKEN for finding in found)
    if takes_requests:
        refusal = may_ask(model)
        if refusal is None:
            runtime = connection.sagemaker_runtime(model.runtime_url, ANSWER_S)
            yield from guarded(
                ANSWER, lambda: check_answer(runtime, model.endpoint, model.labels, repair=repair)
            )
        else:
            yield from refusal
    if not connection.is_local:
        yield from guarded(UNUSED, lambda: check_unused(connection.sagemaker(), connection.cloudwatch()))


def _examine_resources(
    connection: Connection, stack_id: str, parameters: dict[str, str]
) -> Iterator[Finding]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

    try:
        stack = read_stack(connection)
        resources = list(list_resources(connection.cloudformation(), stack_id))
    except SconesError as error:
        yield broken(STACK, error.message, "name another stack, or deploy this one again")
        return
    except (BotoCoreError, ClientError) as error:
        yield _unchecked(STACK, error)
        return
    options = connection.options
    topics = (
        ("review topic", stack.review_topic_arn, "ReviewEmail"),
        ("alert topic", stack.alert_topic_arn, "AlertEmail"),
    )
    yield from guarded(
        RULES,
        lambda: check_rules(connection.events(), stack.name, resources, read_pause_of(connection, stack)),
    )
    yield from guarded(BUCKET, lambda: check_bucket(connection.s3(), stack, options))
    yield from guarded(TABLE, lambda: check_table(connection.dynamodb(), stack))
    yield from guarded(
        THRESHOLD, lambda: check_threshold(connection.ssm(), stack, options, now=datetime.now(UTC))
    )
    yield from guarded(RETENTION, lambda: check_retention(parameters))
    for name, arn, parameter in topics:
        look = partial(check_topic, connection.sns(), name, arn, parameter, is_local=connection.is_local)
        yield from guarded(name, look)
    yield from guarded(ALARMS, lambda: check_alarms(connection.cloudwatch(), resources))
    yield from guarded(
        REVIEW,
        lambda: check_review_queue(connection.dynamodb(), stack, parameters, options, now=datetime.now(UTC)),
    )
    yield from guarded(FAILED_IMAGES, lambda: check_queue(connection.sqs(), stack.failed_images_url, options))


def guarded(name: str, check: Check) -> Iterator[Finding]:
    """Run a check; what AWS does not let it see becomes a warning, never the end of the run."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

    try:
        found = check()
    except (BotoCoreError, ClientError) as error:
        yield _unchecked(name, error)
        return
    except SconesError as error:
        yield warning(name, f"could not be checked: {error.message}", "repeat the command after that")
        return
    yield from found if isinstance(found, list) else [found]


def _unchecked(name: str, error: "BotoCoreError | ClientError") -> Finding:
    if is_denied(error):
        operation = str(getattr(error, "operation_name", ""))
        return warning(
            name, f"could not be checked: needs action {ACTIONS.get(operation, operation)}", POLICY
        )
    return warning(name, f"could not be checked: {explain(error) or error}", "repeat the command")
