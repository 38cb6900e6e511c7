"""The promise that is watched, "of what passes, at most this share is wrong", and what follows when it is refuted.

Both are in the live value of the threshold: `0.8`, or `bicycle=0.9,default=0.8`, or the JSON object of a certificate.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from sweep.draws import Draw
from sweep.images import iso_text, moment_of

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Promise:
    """
    What is watched.

    Attributes
    ----------
    error
        The promised highest share of errors among what passes.
    thresholds
        Those of the certificate, by label; empty where the promise is the stack's own and holds for all that passes.
    labels
        Those that the certificate covers; None for all.
    name
        Changes with the error and with the live value: a watch belongs to one promise.
    """

    error: float
    thresholds: Mapping[str, float]
    labels: frozenset[str] | None
    name: str

    def covers(self, draw: Draw) -> bool:
        """Return whether the promise speaks of a drawn image that passed: a user's, judged by these thresholds."""
        if draw.is_test or (self.labels is not None and draw.label not in self.labels):
            return False
        lowest = self.thresholds.get(draw.label, self.thresholds.get(DEFAULT, 0.0))
        return draw.confidence >= lowest


def promise_of(live: str, stated: float, now: datetime) -> Promise | None:
    """
    Return the promise that a live value makes, or the stated one; None without any, and while nothing passes.

    Parameters
    ----------
    live
        The live value; a broken one makes no promise, because Filter does not use it either.
    stated
        The stack's own promise, which holds while no certificate is valid; 0 for none.
    now
        A certificate promises nothing from its `until` on.
    """
    if is_stopped(live):
        return None
    value = _object(live)
    certificate, thresholds = valid_certificate(value, now), value.get("thresholds")
    if certificate is not None and _are_numbers(thresholds):
        error = certificate.get("error")
        if isinstance(error, float) and 0 < error < 1:
            covered = certificate.get("covers")
            labels = frozenset(map(str, covered)) if isinstance(covered, list) else None
            # A certificate that is renewed with the same thresholds does not begin the watch anew.
            kept = (thresholds, sorted(labels or ()), certificate.get("model_version"))
            return Promise(error, thresholds, labels, _name(error, json.dumps(kept, sort_keys=True)))
    return Promise(stated, {}, None, _name(stated, live)) if stated else None


def is_stopped(live: str) -> bool:
    """Return whether the live value lets nothing pass."""
    return bool(_object(live).get("stopped"))


def valid_certificate(value: object, now: datetime) -> dict[str, Any] | None:
    """Return the certificate of a parsed live value, unless it was withdrawn or has ended; Filter has the same rule."""
    certificate = value.get("certificate") if isinstance(value, dict) else None
    if not isinstance(certificate, dict) or certificate.get("withdrawn") is not None:
        return None
    until = certificate.get("until")
    end = moment_of(until) if isinstance(until, str) else None
    return certificate if end is not None and now < end else None


def raised(live: str, why: str, now: datetime) -> tuple[str, str] | None:
    """
    Return the live value with the next certified thresholds, and those in words; None where there are none.

    Thresholds that are lower for any label are not taken: they are not what the certificate tested. Those of a
    certificate that is not valid any more are not certified.
    """
    value = _object(live)
    certificate, thresholds = valid_certificate(value, now), value.get("thresholds")
    following = certificate.get("next") if certificate else None
    if not certificate or not isinstance(following, list) or not following:
        return None
    higher, *rest = following
    if not _is_higher(higher, thresholds):
        return None
    by_watch = {"at": iso_text(now), "why": why, "before": thresholds}
    changed = value | {"thresholds": higher, "certificate": certificate | {"next": rest, "raised": by_watch}}
    return _text(changed), ", ".join(f"{label} {number:.15g}" for label, number in higher.items())


def stopped(live: str, why: str) -> str:
    """
    Return the live value with which nothing passes; thresholds and certificate are kept for whoever looks.

    Raises
    ------
    ValueError
        When the live value has no thresholds that could be kept.
    """
    value = _object(live) or {"thresholds": _thresholds(live)}
    certificate = value.get("certificate")
    withdrawn = {"certificate": certificate | {"withdrawn": why}} if isinstance(certificate, dict) else {}
    return _text(value | withdrawn | {"stopped": why})


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))  # a parameter holds 4,096 characters


def _are_numbers(thresholds: object) -> TypeGuard[dict[str, float]]:
    return isinstance(thresholds, dict) and all(isinstance(one, int | float) for one in thresholds.values())


def _is_higher(new: object, old: object) -> bool:
    if not _are_numbers(new) or not _are_numbers(old) or new.keys() != old.keys():
        return False
    return max(new.values()) <= 1 and new != old and all(new[label] >= old[label] for label in old)


def _object(live: str) -> dict[str, Any]:
    try:
        value = json.loads(live) if live.lstrip().startswith("{") else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _thresholds(live: str) -> dict[str, float]:
    """Return the thresholds of a plain value: `0.8`, or `bicycle=0.9,default=0.8`."""
    pairs = [pair.rpartition("=") for pair in live.split(",")]
    return {name.strip() or DEFAULT: float(number) for name, _, number in pairs}


def _name(error: float, what: str) -> str:
    return hashlib.sha256(f"{error!r}\n{what}".encode()).hexdigest()[:16]
