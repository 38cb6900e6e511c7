"""Operations that run longer than a request: one of a kind at a time, in the background, with their progress."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

from scones.console.denials import Refused, refused_action
from scones.errors import SconesError


@dataclass(frozen=True, slots=True)
class Report:
    """What an operation did: a line, and rows of image, what, and why."""

    summary: str
    rows: Sequence[tuple[str, str, str]] = ()
    notes: Sequence[str] = ()


@dataclass(slots=True)
class Job:
    """
    A run of an operation.

    Attributes
    ----------
    kind
        `sweep` or `redrive`.
    command
        The command line that does the same.
    found, done
        Its progress in images; `found` grows.
    report, problem
        How it ended: neither while it runs.
    """

    kind: str
    command: str
    found: int = 0
    done: int = 0
    report: Report | None = None
    problem: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.report is None and self.problem is None

    def progress(self, found: int, done: int) -> None:
        """Note how far it is."""
        self.found, self.done = found, done

    def as_document(self) -> Mapping[str, Any]:
        """Return what the page shows of it."""
        return {
            "kind": self.kind,
            "command": self.command,
            "running": self.is_running,
            "found": self.found,
            "done": self.done,
            "problem": self.problem,
            "summary": self.report.summary if self.report else None,
            "rows": self.report.rows if self.report else [],
            "notes": self.report.notes if self.report else [],
        }


class BusyError(SconesError):
    """An operation of this kind is running."""


@dataclass(slots=True)
class Jobs:
    """
    The last job of each kind, and what IAM has refused.

    Attributes
    ----------
    refused
        The action that IAM refused to an operation, by its kind, until it succeeds.
    """

    explain: Callable[[Exception], str]
    refused: dict[str, str] = field(default_factory=dict)
    _last: dict[str, Job] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def all(self) -> Sequence[Job]:
        """Return the last job of each kind."""
        with self._lock:
            return list(self._last.values())

    def start(self, job: Job, work: Callable[[Job], Report]) -> None:
        """Start a job; it dies with the console, and what it has started in AWS continues.

        Raises
        ------
        BusyError
            While another of its kind runs.
        """
        with self._lock:
            if (last := self._last.get(job.kind)) and last.is_running:
                message = f"a {job.kind} is running already: wait until it has ended"
                raise BusyError(message)
            self._last[job.kind] = job
        Thread(target=self._run, args=(job, work), name=f"scones-{job.kind}", daemon=True).start()

    def _run(self, job: Job, work: Callable[[Job], Report]) -> None:
        try:
            report = work(job)
        except Exception as error:  # noqa: BLE001 (said on the page)
            job.problem = self.sentence(job.kind, error)
        else:
            self.refused.pop(job.kind, None)
            job.report = report

    def sentence(self, kind: str, error: Exception) -> str:
        """Say what went wrong, and remember what IAM refused."""
        if action := refused_action(error):
            self.refused[kind] = action
            return Refused(action).sentence
        return self.explain(error)
