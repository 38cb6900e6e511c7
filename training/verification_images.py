"""The folder of `scones verify`: its images test a deploy, so they are neither drift nor training images.

`scones/result_documents.py` has the same rule, as neither package imports the other; a test holds them equal.
"""

from __future__ import annotations

from typing import Final

INCOMING: Final = "incoming/"
FOLDER: Final = "scones-verify"


def is_verification_image(image_key: object) -> bool:
    """Tell whether an image was dropped by `scones verify`."""
    return isinstance(image_key, str) and image_key.startswith(f"{INCOMING}{FOLDER}/")
