"""The bytes that travel through the workflow's state."""

from base64 import b64encode
from io import BytesIO

from PIL import Image

from geometry import fit

MAX_BASE64 = 131_072  # characters: half of what Step Functions allows a state
MAX_BYTES = MAX_BASE64 // 4 * 3
QUALITIES = (95, 90, 80, 65, 50, 35)
FULL_COLOUR = 80  # from this quality on, colour is kept at full resolution


def encode(image: Image.Image) -> tuple[str, str, Image.Image]:
    """
    Encode an RGB image in at most 131072 characters: PNG, else the best JPEG that fits, else a smaller one.

    Returns
    -------
    tuple[str, str, Image.Image]
        Base64, content type, and the image that was encoded at last.
    """
    content_type, encoded = "image/png", _png(image)
    while len(encoded) > MAX_BYTES:
        content_type, encoded = "image/jpeg", _best_jpeg(image)
        if len(encoded) > MAX_BYTES:
            image = _halved(image)
    return b64encode(encoded).decode("ascii"), content_type, image


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _best_jpeg(image: Image.Image) -> bytes:
    for quality in QUALITIES:
        file = BytesIO()
        subsampling = "4:4:4" if quality >= FULL_COLOUR else "4:2:0"
        image.save(file, "JPEG", quality=quality, subsampling=subsampling)
        if file.tell() <= MAX_BYTES:
            break
    return file.getvalue()


def _halved(image: Image.Image) -> Image.Image:
    # Ends: 256 x 64 pixels fit whatever they show.
    smaller = fit(*image.size, max(1, min(image.size) // 2))
    return image.resize(smaller.size, Image.Resampling.LANCZOS, smaller.box)
