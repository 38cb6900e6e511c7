"""From the archive to what training needs: chosen classes, the others, and a validation split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.archive import Images

if TYPE_CHECKING:
    from collections.abc import Sequence

VALIDATION_FRACTION = 0.1


class UnknownClassError(Exception):
    """A class name the archive does not have."""


def class_indices(wanted: Sequence[str], class_names: Sequence[str]) -> tuple[int, ...]:
    """Return the archive's label of each wanted class, in the wanted order.

    Raises
    ------
    UnknownClassError
        Names every class that is unknown or asked for twice.
    """
    unknown = [name for name in wanted if name not in class_names]
    if unknown:
        raise UnknownClassError(
            f"unknown class: {', '.join(unknown)}; the archive has {', '.join(class_names)}"
        )
    if not wanted or len(set(wanted)) != len(wanted):
        raise UnknownClassError(f"classes must be named once each: {', '.join(wanted) or 'none given'}")
    return tuple(class_names.index(name) for name in wanted)


def hold_out(images: Images, seed: int, fraction: float = VALIDATION_FRACTION) -> tuple[Images, Images]:
    """Split into (training, validation), the same fraction of every class, by seed."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(images), dtype=bool)
    for label in np.unique(images.labels):
        members = rng.permutation(np.flatnonzero(images.labels == label))
        held[members[: round(fraction * len(members))]] = True
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
