"""Deletes what a stack made: buckets with every version in them, log groups, and the stack itself."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING, Final

from scones.errors import SconesError, error_code
from scones.stack import NESTED_STACK

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

    from scones.destroy.inventory import Inventory

LOG_GROUP: Final = "AWS::Logs::LogGroup"
FUNCTION: Final = "AWS::Lambda::Function"
_ROUNDS = 8
"""Times that a bucket is emptied: what writes into it should have ended long before."""
_PAUSE_S = 2.0
_THREADS = 4
"""More of them, and S3 answers SlowDown: each request counts as a thousand."""
_PASSING: Final = frozenset(
    {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
)
"""Errors of one key that another round may not meet."""
_LOOKS_UNTIL_BEGUN = 5
"""CloudFormation begins a moment after it was asked; until then it shows how an earlier attempt failed."""


class NotDestroyedError(SconesError):
    """Something could not be deleted: its message says what and why. Exit code 1."""

    exit_code = 1


def delete_bucket(
    s3: "S3Client", name: str, sleep: Callable[[float], None], on_deleted: Callable[[int], None]
) -> None:
    """Empty a bucket and delete it; one that is gone is fine.

    S3 refuses to delete a bucket that something was written to meanwhile: then it is emptied again, a few times.
    Listing and deleting at once may also skip versions, which the next round finds.

    Parameters
    ----------
    s3, name
        The client and the bucket.
    sleep
        Called with seconds between two rounds.
    on_deleted
        Called with the number of versions of each batch that was deleted.

    Raises
    ------
    NotDestroyedError
        When S3 refuses to delete a key, or the bucket fills again and again.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    reason = "something still writes to it"
    for number in range(_ROUNDS):
        if number:
            sleep(_PAUSE_S)
        try:
            reason = _empty(s3, name, on_deleted) or reason
            s3.delete_bucket(Bucket=name)
        except ClientError as error:
            match error_code(error):
                case "NoSuchBucket":
                    return
                case "BucketNotEmpty":
                    continue
                case _:
                    raise
        return
    message = f"bucket {name} is not empty after {_ROUNDS} rounds of deleting: {reason}"
    raise NotDestroyedError(message)


def _empty(s3: "S3Client", bucket: str, on_deleted: Callable[[int], None]) -> str | None:
    """Delete what a listing names; returns why some of it stayed, if any did."""
    reason = None
    with ThreadPoolExecutor(_THREADS) as pool:
        for pages in batched(_list_versions(s3, bucket), _THREADS, strict=False):
            for deleted, refused in pool.map(lambda page: _delete(s3, bucket, page), pages):
                on_deleted(deleted)
                reason = refused or reason
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            _abort(s3, bucket, upload["Key"], upload["UploadId"])
    return reason


def _list_versions(s3: "S3Client", bucket: str) -> Iterator[list["ObjectIdentifierTypeDef"]]:
    """Yield pages of up to a thousand, as many as S3 deletes at once."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def _delete(s3: "S3Client", bucket: str, versions: list["ObjectIdentifierTypeDef"]) -> tuple[int, str | None]:
    """Delete up to a thousand versions; returns how many went, and the reason why one stayed."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    except ClientError as error:
        if error_code(error) != "MalformedXML":
            raise
        # S3 takes keys that XML cannot carry, such as one with a control character: those go one by one.
        for version in versions:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version.get("VersionId", "null"))
        return len(versions), None
    refused = None
    for one in answer.get("Errors", []):
        refused = f"{one.get('Key')!r}: {one.get('Message') or 'no message'} ({one.get('Code')})"
        if one.get("Code") not in _PASSING:
            message = f"S3 refuses to empty bucket {bucket}: {refused}"
            raise NotDestroyedError(message)
    return len(versions) - len(answer.get("Errors", [])), refused


def _abort(s3: "S3Client", bucket: str, key: str, upload_id: str) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except ClientError as error:
        if error_code(error) != "NoSuchUpload":
            raise


def delete_stack(cloudformation: "CloudFormationClient", stack_id: str, pause: Callable[[], None]) -> None:
    """Delete a stack with its nested ones, and wait for it.

    Parameters
    ----------
    cloudformation, stack_id
        The client and the stack's ARN: a name is forgotten once its stack is gone.
    pause
        Called between two looks.

    Raises
    ------
    NotDestroyedError
        When a resource could not be deleted, with CloudFormation's reason.
    """
    cloudformation.delete_stack(StackName=stack_id)
    has_begun, looks = False, 0
    while (stack := _describe(cloudformation, stack_id)) is not None:
        status = stack["StackStatus"]
        if status == "DELETE_FAILED" and (has_begun or looks >= _LOOKS_UNTIL_BEGUN):
            reasons = "; ".join(_failed(cloudformation, stack_id)) or stack.get(
                "StackStatusReason", "no reason"
            )
            message = f"stack {stack['StackName']} could not be deleted: {' '.join(reasons.split())}"
            raise NotDestroyedError(message)
        has_begun = has_begun or status == "DELETE_IN_PROGRESS"
        looks += 1
        pause()


def _describe(cloudformation: "CloudFormationClient", stack_id: str) -> "StackTypeDef | None":
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        return None
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _failed(cloudformation: "CloudFormationClient", stack_id: str) -> Iterator[str]:
    """Yield the resources that could not be deleted; of a nested stack, those in it."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for summary in page["StackResourceSummaries"]:
            if summary["ResourceStatus"] != "DELETE_FAILED":
                continue
            name, kind = summary["LogicalResourceId"], summary["ResourceType"]
            if kind == NESTED_STACK:
                yield from _failed(cloudformation, summary.get("PhysicalResourceId", ""))
                continue
            detail = cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=name)
            reason = detail["StackResourceDetail"].get("ResourceStatusReason", "no reason")
            yield f"{name} ({kind}): {reason}"


def delete_log_groups(logs: "CloudWatchLogsClient", inventory: "Inventory") -> list[str]:
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
