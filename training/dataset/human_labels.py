"""Human labels: files of JSON lines, each with image, label, reviewer and time.

Records of "Record decision" have an id too, may name the record that they replace, and say of an image that certifies
and compares models that it is held out; what else they say (how long the decision took, what the model had said) is
not read here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from training.aws import aws_errors
from training.errors import ReviewError
from training.storage import Address, explained, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

OUT_OF_DISTRIBUTION = "neither"  # a reviewer's label for an image of none of the classes
CANNOT_TELL = "cannot_tell"
UNDONE = "undone"  # the label of a record that only takes back the one it replaces
RESERVED = frozenset({OUT_OF_DISTRIBUTION, CANNOT_TELL, UNDONE, "gone"})
"""What reviewers decide instead of a class; no class can have one of these names."""
_SUFFIXES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Reference:
    """The image that was reviewed.

    Attributes
    ----------
    bucket
        None if the line has a plain path.
    key
        The raw key in S3, never URL-encoded.
    version_id, etag
        The version; the newest if neither is given.
    """

    bucket: str | None
    key: str
    version_id: str | None = None
    etag: str | None = None

    def __str__(self) -> str:
        """Return the address for display."""
        address = self.key if self.bucket is None else f"s3://{self.bucket}/{self.key}"
        return f"{address}?versionId={self.version_id}" if self.version_id else address


@dataclass(frozen=True, slots=True)
class Vote:
    """One reviewer's label for one image, and where it is stored.

    Attributes
    ----------
    id, replaces
        Of a decision and of the one it corrects or takes back; None where the line has none.
    held_out
        Whether the image certifies and compares models, so that none may learn from it.
    """

    image: Reference
    label: str
    reviewer: str
    time: datetime
    where: str
    id: str | None = None
    replaces: str | None = None
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was left out, and the reason."""

    subject: str
    reason: str


def parse(name: str, text: str) -> Iterable[Vote | Problem]:
    """Yield a vote for every line of a file, or the line's error; empty lines are skipped."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{name}:{number}"
            try:
                yield _vote(line, where)
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                reason = f"no {error}" if isinstance(error, KeyError) else str(error)
                yield Problem(where, f"not a label line: {reason}")


def standing(votes: Iterable[Vote]) -> list[Vote]:
    """Return the votes that no other vote replaces, whoever cast it, without those that only take one back."""
    cast = list(votes)
    replaced = {vote.replaces for vote in cast if vote.replaces}
    return [vote for vote in cast if vote.id not in replaced and vote.label != UNDONE]


def newest_by_reviewer(votes: Iterable[Vote]) -> list[Vote]:
    """Return each reviewer's newest vote; of two with the same time, the one that was written later."""
    newest: dict[str, Vote] = {}
    for vote in sorted(votes, key=lambda vote: vote.time):
        newest[vote.reviewer] = vote
    return list(newest.values())


def _vote(line: str, where: str) -> Vote:
    content = json.loads(line)
    if not isinstance(content, dict):
        raise TypeError("not a JSON object")
    time = datetime.fromisoformat(_text(content, "time"))
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    reference = _reference(content["image"])
    return Vote(
        reference,
        _text(content, "label"),
        _text(content, "reviewer"),
        time,
        where,
        _text(content, "id") if content.get("id") is not None else None,
        _text(content, "replaces") if content.get("replaces") is not None else None,
        _flag(content, "held_out"),
    )


def _reference(image: Any) -> Reference:  # noqa: ANN401 - whatever the JSON holds
    if isinstance(image, str):
        scheme, mark, rest = image.partition("://")
        if not mark:
            return Reference(None, _text({"image": image}, "image"))
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket or not key:
            raise ValueError(f"{image!r} is not of the form s3://bucket/key")
        return Reference(bucket, key)
    if not isinstance(image, dict):
        raise TypeError("image is neither an address nor an object with bucket and key")
    versions = {name: str(image[name]).strip('"') for name in ("version_id", "etag") if image.get(name)}
    return Reference(_text(image, "bucket"), _text(image, "key"), **versions)


def _text(content: dict[str, Any], name: str) -> str:
    value = content[name]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is not a text")
    return value if name == "key" else value.strip()


def _flag(content: dict[str, Any], name: str) -> bool:
    value = content.get(name, False)
    if not isinstance(value, bool):
        raise TypeError(f"{name} is neither true nor false")
    return value


def label_files(place: Path | Address, s3: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a boto3 client
    """Yield (name, text) of every label file, by name.

    Raises
    ------
    ReviewError
        There are none.
    StorageError
        S3 returned an error.
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
    try:
        for found in listing(s3, address):
            if found.key.lower().endswith(_SUFFIXES):
                body = s3.get_object(Bucket=address.bucket, Key=found.key)["Body"]
                yield f"s3://{address.bucket}/{found.key}", body.read()
    except aws_errors() as error:
        raise explained(error, str(address)) from error
