"""Errors that Serialize raises; Step Functions matches the class names."""


class RejectedImageError(Exception):
    """The upload itself is the cause: a retry cannot help."""


class UnsupportedImageError(RejectedImageError):
    """Not an image, or one whose format or colour model is not accepted."""


class CorruptImageError(RejectedImageError):
    """An image of an accepted format which cannot be decoded."""


class ImageTooLargeError(RejectedImageError):
    """More bytes, pixels or decoder memory than the limits allow."""


class ImageNotFoundError(RejectedImageError):
    """The object version of the event is gone or was replaced."""


class ImageArchivedError(RejectedImageError):
    """The object is in an archive, from which it must be restored before it can be read."""


class StorageUnavailableError(Exception):
    """S3 is throttling, failing or unreachable: retryable."""
