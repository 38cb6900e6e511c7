"""The log of a run: what is printed is kept beside the model, with what is needed to repeat it."""

from __future__ import annotations

import json
import platform
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "train.log"


class RunLog:
    """Lines that are printed and appended to a file, each with the seconds since the start.

    Parameters
    ----------
    folder
        Where train.log is written.
    settings
        What determines the result: seeds, options, the archive's checksum. The first line.
    resumed
        Whether a log of the run's beginning is continued instead of replaced; the log says where.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, resumed: bool) -> None:
        self._path, self._started = folder / NAME, time.monotonic()
        if not resumed:
            self._path.unlink(missing_ok=True)
        interrupted = self._path.exists()
        facts = {"python": platform.python_version(), "machine": platform.machine(), **settings}
        self._append(f"{'resumed' if interrupted else 'started'} {json.dumps(facts, default=str)}")

    def line(self, text: str) -> None:
        """Print the line and keep it."""
        print(text, flush=True)
        self._append(text)

    def _append(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{time.monotonic() - self._started:8.1f} {text}\n")
