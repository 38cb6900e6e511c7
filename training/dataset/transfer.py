"""One HTTP request for the rest of a file (RFC 9110: Range, If-Range, Content-Range)."""

from __future__ import annotations

import re
import ssl
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from training.errors import DownloadError
from training.progress import bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from http.client import HTTPResponse

    from training.dataset.part import Part

_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 18
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_TRANSIENT = (408, 425, 429)
_SERVER_ERROR = 500


class InterruptedTransferError(Exception):
    """The server failed or the connection broke; trying again may help."""


def receive(part: Part) -> None:
    """Append what is missing; start anew where the server has another file or cannot send a range.

    Raises
    ------
    InterruptedTransferError
        Before the whole file was there.
    DownloadError
        The answer will not change by asking again.
    OSError
        The part could not be written.
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
                raise InterruptedTransferError(f"an answer that was not asked for ({response.status})")
            part.restart(_validator(response.headers))
            have = 0
        length = response.headers.get("Content-Length")
        _append(part, response, have, have + int(length) if length else None)


def _open(part: Part, have: int) -> HTTPResponse:
    if not part.url.startswith(("https://", "http://")):
        raise DownloadError(f"{part.url}: not an http or https address; for a file give --archive")
    resume = {"Range": f"bytes={have}-", "If-Range": part.validator() or ""} if have else {}
    try:
        return urlopen(Request(part.url, headers=resume), timeout=_TIMEOUT_S)  # noqa: S310 - http(s), see above
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
    """Yield what arrives; apart from the writing, so that a full disk is not taken for a broken connection."""
    try:
        while chunk := response.read1(_CHUNK_BYTES):
            yield chunk
    except (OSError, HTTPException) as error:
        raise InterruptedTransferError(f"the connection broke ({error or type(error).__name__})") from error


def _validator(headers: Message) -> str | None:
    """Return what If-Range can carry: a strong ETag, else the date."""
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


def _first(headers: Message) -> int | None:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _total(headers: Message) -> int | None:
    match = re.match(r"bytes \*/(\d+)$", headers.get("Content-Range", ""))
    return int(match[1]) if match else None
