"""Progress bars on standard error, where a person looks at it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Bar(Protocol):
    """What is counted."""

    def update(self, n: int = 1) -> object:
        """Count `n` more."""


class _Silent:
    def update(self, n: int = 1) -> None:
        """Count nothing."""


def bar(title: str, total: int | None, unit: str = " images", start: int = 0) -> AbstractContextManager[Bar]:
    """Return a tqdm bar; a silent one where output is no terminal or tqdm is not installed.

    Parameters
    ----------
    title
        What is going on.
    total
        How much there is to do; None where it is not known.
    unit
        What is counted; "B" is shown in kB and MB.
    start
        How much was done before.
    """
    try:
        from tqdm import tqdm  # noqa: PLC0415 - of training's environment; the project's own has none
    except ImportError:
        return contextlib.nullcontext(_Silent())
    shown: AbstractContextManager[Bar] = tqdm(
        desc=title, total=total, unit=unit, unit_scale=unit == "B", initial=start, disable=None
    )
    return shown
