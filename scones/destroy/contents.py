"""How much is in what will be deleted: counted before a person is asked."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.destroy.intake import STATE_MACHINE, running_executions
from scones.destroy.inventory import Inventory
from scones.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from scones.connection import Connection

BUCKET: Final = "AWS::S3::Bucket"
TABLE: Final = "AWS::DynamoDB::Table"
QUEUE: Final = "AWS::SQS::Queue"
MAX_PAGES = 100
"""Listings of a bucket that are counted: 100,000 versions."""


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
