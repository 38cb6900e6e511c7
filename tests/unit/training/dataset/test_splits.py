"""Classes, the others, and the validation split."""

from __future__ import annotations

import numpy as np
import pytest

from training.dataset.archive import Images
from training.dataset.splits import class_indices, hold_out, others, select
from training.errors import UnknownClassError

NAMES = ("apple", "bicycle", "cloud", "motorcycle")


def images(labels: list[int]) -> Images:
    """Return images whose first pixel tells their position."""
    pixels = np.zeros((len(labels), 32, 32, 3), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(len(labels))
    return Images(pixels, np.array(labels))


def positions(chosen: Images) -> list[int]:
    return [int(position) for position in chosen.pixels[:, 0, 0, 0]]


def test_classes_keep_the_order_asked_for() -> None:
    assert class_indices(["motorcycle", "bicycle"], NAMES) == (3, 1)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [(["bicycle", "tram"], "unknown class: tram"), (["apple", "apple"], "once each"), ([], "none given")],
)
def test_a_wrong_class_is_named(wanted: list[str], reason: str) -> None:
    with pytest.raises(UnknownClassError, match=reason):
        class_indices(wanted, NAMES)


def test_selected_images_are_relabelled_in_order() -> None:
    chosen = select(images([0, 3, 1, 2, 3]), (3, 1))
    assert chosen.labels.tolist() == [0, 1, 0]
    assert positions(chosen) == [1, 2, 4]


def test_a_class_without_images_is_no_error() -> None:
    assert len(select(images([0, 0]), (3,))) == 0


def test_the_others_keep_their_labels() -> None:
    chosen = others(images([0, 3, 1, 2, 3]), (3, 1))
    assert chosen.labels.tolist() == [0, 2]
    assert positions(chosen) == [0, 3]


def test_validation_is_the_same_share_of_every_class_and_disjoint() -> None:
    everything = images([0] * 100 + [1] * 50)
    train, validation = hold_out(everything, seed=1)
    assert np.bincount(validation.labels).tolist() == [10, 5]
    assert sorted(positions(train) + positions(validation)) == list(range(150))


def test_the_split_depends_on_the_seed_alone() -> None:
    everything = images([0, 1] * 60)
    assert positions(hold_out(everything, 1)[1]) == positions(hold_out(everything, 1)[1])
    assert positions(hold_out(everything, 1)[1]) != positions(hold_out(everything, 2)[1])
