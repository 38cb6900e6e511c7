"""The thresholds that a certificate tries, and their order: from confidences alone, before any label is read.

They come from the half of the draws that certifies nothing, and from its first ones of a model version: whoever asks
again later tries the same ones, and no decision, early or late, can change them. The highest one lets about half of the
images through, of which there are soon enough to certify; each next one lets a few more through.
"""

import math
from collections.abc import Sequence
from typing import Final

from scones.certify.error_test import passes_needed

_PER_ERROR: Final = 4
"""400 images at a bound of 1 %."""
_STEPS: Final = 20
_MOST_DIGITS: Final = 17


def first_passes(error: float, confidence: float) -> int:
    """Return how many images must pass the highest threshold: enough to certify it if none of them is wrong."""
    return max(math.ceil(round(_PER_ERROR / error, 6)), passes_needed(0, error, confidence))


def draws_needed(error: float, confidence: float) -> int:
    """Return how many draws choose the thresholds: so many that half of them pass the highest."""
    return 2 * first_passes(error, confidence)


def thresholds(confidences: Sequence[float], error: float, confidence: float) -> list[float]:
    """
    Return the thresholds in the order in which they are tried, the highest first.

    Parameters
    ----------
    confidences
        Of the other half's draws, in the order in which they were drawn; `draws_needed` of them are used.
    error, confidence
        Of the certificate.

    Returns
    -------
    list of float
        None while there are too few draws. Each is the shortest decimal that lets no more of the used draws through
        than it must; they are fewer than 20 where confidences are equal.
    """
    needed, first = draws_needed(error, confidence), first_passes(error, confidence)
    if len(confidences) < needed:
        return []
    ordered = sorted(confidences[:needed], reverse=True)
    lasts = [ordered[passes - 1] for passes in range(first, needed, max(1, first // _STEPS))]
    return [
        shortest_decimal(max((one for one in ordered if one < last), default=0.0), last)
        for last in dict.fromkeys(lasts)
    ]


def shortest_decimal(low: float, high: float) -> float:
    """Return the number with the fewest digits after the point that is above `low` and at most `high`."""
    for digits in range(_MOST_DIGITS):
        scale = 10**digits
        found = float(f"{math.floor(high * scale) / scale:.{digits}f}")
        if low < found <= high:
            return found
    return high
