"""Progress bars on standard error, if it is a terminal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Bar(Protocol):
    """A counter of progress."""

    def update(self, n: int = 1) -> object:
        """Advance by `n`."""


class _Silent:
    def update(self, n: int = 1) -> None:
        """Count nothing."""


def bar(title: str, total: int | None, unit: str = " images", start: int = 0) -> AbstractContextManager[Bar]:
    """Return a tqdm bar; a silent one if the output is not a terminal or tqdm is not installed.

    Parameters
    ----------
    title
        Name of the work.
    total
        Amount of work; None if unknown.
    unit
        Unit of the amount; "B" is shown in kB and MB.
    start
        Amount already done.
    """
    try:
        from tqdm import tqdm  # noqa: PLC0415 - installed only in training's environment
    except ImportError:
        return contextlib.nullcontext(_Silent())
    shown: AbstractContextManager[Bar] = tqdm(
        desc=title, total=total, unit=unit, unit_scale=unit == "B", initial=start, disable=None
    )
    return shown
