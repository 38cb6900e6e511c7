"""One line of a capture, one result document; sound, in either encoding, and broken."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.training.monitoring.made_records import capture, png, result
from training.monitoring.observations import Observation
from training.monitoring.records import Reader, RecordError, document

LABELS = ("bicycle", "motorcycle")
READER = Reader(LABELS, 0.8, 32)
MOMENT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("encoding", ["JSON", "BASE64"])
def test_both_encodings_of_an_answer(encoding: str) -> None:
    found = READER.capture(json.dumps(capture(encoding=encoding)).encode())
    assert (found.label, found.confidence, found.outcome) == ("motorcycle", 0.9, "passed")
    assert found.time == MOMENT.timestamp()
    assert found.inputs["brightness"] == pytest.approx(0.2)
    assert found.inputs["contrast"] == pytest.approx(0)
    assert (found.inputs["width"], found.inputs["height"]) == (48, 32)
    assert found.inputs["sent_bytes"] == len(png())


@pytest.mark.parametrize(("confidence", "outcome"), [(0.8, "passed"), (0.79, "review")])
def test_the_threshold_itself_passes(confidence: float, outcome: str) -> None:
    found = READER.capture(json.dumps(capture([confidence, 1 - confidence])).encode())
    assert found.outcome == outcome


def test_without_labels_classes_have_numbers() -> None:
    reader = Reader(None, 0.5, 32)
    assert reader.capture(json.dumps(capture([0.2, 0.1, 0.7])).encode()).label == "class 2"


def test_a_capture_without_a_readable_image_has_its_answer() -> None:
    bare = capture()
    del bare["captureData"]["endpointInput"]
    broken = capture()
    broken["captureData"]["endpointInput"]["data"] = base64.b64encode(b"no image").decode()
    csv = capture()
    csv["captureData"]["endpointInput"] |= {"data": "1,2,3", "encoding": "CSV"}
    for content in (bare, broken, csv):
        assert READER.capture(json.dumps(content).encode()).inputs == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "no captureData"),
        (json.dumps(capture()).encode()[:300], "not JSON"),
        (json.dumps(capture(eventMetadata={})).encode(), "not a time"),
        (json.dumps(capture({"error": "x"})).encode(), "not a list of probabilities"),
        (json.dumps(capture([])).encode(), "not a list of probabilities"),
        (json.dumps(capture([0.5, float("nan")])).encode(), "not a list of probabilities"),
        (json.dumps(capture([0.5, 1.5])).encode(), "not a list of probabilities"),
        (json.dumps(capture([True, False])).encode(), "not a list of probabilities"),
        (json.dumps(capture([0.2, 0.3, 0.5])).encode(), "3 probabilities for 2 labels"),
        (json.dumps(capture(encoding="CSV")).encode(), "neither JSON nor BASE64"),
    ],
)
def test_a_broken_capture_says_why(line: bytes, reason: str) -> None:
    with pytest.raises(RecordError, match=reason):
        READER.capture(line)


def test_an_answer_in_broken_base64() -> None:
    content = capture(encoding="BASE64")
    content["captureData"]["endpointOutput"]["data"] = "a"
    with pytest.raises(RecordError, match="base64"):
        READER.capture(json.dumps(content).encode())


def observed(content: dict[str, Any]) -> Observation:
    found = document(json.dumps(content).encode())
    assert found is not None
    return found


def test_a_result_document() -> None:
    found = observed(result())
    assert (found.time, found.outcome, found.label) == (MOMENT.timestamp(), "passed", "bicycle")
    assert (found.confidence, found.inputs) == (0.93, {"object_bytes": 4096})


@pytest.mark.parametrize("decided", ["motorcycle", "cannot_tell"])
def test_a_decided_image_is_what_the_model_said(decided: str) -> None:
    said = {
        "outcome": "review",
        "label": "bicycle",
        "confidence": 0.61,
        "finished_at": "2026-11-01T10:00:00.000Z",
    }
    changes = {"outcome": "reviewed", "label": decided, "confidence": None, "model_said": said}
    found = observed(result(finished_at="2026-11-09T10:00:00.000Z", **changes))
    assert (found.outcome, found.label, found.confidence) == ("review", "bicycle", 0.61)
    assert found.time == datetime(2026, 11, 1, 10, tzinfo=UTC).timestamp()
    label = {"image": {"key": "incoming/a.jpg"}, "label": decided, "reviewer": "kim", "model_said": said}
    assert document(json.dumps(label).encode()) is None


@pytest.mark.parametrize("decided", [True, False])
def test_a_review_whose_document_had_expired_is_an_outcome(decided: bool) -> None:
    nothing = {"label": None, "confidence": None}
    said = nothing | {"outcome": "review", "finished_at": "2026-11-01T10:00:00.000Z"}
    changes = (
        {"outcome": "reviewed", "label": "bicycle", "model_said": said} if decided else {"outcome": "review"}
    )
    found = observed(result(**nothing | {"inferences": None} | changes))
    assert (found.outcome, found.label, found.confidence) == ("review", None, None)


@pytest.mark.parametrize("outcome", ["rejected", "failed"])
def test_a_document_without_a_prediction_is_an_outcome(outcome: str) -> None:
    found = observed(result(outcome=outcome, label=None, confidence=None))
    assert (found.outcome, found.label, found.confidence) == (outcome, None, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcome": "lost"}, "not a result document"),
        ({"finished_at": "soon"}, "not a time"),
        ({"finished_at": None}, "not a time"),
        ({"confidence": None}, "not a list of probabilities"),
        ({"label": None}, "no label"),
    ],
)
def test_a_broken_document_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecordError, match=reason):
        document(json.dumps(result(**changes)).encode())


def test_a_document_of_scones_verify_is_no_observation() -> None:
    drawn = {"size": 4096, "key": "incoming/scones-verify/20261126T201500Z-4f2a1c/bicycle.png"}
    near = {"size": 4096, "key": "incoming/scones-verify-of-mine/bicycle.png"}
    assert document(json.dumps(result(image=drawn)).encode()) is None
    assert document(json.dumps(result(image=near)).encode()) is not None
