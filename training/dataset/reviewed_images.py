"""Reviewed images, read in parallel from S3 (in the reviewed version) or from a folder."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from endpoint.errors import ImageError
from endpoint.image import read_square
from training.aws import aws_errors
from training.dataset.archive import SIDE
from training.dataset.human_labels import Problem
from training.errors import TrainingError
from training.progress import bar
from training.storage import code_of, explained, status_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from training.dataset.human_labels import Reference


MAX_IMAGE_BYTES = 25_000_000  # the same limit as the pipeline's
_BAD_REQUEST, _SERVER_ERROR = 400, 500
_THREADS = 8
_EVERY_CALL_FAILS = (  # client errors that do not concern a single object
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "SlowDown",
)
_REASONS = {
    "AccessDenied": "not in the bucket, or this role may not read it",
    "InvalidArgument": "there is no such version",
    "MethodNotAllowed": "deleted",
    "NoSuchBucket": "the bucket does not exist",
    "NoSuchKey": "not in the bucket",
    "NoSuchVersion": "this version is not in the bucket",
    "PreconditionFailed": "changed since it was reviewed",
}


class UnavailableImageError(TrainingError):
    """One image is not available; others may be."""


class ImageSource(Protocol):
    """Returns the bytes of a reviewed image."""

    def read(self, image: Reference) -> bytes:
        """Return the file, or raise UnavailableImageError."""


class S3Images:
    """Reviewed images in the buckets of the pipeline."""

    def __init__(self, s3: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._s3 = s3

    def read(self, image: Reference) -> bytes:
        """Return the object, in the reviewed version if the reference states it."""
        if image.bucket is None:
            raise UnavailableImageError("a plain path, without a bucket; give --reviewed-images")
        version = {"VersionId": image.version_id} if image.version_id else {}
        match = {"IfMatch": f'"{image.etag}"'} if image.etag and not image.version_id else {}
        try:
            answer = self._s3.get_object(Bucket=image.bucket, Key=image.key, **version, **match)
            with answer["Body"] as body:
                if answer["ContentLength"] > MAX_IMAGE_BYTES:
                    raise UnavailableImageError(f"larger than {MAX_IMAGE_BYTES} bytes")
                return bytes(body.read())
        except aws_errors() as error:  # an error that never reached S3 has the status 0
            code = code_of(error)
            if code in _EVERY_CALL_FAILS or not _BAD_REQUEST <= status_of(error) < _SERVER_ERROR:
                raise explained(error, str(image)) from error
            raise UnavailableImageError(_REASONS.get(code, f"S3 answers {code}")) from error


class FolderImages:
    """Reviewed images in a folder, as <bucket>/<key> or <key>, with an optional fallback for those of a bucket."""

    def __init__(self, folder: Path, elsewhere: ImageSource | None = None) -> None:
        self._folder, self._elsewhere = folder.resolve(), elsewhere

    def read(self, image: Reference) -> bytes:
        """Return the file."""
        for name in (f"{image.bucket}/{image.key}", image.key):
            path = (self._folder / name.lstrip("/")).resolve()
            if not path.is_relative_to(self._folder):
                raise UnavailableImageError(f"leads out of {self._folder}")
            if path.is_file():
                if path.stat().st_size > MAX_IMAGE_BYTES:
                    raise UnavailableImageError(f"larger than {MAX_IMAGE_BYTES} bytes")
                return path.read_bytes()
        if self._elsewhere is not None and image.bucket is not None:
            return self._elsewhere.read(image)
        raise UnavailableImageError(f"not in {self._folder}")


@dataclass(frozen=True, slots=True)
class Picture:
    """The model's input as uint8 [32, 32, 3], and the path of the stored file."""

    pixels: np.ndarray
    original: Path


def fetch_all(
    references: Collection[Reference], images: ImageSource, originals: Path
) -> Iterator[tuple[Reference, Picture | Problem]]:
    """Yield every image in order, or the reason why it is unavailable; its file is written to `originals`."""
    originals.mkdir(exist_ok=True)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="review")
    try:
        with bar("reviewed", len(references)) as progress:
            fetched = pool.map(partial(_fetch, images, originals), references)
            for reference, found in zip(references, fetched, strict=True):
                progress.update()
                yield reference, found
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fetch(images: ImageSource, originals: Path, reference: Reference) -> Picture | Problem:
    try:
        data = images.read(reference)
        square = read_square(data, SIDE)
    except (UnavailableImageError, ImageError) as error:
        return Problem(str(reference), str(error))
    with Image.open(io.BytesIO(data)) as opened:
        suffix = (opened.format or "image").lower()
    original = originals / f"{hashlib.sha256(data).hexdigest()}.{suffix}"
    original.write_bytes(data)
    return Picture(np.asarray(square), original)
