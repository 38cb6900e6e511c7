"""Errors of the commands of training; each message is one line for a person, with the next step."""

from __future__ import annotations


class TrainingError(Exception):
    """A command cannot do its work."""


class OptionError(TrainingError):
    """An option, a hyperparameter or a channel is invalid."""


class ArchiveError(TrainingError):
    """The archive is missing, damaged, or not the expected one."""


class UnknownClassError(TrainingError):
    """A class name that is not in the archive."""


class DownloadError(TrainingError):
    """The archive could not be downloaded."""


class FolderError(TrainingError):
    """The output folder cannot be used for the images."""


class ManifestError(TrainingError):
    """A prepared folder's manifest is missing, damaged, or does not describe its files."""


class ReviewError(TrainingError):
    """There are no human labels at the given location."""


class AwsError(TrainingError):
    """The library, the region or the permission to call AWS is missing, or AWS returned an error."""


class StorageError(AwsError):
    """S3 returned an error, could not be reached, or already has different content."""


class ReleaseError(TrainingError):
    """The release or the training job is invalid, or it failed."""
