"""Pictures as the browser shows them: upright JPEGs of an exact object version, made once and kept in memory."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock
from typing import TYPE_CHECKING, Final

from scones.console.decoders import Decoders, NotDecodedError
from scones.errors import OBJECT_GONE, error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_CACHE_BYTES: Final = 256 * 1024**2
MAX_PIXELS: Final = 50_331_648
"""As the highest value of the template's MaxPixels."""
MAX_FILE_BYTES: Final = 26_214_400
"""As the highest value of the template's MaxObjectBytes."""
_GONE: Final = OBJECT_GONE | {"NoSuchBucket"}
_REPLACED: Final = frozenset({"PreconditionFailed", "412"})


class PreviewSize(IntEnum):
    """The longest side of a preview in pixels."""

    THUMB = 384
    FULL = 2048


class PreviewGoneError(Exception):
    """The object version is not there any more; its text is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An object version: by its id, else by the key's current object as long as that has this ETag."""

    key: str
    etag: str
    version_id: str | None = None

    @property
    def id(self) -> str:
        """A short name of the image for the page: the same for the same bytes under the same key."""
        return hashlib.sha256(f"{self.key}\0{self.etag}".encode()).hexdigest()[:20]


class Previews:
    """Fetches, decodes and keeps previews; used by many threads at once."""

    def __init__(self, decoders: Decoders, max_cache_bytes: int = MAX_CACHE_BYTES) -> None:
        self._decoders = decoders
        self._cache = _ByteCache(max_cache_bytes)

    def jpeg(self, s3: "S3Client", bucket: str, image: ImageRef, size: PreviewSize) -> bytes:
        """Return the preview of an image.

        Raises
        ------
        PreviewGoneError
            The version was deleted, or the key has another object now.
        NotDecodedError
            The file cannot be shown.
        """
        name = (bucket, image, size)
        return self._cache.get(
            name, lambda: self._decoders.jpeg(read_image(s3, bucket, image), size, MAX_PIXELS)
        )

    def small(self, data: bytes) -> bytes | None:
        """Return a small JPEG of a file; None where it cannot be shown."""
        try:
            return self._decoders.jpeg(data, PreviewSize.THUMB, MAX_PIXELS)
        except NotDecodedError:
            return None

    def close(self) -> None:
        """End the processes that decode."""
        self._decoders.close()


def read_image(s3: "S3Client", bucket: str, image: ImageRef) -> bytes:
    """Read exactly this version of an image.

    Raises
    ------
    PreviewGoneError
        The version was deleted, or the key has another object now.
    NotDecodedError
        The object is larger than any that the pipeline reads.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    which = {"VersionId": image.version_id} if image.version_id else {"IfMatch": f'"{image.etag}"'}
    try:
        answer = s3.get_object(Bucket=bucket, Key=image.key, **which)  # type: ignore[arg-type]
    except ClientError as error:
        if error_code(error) in _GONE:
            message = "this image was deleted"
            raise PreviewGoneError(message) from error
        if error_code(error) in _REPLACED:
            raise PreviewGoneError(_replaced()) from error
        raise
    with closing(answer["Body"]) as body:
        # Not every implementation of S3 honours If-Match on a read.
        if answer["ETag"].strip('"') != image.etag:
            raise PreviewGoneError(_replaced())
        if answer["ContentLength"] > MAX_FILE_BYTES:
            message = f"the file has {answer['ContentLength'] / 1e6:.0f} MB, too much to show it"
            raise NotDecodedError(message)
        return body.read()


def _replaced() -> str:
    return "this image was replaced by a newer upload under the same key"


class _ByteCache:
    """The values that were asked for last, up to a number of bytes; what several threads ask for is made once."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._values: OrderedDict[object, bytes] = OrderedDict()
        self._making: dict[object, Lock] = {}
        self._lock = Lock()

    def get(self, name: object, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            making = self._making.setdefault(name, Lock())
        try:
            with making:
                with self._lock:
                    if name in self._values:
                        self._values.move_to_end(name)
                        return self._values[name]
                value = make()
                self._keep(name, value)
                return value
        finally:
            with self._lock:
                self._making.pop(name, None)

    def _keep(self, name: object, value: bytes) -> None:
        with self._lock:
            self._size += len(value) - len(self._values.pop(name, b""))  # two threads may have made it
            self._values[name] = value
            while self._size > self._max_bytes and self._values:
                _, dropped = self._values.popitem(last=False)
                self._size -= len(dropped)
