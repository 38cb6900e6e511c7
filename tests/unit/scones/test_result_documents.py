"""Result documents: what is read from them, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scones.result_documents import Document, Outcome, outcome_prefixes
from scones.terminal import confidence_text, shown

IMAGE = {"key": "incoming/a.png", "etag": '"abc"'}


def parse(**content: object) -> Document:
    return Document.parse("key", json.dumps({"image": IMAGE, **content}).encode())


def test_parse() -> None:
    document = parse(outcome="passed", label="bicycle", confidence=0.9)
    assert (document.outcome, document.label, document.confidence) == (Outcome.PASSED, "bicycle", 0.9)
    assert (document.image_key, document.image_etag) == ("incoming/a.png", "abc")
    assert document.reason is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"outcome": "passed", "reason": "a at 0.9 reaches 0.8"}, "a at 0.9 reaches 0.8"),
        (
            {"outcome": "review", "reason": "a at 0.7 is below 0.8", "confidence": 0.7},
            "a at 0.7 is below 0.8",
        ),
        ({"outcome": "review", "confidence": 0.61, "threshold": 0.8}, None),
        ({"outcome": "failed", "reason": "said", "error": {"name": "X", "message": "else"}}, "said"),
        ({"outcome": "failed", "reason": "", "error": {"name": "X", "message": ""}}, "X"),
        ({"outcome": "rejected", "error": {"name": "X", "message": "why"}}, "why"),
        ({"outcome": "failed", "error": {"name": "X", "message": ""}}, "X"),
        ({"outcome": "failed", "error": None}, None),
    ],
)
def test_reason(content: dict[str, Any], reason: str | None) -> None:
    assert parse(**content).reason == reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"outcome": "passed"}',
        b'{"outcome": "lost", "image": {"key": "k", "etag": "e"}}',
        b'{"outcome": "passed", "image": {"key": "k", "etag": "e"}, "confidence": "high"}',
        b'{"outcome": "failed", "image": {"key": "k", "etag": "e"}, "error": "text"}',
    ],
)
def test_what_is_no_document(body: bytes) -> None:
    with pytest.raises(ValueError, match="key is not a result document"):
        Document.parse("key", body)


def test_prefixes() -> None:
    assert outcome_prefixes(("bicycle", "motorcycle"), "d/") == (
        "passed/bicycle/d/",
        "passed/motorcycle/d/",
        "review/d/",
        "rejected/d/",
        "failed/d/",
    )


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.7999, "0.799"), (1, "1.000"), (1e-9, "0.000"), (0.57, "0.570")]
)
def test_confidence_is_never_rounded_up(value: float | None, text: str) -> None:
    assert confidence_text(value) == text


def test_shown() -> None:
    assert shown("caf\u00e9 \U0001f6b2\x1b[0m\n\udce9") == "caf\u00e9 \U0001f6b2\\x1b[0m\\n\\xe9"
