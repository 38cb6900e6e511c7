"""Download a file with a known checksum: resumed, retried, and in place only when complete.

A partial file is kept beside the target until it is complete. Resuming is one HTTP request for the rest (RFC 9110:
Range, If-Range, Content-Range), and starts again if the server's file has changed.
"""

from __future__ import annotations

import json
import random
import re
import ssl
import sys
import time
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from training.dataset.archive import md5_of
from training.errors import DownloadError, TrainingError
from training.progress import bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message
    from http.client import HTTPResponse
    from pathlib import Path


OFFICIAL_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
ATTEMPTS = 6  # attempts in a row without a new byte
_LONGEST_WAIT_S = 30.0
_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 18
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_TRANSIENT = (408, 425, 429)
_SERVER_ERROR = 500


def fetch(url: str, target: Path, md5: str, sleep: Callable[[float], None] = time.sleep) -> Path:
    """Return `target`, downloaded unless it already exists with this checksum.

    When the download ends early, also by Ctrl-C, the received bytes are kept beside it as `<name>.part`; the
    next call continues there if the server still has the same file, and starts again otherwise.

    Raises
    ------
    DownloadError
        The server's error is permanent, it stayed unreachable, or its file has another checksum.
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
        _say("the parts do not form the expected file; starting again")
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
    """Receive until the file is complete; return whether an earlier partial file was used."""
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


class Part:
    """`<target>.part` with `<target>.part.json` beside it.

    Parameters
    ----------
    target
        Path of the finished file.
    url
        Source of the file; a partial file from another source is not continued.
    """

    def __init__(self, target: Path, url: str) -> None:
        self.target, self.url = target, url
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")

    def size(self) -> int:
        """Return the number of bytes to continue from; 0 if their origin is unknown."""
        return self.path.stat().st_size if self.path.exists() and self.validator() else 0

    def validator(self) -> str | None:
        """Return the ETag or date that the server sent with these bytes."""
        try:
            note = json.loads(self._note.read_text())
            return str(note["validator"]) if note["url"] == self.url and note["validator"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def restart(self, validator: str | None) -> None:
        """Start at the first byte of the file that this validator identifies."""
        self.path.unlink(missing_ok=True)
        self._note.write_text(json.dumps({"url": self.url, "validator": validator}))
        self.path.touch()

    def discard(self) -> None:
        """Delete the received bytes."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Move the complete file into place."""
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)


class InterruptedTransferError(TrainingError):
    """The server failed or the connection broke; retryable."""


def receive(part: Part) -> None:
    """Append the missing bytes; start again if the server has another file or cannot send a range.

    Raises
    ------
    InterruptedTransferError
        The transfer ended before the file was complete.
    DownloadError
        The error is permanent.
    OSError
        The partial file could not be written.
    """
    have = part.size()
    try:
        response = _open(part, have)
    except HTTPError as error:
        if error.code == _UNSATISFIABLE and _total(error.headers) == have:
            return
        if error.code == _UNSATISFIABLE:
            part.discard()
            raise InterruptedTransferError("the server has a shorter file now") from error
        if error.code in _TRANSIENT or error.code >= _SERVER_ERROR:
            raise InterruptedTransferError(f"the server answers {error.code} {error.reason}") from error
        raise DownloadError(
            f"{part.url}: the server answers {error.code} {error.reason}; "
            "give another --url, or fetch the file another way and give --archive"
        ) from error
    with response:
        if response.status != _PARTIAL or _first(response.headers) != have:
            if response.status != _OK:
                part.discard()
                raise InterruptedTransferError(f"an unexpected response ({response.status})")
            part.restart(_validator(response.headers))
            have = 0
        length = response.headers.get("Content-Length")
        _append(part, response, have, have + int(length) if length else None)


def _open(part: Part, have: int) -> HTTPResponse:
    if not part.url.startswith(("https://", "http://")):
        raise DownloadError(f"{part.url}: not an http or https address; for a file give --archive")
    resume = {"Range": f"bytes={have}-", "If-Range": part.validator() or ""} if have else {}
    try:
        answer: HTTPResponse = urlopen(Request(part.url, headers=resume), timeout=_TIMEOUT_S)  # noqa: S310 - see above
        return answer  # noqa: TRY300 - the request alone is tried
    except HTTPError:
        raise
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadError(f"{part.url}: {reason.verify_message}; is a proxy in between?") from error
        raise InterruptedTransferError(f"cannot reach the server ({reason})") from error


def _append(part: Part, response: HTTPResponse, have: int, total: int | None) -> None:
    with part.path.open("ab") as file, bar(part.target.name, total, "B", have) as progress:
        for chunk in _chunks(response):
            file.write(chunk)
            have += len(chunk)
            progress.update(len(chunk))
    if total is not None and have < total:
        raise InterruptedTransferError(f"the connection ended after {have} of {total} bytes")


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the received chunks; separate from writing, so that a full disk is not taken for a broken connection."""
    try:
        while chunk := response.read1(_CHUNK_BYTES):
            yield chunk
    except (OSError, HTTPException) as error:
        raise InterruptedTransferError(f"the connection broke ({error or type(error).__name__})") from error


def _validator(headers: Message) -> str | None:
    """Return the validator for If-Range: a strong ETag, otherwise the date."""
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


def _first(headers: Message) -> int | None:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _total(headers: Message) -> int | None:
    match = re.match(r"bytes \*/(\d+)$", headers.get("Content-Range", ""))
    return int(match[1]) if match else None
