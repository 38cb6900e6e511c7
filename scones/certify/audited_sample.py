"""The draws that a certificate is about: those of one model version, in the order in which they were drawn."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

from scones.audited_draws import decided_prefix, moment
from scones.audits import Draw, certifying_half

_RATE_DAYS: Final = 7
_SHORTEST_DAYS: Final = 1 / 24
"""A rate over less than an hour would be chance."""


@dataclass(frozen=True, slots=True)
class Sample:
    """
    The draws of one model version, all of the certifying half apart from `others`.

    Attributes
    ----------
    counted
        The longest prefix, in the order of the draws, that people have decided or whose time for it is over. What
        people decide first is not a fair sample: an easy image is decided sooner.
    waiting
        Those after it, decided or not.
    others
        The other half: its confidences choose the thresholds that are tried, and nothing else.
    share
        The smallest share of the period: what was drawn at a larger one is thinned to it, by u.
    """

    counted: Sequence[Draw]
    waiting: Sequence[Draw]
    others: Sequence[Draw]
    share: float
    now: datetime

    @classmethod
    def of(cls, draws: Iterable[Draw], share_now: float, audit_days: int, now: datetime) -> Self:
        """
        Arrange the draws of a model version.

        Parameters
        ----------
        draws
            In the order of `at`.
        share_now
            The stack's present share, 0 to 1, and 0 where audits are off now; draws may have been made at others.
        audit_days
            Days after which a draw without a decision counts as wrong.
        """
        all_draws = list(draws)
        shares = [one.share for one in all_draws if one.share is not None]
        share = min([*shares, share_now or 1.0])
        kept = [one for one in all_draws if one.u < share]
        half = [one for one in kept if certifying_half(one.u)]
        counted = decided_prefix(half, audit_days, now)
        others = [one for one in kept if not certifying_half(one.u)]
        return cls(counted, half[len(counted) :], others, share, now)

    def of_label(self, label: str | None) -> Self:
        """Return the part to which the model gave a label; None is all of it."""
        if label is None:
            return self

        def part(draws: Sequence[Draw]) -> Sequence[Draw]:
            return [one for one in draws if one.label == label]

        return replace(self, counted=part(self.counted), waiting=part(self.waiting), others=part(self.others))

    @property
    def undecided(self) -> int:
        """How many draws nobody has decided in time; each counts as wrong where it passes."""
        return sum(one.decision is None for one in self.counted)

    @property
    def reviewers(self) -> Sequence[str]:
        """Who decided, as ARNs."""
        return sorted({one.by for one in self.counted if one.by})

    @property
    def digest(self) -> str:
        """SHA-256 of the list of what was counted, one line for each draw: whoever has the claims can check it."""
        lines = (
            "\t".join((one.key, one.etag, one.at, one.label, repr(one.confidence), one.decision or ""))
            for one in self.counted
        )
        return hashlib.sha256(
            "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
        ).hexdigest()

    def daily(self, threshold: float) -> float:
        """Return how many draws of the certifying half pass a threshold a day, by the last week."""
        draws = [*self.counted, *self.waiting]
        return _daily([one for one in draws if one.confidence >= threshold], draws, self.now)

    @property
    def others_daily(self) -> float:
        """How many draws of the other half there are a day, by the last week."""
        return _daily(self.others, self.others, self.now)


def _daily(wanted: Sequence[Draw], draws: Sequence[Draw], now: datetime) -> float:
    if not draws:
        return 0.0
    start = max(moment(draws[0].at), now - timedelta(days=_RATE_DAYS))
    days = max(_SHORTEST_DAYS, (now - start) / timedelta(days=1))
    return sum(moment(one.at) >= start for one in wanted) / days
