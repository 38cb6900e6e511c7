"""Copies of images: the version that was classified, written whole or not at all, and never over other bytes."""

import errno
import filecmp
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from threading import Event
from typing import TYPE_CHECKING, Final, Self

from scones.errors import SconesError
from scones.fetch.drafts import drafts_folder
from scones.fetch.file_names import candidates, flat_path, relative_path, safe_name
from scones.fetch.versions import CopyState, NoCopyError, open_version
from scones.result_documents import Document, Outcome
from scones.terminal import shown

if TYPE_CHECKING:
    from types import TracebackType

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_THREADS: Final = 8
_CHUNK_BYTES: Final = 1 << 20
_PATIENCE_S: Final = 3
"""How long an end waits for the threads: a slow line must not hold Ctrl-C up."""
_OF_ONE_PATH: Final = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
        *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL),
    }
)
"""Errors of one path, so that other images can continue; a full disk would fail them all."""
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(frozen=True, slots=True)
class Copy:
    """An image that was asked for, where its copy is, or why there is none."""

    document: Document
    state: CopyState
    path: Path | None = None
    problem: str | None = None

    @property
    def is_fine(self) -> bool:
        """Whether the copy is there."""
        return self.path is not None


class FetchStoppedError(BaseException):
    """The command ended while this image was on its way. Not an Exception: it is not the image's fault."""


class Copies:
    """
    Fetches images into a folder; leaving its context stops what is under way and leaves no part of a file.

    A copy has the time of its object, so that a later run sees that it is the same without fetching it again.
    """

    def __init__(self, s3: "S3Client", bucket: str, incoming_prefix: str, folder: Path) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._incoming_prefix = incoming_prefix
        self._folder = folder
        self._stop = Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")
        self._under_way = set[Future[Copy]]()
        self._drafts: Path | None = None
        self._at_end = ExitStack()

    def __enter__(self) -> Self:
        """Make the folder; drafts lie in it, so that a finished one only changes its name."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._drafts = self._at_end.enter_context(drafts_folder(self._folder))
        except OSError as error:
            raise self._cannot_write(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        """Stop the threads at their next chunk, leave those that wait for one, and delete the drafts."""
        self._stop.set()
        with self._at_end:
            self._pool.shutdown(wait=False, cancel_futures=True)
            wait([future for future in self._under_way if not future.cancelled()], _PATIENCE_S)

    def fetch_all(self, documents: Iterable[Document]) -> Iterator[Copy]:
        """Yield a copy for each document, as they come; a few are under way at once."""
        remaining = iter(documents)
        while True:
            room = islice(remaining, 2 * _THREADS - len(self._under_way))
            for document in room:
                self._under_way.add(self._pool.submit(self._fetch, document))
            if not self._under_way:
                return
            done, self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()

    def _fetch(self, document: Document) -> Copy:
        try:
            return self._fetch_to(self._target(document), document)
        except NoCopyError as error:
            return Copy(document, error.state, problem=error.problem)
        except OSError as error:
            if error.errno not in _OF_ONE_PATH:
                raise self._cannot_write(error) from error
            path = error.filename2 or error.filename or self._folder
            return Copy(
                document, CopyState.FAILED, problem=f"not fetched: cannot write to {path}: {error.strerror}"
            )

    def _cannot_write(self, error: OSError) -> SconesError:
        return SconesError(f"cannot write to {shown(str(self._folder))}: {error.strerror or error}")

    def _fetch_to(self, target: Path, document: Document) -> Copy:
        image = document.content["image"]
        for path in candidates(target, document.image_etag):
            if _has_digest(path, image.get("size"), document.image_etag):
                return Copy(document, CopyState.PRESENT, path)
        if not os.access(target.parent, os.W_OK | os.X_OK):  # before its bytes are transferred for nothing
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target.parent))
        answer = open_version(self._s3, self._bucket, document)
        with closing(answer["Body"]):
            for path in candidates(target, document.image_etag):
                if _is_copy_of(path, answer):
                    return Copy(document, CopyState.PRESENT, path)
            return self._place(self._download(answer), target, document)

    def _download(self, answer: "GetObjectOutputTypeDef") -> Path:
        if self._drafts is None:
            message = "not entered"
            raise RuntimeError(message)
        draft = self._drafts / uuid.uuid4().hex
        with draft.open("xb") as file:
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                if self._stop.is_set():
                    raise FetchStoppedError
                file.write(chunk)
        os.utime(draft, ns=(_time_ns(answer), _time_ns(answer)))
        return draft

    def _place(self, draft: Path, target: Path, document: Document) -> Copy:
        """Give a finished draft the first name that is free, unless the same bytes have one."""
        for path in candidates(target, document.image_etag):
            if _rename_to_free(draft, path):
                return Copy(document, CopyState.FETCHED, path)
            if _has_bytes_of(path, draft):
                draft.unlink()
                return Copy(document, CopyState.PRESENT, path)
        raise NoCopyError(CopyState.FAILED, f"not fetched: {target.name} and its other names are taken")

    def _target(self, document: Document) -> Path:
        """Return the plain path of an image's copy and make its folder: of passed images by label, else by outcome."""
        sorted_by = [] if document.outcome is Outcome.PASSED else [str(document.outcome)]
        if document.label:
            sorted_by.append(safe_name(document.label))
        below = document.image_key.removeprefix(self._incoming_prefix)
        path = relative_path(below)
        try:
            return self._make_folder(*sorted_by, *path.parent.parts) / path.name
        except (FileExistsError, NotADirectoryError):  # `a` and `a/b` are both keys
            return self._make_folder(*sorted_by) / flat_path(below)

    def _make_folder(self, *names: str) -> Path:
        """Make a folder below the target folder; a link on the way could lead out of it."""
        path = self._folder
        for name in names:
            path /= name
            if path.is_symlink():
                raise OSError(errno.ELOOP, "it is a link, which could lead out of the folder", str(path))
            path.mkdir(exist_ok=True)
        return path


def _has_digest(path: Path, size: object, etag: str) -> bool:
    """Tell whether a file has an image's bytes by its ETag, where that is their MD5 (not so with a key or in parts)."""
    try:
        if not path.is_file() or path.stat().st_size != size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == etag
    except OSError:  # a file that cannot be read takes its name as one with other bytes does
        return False


def _has_bytes_of(path: Path, draft: Path) -> bool:
    try:
        return path.is_file() and filecmp.cmp(draft, path, shallow=False)
    except OSError:
        return False


def _is_copy_of(path: Path, answer: "GetObjectOutputTypeDef") -> bool:
    """Tell by size and time whether a file is the copy that an earlier run made of this image."""
    try:
        status = path.stat()
    except OSError:
        return False
    return (
        S_ISREG(status.st_mode)
        and status.st_size == answer["ContentLength"]
        and status.st_mtime_ns == _time_ns(answer)
    )


def _time_ns(answer: "GetObjectOutputTypeDef") -> int:
    """Return the object's time, in whose nanoseconds, which S3 leaves empty, a hash tells its bytes from others."""
    digest = hashlib.sha256(answer["ETag"].encode()).digest()
    return int(answer["LastModified"].timestamp()) * 10**9 + int.from_bytes(digest[:4]) % 10**9


def _rename_to_free(draft: Path, path: Path) -> bool:
    """Rename a file, never over another one, which a plain rename would do."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            return False
        draft.rename(path)
        return True
    with suppress(OSError):
        draft.unlink()
    return True
