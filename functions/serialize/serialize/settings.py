"""Serialize's settings from the environment, read once and validated together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

# The memory of the function (512 MB) and its time (3 s) were measured up to these; see budget.py.
LARGEST_INPUT = 1024
LARGEST_OBJECT = 26_214_400
LARGEST_IMAGE = 50_331_648  # 8192 x 6144, the largest that phones call 50 megapixels


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Limits of Serialize.

    Attributes
    ----------
    model_input_size
        Side of the model's square, in pixels.
    max_object_bytes
        Largest object that is read.
    max_pixels
        Largest image, width x height, that is decoded.
    """

    model_input_size: int
    max_object_bytes: int
    max_pixels: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read MODEL_INPUT_SIZE, MAX_OBJECT_BYTES and MAX_PIXELS. No defaults: they would hide a missing variable.

        Raises
        ------
        ValueError
            Naming every variable that is missing, or not a whole number within its range.
        """
        problems: list[str] = []

        def whole(name: str, highest: int) -> int:
            text = environment.get(name)
            # No signs, no underscores, at most this many digits.
            if text is not None and re.fullmatch("[0-9]{1,9}", text.strip()) and 1 <= int(text) <= highest:
                return int(text)
            found = "missing" if text is None else repr(text[:40])
            problems.append(f"{name} must be a whole number from 1 to {highest}, not {found}")
            return highest

        settings = cls(
            model_input_size=whole("MODEL_INPUT_SIZE", LARGEST_INPUT),
            max_object_bytes=whole("MAX_OBJECT_BYTES", LARGEST_OBJECT),
            max_pixels=whole("MAX_PIXELS", LARGEST_IMAGE),
        )
        if problems:
            raise ValueError("; ".join(problems))
        return settings
