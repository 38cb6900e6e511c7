"""Captures and result documents in a folder or under an S3 prefix, listed first and then read in order."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.aws import aws_errors
from training.errors import TrainingError
from training.storage import code_of, next_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CAPTURE, DOCUMENT = ".jsonl", ".json"
S3 = "s3://"
_AT_ONCE = 16  # small documents that are fetched in parallel


class SourceError(TrainingError):
    """There is nothing to read; the message is one line with the next step."""


class UnreadableFileError(TrainingError):
    """One file of many could not be read."""


@dataclass(frozen=True, slots=True)
class File:
    """A file or object; `written` is its time in S3, None for local files, whose times are not reliable."""

    name: str
    open: Callable[[], Iterator[bytes]]
    written: datetime | None = None

    @property
    def is_capture(self) -> bool:
        """Whether it contains captures, one per line; otherwise it is one result document."""
        return self.name.endswith(CAPTURE)


def list_files(source: str, make_s3: Callable[[], Any]) -> Iterator[File]:
    """Yield the captures and documents in a folder, in one file, or under s3://bucket/prefix.

    Parameters
    ----------
    source
        Path or S3 address.
    make_s3
        Creates the boto3 client, if one is needed.

    Raises
    ------
    SourceError
        The folder or bucket does not exist or may not be read.
    """
    return _objects(source, make_s3) if source.startswith(S3) else _paths(Path(source))


def read_documents(files: Iterable[File]) -> Iterator[tuple[File, bytes | UnreadableFileError]]:
    """Yield each document with its content or its error, a few fetched at a time."""
    remaining = iter(files)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while chunk := list(itertools.islice(remaining, 4 * _AT_ONCE)):
            yield from zip(chunk, pool.map(_content, chunk), strict=True)


def _content(file: File) -> bytes | UnreadableFileError:
    try:
        return b"".join(file.open())
    except UnreadableFileError as error:
        return error


def _paths(root: Path) -> Iterator[File]:
    if not root.exists():
        raise SourceError(f"{root}: no such folder; give a folder, a file or {S3}bucket/prefix")
    paths = sorted(root.rglob("*")) if root.is_dir() else [root]
    for path in paths:
        if _wanted(path.name) and path.is_file():
            yield File(path.as_posix(), partial(_read_path, path))


def _read_path(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise UnreadableFileError(error.strerror or str(error)) from error


def _objects(source: str, make_s3: Callable[[], Any]) -> Iterator[File]:
    bucket, _, prefix = source.removeprefix(S3).partition("/")
    try:
        client = make_s3()
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                if _wanted(item["Key"].rpartition("/")[2]):
                    key = item["Key"]
                    written = item["LastModified"].astimezone(UTC)
                    yield File(f"{S3}{bucket}/{key}", partial(_read_object, client, bucket, key), written)
    except aws_errors() as error:
        raise SourceError(f"{source}: {code_of(error)}: {_reason(error)}") from error


def _read_object(client: Any, bucket: str, key: str) -> Iterator[bytes]:  # noqa: ANN401 - a boto3 client
    try:
        yield from client.get_object(Bucket=bucket, Key=key)["Body"].iter_lines(1 << 20, keepends=True)
    except aws_errors() as error:
        raise UnreadableFileError(_reason(error)) from error


def _wanted(name: str) -> bool:
    return name.endswith((CAPTURE, DOCUMENT)) and not name.startswith(".")


def _reason(error: Exception) -> str:
    """Return the next step, or if that is unknown, the message of AWS's library."""
    return next_step(error) or " ".join(str(error).split())
