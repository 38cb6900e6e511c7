"""The unfinished file of a download, and what tells whether the server still has the same file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Part:
    """`<target>.part` with `<target>.part.json` beside it.

    Parameters
    ----------
    target
        Where the finished file goes.
    url
        Where it comes from; a part that came from elsewhere is not continued.
    """

    def __init__(self, target: Path, url: str) -> None:
        self.target, self.url = target, url
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")

    def size(self) -> int:
        """Return how many bytes can be continued from; 0 where nothing says whose bytes they are."""
        return self.path.stat().st_size if self.path.exists() and self.validator() else 0

    def validator(self) -> str | None:
        """Return the ETag or date that the server gave with these bytes."""
        try:
            note = json.loads(self._note.read_text())
            return str(note["validator"]) if note["url"] == self.url and note["validator"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def restart(self, validator: str | None) -> None:
        """Begin at the first byte, of the file that this validator names."""
        self.path.unlink(missing_ok=True)
        self._note.write_text(json.dumps({"url": self.url, "validator": validator}))
        self.path.touch()

    def discard(self) -> None:
        """Forget what has arrived."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Put the whole file in its place."""
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)
