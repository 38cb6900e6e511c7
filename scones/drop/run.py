"""One drop from upload to outcome: uploads and watches at the same time, and matches results to images."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from scones.drop.uploads import Image, Uploads
from scones.pace import Pace
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


SILENCE_S, LONGEST_SILENCE_S = 5.0, 60.0
"""Seconds without an outcome after which a drop looks for what its images wait for; the next look comes later."""


@dataclass(slots=True)
class Drop:
    """A drop under way. Images are filled in as it goes, so that an interrupted one can still be reported."""

    images: Sequence[Image]
    pace: Pace = field(default_factory=Pace)
    on_progress: Callable[[int, int], None] = lambda _uploaded, _outcomes: None
    on_silence: Callable[[Sequence[Image]], None] = lambda _waiting: None
    _unmatched: dict[tuple[str, str], tuple[Document, float]] = field(default_factory=dict)

    def upload(self, uploads: Uploads) -> None:
        """Upload and do not wait for outcomes."""
        with uploads:
            uploads.start([image for image in self.images if image.problem is None])
            while uploads.are_pending:
                uploads.wait(self.pace.steady_s)
                uploads.collect()
                self._report()

    def run(self, uploads: Uploads, watch: ResultsWatch, timeout_s: float) -> None:
        """Upload, and watch until every uploaded image has its outcome.

        Parameters
        ----------
        uploads, watch
            Where the images go and where the results come from.
        timeout_s
            How long to wait after the last upload.
        """
        waiting: dict[tuple[str, str], Image] = {}
        pause = self.pace.first_s
        deadline: float | None = None
        look_at, silence = self.pace.clock() + SILENCE_S, SILENCE_S
        with uploads, watch:
            uploads.start([image for image in self.images if image.problem is None])
            while True:
                for image in uploads.collect():
                    if image.uploaded:
                        waiting[image.key, image.uploaded.etag] = image
                started = self.pace.clock()
                if deadline is None and not uploads.are_pending:
                    deadline = started + timeout_s
                arrived = self._look(watch, waiting) if waiting else 0
                self._report()
                now = self.pace.clock()
                is_over = deadline is not None and (not waiting or now >= deadline)
                if arrived or not waiting:
                    look_at, silence = now + SILENCE_S, SILENCE_S
                elif is_over or now >= look_at:
                    self.on_silence(list(waiting.values()))
                    waiting = {name: image for name, image in waiting.items() if image.document is None}
                    silence = min(2 * silence, LONGEST_SILENCE_S)
                    look_at = now + silence
                if is_over:
                    return
                pause = self.pace.steady_s if arrived else min(pause * 1.5, self.pace.longest_s)
                self._rest(uploads, max(pause, now - started))

    def _rest(self, uploads: Uploads, seconds: float) -> None:
        if uploads.are_pending:
            uploads.wait(seconds)
        else:
            self.pace.sleep(seconds)

    def _look(self, watch: ResultsWatch, waiting: dict[tuple[str, str], Image]) -> int:
        """Match new results to uploads; one may come before its upload's answer has been collected."""
        for document in watch.fresh():
            self._unmatched[document.image_key, document.image_etag] = document, self.pace.clock()
        matched = waiting.keys() & self._unmatched.keys()
        for name in matched:
            image, (document, seen_at) = waiting.pop(name), self._unmatched.pop(name)
            image.document = document
            if image.uploaded:
                image.seconds = max(0.0, seen_at - image.uploaded.at)
        return len(matched)

    def _report(self) -> None:
        self.on_progress(
            sum(image.uploaded is not None for image in self.images),
            sum(image.document is not None for image in self.images),
        )
