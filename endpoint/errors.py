"""Errors of an image or a model; each message is one line for a person."""

from __future__ import annotations


class ImageError(Exception):
    """The image cannot be classified; the request is the cause, and a retry does not help."""


class UnreadableImageError(ImageError):
    """The bytes are not an image that this endpoint can decode."""


class TooManyPixelsError(ImageError):
    """The image would decode to more pixels than allowed."""


class ModelFileError(Exception):
    """The model file is missing, damaged, or violates the contract in endpoint.predictor."""


class InvalidAnswerError(ModelFileError):
    """The model's output for an image is not probabilities; a retry does not help, another model does."""
