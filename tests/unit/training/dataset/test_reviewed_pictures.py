"""Reviewed pictures of any size are divided so that nothing is trained on that is also compared on."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from endpoint.views import read_picture, views
from training.dataset.prepared_folder import UNSURE
from training.dataset.reviewed_pictures import Picture, as_images, divide


def photograph(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((300, 200), Image.Resampling.BICUBIC)


def picture(image: Image.Image, label: int = 0, quality: int = 95) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    data = buffer.getvalue()
    return Picture(views(read_picture(data, 64), 32), label, Path(f"{hashlib.sha256(data).hexdigest()}.jpeg"))


def names(pictures: list[Picture]) -> set[str]:
    return {one.path.name for one in pictures}


def test_a_copy_that_was_saved_anew_is_on_the_same_side() -> None:
    for seed in range(40):
        image = photograph(seed)
        pair = [picture(image), picture(image.resize((150, 100)), quality=50)]
        divided = divide(pair)
        assert sorted(map(len, (divided.train, divided.validation))) == [0, 2]


def test_copies_with_different_labels_are_on_no_side() -> None:
    image = photograph(1)
    pair = [picture(image, 0), picture(image, 1, quality=60)]
    divided = divide([*pair, picture(photograph(2))])
    assert set(divided.conflicts) == names(pair)
    assert len(divided.train) + len(divided.validation) == 1


def test_about_a_quarter_validates_and_does_so_the_next_time_too() -> None:
    pictures = [picture(photograph(seed)) for seed in range(80)]
    before, after = divide(pictures[:40]), divide(pictures)
    assert names(before.validation) <= names(after.validation)
    assert 10 <= len(after.validation) <= 30
    assert not names(after.train) & names(after.validation)
    assert len(after.train) + len(after.validation) == 80


def test_every_view_is_an_image_with_the_pictures_label() -> None:
    small = picture(photograph(1).resize((32, 32)), UNSURE)
    images = as_images([picture(photograph(2), 1), small])
    assert images.labels.tolist() == [1, 1, 1, UNSURE]
    assert images.pixels.shape == (4, 32, 32, 3)
    assert len(as_images([])) == 0
