"""A few images of each outcome, with hostile names, and the export that writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Final, cast

from scones.export.formats import Export
from scones.index import Ended
from scones.result_documents import Outcome
from scones.stack import Stack

LABELS: Final = ("bicycle", 'motor "cycle" & <sidecar>')


def new_export(*, with_verdict: bool = False) -> Export:
    stack = SimpleNamespace(
        image_bucket="images", results_bucket="results", incoming_prefix="incoming/", labels=LABELS
    )
    return Export(cast("Stack", stack), with_verdict)


def images_of(fields: Iterable[Mapping[str, Any]]) -> Iterator[Ended]:
    for one in fields:
        yield Ended(**{**one, "outcome": Outcome(one["outcome"])})


def ended(
    key: str, outcome: str, label: str | None = None, confidence: float | None = None
) -> dict[str, Any]:
    return {
        "image_key": f"incoming/{key}",
        "etag": key.encode().hex()[:32],
        "outcome": outcome,
        "finished_at": "2026-11-27T05:40:00.125Z",
        "label": label,
        "confidence": confidence,
        "model_version": "m1" if label else None,
        "size": 12345,
        "reason": f"why {key}",
    }


IMAGES: Final = (
    ended('a/"b",\n é.jpg', "passed", "bicycle", 0.97),
    ended("a/c.jpg", "review", LABELS[1], 0.61),
    ended("a/d.jpg", "reviewed", LABELS[1], 0.7),
    ended("a/e.jpg", "reviewed", "neither", 0.55),
    ended("a/f.jpg", "rejected"),
    ended("a/g.jpg", "failed"),
    ended("a/h.jpg", "passed", "a class of an older model", 0.9),
    ended("a/i.jpg", "reviewed", "gone", 0.5),
    {**ended("a/c.jpg", "passed", "bicycle", 0.9), "etag": "replaced"},
)
