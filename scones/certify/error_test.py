"""The test behind a certificate: evidence against "at least so many of what passes are wrong", valid at every look.

Of an audited image that passed, let w be 1 where it was wrong and 0 where it was right. Against the claim "error >= e",
a bet on a rate p < e multiplies its stake by p/e at each wrong image and by (1 - p)/(1 - e) at each right one. Under
the claim no such bet is expected to grow, so that by Ville's inequality the chance that the mean stake of several bets
ever reaches 1/a is at most a, however often and whenever somebody looks. Reaching it is the certificate.

The images are a random sample: each was drawn with the same probability, whatever its neighbours. The claim may
therefore be about the very images that passed in a period, and about nothing that they were drawn from: if a share of
at least e of them was wrong, the product of a bet's expected factors over all of them is at most 1, in whatever order
and with whatever correlation the wrong ones came (docs/certificate.md has the algebra).

Sources: G. Shafer, "Testing by betting", Journal of the Royal Statistical Society A 184 (2021), 407-431;
I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", the same journal, B 86 (2024),
1-27.
"""

import math
from typing import Final

RATES: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""The bets, as shares of the bound, with equal stakes.

Low ones certify a model without a fault soon, higher ones forgive a few faults. A bet on nothing wrong at all would be
lost at the first fault; one close to the bound wins too slowly to be worth its stake.
"""
_STEPS: Final = 50
"""Halvings of the interval of rates: to 1e-15."""


def log_evidence(passes: int, wrong: int, error: float) -> float:
    """Return the natural logarithm of the evidence against "error >= `error`".

    Parameters
    ----------
    passes
        Audited images that passed.
    wrong
        Those of them that were wrong.
    error
        The bound, above 0 and below 1.
    """
    right = passes - wrong
    logs = [
        wrong * math.log(rate) + right * (math.log1p(-rate * error) - math.log1p(-error)) for rate in RATES
    ]
    largest = max(logs)
    return largest + math.log(sum(math.exp(one - largest) for one in logs) / len(logs))


def certifies(passes: int, wrong: int, error: float, confidence: float) -> bool:
    """Tell whether the evidence suffices: it is at least 1 / (1 - confidence)."""
    return log_evidence(passes, wrong, error) >= -math.log1p(-confidence)


def passes_needed(wrong: int, error: float, confidence: float) -> int:
    """Return the least number of audited passes that certify with so many wrong ones among them.

    Right images only ever add evidence, so that the number is found by halving.
    """
    low, high = wrong, max(1, wrong)
    while not certifies(high, wrong, error, confidence):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if certifies(middle, wrong, error, confidence) else (middle, high)
    return high


def upper_bound(passes: int, wrong: int, confidence: float) -> float:
    """Return the least error that these counts exclude, 1 where they exclude none.

    The errors that the test does not reject make a one-sided confidence sequence: at every look at once, the true
    error is below this number with the given confidence.
    """
    if wrong >= passes:
        return 1.0
    low, high = wrong / passes, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if certifies(passes, wrong, middle, confidence) else (middle, high)
    return high
