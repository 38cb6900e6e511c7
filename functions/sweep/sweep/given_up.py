"""Images that sweeps gave up: put where `scones redrive` finds them, and reported to people in one message."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweep.images import Image, event_of

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

MAX_MESSAGE_BYTES = 250_000
"""Below SNS's 256 KiB, with room for what is around the list."""
NEXT_STEP = (
    "Find out why their executions die (`scones status`, the workflow's log), fix it, then run `scones redrive`: "
    "it starts these images again. Sweeps leave them alone from now on."
)


def hand_over(client: "SQSClient", queue_url: str, image: Image, why: str) -> None:
    """Put an image into the queue that `scones redrive` reads, with the reason."""
    client.send_message(
        QueueUrl=queue_url,
        MessageBody=json.dumps(event_of(image), ensure_ascii=False),
        MessageAttributes={"ERROR_MESSAGE": {"DataType": "String", "StringValue": why}},
    )


def publish(client: "SNSClient", topic_arn: str, given_up: Sequence[tuple[Image, str]]) -> None:
    """Tell people of all images that a run gave up."""
    count = len(given_up)
    client.publish(
        TopicArn=topic_arn,
        Subject=f"{count:,} {'image' if count == 1 else 'images'} could not be brought to an outcome",
        Message=message_of(given_up),
        MessageAttributes={"outcome": {"DataType": "String", "StringValue": "none"}},
    )


def message_of(given_up: Sequence[tuple[Image, str]]) -> str:
    """Return the message: JSON, at most 256 KiB; `not_listed` counts the images that did not fit in."""
    listed: list[dict[str, Any]] = []
    size = 0
    for image, why in given_up:
        one = {
            "bucket": image.bucket,
            "key": image.key,
            "etag": image.etag,
            "version_id": image.version_id,
            "reason": why,
        }
        # Indented by two, in a list in a document: a line for each of the five and the braces.
        size += len(json.dumps(one, ensure_ascii=False).encode()) + 60
        if size > MAX_MESSAGE_BYTES:
            break
        listed.append(one)
    document = {
        "reason": f"{len(given_up):,} images have no outcome although sweeps started them again and again.",
        "next_step": NEXT_STEP,
        "not_listed": len(given_up) - len(listed),
        "images": listed,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)
