"""One rule for all lists of images that reviewers may read: of what waits for a person, no verdict is shown.

Whoever knows what the model said decides differently, and an image of the audit must look like any other that waits:
in a list it is to review, whatever its outcome, and it is in no list that was chosen by a verdict.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import batched
from typing import TYPE_CHECKING, Final

from scones.claims import Claim, read_claims
from scones.index import Ended
from scones.result_documents import Outcome

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH: Final = 60
"""Claims read at a time: a page of the console. Each costs a read unit."""


def hides_verdict(claim: Claim) -> bool:
    """Tell whether what the model said must not be shown: nobody has decided, and somebody may have to."""
    return claim.outcome is None or claim.waits_for_person


def hidden(
    dynamodb: "DynamoDBClient", table: str, names: Iterable[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """
    Return which of these images, by key and ETag, have a verdict that must not be shown.

    Read from the table, not from an index: an index is late, and would show what has just begun to wait.
    """
    claims = read_claims(dynamodb, table, names)
    return frozenset(name for name, claim in claims.items() if hides_verdict(claim))


@dataclass(slots=True)
class BlindList:
    """
    A list of images that have an outcome, for people who may be reviewers.

    Attributes
    ----------
    outcomes
        Those that the list is of; empty for all.
    by_verdict
        Whether it was chosen by label, confidence or reason.
    """

    dynamodb: "DynamoDBClient"
    table: str
    outcomes: Collection[Outcome] = ()
    by_verdict: bool = False

    @property
    def leaves_out(self) -> bool:
        """Whether it has no image that waits: being in it would tell of the verdict, and so would their number."""
        return self.by_verdict or bool(self.outcomes and Outcome.REVIEW not in self.outcomes)

    def rows(self, images: Iterable[Ended]) -> Iterator[Ended]:
        """Yield the images without the verdicts that must not be shown."""
        for batch in batched(images, _BATCH, strict=False):
            names = hidden(self.dynamodb, self.table, [(one.image_key, one.etag) for one in batch])
            for one in batch:
                if (one.image_key, one.etag) not in names:
                    yield one
                elif not self.leaves_out:
                    yield replace(one, outcome=Outcome.REVIEW, label=None, confidence=None, reason=None)
