"""The folder of `scones verify`: what lies in it tests a deploy, so nothing that counts images may count it.

`training/verification_images.py` has the same rule, as neither package imports the other; a test holds them equal.
"""

from typing import Final

FOLDER: Final = "scones-verify"
"""Folder below incoming/ that holds one folder for each run."""
_PARTS_BEFORE_IMAGE: Final = {"passed": 2}
"""Parts of a result's key before the image's own: the outcome, and for passed images the label."""


def is_verification_image(image_key: str, incoming_prefix: str) -> bool:
    """Tell whether an image was dropped by `scones verify`."""
    return image_key.startswith(f"{incoming_prefix}{FOLDER}/")


def is_verification_result(result_key: str) -> bool:
    """Tell by its key whether a result is that of an image of `scones verify`."""
    parts = result_key.split("/")
    return parts[_PARTS_BEFORE_IMAGE.get(parts[0], 1) :][:1] == [FOLDER]
