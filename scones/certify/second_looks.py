"""Second looks: how far the people who decide agree with each other, on what the certificate counts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from scones.audited_draws import is_wrong
from scones.audits import Draw
from scones.decisions.decision import GONE


@dataclass(frozen=True, slots=True)
class SecondLooks:
    """
    The images that a second person looks at, without knowing what the first one said.

    Attributes
    ----------
    missing
        Those that nobody has looked at again.
    disagreements, agreements
        Looked at again: where the first person had called the model wrong, and where not.
    differ_on_disagreements, differ_on_agreements
        Those of them of which the second person said something else than the first.
    """

    missing: Sequence[Draw]
    disagreements: int
    agreements: int
    differ_on_disagreements: int
    differ_on_agreements: int

    @classmethod
    def of(cls, passing: Sequence[Draw]) -> Self:
        """Choose them among the audited images that pass, and count what was said."""
        wrong, right = chosen(passing)
        looked = [[one for one in some if one.second] for some in (wrong, right)]
        differ = [sum(one.second[0].label != one.decision for one in some) for some in looked]
        missing = [one for one in (*wrong, *right) if not one.second]
        return cls(missing, len(looked[0]), len(looked[1]), *differ)

    @property
    def looked_at(self) -> int:
        """How many were looked at again."""
        return self.disagreements + self.agreements

    @property
    def differ(self) -> int:
        """Of how many of them the second person said something else."""
        return self.differ_on_disagreements + self.differ_on_agreements

    def as_document(self) -> dict[str, Any]:
        """Return what `scones certify --json` says of them."""
        return {
            "missing": len(self.missing),
            "disagreements": self.disagreements,
            "agreements": self.agreements,
            "differ_on_disagreements": self.differ_on_disagreements,
            "differ_on_agreements": self.differ_on_agreements,
        }


def chosen(passing: Sequence[Draw]) -> tuple[Sequence[Draw], Sequence[Draw]]:
    """Return every image that a person called wrong, and as many of the others.

    The others are those whose digest of u comes first: nobody chooses them, and those that were chosen stay chosen when
    there are more. An image that is gone cannot be looked at.
    """
    decided = [one for one in passing if one.decision not in {None, GONE}]
    wrong = [one for one in decided if is_wrong(one)]
    right = sorted((one for one in decided if not is_wrong(one)), key=_rank)
    return wrong, right[: len(wrong)]


def _rank(draw: Draw) -> bytes:
    return hashlib.sha256(f"second look {draw.u!r}".encode()).digest()
