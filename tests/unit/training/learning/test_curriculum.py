"""Which images are shown when; what is measured on was never seen."""

from __future__ import annotations

import numpy as np
import pytest

from training.dataset.archive import Archive, Images
from training.dataset.prepared_folder import UNSURE
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
    images = Curriculum(archive, ("motorcycle", "bicycle"), 1)
    assert all(
        NAMES[position % 5] == ("motorcycle", "bicycle")[label]
        for position, label in zip(images.known.pixels[:, 0, 0, 0], images.known.labels, strict=True)
    )
    assert set(images.strangers.labels.tolist()) == {2, 3, 4}


@pytest.mark.parametrize("classes", [("bicycle", "motorcycle"), NAMES[:4], NAMES])
def test_what_is_measured_on_is_never_seen(archive: Archive, classes: tuple[str, ...]) -> None:
    images = Curriculum(archive, classes, 1)
    assert not positions(images.validation) & positions(images.train)
    assert positions(images.finetuning(0, 1)) == positions(images.train)


def test_a_training_image_that_equals_a_validation_image_is_left_out(archive: Archive) -> None:
    held = min(positions(Curriculum(archive, NAMES, 1).validation))
    twin = next(p for p in positions(Curriculum(archive, NAMES, 1).train) if p % 5 == held % 5)
    archive.train.pixels[twin] = archive.train.pixels[held]
    images = Curriculum(archive, NAMES, 1)
    assert held in positions(images.validation)
    assert held not in positions(images.train)


def test_reviewed_images_are_trained_on_and_those_of_no_class_are_strangers(archive: Archive) -> None:
    pixels = np.zeros((2, 32, 32, 3), np.uint8)
    pixels[:, 0, 0, 0] = (250, 251)
    reviewed = Images(pixels, np.array([NAMES.index("motorcycle"), UNSURE]))
    images = Curriculum(archive, ("bicycle", "motorcycle"), 1, reviewed)
    assert 250 in positions(images.known)
    assert 251 in positions(images.strangers)
    assert 251 not in positions(images.train)
    shown = images.finetuning(0, 1)
    assert shown.labels[shown.pixels[:, 0, 0, 0] == 250].tolist()[0] == 1
    assert shown.labels[shown.pixels[:, 0, 0, 0] == 251].tolist() == [UNSURE]


def test_validation_is_what_training_data_writes_as_such(archive: Archive) -> None:
    from training.dataset.splits import splits_of

    images = Curriculum(archive, ("bicycle", "motorcycle"), 7)
    assert positions(images.validation) == positions(splits_of(archive, 7)[1].images)
