"""Images that a candidate was trained on, by the manifests of its training: it would be too good on them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scones.errors import SconesError
from scones.terminal import shown
from scones.what_if.stored_verdicts import StoredVerdict

_LEARNED: Final = frozenset({"train", "validation"})
"""Splits of a manifest of `training.data`; the weights follow from the one, the calibration from the other."""


class LearnedImages:
    """The objects that manifests name."""

    def __init__(self, bucket: str, manifests: Iterable[Path]) -> None:
        self._bucket = bucket
        self._sources = {source for manifest in manifests for source in _sources(manifest)}

    def has(self, image: StoredVerdict) -> bool:
        """Tell whether an image is one of them; a source without a version means every content of its key."""
        address = f"s3://{self._bucket}/{image.image_key}"
        return address in self._sources or f"{address}?versionId={image.version_id}" in self._sources


def _sources(manifest: Path) -> Iterable[str]:
    """
    Yield the addresses of a manifest (`manifest.jsonl` of `training.data`).

    Raises
    ------
    SconesError
        When it cannot be read, or is something else.
    """
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines if line.strip()]
        yield from [str(entry["source"]) for entry in entries if entry["split"] in _LEARNED]
    except OSError as error:
        message = f"cannot read {shown(str(manifest))}: {error.strerror or error}"
        raise SconesError(message) from error
    except (ValueError, KeyError, TypeError) as error:
        message = (
            f"{shown(str(manifest))} is not a manifest of training.data "
            f"(a JSON line with source and split for each image): {error}"
        )
        raise SconesError(message) from error
