"""A folder that is replaced as a whole, and only if everything in it was written by us."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from training.dataset import manifest
from training.errors import FolderError, ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_replaceable(folder: Path) -> None:
    """Make sure that `folder` can be written and holds nothing but what an earlier run wrote.

    Raises
    ------
    FolderError
        Says what is in the way.
    """
    parent = next(path for path in (folder.absolute().parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise FolderError(f"{parent}: cannot be written; give another --output")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FolderError(f"{folder} is a file; give another --output")
    ours = _listed(folder)
    stranger = next((path for path in _files(folder) if path not in ours), None)
    if stranger is not None:
        raise FolderError(
            f"{folder} holds {stranger}, which is not of an earlier run; move it, or give another --output"
        )


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yield a new folder that takes the place of `folder` when the block ends well, and else is removed."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    old, new = beside / "old", beside / "new"
    try:
        new.mkdir()
        yield new
        try:
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        except BaseException:
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _listed(folder: Path) -> set[str]:
    try:
        entries = manifest.read(folder)
    except ManifestError:
        return set()
    return {manifest.NAME, manifest.SUMMARY, *(path for entry in entries for path in entry.files())}


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if not path.is_dir() or path.is_symlink():
            yield path.relative_to(folder).as_posix()
