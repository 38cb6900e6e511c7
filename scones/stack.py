"""What a deployed stack says about itself: its CloudFormation outputs, typed, and the resources that it made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from scones.errors import SconesError, error_code
from scones.image_keys import ImageKeys
from scones.label_thresholds import Thresholds

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

    from scones.connection import Connection

NESTED_STACK: Final = "AWS::CloudFormation::Stack"


class NoStackError(SconesError):
    """There is no stack of this name."""


@dataclass(frozen=True, slots=True)
class PauseNames:
    """What a pause changes: the parameter that says so, the two rules on uploads, and the queue of held images."""

    parameter: str
    upload_rule: str
    hold_rule: str
    held_images_url: str


@dataclass(frozen=True, slots=True)
class Stack:
    """The outputs of an image triage stack, `thresholds` as deployed, and the parameters that it was deployed with."""

    name: str
    image_bucket: str
    results_bucket: str
    workflow_arn: str
    workflow_alias_arn: str
    review_topic_arn: str
    alert_topic_arn: str
    failed_images_url: str
    claims_table: str
    backfill_arn: str
    record_decision_arn: str
    keys: ImageKeys
    labels: tuple[str, ...]
    thresholds: Thresholds
    threshold_parameter: str
    serialize_digest: str
    endpoint_name: str
    sweep_function: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    pause: PauseNames | None = None
    """None where the stack is older than `scones pause`."""

    @property
    def incoming_prefix(self) -> str:
        """What is left out where a key is shown or typed: `incoming/`, or nothing."""
        return self.keys.unnamed

    @property
    def owns_image_bucket(self) -> bool:
        """Whether the stack made its image bucket."""
        return not self.parameters.get("ExistingImageBucket")

    @property
    def requires_certificate(self) -> bool:
        """Whether no image passes without a certificate."""
        return self.parameters.get("RequireCertificate") == "true"

    def number(self, parameter: str) -> int:
        """Return a parameter that is a whole number.

        Raises
        ------
        SconesError
            When the stack has no such parameter.
        """
        try:
            return int(self.parameters[parameter])
        except (KeyError, ValueError):
            message = f"stack {self.name} has no parameter {parameter}: it is older than this command, deploy it again"
            raise SconesError(message) from None


def read_stack(connection: "Connection") -> Stack:
    """Read the outputs of the stack a connection names.

    Raises
    ------
    SconesError
        When there is no such stack, or it is not an image triage stack.
    """
    description = describe_stack(connection)
    name = connection.stack
    outputs = {
        item.get("OutputKey", ""): item.get("OutputValue", "") for item in description.get("Outputs", [])
    }

    def output(key: str) -> str:
        value = outputs.get(key)
        if value:
            return value
        status = description["StackStatus"]
        if not status.endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")):
            message = f"stack {name} is not ready (status {status}, no output {key})"
        else:
            message = (
                f"stack {name} is not an image triage stack (no output {key}), "
                "or one older than this command: deploy it again"
            )
        raise SconesError(message)

    parameters = {
        item["ParameterKey"]: item.get("ParameterValue", "") for item in description.get("Parameters", [])
    }
    return Stack(
        name=name,
        image_bucket=output("ImageBucketName"),
        results_bucket=output("ResultsBucketName"),
        workflow_arn=output("WorkflowArn"),
        workflow_alias_arn=output("WorkflowAliasArn"),
        review_topic_arn=output("ReviewTopicArn"),
        alert_topic_arn=output("AlertTopicArn"),
        failed_images_url=output("FailedImagesQueueUrl"),
        claims_table=output("ClaimsTableName"),
        backfill_arn=output("BackfillArn"),
        record_decision_arn=output("RecordDecisionArn"),
        keys=_image_keys(parameters),
        labels=(labels := tuple(label.strip() for label in output("ModelLabels").split(","))),
        thresholds=_thresholds(name, output("PassThreshold"), labels),
        threshold_parameter=output("ThresholdParameterName"),
        serialize_digest=output("SerializeDigest"),
        endpoint_name=output("ModelEndpointName"),
        sweep_function=output("SweepFunctionName"),
        parameters=parameters,
        pause=_pause_names(outputs),
    )


def _image_keys(parameters: Mapping[str, str]) -> ImageKeys:
    """Return the keys that a stack takes; one without the parameters is older than they are."""
    pattern = parameters.get("ImagePattern")
    excluded = tuple(filter(None, parameters.get("ExcludePrefixes", "").split(",")))
    return ImageKeys(pattern, excluded) if pattern else ImageKeys()


def _pause_names(outputs: Mapping[str, str]) -> PauseNames | None:
    keys = ("PauseParameterName", "UploadRuleName", "HoldRuleName", "HeldImagesQueueUrl")
    return PauseNames(*(outputs[key] for key in keys)) if all(outputs.get(key) for key in keys) else None


def describe_stack(connection: "Connection") -> "StackTypeDef":
    """Return what CloudFormation says about the stack a connection names, in whatever state it is.

    Raises
    ------
    NoStackError
        When there is no such stack.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    cloudformation = connection.cloudformation()
    try:
        return cloudformation.describe_stacks(StackName=connection.stack)["Stacks"][0]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        raise NoStackError(_unknown(connection, cloudformation.meta.region_name)) from error
    except IndexError:
        raise NoStackError(_unknown(connection, cloudformation.meta.region_name)) from None


def _unknown(connection: "Connection", region: str) -> str:
    if connection.is_local:
        return (
            f"the local cloud has no stack named {connection.stack}: "
            "`scones down`, then `scones up`, deploys it again"
        )
    return (
        f"no stack named {connection.stack} in {region} of this account: "
        "check --stack, --profile and --region, or deploy one with `sam deploy --guided`"
    )


def _thresholds(stack: str, text: str, labels: tuple[str, ...]) -> Thresholds:
    try:
        return Thresholds.parse(text, labels)
    except ValueError as error:
        message = f"ConfidenceThreshold of stack {stack} {error}: deploy it with another"
        raise SconesError(message) from None


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that is there; `name` is its physical id."""

    logical_id: str
    type: str
    name: str


def list_resources(cloudformation: "CloudFormationClient", stack_id: str) -> Iterator[Resource]:
    """List what a stack has made and not deleted, each nested stack followed by its own resources."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for summary in page["StackResourceSummaries"]:
            name = summary.get("PhysicalResourceId")
            if not name or summary["ResourceStatus"] == "DELETE_COMPLETE":
                continue
            yield Resource(summary["LogicalResourceId"], summary["ResourceType"], name)
            if summary["ResourceType"] == NESTED_STACK:
                yield from list_resources(cloudformation, name)
