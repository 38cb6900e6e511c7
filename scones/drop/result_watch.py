"""Watching the results bucket: a listing of a few prefixes each round, and only new results are fetched."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from scones.result_documents import Document, Listed, fetch, list_results

if TYPE_CHECKING:
    from types import TracebackType

    from mypy_boto3_s3 import S3Client

_THREADS = 8


class ResultsWatch:
    """Yields each result under some prefixes once, and again when it is overwritten by another."""

    def __init__(self, s3: "S3Client", bucket: str, prefixes: Sequence[str]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefixes = prefixes
        self._known: dict[str, tuple[object, ...]] = {}
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="watch")

    def __enter__(self) -> Self:
        """Do nothing: the first listing is the caller's decision."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        """Drop the requests that have not been sent."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ignore_present(self) -> None:
        """Take what is there now for old, whatever any clock says: only changes count from here."""
        self._new()

    def fresh(self) -> list[Document]:
        """Return the result documents that are new since the last call, the oldest first."""
        new = sorted(self._new(), key=lambda item: (item.last_modified, item.key))
        documents = self._pool.map(lambda item: fetch(self._s3, self._bucket, item.key), new)
        return [document for document in documents if document is not None]

    def _new(self) -> list[Listed]:
        new = []
        for listing in self._pool.map(self._list, self._prefixes):
            for item in listing:
                version = (item.etag, item.last_modified)
                if self._known.get(item.key) != version:
                    self._known[item.key] = version
                    new.append(item)
        return new

    def _list(self, prefix: str) -> list[Listed]:
        return list(list_results(self._s3, self._bucket, prefix))
