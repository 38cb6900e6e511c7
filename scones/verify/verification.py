"""A verification under way: the stack, the names of the run, and what has been seen so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scones.drop.uploads import Image
from scones.pace import Pace
from scones.stack import Stack
from scones.verify.checklist import Checklist
from scones.verify.run_names import RunNames

if TYPE_CHECKING:
    from scones.connection import Connection
    from scones.result_documents import Document
    from scones.verify.inbox import Inbox


@dataclass(slots=True)
class Verification:
    """What every check needs. `timeout_s` is how long an image may take to its outcome."""

    connection: "Connection"
    stack: Stack
    names: RunNames
    is_express: bool
    timeout_s: float
    pace: Pace = field(default_factory=Pace)
    checklist: Checklist = field(default_factory=Checklist)
    on_step: Callable[[str], None] = lambda _step: None
    """Called with what is being done, or with nothing where the bars of a drop are shown instead."""
    images: list[Image] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes that were uploaded, by key."""
    repeats: dict[str, str] = field(default_factory=dict)
    """Second executions, by the name of their image."""
    inbox: "Inbox | None" = None
    may_make_queue: bool = True
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def folder_key(self) -> str:
        """Prefix of the keys of its images."""
        return f"{self.stack.incoming_prefix}{self.names.folder}"

    def name_of(self, image: Image) -> str:
        """Name of an image in the run's folder, as the table shows it."""
        return image.key.removeprefix(self.folder_key)

    def documents(self) -> "list[tuple[Image, Document]]":
        """Return the images that have an outcome, each with its document."""
        return [(image, image.document) for image in self.images if image.document]

    def poll[T](self, timeout_s: float, look: Callable[[], T | None]) -> T | None:
        """Look until there is something or the time is over; None when there was nothing."""
        pause, deadline = self.pace.first_s, self.pace.clock() + timeout_s
        while True:
            started = self.pace.clock()
            found = look()
            now = self.pace.clock()
            if found is not None or now >= deadline:
                return found
            pause = min(pause * 1.5, self.pace.longest_s)
            self.pace.sleep(max(pause, now - started))
