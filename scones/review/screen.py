"""What a reviewer at a terminal is shown: a picture, the question about it, and later what the model had said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scones.decisions.decision import Decision, Verdict
from scones.decisions.review_image import ReviewImage
from scones.review.keyboard import BURST, OPEN, QUIT, SKIP, UNDO
from scones.terminal import confidence_text, shown


@dataclass(frozen=True, slots=True)
class Screen:
    """What a session needs of a terminal; `picture` returns an address where it shows none, `jpeg` makes a preview."""

    say: Callable[[str], None]
    picture: Callable[[ReviewImage, bytes], str | None]
    jpeg: Callable[[bytes], bytes | None]
    open: Callable[[], None]
    key: Callable[[float], str | None]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to decide about; `decided` is the decision that the next key would replace."""

    image: ReviewImage
    content: bytes
    decided: Decision | None = None

    @property
    def is_leased(self) -> bool:
        """Whether it waits in the queue, and this session holds it."""
        return self.image.waits and self.decided is None


@dataclass(frozen=True, slots=True)
class Compared:
    """A decision, and what the model had said."""

    decision: Decision
    verdict: Verdict

    @property
    def agrees(self) -> bool:
        """Whether the model had said the same."""
        return self.verdict.label == self.decision.label

    @property
    def sentence(self) -> str:
        """What follows the decision where it is told."""
        confidence = confidence_text(self.verdict.confidence)
        if self.agrees:
            return f", as the model said ({confidence})"
        return f"; the model said {self.verdict.label} ({confidence})"


def question(picture: Picture, address: str | None, keys: Mapping[str, str], progress: str) -> str:
    """
    Return the lines below a picture: its key, what came of it so far, and what each key does.

    Parameters
    ----------
    address
        Where the picture is, in a terminal that shows none.
    keys
        The label of each key.
    progress
        How many are decided, and how many are left.
    """
    lines = ["", shown(picture.image.key) + (f"\n  {address}" if address else "")]
    labels = "  ".join(f"[{key}] {label}" for key, label in keys.items())
    if not picture.image.waits:  # the label of another reviewer would be a hint, as the model's is
        state, left = ("was decided", "takes that back") if picture.decided else ("passed", "leaves it so")
        lines += [f"  {state}. A label corrects that, [{SKIP}] {left}"]
        return "\n".join([*lines, f"  {labels}  [{OPEN}] open  [{QUIT}] quit"])
    was = picture.decided and picture.decided.label
    lines += [
        f"  was decided: {was}. Another label replaces it, [{SKIP}] takes it back" if was else f"  {progress}"
    ]
    others = f"[{SKIP}] skip  [{UNDO}] undo  [{BURST}] burst  [{OPEN}] open  [{QUIT}] quit"
    return "\n".join([*lines, f"  {labels}  {others}"])
