"""Which images are shown when; what is measured on was never seen."""

from __future__ import annotations

import numpy as np
import pytest

from training.dataset.archive import Archive, Images
from training.learning.curriculum import Curriculum

NAMES = ("apple", "bicycle", "cloud", "motorcycle", "rose")


@pytest.fixture
def archive() -> Archive:
    """Return images whose first two pixels tell their position."""
    labels = np.arange(200) % 5
    pixels = np.zeros((200, 32, 32, 3), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(200)
    images = Images(pixels, labels)
    return Archive(NAMES, images, images.take(np.arange(0)))


def positions(images: Images) -> set[int]:
    return set(images.pixels[:, 0, 0, 0].tolist())


def test_labels_count_the_wanted_classes_first(archive: Archive) -> None:
    images = Curriculum(archive, ("motorcycle", "bicycle"), 1, 3)
    assert all(
        NAMES[position % 5] == ("motorcycle", "bicycle")[label]
        for position, label in zip(images.known.pixels[:, 0, 0, 0], images.known.labels, strict=True)
    )
    assert set(images.strangers.labels.tolist()) == {2, 3, 4}


@pytest.mark.parametrize("classes", [("bicycle", "motorcycle"), NAMES[:4], NAMES])
def test_a_fold_is_not_seen_by_what_is_measured_on_it(archive: Archive, classes: tuple[str, ...]) -> None:
    images = Curriculum(archive, classes, 1, 3)
    for fold in range(images.folds):
        left_out = positions(images.of_fold(fold)) | positions(images.validation)
        assert not left_out & positions(images.pretraining())
        assert not left_out & positions(images.finetuning(0, fold))
    assert positions(images.finetuning(0, None)) == positions(images.train)


def test_folds_share_every_class_evenly_and_miss_none(archive: Archive) -> None:
    images = Curriculum(archive, ("bicycle", "motorcycle"), 1, 3)
    folds = [images.of_fold(fold) for fold in range(3)]
    assert [np.bincount(fold.labels).tolist() for fold in folds] == [[12, 12]] * 3
    assert set.union(*map(positions, folds)) == positions(images.known)


def test_few_others_are_too_little_to_learn_to_see_with(archive: Archive) -> None:
    assert Curriculum(archive, NAMES[:2], 1, 3).folds == 3
    assert Curriculum(archive, NAMES[:4], 1, 3).folds == 1


def test_validation_is_what_training_data_writes_as_such(archive: Archive) -> None:
    from training.dataset.splits import splits_of

    images = Curriculum(archive, ("bicycle", "motorcycle"), 7, 3)
    assert positions(images.validation) == positions(splits_of(archive, 7)[1].images)
