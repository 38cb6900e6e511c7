"""What a message of the queue of failed images says: an execution that ended badly, or an event without one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scones.redrive.images import ImageVersion, read_message
from scones.redrive.queue import Message

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:triage:1"
EVENT: dict[str, Any] = {
    "detail-type": "Object Created",
    "source": "aws.s3",
    "detail": {
        "bucket": {"name": "images"},
        "object": {
            "key": "incoming/a+b c%25 é.jpg",
            "etag": "e1",
            "size": 7,
            "version-id": "v1",
            "sequencer": "0A",
        },
        "request-id": "R1",
    },
}
IMAGE = ImageVersion("images", "incoming/a+b c%25 é.jpg", "e1", 7, "v1", "0A", "R1")


def ended(**detail: Any) -> dict[str, Any]:
    detail = {"executionArn": EXECUTION, "status": "FAILED", "input": json.dumps(EVENT)} | detail
    return {"detail-type": "Step Functions Execution Status Change", "source": "aws.states", "detail": detail}


def read(body: Any, input_of: Any = None, **attributes: str) -> tuple[ImageVersion, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    return read_message(Message("m1", "h1", text, attributes), input_of or (lambda _: pytest.fail("asked")))


def test_an_event_that_never_reached_the_workflow() -> None:
    assert read(EVENT) == (IMAGE, "its event never reached the workflow")
    assert read(EVENT, ERROR_CODE="NO_PERMISSIONS") == (IMAGE, "NO_PERMISSIONS")
    assert read(EVENT, ERROR_CODE="X", ERROR_MESSAGE="Throttled.") == (IMAGE, "Throttled.")


@pytest.mark.parametrize(
    ("detail", "why"),
    [
        ({}, "its execution FAILED"),
        ({"status": "TIMED_OUT"}, "its execution TIMED_OUT"),
        ({"error": "S3.S3Exception"}, "its execution FAILED: S3.S3Exception"),
        ({"error": "E", "cause": "it was full"}, "its execution FAILED: it was full"),
        ({"error": None, "cause": None}, "its execution FAILED"),
    ],
)
def test_an_execution_that_ended_badly(detail: dict[str, Any], why: str) -> None:
    assert read(ended(**detail)) == (IMAGE, why)


@pytest.mark.parametrize("missing", [{"input": None, "inputDetails": {"included": False}}, {"input": ""}])
def test_an_input_that_the_event_left_out_is_asked_for(missing: dict[str, Any]) -> None:
    asked = []

    def input_of(execution: str) -> str:
        asked.append(execution)
        return json.dumps(EVENT)

    assert read(ended(**missing), input_of)[0] == IMAGE
    assert asked == [EXECUTION]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "not an event"),
        ("7", "not an event"),
        ("{}", "no image's event"),
        ({"detail": None}, "no image's event"),
        ({"detail": {"bucket": {"name": "b"}, "object": {"key": "k", "etag": "e"}}}, "KeyError: 'size'"),
        (ended(input="nonsense"), "was about no image"),
        (ended(input='{"detail": {}}'), f"execution {EXECUTION} was about no image"),
    ],
)
def test_a_message_about_no_image_says_why(body: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("{", r"\{")):
        read(body)


def test_the_event_that_is_made_reads_as_the_same_image() -> None:
    event = IMAGE.event()
    assert ImageVersion.of_event(event) == IMAGE
    assert (event["redrive"], event["source"]) == (True, "scones.redrive")
    bare = ImageVersion("images", "incoming/k", "e", 1)
    assert ImageVersion.of_event(bare.event()) == bare
    assert "version-id" not in bare.event()["detail"]["object"]


def test_a_document_names_the_same_image() -> None:
    image = {"bucket": "images", "key": IMAGE.key, "etag": '"e1"', "size": 7, "version_id": "v1"}
    found = ImageVersion.of_document({"image": image | {"sequencer": "0A"}, "s3_request_id": "R1"})
    assert found == IMAGE
    with pytest.raises(ValueError, match="no image in the document"):
        ImageVersion.of_document({"image": {"key": "k"}})
