"""Pictures in a terminal: inline where it can show them, else a file to open.

Only a JPEG that was made of the image in a child process is decoded here or sent to a terminal; the file that is opened
has the bytes as they were uploaded.
"""

import base64
import io
import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from scones.decisions.review_image import ReviewImage

type Preview = Callable[[bytes], bytes | None]
"""Make an upright JPEG of an image; None where it cannot be shown."""

_ROWS: Final = 24
_LONGEST_SIDE: Final = 1024
"""Pixels of a picture in a terminal: more would not be seen, and takes long over SSH."""
_CHUNK: Final = 4096
"""Longest part of a picture in one escape sequence (kitty, "Terminal graphics protocol")."""
_SUFFIXES: Final[Mapping[bytes, str]] = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG\r\n\x1a\n": ".png",
    b"GIF8": ".gif",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), ".tif"),
    b"BM": ".bmp",
}
"""Never .svg or .html: a viewer goes by the name, and a browser would run what is in them."""


class Protocol(StrEnum):
    """How a terminal is sent a picture."""

    KITTY = "kitty"
    ITERM = "iterm"
    NONE = "none"


def protocol_of(environment: Mapping[str, str]) -> Protocol:
    """Tell by its environment what a terminal can show; inside tmux or screen nothing gets through."""
    if environment.get("TMUX") or environment.get("TERM", "").startswith(("screen", "tmux")):
        return Protocol.NONE
    program = environment.get("TERM_PROGRAM", "").lower()
    if "KITTY_WINDOW_ID" in environment or environment.get("TERM") == "xterm-kitty" or program == "ghostty":
        return Protocol.KITTY
    if program in {"iterm.app", "wezterm"} or environment.get("LC_TERMINAL") == "iTerm2":
        return Protocol.ITERM
    return Protocol.NONE


class Pictures:
    """
    Shows one picture after the other; its files are in a folder that only this user can read.

    Attributes
    ----------
    jpeg
        Makes the JPEG of an image.
    """

    def __init__(self, folder: Path, protocol: Protocol, preview: Preview) -> None:
        self._folder = folder
        self._protocol = protocol
        self.jpeg = preview
        self._file: Path | None = None

    def show(self, image: "ReviewImage", content: bytes) -> str | None:
        """Show a picture; return the address of its file where the terminal cannot show it."""
        if self._file:
            self._file.unlink(missing_ok=True)
        self._file = self._folder / f"{image.etag[:8]}{suffix_of(content)}"
        self._file.write_bytes(content)
        jpeg = self.jpeg(content) if self._protocol is not Protocol.NONE else None
        if jpeg is None:
            return self._file.as_uri()
        sys.stdout.write(iterm(jpeg) if self._protocol is Protocol.ITERM else kitty(_png(jpeg)))
        sys.stdout.write("\n")
        sys.stdout.flush()
        return None

    def open(self) -> None:
        """Open the file of the picture that is shown in the system's viewer."""
        if self._file:
            webbrowser.open(self._file.as_uri())


@contextmanager
def pictures() -> Iterator[Pictures]:
    """Show pictures in this terminal; their files are deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="scones-review-") as folder, _previews() as preview:
        yield Pictures(Path(folder), protocol_of(os.environ), preview)


@contextmanager
def _previews() -> Iterator[Preview]:
    try:
        from scones.console.decoders import DecoderLimits, Decoders, NotDecodedError  # noqa: PLC0415 (an extra)
        from scones.console.previews import MAX_PIXELS  # noqa: PLC0415
    except ModuleNotFoundError:
        yield lambda _content: None  # without what decodes, addresses of files are printed
        return
    with closing(Decoders(DecoderLimits(processes=1))) as decoders:

        def preview(content: bytes) -> bytes | None:
            try:
                return decoders.jpeg(content, _LONGEST_SIDE, MAX_PIXELS)
            except NotDecodedError:
                return None

        yield preview


def iterm(jpeg: bytes) -> str:
    """Return a picture in the protocol of iTerm2."""
    encoded = base64.b64encode(jpeg).decode()
    return f"\x1b]1337;File=inline=1;size={len(jpeg)};height={_ROWS};preserveAspectRatio=1:{encoded}\x07"


def kitty(png: bytes) -> str:
    """Return a picture in the protocol of kitty, in the parts that it allows."""
    encoded = base64.b64encode(png).decode()
    parts = [encoded[start : start + _CHUNK] for start in range(0, len(encoded), _CHUNK)]
    sent = []
    for number, part in enumerate(parts):
        first = f"a=T,f=100,r={_ROWS},q=2," if number == 0 else ""
        sent.append(f"\x1b_G{first}m={int(number < len(parts) - 1)};{part}\x1b\\")
    return "".join(sent)


def _png(jpeg: bytes) -> bytes:
    from PIL import Image  # noqa: PLC0415 (an extra)

    png = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(png, "PNG")
    return png.getvalue()


def suffix_of(content: bytes) -> str:
    """Return the file name's end by which a viewer knows what this is, `.bin` for what is no accepted image."""
    if content[4:8] == b"ftyp":
        brands = content[8 : int.from_bytes(content[:4])]
        return ".avif" if b"avif" in brands or b"avis" in brands else ".heic"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for start, suffix in _SUFFIXES.items() if content.startswith(start)), ".bin")
