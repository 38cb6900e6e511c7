"""Where the console of these tests is, and what their fixtures are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from scones.console.previews import ImageRef

PORT: Final = 8765
ADDRESS: Final = f"http://127.0.0.1:{PORT}"

type AddImage = Callable[..., ImageRef]
