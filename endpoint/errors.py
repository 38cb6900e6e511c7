"""What can be wrong with an image or a model; each message is one line for a person."""

from __future__ import annotations


class ImageError(Exception):
    """The image cannot be classified; the sender is to blame, and sending it again does not help."""


class UnreadableImageError(ImageError):
    """The bytes are not an image this endpoint can decode."""


class TooManyPixelsError(ImageError):
    """The image would decode to more pixels than allowed."""


class ModelFileError(Exception):
    """The model file is missing, damaged, or breaks the contract of endpoint.predictor."""


class InvalidAnswerError(ModelFileError):
    """The model's answer to an image is not probabilities; asking again does not help, another model does."""
