"""Turn an archive into a folder of images: checked, merged with reviewed images, written completely or not at all."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from training.dataset import manifest
from training.dataset.archive import OFFICIAL_MD5, Archive, read_archive
from training.dataset.human_labels import Problem, Vote, label_files, parse
from training.dataset.integrity import Duplicate, count_notices, keep_apart, name_notices
from training.dataset.merge_reviewed import merge
from training.dataset.prepared_folder import replaced, write_split
from training.dataset.splits import Split, class_indices, parse_classes, splits_of
from training.progress import bar
from training.storage import Address

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.dataset.reviewed_images import ImageSource


@dataclass(frozen=True, slots=True)
class Reviews:
    """Locations of human labels and of the labelled images, with the client to read them."""

    labels: Path | Address
    s3: Any
    images: ImageSource


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write."""

    archive: Path
    md5: str
    classes: str
    seed: int
    output: Path
    reviews: Reviews | None = None


def prepare(plan: Plan) -> dict[str, Any]:
    """Write <split>/<class>/<name>.png and the manifest; return the summary in dataset.json.

    Raises
    ------
    TrainingError, OSError
        Then `plan.output` is as it was.
    """
    archive = read_archive(plan.archive, plan.md5)
    classes = parse_classes(plan.classes, archive.class_names)
    all_splits = splits_of(archive, plan.seed)
    notices = [
        *count_notices(archive, official=plan.md5.lower() == OFFICIAL_MD5),
        *name_notices(all_splits, archive.class_names),
    ]
    splits, duplicates, seen = keep_apart(*all_splits, archive.class_names)
    with replaced(plan.output) as folder:
        entries = _write_archive(folder, splits, classes, archive)
        summary: dict[str, Any] = {
            "archive": {"name": plan.archive.name, "md5": plan.md5.lower()},
            "classes": list(classes),
            "seed": plan.seed,
            "images": _counts(entries),
            "notices": notices,
            "duplicates": [asdict(found) for found in _concerning(duplicates, classes)],
        }
        if plan.reviews is not None:
            added, summary["reviewed"] = _write_reviewed(folder, plan.reviews, classes, seen)
            entries += added
        manifest.write(folder, entries)
        (folder / manifest.SUMMARY).write_bytes(json.dumps(summary, indent=2).encode() + b"\n")
    return summary


def _write_archive(
    folder: Path, splits: Sequence[Split], classes: Sequence[str], archive: Archive
) -> list[manifest.Entry]:
    labels = class_indices(classes, archive.class_names)
    total = sum(int((split.images.labels == label).sum()) for split in splits for label in labels)
    entries = []
    with bar("write", total) as progress:
        for split in splits:
            for entry in write_split(folder, split, classes, labels):
                entries.append(entry)
                progress.update()
    return entries


def _write_reviewed(
    folder: Path, reviews: Reviews, classes: Sequence[str], seen: dict[str, str]
) -> tuple[list[manifest.Entry], dict[str, Any]]:
    votes: list[Vote] = []
    bad_lines: list[Problem] = []
    for name, text in label_files(reviews.labels, reviews.s3):
        for line in parse(name, text):
            (votes if isinstance(line, Vote) else bad_lines).append(line)  # type: ignore[arg-type]
    merged = merge(folder, votes, reviews.images, classes, seen)
    return merged.entries, {
        "labels": str(reviews.labels),
        "votes": len(votes),
        "added": dict(sorted(Counter(entry.label for entry in merged.entries).items())),
        "cannot_tell": merged.cannot_tell,
        "held_out": merged.held_out,
        "conflicts": merged.conflicts,
        "left_out": [asdict(problem) for problem in merged.left_out],
        "bad_lines": [asdict(problem) for problem in bad_lines],
    }


def _counts(entries: Sequence[manifest.Entry]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for entry in entries:
        of_split = counts.setdefault(entry.split, {})
        of_split[entry.label] = of_split.get(entry.label, 0) + 1
    return counts


def _concerning(duplicates: Sequence[Duplicate], classes: Sequence[str]) -> list[Duplicate]:
    """Return the duplicates with an image of a wanted class."""
    wanted = set(classes)
    return [found for found in duplicates if {found.first.split("/")[1], found.second.split("/")[1]} & wanted]
