"""What can end the preparation of data; each message is one line with the next step."""

from __future__ import annotations

import errno


class DataError(Exception):
    """The data cannot be prepared."""


class ArchiveError(DataError):
    """The archive is missing, damaged, or not what it claims to be."""


class UnknownClassError(DataError):
    """A class name the archive does not have."""


class DownloadError(DataError):
    """The archive could not be downloaded."""


class FolderError(DataError):
    """The output folder cannot take the images."""


class ManifestError(DataError):
    """A prepared folder's manifest is missing, damaged, or does not describe its files."""


class StorageError(DataError):
    """S3 refused, or could not be reached."""


class ReviewError(DataError):
    """There are no human labels where they were said to be."""


def explain(error: OSError) -> str:
    """Say in one line what the file system refused, and what to do."""
    reason = error.strerror or str(error) or type(error).__name__
    line = f"{error.filename}: {reason}" if error.filename else reason
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{line}; free some space, or give --output and --cache on another disk"
    return f"{line}; check the folder, or give another --output or --cache"
