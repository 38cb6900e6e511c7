"""`scones adopt`: let a bucket tell EventBridge about its uploads, and keep all its other notifications."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.errors import SconesError, error_code, is_denied
from scones.stack import NoStackError, Stack, read_stack
from scones.terminal import comma, notice, out, print_json, shown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import NotificationConfigurationTypeDef

    from scones.connection import Connection

EVENTBRIDGE: Final = "EventBridgeConfiguration"
READS: Final = 15
"""How often the configuration is read after a write: S3 guide, "Bucket configurations have an eventual consistency
model"."""
BETWEEN_READS_S: Final = 2.0
_OLD_EUROPE: Final = "EU"
"""What GetBucketLocation answers for old buckets of eu-west-1 (S3 API Reference)."""
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{3,255}")
"""The names of old buckets too; no ARN of an access point, which has no notifications."""
_NOT_WRITTEN: Final = 1


@dataclass(frozen=True, slots=True)
class AdoptableBucket:
    """A bucket of the caller's account, and what counts for a stack that takes images from it.

    Attributes
    ----------
    notifications
        The whole notification configuration, as S3 answers it.
    versioning
        `Enabled`, `Suspended` or `Off`; None where the caller may not read it.
    """

    name: str
    owner: str
    notifications: Mapping[str, Any]
    versioning: str | None

    @property
    def tells_eventbridge(self) -> bool:
        """Whether its events go to EventBridge."""
        return EVENTBRIDGE in self.notifications

    @property
    def others(self) -> int:
        """How many notifications go to queues, topics and functions."""
        return sum(len(found) for kind, found in self.notifications.items() if kind != EVENTBRIDGE)


@click.command()
@click.argument("bucket")
@click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def adopt(target: Target, bucket: str, *, dry_run: bool, as_json: bool) -> None:
    """Let BUCKET tell EventBridge about its uploads; its other notifications stay.

    S3 replaces the whole notification configuration of a bucket at each write. This command reads it, adds EventBridge,
    writes it, and reads it again. It changes nothing else of a bucket, and nothing where EventBridge is on already.

    Exit code 0: EventBridge is on, or --dry-run. 1: it was written, but what S3 has is something else. 2: usage or
    connection.
    """
    connection = connect(target)
    stack = _stack_or_none(connection)
    s3 = connection.s3()
    before = read_bucket(connection, s3, bucket)
    changes = not before.tells_eventbridge and not dry_run
    found = add_eventbridge(s3, before) if changes else before.notifications
    kept = not changes or same(found, with_eventbridge(before))
    is_used = stack is not None and stack.image_bucket == bucket
    if as_json:
        print_json(
            {
                "bucket": bucket,
                "was_on": before.tells_eventbridge,
                "changed": changes,
                "kept": kept,
                "versioning": before.versioning,
                "before": before.notifications,
                "after": found,
                "image_bucket_of_stack": is_used,
            }
        )
    else:
        for line in _lines(before, stack, dry_run=dry_run, kept=kept):
            out().print(Text(line), soft_wrap=True)
    if not kept:
        notice(f"before: {json.dumps(before.notifications)}")
        notice(f"now: {json.dumps(found)}")
        click.get_current_context().exit(_NOT_WRITTEN)


def read_bucket(connection: "Connection", s3: "S3Client", name: str) -> AdoptableBucket:
    """Read a bucket of the caller's account and region; another account's is refused by S3 itself.

    Raises
    ------
    SconesError
        When there is no such bucket, it is another account's, it may not be read, or its events go to another region.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    if not _NAME.fullmatch(name):
        message = f"{shown(name)} cannot be the name of a bucket: leave out s3:// and folders"
        raise SconesError(message)
    owner = connection.sts().get_caller_identity()["Account"]
    try:
        if not connection.is_local:
            _require_region(s3, name, owner)
        found = s3.get_bucket_notification_configuration(Bucket=name, ExpectedBucketOwner=owner)
    except ClientError as error:
        if error_code(error) == "NoSuchBucket":
            message = f"there is no bucket {name}"
        elif is_denied(error):
            message = (
                f"bucket {name} belongs to another account than {owner}, or {error.operation_name} is not allowed: "
                "sign in to the account that owns it, see --profile"
            )
        else:
            raise
        raise SconesError(message) from error
    notifications = {kind: value for kind, value in found.items() if kind != "ResponseMetadata"}
    return AdoptableBucket(name, owner, notifications, _versioning(s3, name, owner))


def _require_region(s3: "S3Client", name: str, owner: str) -> None:
    """Refuse a bucket of another region: botocore would follow it there, and the stack's rule sees no event of it."""
    found = s3.get_bucket_location(Bucket=name, ExpectedBucketOwner=owner).get("LocationConstraint")
    region = "eu-west-1" if found == _OLD_EUROPE else found or "us-east-1"
    if region != s3.meta.region_name:
        message = f"bucket {name} is in {region} and sends its events there: a stack in {s3.meta.region_name} gets none"
        raise SconesError(message)


def _versioning(s3: "S3Client", name: str, owner: str) -> str | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        return s3.get_bucket_versioning(Bucket=name, ExpectedBucketOwner=owner).get("Status", "Off")
    except ClientError as error:
        if is_denied(error):
            return None
        raise


def with_eventbridge(bucket: AdoptableBucket) -> dict[str, Any]:
    """Return the configuration of a bucket with EventBridge beside all that it has."""
    return {**bucket.notifications, EVENTBRIDGE: {}}


def add_eventbridge(s3: "S3Client", bucket: AdoptableBucket) -> Mapping[str, Any]:
    """
    Write the configuration with EventBridge, and return what S3 has then.

    S3 has no condition on this write: what another program writes between the read and the write is lost, and the
    caller must compare. Destinations are not validated: that would need permissions on each of them, send each a test
    message, and refuse the write where one is gone, which is not this command's to judge.
    """
    wanted = with_eventbridge(bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket.name,
        ExpectedBucketOwner=bucket.owner,
        NotificationConfiguration=cast("NotificationConfigurationTypeDef", wanted),
        SkipDestinationValidation=True,
    )
    found: dict[str, Any] = {}
    for attempt in range(READS):
        if attempt:
            time.sleep(BETWEEN_READS_S)
        answer = s3.get_bucket_notification_configuration(
            Bucket=bucket.name, ExpectedBucketOwner=bucket.owner
        )
        found = {kind: value for kind, value in answer.items() if kind != "ResponseMetadata"}
        if same(found, wanted):
            break
    return found


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two configurations mean the same: S3 may reorder lists, and answer `Prefix` for `prefix`."""
    return bool(_normal(one) == _normal(other))


def _normal(value: Any) -> Any:  # noqa: ANN401 (any part of a configuration)
    if isinstance(value, Mapping):
        return {
            key: str(part).lower() if key == "Name" else _normal(part) for key, part in sorted(value.items())
        }
    if isinstance(value, list):
        return sorted((_normal(part) for part in value), key=repr)
    return value


def _stack_or_none(connection: "Connection") -> Stack | None:
    """Return the stack that the connection names; None where there is none yet, as before its first deploy."""
    try:
        return read_stack(connection)
    except NoStackError:
        return None


def _lines(bucket: AdoptableBucket, stack: Stack | None, *, dry_run: bool, kept: bool) -> list[str]:
    """Return what a person should know of a bucket, a sentence a line."""
    others = comma(bucket.others, "other notification", "other notifications")
    if bucket.tells_eventbridge:
        lines = [f"{bucket.name} tells EventBridge about its events already ({others}): nothing is changed."]
    elif dry_run:
        lines = [f"{bucket.name} does not tell EventBridge about its events; it would, and keep {others}."]
    elif kept:
        lines = [
            f"{bucket.name} tells EventBridge about its events now, and kept {others}.",
            "S3 needs about five minutes until its events arrive.",
        ]
    else:
        lines = [
            f"{bucket.name} was written, but S3 has something else: another program changes it. Compare both below."
        ]
    lines.append("EventBridge bills every event of the bucket, not only uploads of images: $1.00 a million.")
    lines.append("Archived objects are rejected until they are restored and uploaded again.")
    if bucket.versioning is None:
        lines.append("Whether it keeps versions could not be read: needs action s3:GetBucketVersioning.")
    elif bucket.versioning != "Enabled":
        lines.append(
            f"Versioning is {bucket.versioning.lower()}: a file that is replaced is lost, also for those who review it."
        )
    if stack is None:
        lines.append(f"Next: `sam deploy --guided`, with {bucket.name} as ExistingImageBucket.")
    elif stack.image_bucket == bucket.name:
        lines.append(f"Stack {stack.name} takes {stack.keys}. The sweep starts the uploads that were missed.")
    else:
        lines.append(
            f"Stack {stack.name} takes its images from another bucket: deploy one for this bucket, "
            f"with {bucket.name} as ExistingImageBucket."
        )
    return lines
