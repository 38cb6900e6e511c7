"""
The evidence against "of what passes, at most this share is wrong": a restarting test that may be read at any time.

For each alternative rate q above the promise e, one number gathers the likelihood ratio of all starts so far:

    R <- (R + g) * (q / e if the image is wrong, else (1 - q) / (1 - e))

While at most e of what passes is wrong, the ratio's mean is at most 1 for every q > e, so R grows by g on average and
not faster, and so does the mean of R over the rates. g is the share of a year since the image before, times the
chance of a false alarm allowed a year: by Markov's inequality at the first time that the mean of R reaches 1, that
chance is at most the sum of g over the year, however many images are audited and however often one looks.

This is the procedure of Shiryaev and Roberts for a mixture of rates, with its threshold 1 / g moved into the starts
(Shin, Ramdas, Rinaldo, "E-detectors", arXiv 2203.03532): at 200 images a day and 0.05 a year, 1 / g is 1.46 million. A
plain test gathers the evidence of a healthy past against a fault that comes later; here each start forgets what came
before it. Only rates above the promise are in the mixture, so a model better than promised is no evidence.
"""

from collections.abc import Sequence
from datetime import timedelta

YEAR = timedelta(days=365)
ODDS = (1.5, 2.0, 3.0, 5.0, 10.0)
"""The alternatives: the odds of an error, in multiples of the promised odds. Equal weights."""


def alternatives(promise: float) -> tuple[float, ...]:
    """
    Return the rates of errors to look for, all above the promise.

    Raises
    ------
    ValueError
        When the promise is not above 0 and below 1: no test can refute 100 %, and one error refutes 0 %.
    """
    if not 0 < promise < 1:
        raise ValueError(f"the promised share of errors must be above 0 and below 1, not {promise}")
    odds = promise / (1 - promise)
    return tuple(factor * odds / (1 + factor * odds) for factor in ODDS)


def start_weight(since_last: timedelta, alarms_a_year: float) -> float:
    """Return the share of the alarm's threshold that the time since the image before may start with."""
    return alarms_a_year * (max(since_last, timedelta(0)) / YEAR)


def updated(statistics: Sequence[float], promise: float, start: float, *, wrong: bool) -> list[float]:
    """
    Return the numbers R, one for each of `alternatives`, after one more audited image.

    Parameters
    ----------
    statistics
        The numbers before it; zeros at the beginning.
    start
        `start_weight` of the time since the image before.
    """
    return [
        (statistic + start) * (rate / promise if wrong else (1 - rate) / (1 - promise))
        for statistic, rate in zip(statistics, alternatives(promise), strict=True)
    ]


def evidence(statistics: Sequence[float]) -> float:
    """Return the evidence as a share of the alarm's threshold: the promise is refuted at 1."""
    return sum(statistics) / len(statistics)
