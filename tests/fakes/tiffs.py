"""TIFFs of any layout, encoded here, so that a decoder's result can be compared with the input."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

WIDTH, HEIGHT, ROWS_PER_STRIP, TILE = 21, 13, 5, 16
type Picture = Callable[[int, int, int], float]
type Tag = tuple[int, int, tuple[int, ...]]

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK = 0, 1, 2, 3, 5
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
COLOURS = {RGB: 3, CMYK: 4}


def shade(x: int, y: int, sample: int) -> float:
    """0 to 1, different in every pixel and sample."""
    return ((x * 11 + y * 17 + sample * 83) % 256) / 255


@dataclass(frozen=True)
class Tiff:
    """A layout; `encoded` writes it."""

    photometric: int
    bits: int
    sample_format: int = UNSIGNED
    extra: tuple[int, ...] = ()
    order: str = "<"
    planar: int = 1
    compression: str = "none"
    predictor: int = 1
    fill_order: int = 1
    tiled: bool = False
    tags: tuple[Tag, ...] = ()

    @property
    def samples(self) -> int:
        return COLOURS.get(self.photometric, 1) + len(self.extra)

    @property
    def full(self) -> float:
        """The stored value of 1.0."""
        full = {UNSIGNED: 2.0**self.bits - 1, SIGNED: 2.0**15 - 1, FLOAT: 1.0}
        return full[self.sample_format]

    @property
    def name(self) -> str:
        parts = [
            f"photometric {self.photometric}",
            f"{self.bits} bits",
            {1: "", 2: "signed", 3: "float"}[self.sample_format],
        ]
        parts += [f"extra {self.extra}" if self.extra else "", {"<": "little", ">": "big"}[self.order]]
        parts += [
            "planes" if self.planar == 2 else "",
            self.compression if self.compression != "none" else "",
        ]
        parts += [f"predictor {self.predictor}" if self.predictor > 1 else "", "tiles" if self.tiled else ""]
        return ", ".join([*filter(None, parts), *(["bits reversed"] if self.fill_order == 2 else [])])

    def with_(self, **changes: object) -> "Tiff":
        return replace(self, **changes)  # type: ignore[arg-type]


def number(layout: Tiff, value: float) -> float:
    """A grey level in its stored form."""
    stored = value * layout.full
    return stored if layout.sample_format == FLOAT else round(stored)


def _row(layout: Tiff, values: list[float]) -> bytes:
    if layout.bits < 8 or layout.bits % 8:
        text = "".join(f"{int(value):0{layout.bits}b}" for value in values)
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8)
    code = {(FLOAT, 16): "e", (FLOAT, 32): "f", (FLOAT, 64): "d"}.get((layout.sample_format, layout.bits))
    code = code or {8: "b", 16: "h", 32: "i"}.get(layout.bits, "")
    if layout.bits == 24:
        return b"".join(
            int(value).to_bytes(3, "little" if layout.order == "<" else "big") for value in values
        )
    unsigned = layout.sample_format == UNSIGNED or layout.predictor > 1
    code = code.upper() if unsigned and layout.sample_format != FLOAT else code
    return struct.pack(f"{layout.order}{len(values)}{code}", *values)


def _blocks(layout: Tiff) -> Iterator[tuple[range, range]]:
    if layout.tiled:
        for top in range(0, HEIGHT, TILE):
            for left in range(0, WIDTH, TILE):
                yield range(left, left + TILE), range(top, top + TILE)
    else:
        for top in range(0, HEIGHT, ROWS_PER_STRIP):
            yield range(WIDTH), range(top, min(HEIGHT, top + ROWS_PER_STRIP))


def _values(layout: Tiff, picture: Picture, xs: range, y: int, samples: range) -> list[float]:
    return [
        number(layout, picture(x, y, sample)) if x < WIDTH and y < HEIGHT else 0
        for x in xs
        for sample in samples
    ]


def _differences(layout: Tiff, values: list[float], samples: int) -> list[float]:
    modulus = 2**layout.bits
    before: list[float] = [0] * samples + values
    return [(value - earlier) % modulus for value, earlier in zip(values, before, strict=False)]


def encoded(layout: Tiff, picture: Picture = shade) -> bytes:
    """Write the picture in this layout."""
    groups = (
        [range(sample, sample + 1) for sample in range(layout.samples)]
        if layout.planar == 2
        else [range(layout.samples)]
    )
    blocks = []
    for group in groups:
        for xs, ys in _blocks(layout):
            rows = []
            for y in ys:
                values = _values(layout, picture, xs, y, group)
                rows.append(
                    _row(
                        layout, _differences(layout, values, len(group)) if layout.predictor == 2 else values
                    )
                )
            block = COMPRESS[layout.compression](b"".join(rows))
            if layout.fill_order == 2:
                block = bytes(int(f"{byte:08b}"[::-1], 2) for byte in block)
            blocks.append(block)
    return _file(layout, blocks)


def _file(layout: Tiff, blocks: list[bytes]) -> bytes:
    offsets, at = [], 8
    for block in blocks:
        offsets.append(at)
        at += len(block) + len(block) % 2
    where = (324, 325) if layout.tiled else (273, 279)
    tags: list[Tag] = [
        (256, 3, (WIDTH,)), (257, 3, (HEIGHT,)), (258, 3, (layout.bits,) * layout.samples),
        (259, 3, (NUMBERS[layout.compression],)), (262, 3, (layout.photometric,)), (266, 3, (layout.fill_order,)),
        (where[0], 4, tuple(offsets)), (277, 3, (layout.samples,)), (where[1], 4, tuple(map(len, blocks))),
        (284, 3, (layout.planar,)), (317, 3, (layout.predictor,)), (339, 3, (layout.sample_format,) * layout.samples),
        *([(322, 3, (TILE,)), (323, 3, (TILE,))] if layout.tiled else [(278, 3, (ROWS_PER_STRIP,))]),
        *([(338, 3, layout.extra)] if layout.extra else []),
        *([(320, 3, palette(layout.bits))] if layout.photometric == PALETTE else []),
        *layout.tags,
    ]  # fmt: skip
    tags.sort()
    order = layout.order
    behind = at + 2 + 12 * len(tags) + 4
    directory, more = struct.pack(order + "H", len(tags)), b""
    for tag, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            inline, more = struct.pack(order + "I", behind + len(more)), more + packed
        else:
            inline = packed.ljust(4, b"\x00")
        directory += struct.pack(order + "HHI", tag, kind, len(values)) + inline
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    body = b"".join(block + b"\x00" * (len(block) % 2) for block in blocks)
    return start + body + directory + bytes(4) + more


def palette(bits: int) -> tuple[int, ...]:
    """Red is the value, green its complement, blue 0x80."""
    high = 2**bits - 1
    red = [index * 255 // high * 257 for index in range(high + 1)]
    return (*red, *(65_535 - value for value in red), *[0x8080] * (high + 1))


def _packbits(raw: bytes) -> bytes:
    return b"".join(
        bytes([len(part) - 1]) + part for part in (raw[at : at + 128] for at in range(0, len(raw), 128))
    )


def _lzw(raw: bytes) -> bytes:
    # A new table every 200 bytes: codes stay nine bits long and need no dictionary.
    codes = []
    for at in range(0, len(raw), 200):
        codes += [256, *raw[at : at + 200]]
    text = "".join(f"{code:09b}" for code in [*codes, 257])
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda raw: raw,
    "LZW": _lzw,
    "deflate": zlib.compress,
    "PackBits": _packbits,
}
NUMBERS = {"none": 1, "LZW": 5, "deflate": 8, "PackBits": 32773}
