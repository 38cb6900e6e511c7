"""Kinds of damage to a file, as Hypothesis strategies."""

from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies

from tests.fuzz.seeds import with_checksums

EXTREMES = (0, 1, 2, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
SHARE = strategies.floats(0, 1)


@dataclass(frozen=True, slots=True)
class Damage:
    """One change to a file: `share` of its length says where, `length` how far, the rest what."""

    kind: Literal["set", "flip", "cut", "drop", "repeat", "splice", "length"]
    share: float
    length: int
    value: int
    other: float

    def to(self, data: bytes, others: tuple[bytes, ...]) -> bytes:
        """Apply it; `others` are files to take pieces of."""
        at = int(self.share * len(data))
        end = min(len(data), at + self.length)
        piece = data[at:end]
        if self.kind == "splice":
            other = others[self.value % len(others)]
            start = int(self.other * len(other))
            new = other[start : start + self.length]
        elif self.kind == "length":
            end, new = self._length(at)
        else:
            end, new = {
                "set": (at + 1, bytes([self.value % 256])),
                "flip": (at + 1, bytes(byte ^ 1 << self.value % 8 for byte in piece[:1])),
                "cut": (len(data), b""),
                "drop": (end, b""),
                "repeat": (end, piece * (1 + self.value % 256)),
            }[self.kind]
        return data[:at] + new + data[end:]

    def _length(self, at: int) -> tuple[int, bytes]:
        width = (1, 2, 4, 8)[self.length % 4]
        number = EXTREMES[self.value % len(EXTREMES)] % 256**width
        return at + width, number.to_bytes(width, "big" if self.other < 0.5 else "little")


@strategies.composite
def damages(draw: strategies.DrawFn) -> Damage:
    """One change, near the start as often as anywhere: that is where headers are."""
    kind = draw(strategies.sampled_from(("set", "flip", "cut", "drop", "repeat", "splice", "length")))
    share = draw(SHARE)
    if draw(strategies.booleans()):
        share = share**4
    length, value = draw(strategies.integers(1, 200)), draw(strategies.integers(0, 2**16))
    return Damage(kind, share, length, value, draw(SHARE))  # type: ignore[arg-type]


def damaged(data: bytes, changes: list[Damage], others: tuple[bytes, ...], *, mend: bool) -> bytes:
    """Apply all changes, then correct the checksums of a PNG if `mend` is true."""
    for change in changes:
        data = change.to(data, others)
    return with_checksums(data) if mend else data
