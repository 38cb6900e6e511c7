"""What can end a command of training; each message is one line for a person, with the next step."""

from __future__ import annotations


class TrainingError(Exception):
    """A command cannot do what it was asked to do."""


class OptionError(TrainingError):
    """An option, a hyperparameter or a channel that the command does not understand."""


class ArchiveError(TrainingError):
    """The archive is missing, damaged, or not what it claims to be."""


class UnknownClassError(TrainingError):
    """A class name the archive does not have."""


class DownloadError(TrainingError):
    """The archive could not be downloaded."""


class FolderError(TrainingError):
    """The output folder cannot take the images."""


class ManifestError(TrainingError):
    """A prepared folder's manifest is missing, damaged, or does not describe its files."""


class ReviewError(TrainingError):
    """There are no human labels where they were said to be."""


class AwsError(TrainingError):
    """There is no library, no region or no permission to call AWS with, or AWS refused."""


class StorageError(AwsError):
    """S3 refused, could not be reached, or holds something else already."""


class ReleaseError(TrainingError):
    """The release or the training job cannot be made as asked, or it failed."""
