"""Who is notified, what is waiting, and which alarms fire."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Final

from scones.doctor.findings import Finding, ok, warning
from scones.index import in_state
from scones.terminal import comma

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

    from scones.stack import Resource, Stack

ALARMS, FAILED_IMAGES, REVIEW = "alarms", "failed images", "review queue"
ALARM: Final = "AWS::CloudWatch::Alarm"
_NAMES_PER_REQUEST: Final = 100
"""DescribeAlarms takes so many AlarmNames (CloudWatch API Reference)."""
_PENDING: Final = "PendingConfirmation"
"""The SubscriptionArn of a subscription that nobody has confirmed (SNS API Reference, ListSubscriptionsByTopic)."""


def check_topic(sns: "SNSClient", name: str, topic_arn: str, parameter: str, *, is_local: bool) -> Finding:
    """Look whether anybody is subscribed to a topic and has confirmed it.

    Parameters
    ----------
    parameter
        The template's parameter with an address for this topic.
    """
    confirmed = pending = 0
    for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn):
        for subscription in page["Subscriptions"]:
            if subscription["SubscriptionArn"] == _PENDING:
                pending += 1
            elif subscription["SubscriptionArn"].startswith(
                "arn:"
            ):  # not "Deleted": listed for days after it ended
                confirmed += 1
    if pending:
        return warning(
            name,
            f"{comma(pending, 'subscription waits', 'subscriptions wait')} for confirmation, "
            f"{confirmed} confirmed",
            "open the link in the mail `AWS Notification - Subscription Confirmation`; it is good for two days",
        )
    if confirmed:
        return ok(name, f"{comma(confirmed, 'confirmed subscription', 'confirmed subscriptions')}")
    if is_local:
        return ok(name, "no subscription, and none is needed on the local cloud")
    return warning(
        name,
        "nobody is subscribed: its messages reach nobody",
        f"`aws sns subscribe --topic-arn {topic_arn} --protocol email --notification-endpoint you@example.com`, "
        f"or deploy with {parameter}=you@example.com",
    )


def check_alarms(cloudwatch: "CloudWatchClient", resources: Sequence["Resource"]) -> list[Finding]:
    """Look which alarms of the stack and of those nested in it are in ALARM, or may not notify anybody."""
    alarms = {resource.name: resource.logical_id for resource in resources if resource.type == ALARM}
    found = list(_problems(cloudwatch, alarms))
    return found or [ok(ALARMS, f"none of {len(alarms)} is in ALARM")]


def _problems(cloudwatch: "CloudWatchClient", alarms: dict[str, str]) -> Iterator[Finding]:
    pages = cloudwatch.get_paginator("describe_alarms")
    for names in batched(alarms, _NAMES_PER_REQUEST, strict=False):
        for page in pages.paginate(AlarmNames=list(names)):
            for alarm in page["MetricAlarms"]:
                problem = _problem(alarms.get(alarm["AlarmName"], alarm["AlarmName"]), alarm)
                if problem:
                    yield problem


def _problem(logical_id: str, alarm: "MetricAlarmTypeDef") -> Finding | None:
    if alarm["StateValue"] == "ALARM":
        what = alarm.get("AlarmDescription", "").rstrip(".")
        return warning(ALARMS, f"{logical_id} is in ALARM: {what}", f"docs/runbook.md, section {logical_id}")
    if not alarm.get("ActionsEnabled", True):
        return warning(
            ALARMS,
            f"{logical_id} has its actions switched off: it notifies nobody",
            f"`aws cloudwatch enable-alarm-actions --alarm-names {alarm['AlarmName']}`",
        )
    return None


def check_queue(sqs: "SQSClient", queue_url: str, options: str) -> Finding:
    """Count the images that wait for `scones redrive`."""
    attributes = sqs.get_queue_attributes(
        QueueUrl=queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    waiting = sum(int(value) for value in attributes.values())
    if waiting:
        return warning(
            FAILED_IMAGES,
            f"{comma(waiting, 'image waits', 'images wait')} in the queue of failed images",
            f"fix the cause, then `scones redrive{options}`",
        )
    return ok(FAILED_IMAGES, "none waits in the queue")


def check_review_queue(
    dynamodb: "DynamoDBClient", stack: "Stack", parameters: Mapping[str, str], options: str, *, now: datetime
) -> Finding:
    """Compare how long images are kept with how long the oldest one has waited for a person."""
    oldest = next(iter(in_state(dynamodb, stack.claims_table, "person", wanted=1)), None)
    if oldest is None:
        return ok(REVIEW, "no image waits for a person")
    waited = (now - datetime.fromisoformat(oldest.since)).days
    said = f"the oldest image has waited for a person for {comma(waited, 'day', 'days')}"
    days = int(parameters.get("ImageDays") or 0)
    if days and waited * 2 >= days:
        return warning(
            REVIEW,
            f"{said}, and images are deleted after {days}: what is deleted leaves the queue without a decision",
            f"`scones review{options}`, or deploy with a larger ImageDays, or 0 to keep images",
        )
    return ok(REVIEW, said)
