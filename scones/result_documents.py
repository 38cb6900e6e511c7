"""Result documents: what the workflow writes, where, and how to list and fetch it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from scones.image_keys import INCOMING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LITERAL_CHARACTERS: Final = 200
"""How much of an image's key surely stands unshortened in its result's key."""
VERIFICATION_FOLDER: Final = "scones-verify"
"""Folder that holds one folder for each run of `scones verify`: it tests a deploy, so what counts
images leaves it out. `training/verification_images.py` has the same rule, and a test holds both equal."""
_PARTS_BEFORE_IMAGE: Final = {"passed": 2, "reviewed": 2}
"""Parts of a result's key before the image's own: the outcome, and the label of images that have one for sure."""
_LONGEST_NAME: Final = 900
"""UTF-8 bytes of an image's name that its result's key repeats; a longer one is cut and hashed."""


class Outcome(StrEnum):
    """What an image has come to; each is the first part of a result's key.

    `review` waits for a person, whose decision makes it `reviewed`; the others are final.
    """

    PASSED = "passed"
    REVIEW = "review"
    REVIEWED = "reviewed"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Listed:
    """A result as a listing shows it: enough to see that it is new, without fetching it."""

    key: str
    etag: str
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """A result document and the key it was read from."""

    result_key: str
    outcome: Outcome
    image_key: str
    image_etag: str
    label: str | None
    confidence: float | None
    reason: str | None
    content: Mapping[str, Any]

    @property
    def is_gone(self) -> bool:
        """Whether the image was deleted before a person could decide about it."""
        return self.outcome is Outcome.REVIEWED and self.label == "gone"

    @classmethod
    def parse(cls, result_key: str, body: bytes) -> Self:
        """Read a document.

        Raises
        ------
        ValueError
            When it is not one: not JSON, an unknown outcome, no image.
        """
        try:
            content = json.loads(body)
            image = content["image"]
            outcome = Outcome(content["outcome"])
            confidence = content.get("confidence")
            return cls(
                result_key=result_key,
                outcome=outcome,
                image_key=str(image["key"]),
                image_etag=str(image["etag"]).strip('"'),
                label=content.get("label"),
                confidence=None if confidence is None else float(confidence),
                reason=_reason(content),
                content=content,
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            message = f"{result_key} is not a result document ({type(error).__name__}: {error})"
            raise ValueError(message) from error


def _reason(content: Mapping[str, Any]) -> str | None:
    """Return the document's own sentence; an error without one leaves its name."""
    error = content.get("error") or {}
    return content.get("reason") or error.get("message") or error.get("name")


def result_key(outcome: str, label: str | None, image_key: str, etag: str) -> str:
    """Return the key of an image's result document, by the workflow's rule (`result_name` and `result_key` there)."""
    below = image_key.removeprefix(INCOMING)
    if len(below.encode()) > _LONGEST_NAME:
        digest = hashlib.sha256(below.encode()).hexdigest()
        below = f"{below[:LITERAL_CHARACTERS]}~{digest}"
    folder = f"{outcome}/{label}" if outcome in _PARTS_BEFORE_IMAGE else outcome
    return f"{folder}/{below}/{etag}.json"


def outcome_prefixes(labels: Iterable[str], image_prefix: str) -> tuple[str, ...]:
    """Return the prefixes under which the workflow stores results of images with a prefix."""
    below = image_prefix.removeprefix(INCOMING)
    others = (outcome for outcome in Outcome if outcome not in {Outcome.PASSED, Outcome.REVIEWED})
    return (
        *(f"{Outcome.PASSED}/{label}/{below}" for label in labels),
        *(f"{outcome}/{below}" for outcome in others),
    )


def list_results(s3: "S3Client", bucket: str, prefix: str) -> Iterator[Listed]:
    """List results under a prefix, a page of 1,000 at a time, as the caller consumes them."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield Listed(item["Key"], item["ETag"], item["LastModified"])


def fetch(s3: "S3Client", bucket: str, key: str) -> Document | None:
    """Fetch one result; None when it is gone or not a result document (others' objects are no error)."""
    try:
        with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
            return Document.parse(key, body.read())
    except (ValueError, s3.exceptions.NoSuchKey):
        return None


def is_verification_image(image_key: str) -> bool:
    """Tell by its key whether an image is one of `scones verify`."""
    return f"/{VERIFICATION_FOLDER}/" in f"/{image_key}"


def is_verification_result(result_key: str) -> bool:
    """Tell by its key whether a result is that of an image of `scones verify`."""
    parts = result_key.split("/")
    return VERIFICATION_FOLDER in parts[_PARTS_BEFORE_IMAGE.get(parts[0], 1) : -2]
