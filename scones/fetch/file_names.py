"""Where an image's copy goes: a path that stays below its folder and that a file system can hold, for any key."""

import hashlib
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

MAX_NAME_BYTES: Final = 255
_LONGEST_EXTENSION: Final = 16
_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DOTS: Final = frozenset({".", ".."})


def relative_path(key: str) -> PurePosixPath:
    """
    Return the path of a key, with what no file may be called escaped by percent signs, as in a URL.

    Empty parts are left out, `.` and `..` are escaped, and a part that is too long is cut and hashed.
    """
    parts = [safe_name(part) for part in key.split("/") if part]
    return PurePosixPath(*parts) if parts else PurePosixPath("%2F")


def flat_path(key: str) -> PurePosixPath:
    """Return one name for a whole key, for where one of its folders is a file already."""
    return PurePosixPath(_shortened(str(relative_path(key)).replace("/", "%2F")))


def safe_name(part: str) -> str:
    """Return a name that stands for a part of a key, or for a label."""
    if part in _DOTS:
        return part.replace(".", "%2E")
    return _shortened("".join(_escaped(character) for character in part))


def candidates(path: Path, etag: str) -> Iterator[Path]:
    """Yield the names for an image, the next where one is taken by other bytes: plain, then marked by its ETag."""
    yield path
    plain = "".join(character for character in etag if character.isalnum() or character == "-")
    for length in (8, len(plain)):
        yield path.with_name(_marked(path.name, f"~{plain[:length]}"))


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _UNPRINTABLE and character not in "\\/":
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    return _marked(name, f"~{hashlib.sha256(name.encode()).hexdigest()[:8]}")


def _marked(name: str, mark: str) -> str:
    """Put a mark between the stem and the extension, and cut the stem where the name gets too long."""
    stem, extension = PurePosixPath(name).stem, PurePosixPath(name).suffix
    if len(extension.encode()) > _LONGEST_EXTENSION:
        stem, extension = name, ""
    room = MAX_NAME_BYTES - len((mark + extension).encode())
    return stem.encode()[:room].decode(errors="ignore") + mark + extension
