"""Data Capture in SageMaker's format: each request and its response, kept for monitoring.

    <folder>/<endpoint>/<variant>/YYYY/MM/DD/HH/MM-SS-mmm-<uuid>.jsonl

A separate thread writes the records, one batch per file. Files are renamed into place, so a file is never partial; if
the process is killed, only the records not yet written are lost.
"""

from __future__ import annotations

import itertools
import json
import logging
import queue
import random
import threading
import time
import uuid
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from endpoint.exchange import Exchange

ALL_PERCENT = 100
_BATCH, _BATCH_S = 64, 1.0
_MAX_HELD_BYTES = 64 * 1024 * 1024

logger = logging.getLogger(__name__)


class DataCapture:
    """Writes exchanges in the background; `add` never waits and never fails.

    Parameters
    ----------
    folder
        Where files go.
    percent
        Percentage of the exchanges that is captured, sampled at random like InitialSamplingPercentage.
    batch_s
        How long a record waits for others to share its file.
    max_held_bytes
        Limit of image bytes in memory; exchanges beyond it, while the disk is too slow, are lost.
    """

    def __init__(
        self,
        folder: Path,
        percent: float = ALL_PERCENT,
        batch_s: float = _BATCH_S,
        max_held_bytes: int = _MAX_HELD_BYTES,
    ) -> None:
        self._folder, self._percent, self._batch_s = folder, percent, batch_s
        self._waiting: queue.SimpleQueue[Exchange | None] = queue.SimpleQueue()
        self._held_bytes, self._max_held_bytes, self._lock = 0, max_held_bytes, threading.Lock()
        self._losing = False
        self._thread = threading.Thread(target=self._run, name="data-capture", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, exchange: Exchange) -> None:
        """Capture the exchange, or drop it if the writer cannot keep up."""
        if random.random() * ALL_PERCENT >= self._percent:  # noqa: S311 - a sample, not a secret
            return
        with self._lock:
            room = self._held_bytes + len(exchange.image) <= self._max_held_bytes
            self._held_bytes += len(exchange.image) if room else 0
        if room:
            self._waiting.put(exchange)
        else:
            self._lose("more requests than can be written")

    def close(self, timeout_s: float = 10) -> None:
        """Write the pending exchanges; returns after at most `timeout_s`, even if the disk hangs."""
        self._waiting.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = self._batch(first)
            by_folder = sorted(batch, key=self._hour_folder)
            for folder, group in itertools.groupby(by_folder, key=self._hour_folder):
                self._write(folder, list(group))
            with self._lock:
                self._held_bytes -= sum(len(exchange.image) for exchange in batch)
            if last:
                return

    def _batch(self, first: Exchange) -> tuple[list[Exchange], bool]:
        """Return a batch of exchanges, and whether it is the last."""
        batch, until = [first], time.monotonic() + self._batch_s
        while len(batch) < _BATCH:
            try:
                following = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _hour_folder(self, exchange: Exchange) -> Path:
        return exchange.hour_folder(self._folder)

    def _write(self, folder: Path, batch: list[Exchange]) -> None:
        moment = batch[0].time
        name = f"{moment:%M-%S}-{moment.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        partial = folder / f".{name}.partial"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(one.record(), separators=(",", ":")) + "\n" for one in batch)
            partial.replace(folder / name)
            self._losing = False
        except OSError as error:
            self._lose(error.strerror or str(error))
            self._discard(partial)

    @staticmethod
    def _discard(partial: Path) -> None:
        try:
            partial.unlink(missing_ok=True)
        except OSError:
            logger.debug("%s could not be removed", partial)

    def _lose(self, reason: str) -> None:
        """Warn once, and again only after a successful write."""
        if not self._losing:
            self._losing = True
            logger.warning("data capture drops requests, inference continues: %s", reason)
