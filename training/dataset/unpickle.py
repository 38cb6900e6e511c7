"""Read a pickle of images without executing what is in it."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from training.errors import ArchiveError


def unpickle(data: bytes) -> dict[str, Any]:
    """Return the dict that a pickle holds, its keys as text.

    Raises
    ------
    ArchiveError
        The pickle is damaged, holds something else, or asks for a name that image data does not need.
    """
    try:
        content = _RestrictedUnpickler(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # a damaged pickle raises anything from IndexError to MemoryError
        raise ArchiveError(f"unreadable pickle: {error}") from error
    if not isinstance(content, dict):
        raise ArchiveError(f"a pickle holds a {type(content).__name__} where a dict was expected")
    return {text(key): value for key, value in content.items()}


def text(value: str | bytes) -> str:
    """Return a string of the pickle as text; Python 2 wrote bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _latin1(value: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, which Python 3 uses to write bytes at pickle protocol 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"a pickle asks for the codec {encoding!r}")
    return value.encode("latin1")


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # numpy 1 and 2 keep it in differently named modules
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
}


class _RestrictedUnpickler(pickle.Unpickler):
    """Builds lists, dicts, strings and numpy arrays; refuses every other name."""

    def find_class(self, module_name: str, global_name: str) -> object:
        try:
            return _ADMITTED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"a pickle asks for {module_name}.{global_name}, which image data does not need"
            ) from None
