"""`--failed`: an image that the workflow may not read ends as failed, with a readable reason and an alert."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from scones.result_documents import Document, Outcome, fetch
from scones.verify.claim_checks import claim_faults, wait_until_closed
from scones.verify.messages import wait_for_alert
from scones.verify.outcomes import document_faults
from scones.verify.run_resources import UNREADABLE_ETAG
from scones.verify.verification import Verification, object_event, start

if TYPE_CHECKING:
    from scones.connection import Connection
    from scones.stack import Stack

FAILURE: Final = "failed outcome"
ALERT: Final = "alert"
CLAIM: Final = "claim"


def alerted_people(connection: "Connection", stack: "Stack") -> list[str]:
    """Return who is subscribed to the alert topic, as protocol and masked endpoint."""
    pages = (
        connection.sns().get_paginator("list_subscriptions_by_topic").paginate(TopicArn=stack.alert_topic_arn)
    )
    return [
        f"{one.get('Protocol', '?')} {masked(one.get('Protocol', ''), one.get('Endpoint', ''))}"
        for page in pages
        for one in page["Subscriptions"]
        if one["SubscriptionArn"].startswith("arn:")  # not pending, and not "Deleted"
    ]


def masked(protocol: str, endpoint: str) -> str:
    """Return enough of an endpoint to recognise it, and no address of a person."""
    if protocol.startswith("email"):
        name, _, domain = endpoint.rpartition("@")
        return f"{name[:1]}***@{domain}"
    if protocol == "sms":
        return f"***{endpoint[-2:]}"
    if protocol in {"http", "https"}:
        return f"{protocol}://{urlsplit(endpoint).hostname}/***"
    return endpoint.rpartition(":")[2]


def check_failure(verification: Verification) -> None:
    """Start an execution for an object of the results bucket, which no function may read, and judge its end."""
    stack, name = verification.stack, verification.names.unreadable_name
    key = f"{verification.folder_key}{name}"
    with verification.checklist.checking(FAILURE, name):
        image = {"key": key, "etag": UNREADABLE_ETAG, "size": 1}
        event = object_event(stack.results_bucket, image)
        start(verification, verification.connection.stepfunctions(), "failed", event)
        document = _wait_for_document(verification, name)
        if document is None:
            verification.checklist.failed(FAILURE, name, f"no outcome within {verification.timeout_s:g} s")
            return
        if document.outcome is Outcome.REJECTED and verification.connection.is_local:
            verification.checklist.not_checked(
                FAILURE,
                name,
                "this local cloud enforces no permissions: `AUTH=true scones up` starts one that does",
            )
            return
        faults = [] if document.outcome is Outcome.FAILED else [f"{document.outcome}, not failed"]
        faults += document_faults(document, stack.labels)
        verification.checklist.judge(FAILURE, name, faults, str(document.content.get("reason")))
    with verification.checklist.checking(CLAIM, name):
        claim = wait_until_closed(verification, verification.connection.dynamodb(), document)
        verification.checklist.judge(CLAIM, name, claim_faults(claim, document), "closed as failed")
    _check_alert(verification, document)


def _check_alert(verification: Verification, document: Document) -> None:
    if verification.inbox is None:
        verification.checklist.not_checked(ALERT, "alert topic", "no queue subscribed to the topics")
        return
    with verification.checklist.checking(ALERT, "alert topic"):
        alert = wait_for_alert(verification, document.image_key)
        if alert is None:
            verification.checklist.failed(ALERT, "alert topic", "no alert about the failed image")
            return
        reason = alert.content.get("reason")
        faults = [] if isinstance(reason, str) and reason.strip() else ["the alert has no reason"]
        verification.checklist.judge(ALERT, "alert topic", faults, str(reason))


def _wait_for_document(verification: Verification, name: str) -> Document | None:
    s3, stack = verification.connection.s3(), verification.stack
    below = f"{verification.names.folder}{name}/{UNREADABLE_ETAG}.json"

    def look() -> Document | None:
        keys = (f"{outcome}/{below}" for outcome in (Outcome.FAILED, Outcome.REJECTED))
        return next((one for key in keys if (one := fetch(s3, stack.results_bucket, key))), None)

    return verification.poll(verification.timeout_s, look)
