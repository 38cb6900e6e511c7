"""Find the files of human labels: below an S3 address, or in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.errors import ReviewError
from training.storage import Address, explained, listing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIXES = (".jsonl", ".ndjson", ".json")


def label_files(place: Path | Address, s3: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a boto3 client
    """Yield (name, text) of every label file, by name.

    Raises
    ------
    ReviewError
        There is none.
    StorageError
        S3 refused.
    """
    found = False
    for name, data in _in_s3(place, s3) if isinstance(place, Address) else _in_folder(place):
        found = True
        yield name, data.decode("utf-8-sig", errors="replace")
    if not found:
        raise ReviewError(f"{place}: no label files ({', '.join(_SUFFIXES)}); correct --reviewed")


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        raise ReviewError(f"{folder}: no such folder; correct --reviewed")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES and path.is_file():
            yield str(path), path.read_bytes()


def _in_s3(address: Address, s3: Any) -> Iterator[tuple[str, bytes]]:  # noqa: ANN401 - a boto3 client
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only S3 needs it

    try:
        for found in listing(s3, address):
            if found.key.lower().endswith(_SUFFIXES):
                body = s3.get_object(Bucket=address.bucket, Key=found.key)["Body"]
                yield f"s3://{address.bucket}/{found.key}", body.read()
    except (BotoCoreError, ClientError) as error:
        raise explained(error, str(address)) from error
