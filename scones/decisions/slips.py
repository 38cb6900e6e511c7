"""A slip of the finger: a decision that its reviewer takes back before anybody is shown what the model said.

The first decision about an image is blind, because its verdict is shown nowhere: neither before it, nor for
`SHOWN_AFTER` from then on. Whoever undoes or replaces it within `SLIP` does so without knowing the verdict, so the
decision does not count, and the next one is the blind one. Only the times are asked that decisions have in the claim,
never a page what it has shown. The sweep's watch has the same rule.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from scones.decisions.decision import UNDONE, Entry

SLIP: Final = timedelta(seconds=30)
"""For so long after a decision it can be taken back as if it had not been made."""
SHOWN_AFTER: Final = timedelta(seconds=35)
"""After so long the verdict is shown: two clocks may be some seconds apart."""
COUNTS_AFTER: Final = timedelta(minutes=1)
"""A younger decision does not count in the audit yet: it may be taken back, and an index may not say so at once."""


def without_slips(entries: Sequence[Entry]) -> Sequence[Entry]:
    """
    Return the decisions about an image from the first on that was not taken back in time.

    Parameters
    ----------
    entries
        Decisions in their order, from the first that was made without knowing the verdict.
    """
    start = 0
    while start + 1 < len(entries) and _is_taken_back(entries[start], entries[start + 1]):
        # Undone, the image waits again, and who decides then does not know the verdict either.
        start += 2 if entries[start + 1].label == UNDONE else 1
    return entries[start:]


def hides_verdict(entries: Sequence[Entry], now: datetime) -> bool:
    """Tell whether the decision may still be taken back as a slip, so that nobody may be told the verdict."""
    if not entries or len(without_slips(entries)) > 1:
        return False
    return now < datetime.fromisoformat(entries[-1].at) + SHOWN_AFTER


def _is_taken_back(one: Entry, following: Entry) -> bool:
    between = datetime.fromisoformat(following.at) - datetime.fromisoformat(one.at)
    return following.replaces == one.id and following.by == one.by and timedelta(0) <= between <= SLIP
