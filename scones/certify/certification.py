"""All that `scones certify` finds: the sample, the certificates, and how far those who decided agree."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from scones.audits import Draw
from scones.certify.audited_sample import Sample
from scones.certify.certificate import Certificate, Promise, certify
from scones.certify.certified_model import CertifiedModel
from scones.certify.second_looks import SecondLooks
from scones.index import time_text

_MOST_STEPS: Final = 5
"""The live value has 4 KB."""


class Scope(StrEnum):
    """What is certified: all images together, each label by itself, or each so that all hold together."""

    ALL_IMAGES = "all_images"
    PER_LABEL = "per_label"
    ALL_LABELS = "all_labels"


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What was asked for: the promise, for what, and how many days it lasts where it is applied."""

    promise: Promise
    scope: Scope
    days: int


@dataclass(frozen=True, slots=True)
class Certification:
    """
    The answer to a request.

    Attributes
    ----------
    labels
        The stack's.
    missed
        Images of the period whose draw was missed: they may have passed, and nothing is known of them.
    left_out
        Draws of the model that are no evidence: another endpoint or another Serialize made them, or audits were off
        after them.
    off_until
        When the newest image got its outcome that was classified while audits were off.
    """

    request: CertificateRequest
    model: CertifiedModel
    labels: tuple[str, ...]
    sample: Sample
    missed: int
    certificates: Sequence[Certificate]
    second_looks: SecondLooks
    left_out: int = 0
    off_until: str | None = None

    @classmethod
    def of(  # noqa: PLR0913 (all that is found)
        cls,
        request: CertificateRequest,
        model: CertifiedModel,
        labels: tuple[str, ...],
        sample: Sample,
        missed: int,
        *,
        left_out: int = 0,
        off_until: str | None = None,
    ) -> "Certification":
        """Certify what was asked for."""
        if request.scope is Scope.ALL_IMAGES:
            found = [certify(sample, request.promise)]
        else:
            divided = request.scope is Scope.ALL_LABELS
            promise = request.promise.divided(len(labels)) if divided else request.promise
            found = [certify(sample, promise, label) for label in labels]
        looks = SecondLooks.of(_passing(sample, found))
        return cls(request, model, labels, sample, missed, found, looks, left_out, off_until)

    @property
    def is_given(self) -> bool:
        """Whether all that was asked for is certified."""
        return all(one.given for one in self.certificates)

    @property
    def covers(self) -> list[str]:
        """The labels that are certified."""
        return [
            label
            for label in self.labels
            if any(one.given and one.label in {None, label} for one in self.certificates)
        ]

    @property
    def from_at(self) -> str | None:
        """When the first counted image was drawn."""
        return self.sample.counted[0].at if self.sample.counted else None

    @property
    def to_at(self) -> str | None:
        """When the last one was."""
        return self.sample.counted[-1].at if self.sample.counted else None

    @property
    def until(self) -> str:
        """The first moment at which it is not valid any more, if it is applied now."""
        return time_text(self.sample.now + timedelta(days=self.request.days))

    def thresholds(self, present: Mapping[str, float]) -> dict[str, float]:
        """Return the thresholds to apply; labels that are not certified keep their present ones."""
        return self._mapping(
            {one.label: one.given.threshold for one in self.certificates if one.given}, present
        )

    def next_thresholds(self, present: Mapping[str, float]) -> list[dict[str, float]]:
        """Return certified thresholds to rise to when errors become more frequent, the lowest first: at most five."""
        ladders = {
            one.label: [one.given.threshold, *_some(one.higher)] for one in self.certificates if one.given
        }
        steps = range(1, max(map(len, ladders.values()), default=0))
        return [
            self._mapping(
                {label: ladder[min(step, len(ladder) - 1)] for label, ladder in ladders.items()}, present
            )
            for step in steps
        ]

    def _mapping(
        self, certified: Mapping[str | None, float], present: Mapping[str, float]
    ) -> dict[str, float]:
        if None in certified:
            return {"default": certified[None]}
        return {label: certified.get(label, present[label]) for label in self.labels}

    def live_certificate(self, serialize: str, present: Mapping[str, float]) -> dict[str, Any]:
        """
        Return the certificate as Filter and the sweep read it from the live value.

        Parameters
        ----------
        serialize
            Digest of Serialize's code and settings.
        present
            The thresholds that count now, by label.
        """
        model = {name: value for name, value in self.model.as_document().items() if value is not None}
        return {
            **model,
            "labels": list(self.labels),
            "covers": self.covers,
            "serialize": serialize,
            "until": self.until,
            "error": self.request.promise.error,
            "confidence": self.request.promise.confidence,
            "since": time_text(self.sample.now),
            "from_at": self.from_at,
            "to_at": self.to_at,
            "next": self.next_thresholds(present),
            "digest": self.sample.digest,
        }

    def as_document(self) -> dict[str, Any]:
        """Return what `scones certify --json` prints, without whether it was applied."""
        return {
            "given": self.is_given,
            "error": self.request.promise.error,
            "confidence": self.request.promise.confidence,
            "scope": str(self.request.scope),
            **self.model.as_document(),
            "labels": list(self.labels),
            "from_at": self.from_at,
            "to_at": self.to_at,
            "share": self.sample.share,
            "counted": len(self.sample.counted),
            "undecided": self.sample.undecided,
            "waiting": len(self.sample.waiting),
            "other_half": len(self.sample.others),
            "missed": self.missed,
            "left_out": self.left_out,
            "off_until": self.off_until,
            "reviewers": list(self.sample.reviewers),
            "digest": self.sample.digest,
            "certificates": [one.as_document() for one in self.certificates],
            "second_looks": self.second_looks.as_document(),
        }


def _some(thresholds: Sequence[float]) -> Sequence[float]:
    """Return at most five of them, evenly spread, with the last."""
    step = max(1, math.ceil(len(thresholds) / _MOST_STEPS))
    return thresholds[::-1][::step][::-1]


def _passing(sample: Sample, certificates: Sequence[Certificate]) -> list[Draw]:
    """Return the draws that the certificates count as passing: at the certified threshold, or at the first tried."""
    passing = []
    for one in certificates:
        if trial := one.given or next(iter(one.tried), None):
            passing += [
                draw for draw in sample.of_label(one.label).counted if draw.confidence >= trial.threshold
            ]
    return passing
