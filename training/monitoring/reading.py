"""Read files into observations; invalid records are counted and reported, and never end the reading."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training.monitoring.observations import Observations
from training.monitoring.records import Reader, RecordError, document
from training.monitoring.sources import SourceError, UnreadableFileError, list_files, read_documents
from training.progress import bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from training.monitoring.observations import Observation
    from training.monitoring.sources import File
    from training.monitoring.time_range import TimeRange

_MOST_NAMED = 20


@dataclass(slots=True)
class Broken:
    """Records that were left out: their number, and the names of the first ones."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, where: str, reason: object) -> None:
        """Count one."""
        self.count += 1
        if len(self.named) < _MOST_NAMED:
            self.named.append(f"{where}: {reason}")


@dataclass(slots=True)
class Reading:
    """Result of reading the sources.

    Attributes
    ----------
    observations
        Those of the time range.
    broken
        Records that could not be parsed.
    files
        Number of files that were opened.
    outside
        Number of records outside the time range.
    verification
        Number of documents of `scones verify`, which are left out.
    """

    observations: Observations = field(default_factory=Observations)
    broken: Broken = field(default_factory=Broken)
    files: int = 0
    outside: int = 0
    verification: int = 0


def find_files(sources: Sequence[str], times: TimeRange, make_s3: Callable[[], Any]) -> list[File]:
    """Return the files that can contain records of the time range.

    Raises
    ------
    SourceError
        A source cannot be listed, or no source has captures or documents of any time.
    """
    wanted, seen = [], 0
    for file in itertools.chain.from_iterable(list_files(source, make_s3) for source in sources):
        seen += 1
        if _may_hold(file, times):
            wanted.append(file)
    if not seen:
        raise SourceError(
            f"{', '.join(sources)}: no captures (*.jsonl) and no result documents (*.json) there; check the path"
        )
    return wanted


def _may_hold(file: File, times: TimeRange) -> bool:
    """Decide by the folder of the hour, or by the time at which the document was stored."""
    if file.is_capture:
        return times.may_hold(file.name)
    return file.written is None or times.may_hold_written_at(file.written.timestamp())


def read(files: Sequence[File], reader: Reader, times: TimeRange) -> Reading:
    """Read the files, captures before documents."""
    captures = [file for file in files if file.is_capture]
    documents = [file for file in files if not file.is_capture]
    found = Reading(files=len(files))
    with bar("captures", len(captures), " files") as progress:
        for file in captures:
            _read_capture(file, reader, times, found)
            progress.update()
    with bar("documents", len(documents), " files") as progress:
        for file, content in read_documents(documents):
            if isinstance(content, UnreadableFileError):
                found.broken.add(file.name, content)
            else:
                _keep(file.name, content, document, times, found)
            progress.update()
    return found


def _read_capture(file: File, reader: Reader, times: TimeRange, found: Reading) -> None:
    try:
        for number, line in _numbered(file.open()):
            _keep(f"{file.name}:{number}", line, reader.capture, times, found)
    except UnreadableFileError as error:
        found.broken.add(file.name, error)


def _numbered(lines: Iterable[bytes]) -> Iterable[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _keep(
    where: str, record: bytes, parse: Callable[[bytes], Observation | None], times: TimeRange, found: Reading
) -> None:
    try:
        observation = parse(record)
    except RecordError as error:
        found.broken.add(where, error)
        return
    if observation is None:
        found.verification += 1
    elif times.holds(observation.time):
        found.observations.add(observation)
    else:
        found.outside += 1
