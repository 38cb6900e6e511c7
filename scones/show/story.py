"""The story of one image: what `scones why` knows of it, and the path of its execution through the workflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from scones.execution_progress import GONE, STANDARD, status_of
from scones.graph.execution import Path, read_path
from scones.result_documents import Outcome
from scones.why.evidence import Evidence, Reader

if TYPE_CHECKING:
    from scones.connection import Connection

VERDICT: Final = ("label", "confidence", "reason", "inferences", "threshold")
"""Fields of a result document that say, or give away, what the model answered."""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """
    An image.

    Attributes
    ----------
    path
        The states its last execution went through; None where Step Functions does not say (EXPRESS, or forgotten).
    with_verdict
        Whether the model's verdict is told although the image waits for a person.
    """

    image: Evidence
    path: Path | None
    with_verdict: bool

    @property
    def hides_verdict(self) -> bool:
        """Whether what the model said is left out: a person who knows it decides differently."""
        claim = self.image.claim
        return (
            claim is not None and claim.hides_verdict and claim.outcome is not None and not self.with_verdict
        )

    @property
    def decisions(self) -> Sequence[Mapping[str, Any]]:
        """Those of people, without what the model had said where that is left out."""
        decisions = self.image.claim.decisions if self.image.claim else ()
        if not self.hides_verdict:
            return decisions
        return [{name: value for name, value in one.items() if name != "model_said"} for one in decisions]

    @property
    def content(self) -> Mapping[str, Any] | None:
        """The result document, without a verdict that is left out."""
        if self.image.document is None:
            return None
        content = self.image.document.content
        if not self.hides_verdict:
            return content
        told = {name: value for name, value in content.items() if name not in VERDICT}
        return told | {"outcome": Outcome.REVIEW}  # an audit's own outcome would tell the verdict


def read_story(
    connection: "Connection", reader: Reader, image: Evidence, *, with_verdict: bool
) -> ShownImage:
    """Read all that is known of an image."""
    image = reader.examine(image)
    execution = image.claim.execution if image.claim else None
    path = None
    if execution and STANDARD in execution:
        stepfunctions = connection.stepfunctions()
        if status_of(stepfunctions, execution) != GONE:
            path = read_path(stepfunctions, execution)
    return ShownImage(image, path, with_verdict)
