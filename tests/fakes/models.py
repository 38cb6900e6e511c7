"""The shipped model with other metadata."""

from pathlib import Path

from endpoint.predictor import SHIPPED_MODEL


def stated(target: Path, **facts: str) -> Path:
    """Write the shipped model with other metadata, such as labels="cat,dog", and return its path.

    Fields appended to a protobuf message are merged into it: of two metadata entries (field 14) with the same key, the
    later one counts.
    """
    entries = (
        _field(14, _field(1, key.encode()) + _field(2, value.encode())) for key, value in facts.items()
    )
    target.write_bytes(SHIPPED_MODEL.read_bytes() + b"".join(entries))
    return target


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128, "one byte of length"
    return bytes([number << 3 | 2, len(content)]) + content
