"""Chosen classes, the others, and the validation split that training and the written images share."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np

from training.dataset.archive import Images
from training.errors import UnknownClassError

if TYPE_CHECKING:
    from collections.abc import Sequence

VALIDATION_FRACTION = 0.1
ALL = "all"


def parse_classes(text: str, class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that a comma-separated list names; "all" is every class of the archive.

    Raises
    ------
    UnknownClassError
        See `class_indices`.
    """
    wanted = tuple(name.strip() for name in text.split(",") if name.strip())
    if wanted == (ALL,):
        return tuple(class_names)
    class_indices(wanted, class_names)
    return wanted


def class_indices(wanted: Sequence[str], class_names: Sequence[str]) -> tuple[int, ...]:
    """Return the archive's label of each wanted class, in the wanted order.

    Raises
    ------
    UnknownClassError
        Names every class that is unknown or asked for twice.
    """
    unknown = [name for name in wanted if name not in class_names]
    if unknown:
        raise UnknownClassError(f"unknown class: {_suggest(unknown, class_names)}")
    if not wanted or len(set(wanted)) != len(wanted):
        raise UnknownClassError(f"classes must be named once each: {', '.join(wanted) or 'none given'}")
    return tuple(class_names.index(name) for name in wanted)


def held_out(labels: np.ndarray, seed: int, fraction: float = VALIDATION_FRACTION) -> np.ndarray:
    """Return which images validate, as bool [N]: the same fraction of every class, by seed."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held[members[: round(fraction * len(members))]] = True
    return held


def hold_out(images: Images, seed: int, fraction: float = VALIDATION_FRACTION) -> tuple[Images, Images]:
    """Split into (training, validation), the same fraction of every class, by seed."""
    held = held_out(images.labels, seed, fraction)
    return images.take(np.flatnonzero(~held)), images.take(np.flatnonzero(held))


def select(images: Images, classes: Sequence[int]) -> Images:
    """Return the images of these classes, relabelled 0, 1, ... in the order given."""
    order = np.full(max(int(images.labels.max(initial=0)), *classes) + 1, -1)
    order[list(classes)] = np.arange(len(classes))
    positions = order[images.labels]
    chosen = np.flatnonzero(positions >= 0)
    return Images(images.pixels[chosen], positions[chosen])


def others(images: Images, classes: Sequence[int]) -> Images:
    """Return the images of every class not named, with their labels as they were."""
    return images.take(np.flatnonzero(~np.isin(images.labels, classes)))


def _suggest(unknown: Sequence[str], class_names: Sequence[str]) -> str:
    near = {
        name: difflib.get_close_matches(name.lower().replace(" ", "_"), class_names, 3) for name in unknown
    }
    hints = [f"{name} (near: {', '.join(found)})" if found else name for name, found in near.items()]
    rest = "" if all(near.values()) else f"; the archive has {', '.join(class_names)}"
    return ", ".join(hints) + rest
