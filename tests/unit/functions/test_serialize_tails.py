"""Files whose end became zeros."""

from typing import Any

import pytest
from PIL import Image

from serialize.errors import CorruptImageError
from serialize.image import serialize_image
from tests.fakes.pictures import encoded, scene

LIMIT = 50_000_000
PHOTO = scene(400, 300)
FILES = {
    "PNG": encoded(PHOTO, "PNG"),
    "GIF": encoded(PHOTO, "GIF"),
    "WEBP": encoded(PHOTO, "WEBP"),
    "WEBP lossless": encoded(PHOTO, "WEBP", lossless=True),
    "WEBP with alpha": encoded(Image.merge("RGBA", (*PHOTO.split(), PHOTO.getchannel(0))), "WEBP"),
    "AVIF": encoded(PHOTO, "AVIF"),
    "HEIF": encoded(PHOTO, "HEIF"),
    "TIFF": encoded(PHOTO, "TIFF", compression="tiff_lzw"),
}


def run(data: bytes) -> dict[str, Any]:
    return dict(serialize_image(data, 32, LIMIT))


@pytest.mark.parametrize("tenth", range(3, 10))
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_ends_in_zeros_is_corrupt(name: str, tenth: int) -> None:
    data = FILES[name]
    kept = len(data) * tenth // 10
    with pytest.raises(CorruptImageError, match="damaged"):
        run(data[:kept] + bytes(len(data) - kept))


@pytest.mark.parametrize("name", sorted(FILES))
def test_zeros_behind_the_picture_are_none_of_its_data(name: str) -> None:
    data = FILES[name]
    assert run(data + bytes(100_000)) == run(data)


@pytest.mark.parametrize(
    ("name", "options"), [("AVIF", {}), ("HEIF", {}), ("WEBP", {}), ("WEBP", {"lossless": True})]
)
@pytest.mark.parametrize("shade", [0, 255])
@pytest.mark.parametrize("size", [(300, 200), (2000, 1500)])
def test_a_picture_of_one_colour_is_whole_though_it_ends_in_zeros(
    name: str, options: dict[str, bool], shade: int, size: tuple[int, int]
) -> None:
    assert run(encoded(Image.new("RGB", size, (shade,) * 3), name, **options))


def test_room_left_in_exif_behind_the_picture_is_not_damage() -> None:
    exif = Image.Exif()
    exif[0x9286] = bytes(3000)
    assert run(encoded(PHOTO, "HEIF", exif=exif.tobytes() + bytes(3000)))
    assert run(encoded(PHOTO, "AVIF", exif=exif.tobytes() + bytes(3000)))
