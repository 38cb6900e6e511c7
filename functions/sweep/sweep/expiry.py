"""Remind people that a certificate is about to end, once: nothing renews it by itself."""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sweep.images import moment_of
from sweep.promise import valid_certificate
from sweep.rescue import Clients
from sweep.settings import Settings
from sweep.watching import read_live

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

# Not a possible key of an image: those begin with the incoming prefix.
ITEM = {"image_key": {"S": "#sweep"}, "etag": {"S": "reminder"}}
SOON = timedelta(days=14)
"""A certificate ends soon when so much is left, or a quarter of its life, whichever is shorter."""
NEXT_STEP = (
    "Do: `scones certify --apply` renews it by all draws so far; it needs no new sample, only decisions about the "
    "audits that wait (`scones review`). From its end on no image passes with RequireCertificate=true; without it the "
    "thresholds stay, and are not certified any more."
)


def remind(clients: Clients, settings: Settings, now: datetime) -> bool:
    """
    Notify people once that the live certificate ends soon; return whether they were notified now.

    Raises
    ------
    ClientError, BotoCoreError
        When that could not be done: the next run does it. A run that is killed after the message sends it again.
    """
    certificate = valid_certificate(_object(read_live(clients.ssm, settings.threshold_parameter)), now)
    if certificate is None or not ends_soon(certificate, now):
        return False
    until = str(certificate["until"])
    key = {"TableName": settings.claims_table, "Key": ITEM}
    if clients.dynamodb.get_item(**key, ConsistentRead=True).get("Item", {}).get("until") == {"S": until}:
        return False
    publish(clients.sns, settings.alert_topic_arn, until)
    clients.dynamodb.put_item(TableName=settings.claims_table, Item=ITEM | {"until": {"S": until}})
    return True


def ends_soon(certificate: dict[str, Any], now: datetime) -> bool:
    """Tell whether a valid certificate ends soon; `scones status` has the same rule."""
    until, since = (moment_of(str(certificate.get(name))) for name in ("until", "since"))
    if until is None:
        return False
    return until - now <= (min(SOON, (until - since) / 4) if since else SOON)


def publish(client: "SNSClient", topic_arn: str, until: str) -> None:
    """Notify people that the certificate ends."""
    document = {
        "reason": f"The certificate of the thresholds ends at {until}, and nothing renews it.",
        "next_step": NEXT_STEP,
        "until": until,
    }
    client.publish(
        TopicArn=topic_arn,
        Subject="The certificate of the thresholds ends soon",
        Message=json.dumps(document, ensure_ascii=False, indent=2),
        MessageAttributes={"outcome": {"DataType": "String", "StringValue": "none"}},
    )


def _object(live: str) -> object:
    try:
        return json.loads(live)
    except (ValueError, RecursionError):  # `bicycle=0.9`, or what Filter cannot use either
        return None
