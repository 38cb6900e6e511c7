"""Download a file of known checksum: resumed after a cut, retried, and in place only when it is whole."""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING

from training.dataset.archive import md5_of
from training.dataset.part import Part
from training.dataset.transfer import InterruptedTransferError, receive
from training.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OFFICIAL_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
ATTEMPTS = 6  # in a row without a single new byte
_LONGEST_WAIT_S = 30.0


def fetch(url: str, target: Path, md5: str, sleep: Callable[[float], None] = time.sleep) -> Path:
    """Return `target`, downloaded unless it is there already with this checksum.

    What has arrived is kept beside it as `<name>.part` when the download ends early, Ctrl-C included; the
    next call continues there if the server still has the same file, and starts anew if not.

    Raises
    ------
    DownloadError
        The server's answer is final, it stayed unreachable, or its file has another checksum.
    OSError
        The file could not be written.
    """
    if target.is_file():
        if md5_of(target) == md5.lower():
            return target
        _say(f"{target} has another checksum; downloading it again")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target, url)
    resumed = _complete(part, sleep)
    found = md5_of(part.path)
    if found != md5.lower() and resumed:
        _say("the parts do not fit together; starting anew")
        part.discard()
        _complete(part, sleep)
        found = md5_of(part.path)
    if found != md5.lower():
        part.discard()
        raise DownloadError(
            f"{url}: md5 is {found}, expected {md5}: the server has another file; "
            "give --md5 if that is the one you want, or --archive"
        )
    part.finish()
    return target


def _complete(part: Part, sleep: Callable[[float], None]) -> bool:
    """Receive until the whole file is there; return whether any of it was there before."""
    failures = 0
    resumed = False
    while True:
        before = part.size()
        resumed = resumed or before > 0
        try:
            receive(part)
        except InterruptedTransferError as error:
            failures = 1 if part.size() > before else failures + 1
            if failures >= ATTEMPTS:
                raise DownloadError(
                    f"{part.url}: {error}; {part.size()} bytes are kept: run the command again to continue, "
                    "or fetch the file another way and give --archive"
                ) from error
            wait_s = min(_LONGEST_WAIT_S, 2.0 ** (failures - 1)) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            _say(f"{error}; trying again in {wait_s:.1f} s")
            sleep(wait_s)
        else:
            return resumed


def _say(line: str) -> None:
    print(f"download: {line}", file=sys.stderr)
