"""What decoding may cost. Each number was measured with files of 12 to 50 megapixels; a test repeats that."""

from errors import ImageTooLargeError

MIB = 1024 * 1024
# Of 512 MB some 100 go to Python, boto3 and the decoders themselves, and some to bands and the result.
DECODER_BYTES = 370 * MIB
MOST_DECIMALS = 6  # of millions: bytes and pixels are whole
MAX_SIDE = 65_535  # pixels; also what keeps row buffers of hostile headers small
MAX_JPEG_SCANS = 64  # each scan walks the whole image again; an encoder writes about ten
MAX_PNG_BYTES = 300_000_000  # unpacked: two seconds at the slowest filter
MAX_BMP_RLE_BYTES = 2 * MIB  # decoded in Python, byte by byte

BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
# By chroma: with 8 bits, and with more. Measured at 12 to 33 megapixels: 5.0, 8.5, 9.5, and 8.0, 13.5, 15.6.
HEIF_BYTES_PER_PIXEL = {400: (5.0, 10.0), 420: (5.0, 10.0), 422: (9.5, 14.5), 444: (10.5, 16.5)}


def apart(found: float, limit: float) -> tuple[str, str]:
    """Write two numbers with one decimal, or as many as it takes to see which is larger."""
    for decimals in range(1, MOST_DECIMALS):
        written = f"{found:.{decimals}f}", f"{limit:.{decimals}f}"
        if written[0] != written[1]:
            return written
    return f"{found:.{MOST_DECIMALS}f}", f"{limit:.{MOST_DECIMALS}f}"


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """
    Refuse an image with more than `max_pixels` pixels or a side beyond 65535.

    Raises
    ------
    ImageTooLargeError
        With both numbers.
    """
    if width * height > max_pixels:
        found, limit = apart(width * height / 1e6, max_pixels / 1e6)
        raise ImageTooLargeError(f"photo is {found} megapixels; the limit is {limit}")
    if max(width, height) > MAX_SIDE:
        raise ImageTooLargeError(f"photo is {width} x {height} pixels; the limit of a side is {MAX_SIDE}")


def check_memory(needed: float, what: str, width: int, height: int) -> None:
    """
    Refuse an image whose decoder would need more bytes than the function has.

    Parameters
    ----------
    needed
        Estimate of the decoder's peak in bytes, the file included.
    what
        The kind of image, for the message.

    Raises
    ------
    ImageTooLargeError
        With the largest size of this kind that would pass.
    """
    _check(needed / DECODER_BYTES, f"{what}, for the memory that decoding takes", width, height)


def check_png_work(raw_bytes: float, width: int, height: int) -> None:
    """
    Refuse a PNG whose rows are more than can be unpacked and unfiltered in the time of the function.

    Raises
    ------
    ImageTooLargeError
        With the largest size of this kind that would pass.
    """
    _check(raw_bytes / MAX_PNG_BYTES, "PNG of its depth, for the time that decoding takes", width, height)


def _check(share: float, what: str, width: int, height: int) -> None:
    if share > 1:
        megapixels = width * height / 1e6
        found, limit = apart(megapixels, megapixels / share)
        raise ImageTooLargeError(f"photo is {found} megapixels; the limit is {limit} for {what}")


def pixel_bytes(mode: str) -> int:
    """Bytes that one pixel of a Pillow mode occupies."""
    return BYTES_PER_PIXEL.get(mode, 4)


def jpeg_bytes(pixels: int, components: int, *, several_scans: bool, scale: int) -> float:
    """Estimate a JPEG's decoder: several scans need every coefficient (2 bytes) at once."""
    return (2 * components * pixels if several_scans else 0) + 4 * pixels / scale**2


def webp_bytes(pixels: int) -> float:
    """Estimate libwebp's animation decoder: two canvases, a copy as bytes and Pillow's image."""
    return 16.5 * pixels


def avif_bytes(pixels: int, *, alpha: bool) -> float:
    """Estimate libavif at its worst, 4:4:4 with more than eight bits, which the header does not tell."""
    return (20 if alpha else 16) * pixels


def heif_bytes(pixels: int, *, chroma: int, deep: bool, alpha: bool) -> float:
    """Estimate libheif: the planes as coded, converted, and the interleaved pixels; measured per kind of chroma."""
    shallow, with_ten_bits = HEIF_BYTES_PER_PIXEL.get(chroma, HEIF_BYTES_PER_PIXEL[444])
    return (with_ten_bits + (8 if alpha else 0) if deep else shallow + (4 if alpha else 0)) * pixels


def tiff_bytes(image_bytes: int, block_bytes: int, *, turned: bool) -> float:
    """Estimate libtiff: Pillow's image, twice when its orientation is applied, and one strip or tile."""
    return image_bytes * (2 if turned else 1) + block_bytes
