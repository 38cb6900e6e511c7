"""The image bytes of a request."""

import binascii
from base64 import b64decode

from classify.contract import ClassifyRequest
from classify.errors import InvalidRequestError

CONTENT_TYPES = ("image/png", "image/jpeg")


def image_of(request: ClassifyRequest) -> tuple[bytes, str]:
    """
    Extract the image bytes and the content type of a request.

    Raises
    ------
    InvalidRequestError
        When the content type is not one that Serialize returns, or the base64 is empty or invalid.
    """
    content_type, image_data = request.get("content_type"), request.get("image_data")
    if content_type not in CONTENT_TYPES:
        raise InvalidRequestError(
            f"content_type must be {' or '.join(CONTENT_TYPES)}, not {content_type!r:.60}"
        )
    if not image_data or not isinstance(image_data, str):
        raise InvalidRequestError("image_data is missing")
    try:
        return b64decode(image_data, validate=True), content_type
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(f"image_data is not base64: {error}") from error
