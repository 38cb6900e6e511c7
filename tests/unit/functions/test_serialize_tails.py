"""Files whose end became zeros."""

from typing import Any

import pytest
from PIL import Image

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


def run(serialize: Any, data: bytes) -> dict[str, Any]:
    return dict(serialize.image.serialize_image(data, 32, LIMIT))


@pytest.mark.parametrize("tenth", range(3, 10))
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_ends_in_zeros_is_corrupt(serialize: Any, name: str, tenth: int) -> None:
    data = FILES[name]
    kept = len(data) * tenth // 10
    with pytest.raises(serialize.errors.CorruptImageError, match="damaged"):
        run(serialize, data[:kept] + bytes(len(data) - kept))


@pytest.mark.parametrize("name", sorted(FILES))
def test_zeros_behind_the_picture_are_none_of_its_data(serialize: Any, name: str) -> None:
    data = FILES[name]
    assert run(serialize, data + bytes(100_000)) == run(serialize, data)


@pytest.mark.parametrize("name", ["AVIF", "HEIF", "WEBP"])
@pytest.mark.parametrize("shade", [0, 255])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("size", [(300, 200), (2000, 1500)])
def test_a_picture_of_one_colour_is_whole_though_it_ends_in_zeros(
    serialize: Any, name: str, shade: int, lossless: bool, size: tuple[int, int]
) -> None:
    options = {"lossless": True} if name == "WEBP" and lossless else {}
    assert run(serialize, encoded(Image.new("RGB", size, (shade,) * 3), name, **options))


def test_room_left_in_exif_behind_the_picture_is_not_damage(serialize: Any) -> None:
    exif = Image.Exif()
    exif[0x9286] = bytes(3000)
    assert run(serialize, encoded(PHOTO, "HEIF", exif=exif.tobytes() + bytes(3000)))
    assert run(serialize, encoded(PHOTO, "AVIF", exif=exif.tobytes() + bytes(3000)))
