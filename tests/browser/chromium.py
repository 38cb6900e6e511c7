"""Chromium as a user has it, without what it asks of its maker."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import Final

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
        return "Playwright is not installed; `make setup-browser` adds it"
    return (
        None if executable() else f"no browser: install one of {', '.join(BROWSERS)}, or set SCONES_BROWSER"
    )
