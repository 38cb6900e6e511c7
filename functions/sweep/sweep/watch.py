"""What the watch has counted so far: rules without a clock and without AWS, and its form in the claims table."""

import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from sweep.detector import alternatives, evidence, start_weight, updated
from sweep.draws import Draw, Position
from sweep.images import iso_text, moment_of
from sweep.promise import Promise


@dataclass(frozen=True, slots=True)
class Refuted:
    """
    The moment at which a promise was refuted.

    Attributes
    ----------
    at
        When the sweep found it.
    model_version
        Of the last image that was counted: another version begins a new watch.
    done
        What was done about it, in words; None until it is done.
    notified
        Whether the alert topic has been notified.
    """

    at: str
    model_version: str | None
    done: str | None = None
    notified: bool = False


@dataclass(frozen=True, slots=True)
class Suspect:
    """
    The latest images, from when their errors, taken together, have spoken against the promise: for people to read.

    They begin anew whenever the likelihood ratio of all of them falls to 1, as in Page's test.

    Attributes
    ----------
    ratio
        The logarithm of that ratio, of the middle one of the alternatives.
    """

    since: str
    passes: int = 0
    wrong: int = 0
    ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class Watch:
    """
    The watch over one promise.

    Attributes
    ----------
    promise
        Its name.
    error
        The promised share of errors.
    since
        Draws before it are not counted.
    position
        The last draw that was counted or skipped.
    counted_at
        The time of the last one that was counted; `since` before the first.
    passes, wrong
        Audited images that passed, and the wrong ones of them.
    statistics
        The numbers of sweep.detector.
    """

    promise: str
    error: float
    since: str
    counted_at: str
    statistics: tuple[float, ...]
    suspect: Suspect
    position: Position | None = None
    passes: int = 0
    wrong: int = 0
    refuted: Refuted | None = None

    @classmethod
    def begun(cls, promise: Promise, at: str, position: Position | None = None) -> Self:
        """Return the watch over a promise before its first image."""
        zeros = (0.0,) * len(alternatives(promise.error))
        return cls(promise.name, promise.error, at, at, zeros, Suspect(at), position)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `as_text` returned."""
        fields: dict[str, Any] = json.loads(text)
        del fields["evidence"]
        position, refuted, suspect, statistics = (
            fields.pop(name) for name in ("position", "refuted", "suspect", "statistics")
        )
        return cls(
            **fields,
            statistics=tuple(statistics),
            suspect=Suspect(**suspect),
            position=tuple(position) if position else None,
            refuted=Refuted(**refuted) if refuted else None,
        )

    def as_text(self) -> str:
        """Return it as JSON, with the evidence for whoever only reads it."""
        return json.dumps(asdict(self) | {"evidence": self.evidence})

    @property
    def evidence(self) -> float:
        """The evidence against the promise as a share of what refutes it: 1 from then on."""
        return 1.0 if self.refuted else evidence(self.statistics)

    @property
    def is_unsettled(self) -> bool:
        """Whether the promise is refuted and something is still to be done about it."""
        return self.refuted is not None and not (self.refuted.notified and self.refuted.done)

    def counted(self, draw: Draw, now: datetime, alarms_a_year: float, *, wrong: bool) -> Self:
        """Return the watch after one more audited image that passed."""
        before = moment_of(self.counted_at) or draw.at
        start = start_weight(draw.at - before, alarms_a_year)
        statistics = tuple(updated(self.statistics, self.error, start, wrong=wrong))
        return replace(
            self,
            position=draw.position,
            counted_at=draw.position[0],
            passes=self.passes + 1,
            wrong=self.wrong + wrong,
            statistics=statistics,
            suspect=self._suspect(draw, wrong=wrong),
            refuted=Refuted(iso_text(now), draw.model_version) if evidence(statistics) >= 1 else None,
        )

    def skipped(self, draw: Draw) -> Self:
        """Return the watch after an image that it does not count."""
        return replace(self, position=draw.position)

    def _suspect(self, draw: Draw, *, wrong: bool) -> Suspect:
        ratios = updated((1.0,) * len(self.statistics), self.error, 0.0, wrong=wrong)
        last, ratio = self.suspect, self.suspect.ratio + math.log(ratios[len(ratios) // 2])
        if ratio <= 0:
            return Suspect(draw.position[0])
        return Suspect(last.since, last.passes + 1, last.wrong + wrong, ratio)
