"""The manifest of a prepared folder: one JSON line per image."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from training.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "manifest.jsonl"
SUMMARY = "dataset.json"  # describes the folder's sources, for people


@dataclass(frozen=True, slots=True)
class Review:
    """The origin of an image's human label.

    Attributes
    ----------
    original
        Path in the folder of the unchanged reviewed file.
    reviewers
        Who gave the label.
    time
        The time of the newest label, ISO 8601.
    """

    original: str
    reviewers: tuple[str, ...]
    time: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One image.

    Attributes
    ----------
    path
        Relative to the folder, with forward slashes.
    label, split
        Class name, and train, validation or test.
    source
        The archive's file name, or the address of a reviewed image.
    sha256
        Digest of the file.
    review
        None for an image of the archive.
    """

    path: str
    label: str
    split: str
    source: str
    sha256: str
    review: Review | None = None

    def files(self) -> tuple[str, ...]:
        """Return the paths of the files that belong to this image."""
        return (self.path,) if self.review is None else (self.path, self.review.original)


def write(folder: Path, entries: Sequence[Entry]) -> None:
    """Write the manifest into the folder."""
    lines = []
    for entry in entries:
        content = asdict(entry)
        if entry.review is None:
            del content["review"]
        lines.append(json.dumps(content))
    (folder / NAME).write_bytes("".join(f"{line}\n" for line in lines).encode())


def read(folder: Path) -> list[Entry]:
    """Return the entries of a folder's manifest.

    Raises
    ------
    ManifestError
        There is none, or a line is invalid.
    """
    path = folder / NAME
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: no readable manifest; write one with training.data") from error
    return [_entry(f"{path}:{number}", line) for number, line in enumerate(lines, 1)]


def _entry(where: str, line: str) -> Entry:
    try:
        content = json.loads(line)
        review = content.pop("review", None)
        if review is not None:
            review = Review(review["original"], tuple(review["reviewers"]), review["time"])
        entry = Entry(**content, review=review)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ManifestError(f"{where}: not a line of a manifest ({error})") from error
    for path in map(PurePosixPath, entry.files()):
        if path.is_absolute() or ".." in path.parts:
            raise ManifestError(f"{where}: {path} leads out of the folder")
    return entry
