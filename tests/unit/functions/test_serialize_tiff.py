"""Each TIFF layout that is let through shows what was put in; each other one is refused by its name."""

import struct
from base64 import b64decode
from io import BytesIO
from itertools import pairwise, product

import pytest
from PIL import Image

from serialize.errors import UnsupportedImageError
from serialize.image import serialize_image
from tests.fakes.tiffs import (
    BLACK_IS_ZERO,
    CMYK,
    FLOAT,
    HEIGHT,
    PALETTE,
    RGB,
    SIGNED,
    WHITE_IS_ZERO,
    WIDTH,
    Tiff,
    encoded,
    number,
    shade,
)

LIMIT = 50_000_000
KINDS = [
    *(Tiff(kind, bits) for kind in (WHITE_IS_ZERO, BLACK_IS_ZERO) for bits in (1, 2, 4, 8, 12, 16)),
    Tiff(BLACK_IS_ZERO, 16, SIGNED),
    Tiff(BLACK_IS_ZERO, 32, SIGNED),
    Tiff(BLACK_IS_ZERO, 32, FLOAT),
    Tiff(BLACK_IS_ZERO, 8, extra=(2,)),
    *(Tiff(PALETTE, bits) for bits in (1, 2, 4, 8)),
    *(Tiff(RGB, bits, extra=extra) for bits in (8, 16) for extra in ((), (0,), (1,), (2,))),
    *(Tiff(RGB, 8, extra=extra) for extra in ((0, 0), (1, 0), (2, 0), (2, 0, 0))),
    *(Tiff(CMYK, bits) for bits in (8, 16)),
    *(Tiff(CMYK, 8, extra=extra) for extra in ((0,), (0, 0))),
]
LAYOUTS = [
    kind.with_(order=order, planar=planar, compression=compression, predictor=predictor, tiled=tiled)
    for kind, order, planar, compression, predictor, tiled in product(
        KINDS, "<>", (1, 2), ("none", "LZW", "deflate", "PackBits"), (1, 2), (False, True)
    )
    if (planar == 1 or (kind.photometric in {RGB, CMYK} and (len(kind.extra) < 2 or not any(kind.extra))))
    and (
        predictor == 1
        or (compression in {"LZW", "deflate"} and kind.bits in {8, 16, 32} and kind.sample_format != FLOAT)
    )
]
LAYOUTS += [
    kind.with_(fill_order=2, order=order, compression=compression)
    for kind, order, compression in product(KINDS, "<>", ("none", "deflate"))
    if kind.bits <= 8 and not kind.extra and kind.photometric != CMYK
]


def pixels(data: bytes) -> Image.Image:
    result = serialize_image(data, 32, LIMIT)
    assert result["original"] == {"format": "TIFF", "width": WIDTH, "height": HEIGHT}
    return Image.open(BytesIO(b64decode(result["image_data"]))).convert("RGB")


def expected(layout: Tiff, x: int, y: int) -> list[float]:
    """The colours of a pixel from the numbers that were stored."""
    white = 65_535 if layout.sample_format == SIGNED else layout.full
    stored = [number(layout, shade(x, y, sample)) / white for sample in range(layout.samples)]
    match layout.photometric:
        case 0:
            colours = [1 - stored[0]] * 3
        case 1:
            colours = stored[:1] * 3
        case 3:
            colours = [stored[0], 1 - stored[0], 0x80 / 255]
        case 5:
            colours = [(1 - ink) * (1 - stored[3]) for ink in stored[:3]]
        case _:
            colours = stored[:3]
    if layout.extra and layout.extra[0] > 0:
        alpha = stored[3] if layout.photometric == RGB else stored[1]
        # Colours that are multiplied already may not be brighter than their alpha: those here are.
        seen = colours if layout.extra[0] == 1 else [colour * alpha for colour in colours]
        colours = [min(alpha, colour) + 1 - alpha for colour in seen]
    return [255 * colour for colour in colours]


def largest_error(image: Image.Image, layout: Tiff) -> float:
    return max(
        abs(found - wanted)
        for x, y in product(range(WIDTH), range(HEIGHT))
        for found, wanted in zip(image.getpixel((x, y)), expected(layout, x, y), strict=True)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_an_accepted_tiff_shows_what_was_put_in(layout: Tiff) -> None:
    image = pixels(encoded(layout))
    # 16 bits keep their upper half alone, and an alpha of little is divided by.
    assert largest_error(image, layout) <= (3 if layout.extra else 2.01)


REFUSED = [
    (Tiff(WHITE_IS_ZERO, 32, FLOAT), r"32-bit float grey \(white is zero\)"),
    (Tiff(BLACK_IS_ZERO, 16, FLOAT), "16-bit float grey"),
    (Tiff(BLACK_IS_ZERO, 64, FLOAT), "64-bit float grey"),
    (Tiff(RGB, 32, FLOAT), "32-bit float RGB"),
    (Tiff(RGB, 32, FLOAT, planar=2, compression="deflate"), "32-bit float RGB in planes, deflate"),
    *((Tiff(BLACK_IS_ZERO, bits), f"{bits}-bit grey") for bits in (10, 14, 24, 32)),
    *((Tiff(RGB, bits), f"{bits}-bit RGB") for bits in (2, 4, 10, 12, 32)),
    (Tiff(BLACK_IS_ZERO, 8, SIGNED, predictor=2), "8-bit signed grey"),
    (Tiff(RGB, 16, SIGNED), "16-bit signed RGB"),
    (Tiff(WHITE_IS_ZERO, 16, SIGNED), r"16-bit signed grey \(white is zero\)"),
    (Tiff(PALETTE, 8, extra=(2,), planar=2), "8-bit palette with alpha in planes"),
    (Tiff(BLACK_IS_ZERO, 8, extra=(2,), planar=2), "8-bit grey with alpha in planes"),
    (Tiff(BLACK_IS_ZERO, 16, extra=(2,)), "16-bit grey with alpha"),
    (Tiff(RGB, 8, extra=(2, 0), planar=2), "8-bit RGB with 2 more channels in planes"),
    (Tiff(BLACK_IS_ZERO, 16, fill_order=2), "16-bit grey, bits reversed"),
    (Tiff(8, 8), "8-bit Lab"),
    (Tiff(6, 8), "8-bit YCbCr"),
    (Tiff(5, 8, tags=((332, 3, (2,)),)), "8-bit CMYK"),
    (Tiff(999, 8), "8-bit photometric 999"),
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("layout", "named"), REFUSED, ids=lambda value: getattr(value, "name", ""))
def test_what_is_not_known_to_be_right_is_refused_by_name(layout: Tiff, named: str, order: str) -> None:
    with pytest.raises(UnsupportedImageError, match=f"TIFF image of the kind {named}"):
        pixels(encoded(layout.with_(order=order)))


@pytest.mark.parametrize(
    ("compression", "named"),
    [(34712, "JPEG 2000"), (34887, "LERC"), (50002, "JPEG XL"), (12345, "number 12345")],
)
def test_an_unknown_compression_is_named(compression: int, named: str) -> None:
    data = encoded(Tiff(RGB, 8)).replace(
        struct.pack("<HHIHH", 259, 3, 1, 1, 0), struct.pack("<HHIHH", 259, 3, 1, compression, 0)
    )
    with pytest.raises(UnsupportedImageError, match=f"compression {named}, which is not accepted"):
        pixels(data)


def floats(values: list[float], order: str = "<", compression: str = "none") -> bytes:
    layout = Tiff(BLACK_IS_ZERO, 32, FLOAT, order=order, compression=compression)
    return encoded(layout, lambda x, y, _: values[(y * WIDTH + x) % len(values)])


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf"), 1e30, 60_000.0, 3.5, -1.0])
def test_one_odd_number_does_not_darken_a_float_picture(order: str, compression: str, odd: float) -> None:
    shades = [index / 40 for index in range(41)]
    shown = 255 if odd > 0 else 0
    for at in (0, 20):
        values = [*shades[:at], odd, *shades[at:]]
        image = pixels(floats(values, order, compression))
        found = [image.getpixel((x, y))[0] for y in range(2) for x in range(WIDTH)]  # type: ignore[index]
        wanted = [shown if index == at else int(value * 255) for index, value in enumerate(values)]
        assert max(abs(one - other) for one, other in zip(found, wanted, strict=True)) <= 1


@pytest.mark.parametrize(
    ("full", "white"), [(1.0, 1.0), (255.0, 255.0), (65_535.0, 65_535.0), (90_000.0, 90_000.0)]
)
@pytest.mark.parametrize("odd", [[], [float("nan")], [float("inf")]])
def test_floats_are_0_to_1_unless_most_are_beyond(full: float, white: float, odd: list[float]) -> None:
    values = [*odd, *(full * index / 40 for index in range(41))]
    image = pixels(floats(values))
    row = [image.getpixel((x, 0))[0] for x in range(len(odd), WIDTH)]  # type: ignore[index]
    assert row == [int(value / white * 255 + 1e-4) for value in values[len(odd) : WIDTH]]
    assert all(one < other for one, other in pairwise(row))


@pytest.mark.parametrize("pointer", [0x8769, 0x8825])
@pytest.mark.parametrize("where", [4, 90, 3000, 2**31, 2**32 - 1])
def test_a_pointer_to_nowhere_does_not_lose_the_picture(pointer: int, where: int) -> None:
    noise = bytes(range(255, 0, -1)) * 40
    layout = Tiff(RGB, 8, tags=((pointer, 4, (where,)),))
    assert largest_error(pixels(encoded(layout) + noise), layout) <= 1


@pytest.mark.parametrize("turn", [1, 3, 6])
@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_xmp_turns_a_tiff_only_where_its_own_orientation_is_missing(turn: int, compression: str) -> None:
    xmp = tuple(f'<x:xmpmeta><r tiff:Orientation="{turn}"/></x:xmpmeta>'.encode())
    words = tuple(int.from_bytes(bytes(xmp[at : at + 2]), "little") for at in range(0, len(xmp) & ~1, 2))
    layout = Tiff(RGB, 8, compression=compression, tags=((700, 3, words), (274, 3, (1,))))
    assert largest_error(pixels(encoded(layout)), layout) <= 1


def with_sub_directory(tags: dict[int, int], maker: bytes = b"") -> bytes:
    """A small RGB picture in front, and behind it a directory with these numbers."""
    data = encoded(
        Tiff(RGB, 8, tags=((330, 4, (0xFEEDBEEF,)), *(((271, 3, (0xBEEF,) * 3),) if maker else ())))
    )
    start = len(data)
    data = data.replace(struct.pack("<I", 0xFEEDBEEF), struct.pack("<I", start))
    if maker:
        data = data.replace(struct.pack("<HHI", 271, 3, 3), struct.pack("<HHI", 271, 2, 6))
        data = data.replace(b"\xef\xbe" * 3, maker.ljust(6, b"\x00"))
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in sorted(tags.items()))
    return data + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("tags", "maker", "named"),
    [
        ({259: 34_713, 262: 32_803}, b"NIKON", r"a raw photo \(Nikon\)"),
        ({259: 32_767, 262: 32_803}, b"SONY", r"a raw photo \(Sony\)"),
        ({259: 32_770}, b"", "a raw photo,"),
        ({259: 1, 262: 34_892}, b"", "a raw photo,"),
    ],
)
def test_a_raw_photo_is_not_taken_for_its_preview(tags: dict[int, int], maker: bytes, named: str) -> None:
    with pytest.raises(UnsupportedImageError, match=f"the file is {named}"):
        pixels(with_sub_directory(tags, maker))


def test_other_marks_of_raw_photos() -> None:
    dng = encoded(Tiff(RGB, 8, tags=((50706, 3, (1, 4)),)))
    canon = encoded(Tiff(RGB, 8))
    canon = canon[:4] + struct.pack("<I", len(canon)) + b"CR\x02\x00" + canon[12:] + b"\x00\x00" + bytes(4)
    for data in (dng, canon, encoded(Tiff(32_803, 16))):
        with pytest.raises(UnsupportedImageError, match="the file is a raw photo"):
            pixels(data)


def test_a_tiff_of_several_resolutions_is_not_a_raw_photo() -> None:
    assert largest_error(pixels(with_sub_directory({254: 1, 259: 5, 262: 2})), Tiff(RGB, 8)) <= 1
