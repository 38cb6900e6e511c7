"""`scones console` as a user runs it, and Chromium as a user has it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO, Final
from urllib.parse import urlsplit

from tests.local_cloud.shell import Shell

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
QUIET: Final = (
    "--no-sandbox",  # containers have no user namespaces
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def executable() -> str | None:
    """Return the browser to use: SCONES_BROWSER, else one of this machine."""
    return os.environ.get("SCONES_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)


def missing() -> str | None:
    """Return why no test of the browser can run; None where they can."""
    if find_spec("playwright") is None:
        return "Playwright is not installed"
    return (
        None if executable() else f"no browser: install one of {', '.join(BROWSERS)}, or set SCONES_BROWSER"
    )


@dataclass(frozen=True, slots=True)
class ConsoleProcess:
    """A console that serves; `address` has its token."""

    process: subprocess.Popen[str]
    address: str

    @property
    def origin(self) -> str:
        """Where it is, without the token."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def stop(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@contextmanager
def serving(shell: Shell, *options: str) -> Iterator[ConsoleProcess]:
    """Start a console, and stop it as a user does."""
    process = subprocess.Popen(
        shell.command("console", "--no-browser", *options),
        cwd=shell.root,
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = _first_line(process.stdout)
        assert address.startswith("http://127.0.0.1:"), process.stderr.read() if process.stderr else ""
        yield ConsoleProcess(process, address)
    finally:
        if process.poll() is None:
            ConsoleProcess(process, "").stop()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def _first_line(pipe: IO[str] | None) -> str:
    assert pipe
    return pipe.readline().strip()
