"""Uploads in parallel: each file one PutObject, whose answer names the ETag the workflow will see."""

import mimetypes
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ALL_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Self

from scones.errors import concerns_one_object, explain
from scones.result_documents import Document

if TYPE_CHECKING:
    from types import TracebackType

    from mypy_boto3_s3 import S3Client

THREADS = 8


class UploadStoppedError(BaseException):
    """The drop ended while this file was on its way. Not an Exception: botocore would retry it."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What one PutObject answered, and when it did, on the drop's own clock."""

    etag: str
    at: float


@dataclass(slots=True)
class Image:
    """A dropped file and its progress so far."""

    path: Path
    key: str
    problem: str | None = None
    uploaded: Uploaded | None = None
    document: Document | None = None
    seconds: float | None = None
    waits_for: str | None = None
    is_over_limits: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether it was uploaded and has no outcome yet."""
        return self.uploaded is not None and self.document is None


class Uploads:
    """Uploads under way; leaving its context stops those that have not finished."""

    def __init__(self, s3: "S3Client", bucket: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock
        self._stop = Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
        self._pending: dict[Future[Uploaded], Image] = {}

    def __enter__(self) -> Self:
        """Do nothing: uploads begin with `start`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        """Stop what has not finished, and take in what has."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.collect()

    @property
    def are_pending(self) -> bool:
        """Whether some uploads have not been collected yet."""
        return bool(self._pending)

    def start(self, images: Sequence[Image]) -> None:
        """Begin to upload the images."""
        self._pending.update({self._pool.submit(self._put, image.path, image.key): image for image in images})

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until all uploads have ended, or the time is over."""
        wait(self._pending, timeout_s, ALL_COMPLETED)

    def collect(self) -> list[Image]:
        """Write the uploads that have ended into their images.

        Returns
        -------
        list of Image
            The images that were uploaded since the last call.

        Raises
        ------
        BotoCoreError or ClientError
            When an upload failed in a way that would fail the others too.
        """
        ended = {future: image for future, image in self._pending.items() if future.done()}
        fatal: BaseException | None = None
        for future, image in ended.items():
            del self._pending[future]
            error = None if future.cancelled() else future.exception()
            if error is None and not future.cancelled():
                image.uploaded = future.result()
            elif error is None or isinstance(error, UploadStoppedError):
                image.problem = "not uploaded: stopped before"
            elif isinstance(error, OSError):
                image.problem = f"not uploaded: {error.strerror or error}"
            elif concerns_one_object(error) and (line := explain(error)):
                image.problem = f"not uploaded: {line}"
            else:
                image.problem = f"not uploaded: {explain(error) or error}"
                fatal = fatal or error
        if fatal is not None and not self._stop.is_set():
            raise fatal
        return [image for image in ended.values() if image.uploaded]

    def _put(self, path: Path, key: str) -> Uploaded:
        if self._stop.is_set():
            raise UploadStoppedError
        with _StoppableFile(path, self._stop) as body:
            answer = self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            )
        return Uploaded(answer["ETag"].strip('"'), self._clock())


class _StoppableFile(FileIO):
    """A file that ends its own upload when the drop is over: a slow line must not hold Ctrl-C up."""

    def __init__(self, path: Path, stop: Event) -> None:
        super().__init__(path)
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        # Sending reads here. Signing may use readinto from native code, where an error would only be printed.
        if self._stop.is_set():
            raise UploadStoppedError
        return super().read(-1 if size is None else size) or b""
