"""Generated files, like those that people upload."""

import io

from PIL import Image, ImageDraw
from pillow_heif import register_heif_opener

register_heif_opener()


def photo(mode: str = "RGB", size: tuple[int, int] = (400, 300)) -> Image.Image:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(image).ellipse((60, 60, 220, 220), outline="red", width=12)
    return image if mode == "RGB" else image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def rotated_by_a_phone() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo(size=(1200, 900)), "JPEG", exif=exif)


CLASSIFIED = {
    "incoming/plain.jpg": encoded(photo(), "JPEG"),
    "incoming/with space.png": encoded(photo(), "PNG"),
    "incoming/a+b.png": encoded(photo("RGBA"), "PNG"),
    "incoming/100%25 sure%.png": encoded(photo("P"), "PNG"),
    "incoming/fünf/写真 📷.webp": encoded(photo(), "WEBP"),
    "incoming//leading/slash.bmp": encoded(photo(), "BMP"),
    "incoming/IMG_0001.HEIC": encoded(photo(), "HEIF"),
    "incoming/new.avif": encoded(photo(), "AVIF"),
    "incoming/phone.JPG": rotated_by_a_phone(),
    "incoming/press.jpg": encoded(photo("CMYK"), "JPEG"),
    "incoming/scan.tiff": encoded(photo(), "TIFF"),
    "incoming/sixteen.png": encoded(photo("I;16"), "PNG"),
    "incoming/moving.gif": encoded(photo("P"), "GIF", save_all=True, append_images=[photo("P")]),
    "incoming/a png named.jpg": encoded(photo(), "PNG"),
    "incoming/no-extension": encoded(photo(), "PNG"),
    "incoming/one-pixel.png": encoded(photo(size=(1, 1)), "PNG"),
    "incoming/" + "n" * 1015: encoded(photo(), "PNG"),
}
REJECTED = {
    "incoming/empty.jpg": b"",
    "incoming/note.jpg": b"this is not an image",
    "incoming/drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "incoming/document.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "incoming/cut.png": encoded(photo(), "PNG")[:-2000],
    "incoming/cut.jpg": encoded(photo(), "JPEG")[:2000],
    "incoming/header only.png": encoded(photo(), "PNG")[:33],
    "incoming/huge.bin": b"\xff\xd8\xff" + bytes(26 * 1024 * 1024),
    "incoming/bomb.png": encoded(Image.new("1", (20_000, 20_000)), "PNG"),
}
IGNORED = {
    "incoming/folder/": b"",
    "elsewhere/plain.jpg": encoded(photo(), "JPEG"),
    "incoming.jpg": encoded(photo(), "JPEG"),
}


def picture(text: str) -> bytes:
    """A PNG that is different for every text."""
    image = photo()
    ImageDraw.Draw(image).text((10, 10), ascii(text), fill="black")
    return encoded(image, "PNG")
