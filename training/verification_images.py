"""The folder of `scones verify`: its images test a deployment and are excluded from monitoring and training.

`scones/result_documents.py` has the same rule, as neither package imports the other; a test compares them.
"""

from __future__ import annotations

from typing import Final

FOLDER: Final = "scones-verify"


def is_verification_image(image_key: object) -> bool:
    """Whether an image was uploaded by `scones verify`."""
    return isinstance(image_key, str) and f"/{FOLDER}/" in f"/{image_key}"
