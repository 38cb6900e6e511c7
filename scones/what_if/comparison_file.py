"""The comparison as a document: what `--output` writes for `training.deploy --comparison`, and `--json` prints."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scones.errors import SconesError
from scones.index import time_text
from scones.stack import Stack
from scones.terminal import shown
from scones.what_if.candidate import Candidate
from scones.what_if.replay import Changed, Replay


def as_document(replay: Replay, candidate: Candidate, stack: Stack) -> dict[str, Any]:
    """Return the comparison without the images' names."""
    return {
        "schema_version": "1",
        "stack": stack.name,
        "written_at": time_text(datetime.now(UTC)),
        "candidate": {
            **candidate.named,
            "version": next(iter(replay.versions), None),
            "labels": list(stack.labels),
        },
        "baseline": {"endpoint": stack.endpoint_name, "version": replay.baseline_version},
        "thresholds": dict(replay.thresholds),
        "images": {
            "compared": replay.compared,
            "newest": replay.newest,
            "oldest": replay.oldest,
            "left_out": {
                reason: replay.left_out[reason]
                for reason in ("gone", "not_classified", "learned", "other_version")
            },
        },
        "knows_what_was_learned": replay.learned is not None,
        "is_interrupted": replay.is_interrupted,
        "changed": {
            "label": replay.changed_labels,
            "to_review": replay.to_review,
            "to_passed": replay.to_passed,
        },
        "labelled": replay.labelled().as_document(),
        "audited": replay.audited().as_document(),
        "verdict": replay.verdict(),
    }


def changes_document(changes: list[Changed]) -> list[dict[str, Any]]:
    """Return the changed images."""
    return [
        {
            "key": one.image.image_key,
            "etag": one.image.etag,
            "person": one.image.person,
            **{
                name: {"label": said.label, "confidence": said.confidence, "passes": said.passes}
                for name, said in (("baseline", one.baseline), ("candidate", one.candidate))
            },
        }
        for one in changes
    ]


def write(document: dict[str, Any], file: Path) -> None:
    """
    Write a document completely or not at all; a file of that name is replaced.

    Raises
    ------
    SconesError
        When it cannot be written.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        try:
            draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        message = f"cannot write {shown(str(file))}: {error.strerror or error}"
        raise SconesError(message) from error
