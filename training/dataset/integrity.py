"""Checks of an archive beyond its checksum."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.dataset.archive import Archive
    from training.dataset.splits import Split

OFFICIAL_CLASSES, OFFICIAL_TRAIN, OFFICIAL_TEST = 100, 500, 100
# Share of the names that state a class; above this, the labels belong to other images
_CONTRADICTIONS_ALLOWED = 0.5
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two images with the same pixels; `left_out` says whether the second was dropped for it."""

    first: str
    second: str
    left_out: bool


def count_notices(archive: Archive, *, official: bool) -> list[str]:
    """Compare the images of each class with the official numbers.

    Raises
    ------
    ArchiveError
        They differ although the checksum is the official one.
    """
    classes = len(archive.class_names)
    counts = Counter(
        zip(
            np.bincount(archive.train.labels, minlength=classes).tolist(),
            np.bincount(archive.test.labels, minlength=classes).tolist(),
            strict=True,
        )
    )
    odd = [
        f"{number} of {classes} classes have {train} + {test} images"
        for (train, test), number in counts.items()
        if (train, test) != (OFFICIAL_TRAIN, OFFICIAL_TEST)
    ]
    if classes != OFFICIAL_CLASSES:
        odd.append(f"there are {classes} classes, not {OFFICIAL_CLASSES}")
    if odd and official:
        raise ArchiveError(f"{'; '.join(odd)} in an archive with the official checksum: report this")
    usual = f"(train + test; officially {OFFICIAL_TRAIN} + {OFFICIAL_TEST})"
    return [f"not the official archive: {'; '.join(odd)} {usual}"] if odd else []


def name_notices(splits: Sequence[Split], class_names: Sequence[str]) -> list[str]:
    """Compare labels with file names, where a name begins with a class: `bicycle_s_000123.png`.

    A name begins with the search word by which the image was found, so most do not state a class ("bike" may be
    either), and single contradictions may be part of the published archive. They are reported. If most names that
    state a class contradict the labels, the labels belong to other images, which is an error.

    Raises
    ------
    ArchiveError
        Most names that begin with a class begin with another one.
    """
    telling, wrong = 0, []
    for split in splits:
        for name, label in zip(split.names, split.images.labels, strict=True):
            word, mark, _ = name.rpartition("_s_")
            if mark and word in class_names:
                telling += 1
                if word != class_names[label]:
                    wrong.append(f"{name} is labelled {class_names[label]}")
    if len(wrong) > _CONTRADICTIONS_ALLOWED * telling:
        raise ArchiveError(
            f"{len(wrong)} of {telling} file names that tell a class contradict the labels ({wrong[0]}, ...); "
            "fetch the archive again"
        )
    if not wrong:
        return []
    return [f"{len(wrong)} of {telling} telling file names contradict: {', '.join(wrong[:_EXAMPLES])}"]


def keep_apart(
    train: Split, validation: Split, test: Split, class_names: Sequence[str]
) -> tuple[list[Split], list[Duplicate], dict[str, str]]:
    """Drop from train what is in validation or test, and from validation what is in test.

    Returns
    -------
    splits
        Train, validation and test, no image in two of them.
    duplicates
        Those dropped, and those within one split, which stay.
    seen
        For the content hash of every image, where it is: "test/bicycle/bike_s_000682.png".
    """
    seen: dict[str, str] = {}
    duplicates: list[Duplicate] = []
    kept: list[Split] = []
    for split in (test, validation, train):
        stay = []
        for index, (digest, name) in enumerate(zip(split.hashes(), split.names, strict=True)):
            place = f"{split.title}/{class_names[split.images.labels[index]]}/{name}"
            first = seen.setdefault(digest, place)
            elsewhere = not first.startswith(f"{split.title}/")
            if not elsewhere:
                stay.append(index)
            if first is not place:
                duplicates.append(Duplicate(first, place, elsewhere))
        kept.insert(0, split.take(np.array(stay, dtype=int)))
    return kept, duplicates, seen
