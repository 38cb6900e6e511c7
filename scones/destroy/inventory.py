"""What a stack made, how much is in it, and what outlives it: listed before a person is asked."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.destroy.intake import STATE_MACHINE, running_executions
from scones.errors import SconesError, error_code
from scones.stack import Resource, describe_stack, list_resources

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from scones.connection import Connection, Target

PARAMETERS: Final = frozenset({"EndpointName", "Labels", "ConfidenceThreshold"})
"""What tells an image triage stack from any other. Its outputs are not there when its creation failed."""
BUCKET: Final = "AWS::S3::Bucket"
TABLE: Final = "AWS::DynamoDB::Table"
QUEUE: Final = "AWS::SQS::Queue"
MAX_PAGES = 100
"""Listings of a bucket that are counted: 100,000 versions."""
SAM_STACK: Final = "aws-sam-cli-managed-default"


@dataclass(frozen=True, slots=True)
class Inventory:
    """A stack and its resources; `is_gone` when the stack was deleted before and only what it left is listed."""

    stack: str
    stack_id: str
    is_gone: bool
    parameters: Mapping[str, str]
    resources: tuple[Resource, ...]

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a CloudFormation type."""
        return [resource for resource in self.resources if resource.type == kind]

    @property
    def existing_bucket(self) -> str:
        """The bucket that the stack took images from and did not make; empty where it made one."""
        return self.parameters.get("ExistingImageBucket", "")

    @property
    def account(self) -> str:
        """The AWS account, from arn:aws:cloudformation:<region>:<account>:stack/..."""
        return self.stack_id.split(":")[4]


def take_inventory(connection: "Connection") -> Inventory:
    """List what the stack that a connection names has made.

    Raises
    ------
    SconesError
        When there is no such stack, it is not an image triage stack, it is protected, or it is being changed.
    """
    cloudformation = connection.cloudformation()
    description = describe_stack(connection)
    name, status = description["StackName"], description["StackStatus"]
    parameters = {
        one.get("ParameterKey", ""): one.get("ParameterValue", "")
        for one in description.get("Parameters", [])
    }
    if missing := PARAMETERS - set(parameters):
        message = f"stack {name} is not an image triage stack (no parameter {min(missing)})"
        raise SconesError(message)
    if status.endswith("_IN_PROGRESS") and status != "DELETE_IN_PROGRESS":
        message = f"stack {name} is being changed (status {status}): repeat the command when that has ended"
        raise SconesError(message)
    if description.get("EnableTerminationProtection"):
        message = (
            f"stack {name} is protected against deletion: lift that with `aws cloudformation "
            f"update-termination-protection --no-enable-termination-protection --stack-name {name}`"
        )
        raise SconesError(message)
    stack_id = description["StackId"]
    return Inventory(
        stack=name,
        stack_id=stack_id,
        is_gone=status == "DELETE_COMPLETE",
        parameters=parameters,
        resources=tuple(list_resources(cloudformation, stack_id)),
    )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that is there. `versions` counts delete markers too; `at_least` when counting stopped."""

    logical_id: str
    name: str
    objects: int
    versions: int
    size_bytes: int
    at_least: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is there; DynamoDB counts its items every six hours."""

    name: str
    items: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What a stack's resources hold; those that are gone already are not in it."""

    buckets: tuple[Bucket, ...]
    tables: tuple[Table, ...]
    messages: int
    running: int


def measure(connection: "Connection", inventory: Inventory) -> Contents:
    """Count objects, items, messages and running executions."""
    s3, dynamodb, sqs = connection.s3(), connection.dynamodb(), connection.sqs()
    stepfunctions = connection.stepfunctions()
    buckets = inventory.of(BUCKET)
    with ThreadPoolExecutor(max(1, len(buckets))) as pool:
        counted = list(pool.map(lambda one: measure_bucket(s3, one.logical_id, one.name), buckets))
    tables = [_measure_table(dynamodb, table.name) for table in inventory.of(TABLE)]
    return Contents(
        buckets=tuple(bucket for bucket in counted if bucket),
        tables=tuple(table for table in tables if table),
        messages=sum(_count_messages(sqs, queue.name) for queue in inventory.of(QUEUE)),
        running=sum(
            len(running_executions(stepfunctions, machine.name)) for machine in inventory.of(STATE_MACHINE)
        ),
    )


def measure_bucket(s3: "S3Client", logical_id: str, name: str) -> Bucket | None:
    """Count a bucket's versions, up to `MAX_PAGES` listings; None when there is no such bucket."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    objects = versions = size_bytes = 0
    at_least = False
    try:
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=name)
        for number, page in enumerate(pages, start=1):
            objects += sum(version["IsLatest"] for version in page.get("Versions", []))
            versions += len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))
            size_bytes += sum(version["Size"] for version in page.get("Versions", []))
            if number == MAX_PAGES:
                at_least = page["IsTruncated"]
                break
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
        return None
    return Bucket(logical_id, name, objects, versions, size_bytes, at_least)


def _measure_table(dynamodb: "DynamoDBClient", name: str) -> Table | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return None
    return None if table.get("TableStatus") == "DELETING" else Table(name, table.get("ItemCount", 0))


def _count_messages(sqs: "SQSClient", url: str) -> int:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        attributes = sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
    except ClientError as error:
        if not error_code(error).endswith(("NonExistentQueue", "QueueDoesNotExist")):
            raise
        return 0
    return sum(int(number) for number in attributes.values())


@dataclass(frozen=True, slots=True)
class Remaining:
    """Something that is left, and how to end what it costs."""

    what: str
    how: str


def find_remaining(connection: "Connection", inventory: Inventory, target: "Target") -> list[Remaining]:
    """Return what is not the stack's and may still cost money. On the local cloud only a bucket can be left."""
    if connection.is_local:
        return [*_existing_bucket(inventory)]
    return [
        *_existing_bucket(inventory),
        *_endpoint(connection, inventory, target),
        *_key(inventory),
        *_artifacts(connection),
    ]


def _existing_bucket(inventory: Inventory) -> Iterator[Remaining]:
    if inventory.existing_bucket:
        yield Remaining(
            f"bucket {inventory.existing_bucket}, with all its objects",
            "yours: it goes on sending its events to EventBridge, at $1.00 a million; "
            "turn that off in its notifications if nothing else reads them",
        )


def _endpoint(connection: "Connection", inventory: Inventory, target: "Target") -> Iterator[Remaining]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    name = inventory.parameters.get("EndpointName", "")
    status: str
    try:
        status = connection.session.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"]
    except ClientError as error:
        if (
            error_code(error) == "ValidationException"
        ):  # SageMaker's answer for an endpoint that does not exist
            return
        status = "not allowed to look"
    region = f" --region {target.region}" if target.region else ""
    yield Remaining(
        f"SageMaker endpoint {name} ({status})",
        f"python -m training.deploy --endpoint-name {name}{region} --delete",
    )


def _key(inventory: Inventory) -> Iterator[Remaining]:
    if key := inventory.parameters.get("KmsKeyArn"):
        yield Remaining(f"KMS key {key}", "yours: delete it only when nothing else is encrypted with it")


def _artifacts(connection: "Connection") -> Iterator[Remaining]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        (stack,) = connection.cloudformation().describe_stacks(StackName=SAM_STACK)["Stacks"]
    except ClientError:
        return
    outputs = {one.get("OutputKey"): one.get("OutputValue") for one in stack.get("Outputs", [])}
    yield Remaining(
        f"SAM's bucket of packages {outputs.get('SourceBucket', SAM_STACK)}",
        "shared by all that SAM deploys in this region: empty it when this was the last",
    )
