"""What is checked about an archive beyond its checksum."""

from __future__ import annotations

import numpy as np
import pytest

from training.dataset.archive import Archive, Images
from training.dataset.integrity import count_notices, keep_apart, name_notices
from training.dataset.splits import Split, hold_out, splits_of
from training.errors import ArchiveError

CLASSES = ("apple", "bicycle")


def images(labels: list[int], first: int = 0) -> Images:
    """Return images that all differ."""
    pixels = np.zeros((len(labels), 32, 32, 3), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(first, first + len(labels))
    return Images(pixels, np.array(labels, dtype=np.int64))


def test_numbers_other_than_the_official_are_a_notice_or_an_error() -> None:
    archive = Archive(CLASSES, images([0, 0, 1]), images([1]))
    (notice,) = count_notices(archive, official=False)
    assert "1 of 2 classes have 2 + 0 images" in notice
    assert "1 of 2 classes have 1 + 1 images" in notice
    with pytest.raises(ArchiveError, match="official checksum"):
        count_notices(archive, official=True)


def test_the_official_numbers_are_nothing_to_tell() -> None:
    labels = np.arange(100)
    train, test = np.repeat(labels, 500), np.repeat(labels, 100)
    nothing = np.zeros((0, 32, 32, 3), np.uint8)
    archive = Archive(tuple(map(str, labels)), Images(nothing, train), Images(nothing, test))
    assert count_notices(archive, official=True) == []


def split(names: list[str], labels: list[int], title: str = "train", first: int = 0) -> Split:
    return Split(title, images(labels, first), tuple(names))


def test_names_that_begin_with_no_class_tell_nothing() -> None:
    names = ["bike_s_000001.png", "bicycle_s_000002.png", "x.png", "apple.png", "bicycle.png"]
    assert name_notices([split(names, [0, 1, 0, 1, 0])], CLASSES) == []


def test_a_name_that_contradicts_is_reported() -> None:
    names = ["bicycle_s_1.png", "bicycle_s_2.png", "apple_s_3.png"]
    (notice,) = name_notices([split(names, [1, 1, 1])], CLASSES)
    assert notice == "1 of 3 telling file names contradict: apple_s_3.png is labelled bicycle"


def test_labels_of_other_images_are_an_error() -> None:
    names = ["bicycle_s_1.png", "bicycle_s_2.png", "apple_s_3.png"]
    with pytest.raises(ArchiveError, match="3 of 3 file names"):
        name_notices([split(names, [0, 0, 1])], CLASSES)


def test_the_validation_images_are_those_that_training_holds_out() -> None:
    archive = Archive(CLASSES, images([0, 1] * 50), images([0, 1], 200))
    train, validation, test = splits_of(archive, seed=3)
    expected_train, expected_validation = hold_out(archive.train, seed=3)
    assert np.array_equal(train.images.pixels, expected_train.pixels)
    assert np.array_equal(validation.images.pixels, expected_validation.pixels)
    assert [len(train.names), validation.title, test.title] == [90, "validation", "test"]


def test_an_image_in_two_splits_stays_where_it_measures() -> None:
    train = split(["a.png", "b.png", "c.png"], [0, 0, 1])  # pixels 0 1 2
    validation = split(["d.png", "e.png"], [0, 1], "validation", 1)  # 1 2
    test = split(["f.png"], [0], "test", 2)  # 2
    kept, duplicates, seen = keep_apart(train, validation, test, CLASSES)
    assert [part.names for part in kept] == [("a.png",), ("d.png",), ("f.png",)]
    assert [(found.first, found.second) for found in duplicates] == [
        ("test/apple/f.png", "validation/bicycle/e.png"),
        ("validation/apple/d.png", "train/apple/b.png"),
        ("test/apple/f.png", "train/bicycle/c.png"),
    ]
    assert sorted(seen.values()) == ["test/apple/f.png", "train/apple/a.png", "validation/apple/d.png"]


def test_an_image_twice_in_one_split_stays_and_is_reported() -> None:
    nothing = split([], [])
    train = Split("train", images([0, 0]).take(np.array([0, 0])), ("a.png", "b.png"))
    kept, duplicates, _ = keep_apart(train, nothing, nothing, CLASSES)
    assert kept[0].names == ("a.png", "b.png")
    assert [found.left_out for found in duplicates] == [False]


@pytest.mark.parametrize("name", ["../../x.png", "", "a/b.png", ".png", "a\0.png", "x" * 200])
def test_a_name_that_could_not_be_a_file_is_replaced(name: str) -> None:
    archive = Archive(CLASSES, images([0]), images([1], 9), (name,), ("ok_s_1.png",))
    train, _, test = splits_of(archive, seed=1)
    assert train.names == ("train_00000.png",)
    assert test.names == ("ok_s_1.png",)
