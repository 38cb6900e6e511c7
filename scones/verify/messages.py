"""A review reaches the review topic once, and the alert topic gets nothing about images that are fine."""

from typing import Final

from scones.errors import explain, is_denied
from scones.result_documents import Document, Outcome
from scones.verify.run_resources import TopicMessage, open_inbox
from scones.verify.verification import Verification

REVIEW, ALERT, NO_MORE = "review message", "no alert", "no message twice"
DELIVERY_S: Final = 60


def subscribe(verification: Verification) -> None:
    """Subscribe to both topics, where the caller may; otherwise messages are not checked."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    connection, stack, names = verification.connection, verification.stack, verification.names
    try:
        verification.inbox = open_inbox(connection, stack, names, verification.folder_key)
    except ClientError as error:
        if not is_denied(error):
            raise
        verification.may_make_queue = error.operation_name != "CreateQueue"
        reason = f"no queue subscribed to the topics: {explain(error)}"
        for check in (REVIEW, ALERT, NO_MORE):
            verification.checklist.not_checked(check, "", reason)


def check_review_messages(verification: Verification) -> None:
    """Wait for the messages about the images that went to review: a minute for all of them, not for each."""
    if verification.inbox is None:
        return
    reviewed = [
        (image, document)
        for image, document in verification.documents()
        if document.outcome is Outcome.REVIEW
    ]
    if not reviewed:
        verification.checklist.not_checked(
            REVIEW, "", "the model was sure of every drawing: none went to review"
        )
    deadline = verification.pace.clock() + DELIVERY_S
    for image, document in reviewed:
        name = verification.name_of(image)
        with verification.checklist.checking(REVIEW, name):
            left_s = deadline - verification.pace.clock()
            message = _wait_for(verification, verification.stack.review_topic_arn, image.key, left_s)
            faults = _message_faults(message, document)
            verification.checklist.judge(REVIEW, name, faults, "one message with the result document")


def check_silence(verification: Verification) -> None:
    """See that no image was reported twice, and that nothing was reported to the alert topic."""
    inbox = verification.inbox
    if inbox is None:
        return
    stack = verification.stack
    with verification.checklist.checking(NO_MORE, "review topic"):
        inbox.collect()
        numbers = {
            verification.name_of(image): len(inbox.about(stack.review_topic_arn, image.key))
            for image in verification.images
        }
        twice = [f"{number} messages about {name}" for name, number in numbers.items() if number > 1]
        total = sum(numbers.values())
        verification.checklist.judge(NO_MORE, "review topic", twice, f"{total} in all after the second start")
    with verification.checklist.checking(ALERT, "alert topic"):
        alerts = [
            f"{message.image_key.removeprefix(verification.folder_key)}: {message.content.get('reason')}"
            for message in inbox.about(stack.alert_topic_arn)
        ]
        verification.checklist.judge(ALERT, "alert topic", alerts, "nothing about these images")


def wait_for_alert(verification: Verification, image_key: str) -> TopicMessage | None:
    """Wait for the alert about an image; None when none arrived or no queue is subscribed."""
    return _wait_for(verification, verification.stack.alert_topic_arn, image_key, DELIVERY_S)


def _wait_for(
    verification: Verification, topic_arn: str, image_key: str, timeout_s: float
) -> TopicMessage | None:
    inbox = verification.inbox
    if inbox is None:
        return None

    def look() -> TopicMessage | None:
        inbox.collect()
        return next(iter(inbox.about(topic_arn, image_key)), None)

    return verification.poll(timeout_s, look)


def _message_faults(message: TopicMessage | None, document: Document) -> list[str]:
    if message is None:
        return [f"none within {DELIVERY_S} s of the result document"]
    told = {name: message.content.get(name) for name in ("outcome", "label", "execution")}
    stored = {name: document.content.get(name) for name in told}
    return [] if told == stored else [f"says {told}, the result document {stored}"]
