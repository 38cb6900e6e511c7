"""What outlives a stack: log groups that are deleted after it, and things that are not the stack's and still cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.destroy.inventory import Inventory
from scones.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

    from scones.connection import Connection, Target

LOG_GROUP: Final = "AWS::Logs::LogGroup"
FUNCTION: Final = "AWS::Lambda::Function"
SAM_STACK: Final = "aws-sam-cli-managed-default"


@dataclass(frozen=True, slots=True)
class Remaining:
    """Something that is left, and how to end what it costs."""

    what: str
    how: str


def delete_log_groups(logs: "CloudWatchLogsClient", inventory: Inventory) -> list[str]:
    """Delete log groups that are there again or still, and return their names.

    The stack deletes its own, but lines that were on their way make Lambda create a group anew. A function that an
    earlier version of the template gave none has Lambda's default one, which keeps its lines for ever.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    names = [group.name for group in inventory.of(LOG_GROUP)]
    names += [f"/aws/lambda/{function.name}" for function in inventory.of(FUNCTION)]
    deleted = []
    for name in names:
        try:
            logs.delete_log_group(logGroupName=name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
        else:
            deleted.append(name)
    return deleted


def find_remaining(connection: "Connection", inventory: Inventory, target: "Target") -> list[Remaining]:
    """Return what is not the stack's and may still cost money. On the local cloud nothing does."""
    if connection.is_local:
        return []
    return [*_endpoint(connection, inventory, target), *_key(inventory), *_artifacts(connection)]


def _endpoint(connection: "Connection", inventory: Inventory, target: "Target") -> Iterator[Remaining]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    name = inventory.parameters.get("EndpointName", "")
    status: str
    try:
        status = connection.session.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"]
    except ClientError as error:
        if error_code(error) == "ValidationException":  # SageMaker's way to say that there is none
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
