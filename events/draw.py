"""Draw the sample images of `events/images` and of `scones verify`: ``python events/draw.py``.

They are drawn, not photographed, so the repository contains no real photos. Each represents a kind of upload: the two
vehicles, a stranger, a rotated phone photo, a modern format, a broken file, and a file that is not an image.
"""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from pillow_heif import register_heif_opener

IMAGES = Path(__file__).parent / "images"
VERIFICATION_SAMPLES = Path(__file__).parent.parent / "scones" / "verify" / "samples"
VERIFICATION_SIDE, VERIFICATION_COLOURS = 128, 64
SIZE = 640
EXIF_ORIENTATION = 0x0112
ROTATED_RIGHT = 6

type Point = tuple[float, float]


def street() -> Image.Image:
    """Return an overcast sky above a road."""
    image = Image.new("RGB", (SIZE, SIZE))
    draw = ImageDraw.Draw(image)
    for y in range(SIZE):
        grey = 232 - y // 12 if y < 430 else 150 - (y - 430) // 10  # noqa: PLR2004
        draw.line([(0, y), (SIZE, y)], fill=(grey, grey, grey + 6))
    return image


def wheel(draw: ImageDraw.ImageDraw, centre: Point, radius: float, tyre: int, spokes: int) -> None:
    """Draw a wheel with `spokes` spokes and a tyre of the given width in pixels."""
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=(25, 25, 28), width=tyre)
    for spoke in range(spokes):
        angle = 2 * math.pi * spoke / spokes
        rim = (x + (radius - tyre) * math.cos(angle), y + (radius - tyre) * math.sin(angle))
        draw.line([centre, rim], fill=(120, 120, 125), width=2)
    draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=(60, 60, 65))


def bicycle() -> Image.Image:
    """Return a courier's bicycle."""
    image = street()
    draw = ImageDraw.Draw(image)
    rear, front, crank, seat, head = (165, 420), (475, 420), (290, 420), (250, 250), (430, 255)
    wheel(draw, rear, 112, 9, 24)
    wheel(draw, front, 112, 9, 24)
    for one, other in ((rear, crank), (crank, seat), (seat, rear), (crank, head), (seat, head)):
        draw.line([one, other], fill=(178, 30, 35), width=12)
    draw.line([head, front], fill=(60, 60, 64), width=11)
    draw.line([head, (420, 205), (470, 190)], fill=(40, 40, 44), width=10, joint="curve")
    draw.line([seat, (244, 215)], fill=(40, 40, 44), width=10)
    draw.rounded_rectangle((200, 198, 290, 218), 10, fill=(20, 20, 22))
    draw.ellipse((266, 396, 314, 444), outline=(40, 40, 44), width=8)
    draw.line([crank, (318, 468)], fill=(40, 40, 44), width=8)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def motorcycle() -> Image.Image:
    """Return a courier's motorcycle."""
    image = street()
    draw = ImageDraw.Draw(image)
    rear, front = (160, 430), (490, 430)
    wheel(draw, rear, 100, 34, 8)
    wheel(draw, front, 100, 34, 8)
    draw.line([(430, 220), front], fill=(90, 90, 96), width=24)
    draw.polygon([(150, 395), (255, 330), (420, 330), (400, 460), (250, 470)], fill=(52, 52, 58))
    for fin in range(350, 450, 16):
        draw.line([(280, fin), (380, fin)], fill=(140, 140, 146), width=7)
    draw.polygon([(265, 330), (300, 255), (420, 245), (450, 300), (400, 345)], fill=(170, 25, 30))
    draw.polygon([(95, 300), (110, 270), (290, 275), (310, 315), (150, 330)], fill=(22, 22, 24))
    draw.line([(320, 470), (220, 490), (70, 475)], fill=(165, 165, 170), width=24, joint="curve")
    draw.line([(430, 225), (400, 180), (350, 175)], fill=(30, 30, 33), width=14, joint="curve")
    draw.ellipse((425, 215, 495, 285), fill=(235, 235, 215), outline=(40, 40, 44), width=8)
    draw.arc((375, 315, 605, 545), 200, 330, fill=(170, 25, 30), width=16)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def scone() -> Image.Image:
    """Return a scone, which is of neither class, on a transparent background."""
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((110, 330, 530, 560), fill=(186, 128, 66))
    draw.rectangle((110, 300, 530, 440), fill=(214, 160, 92))
    draw.ellipse((110, 190, 530, 420), fill=(232, 188, 118))
    for x, y in ((210, 280), (300, 250), (380, 300), (450, 270), (270, 340), (410, 360)):
        draw.ellipse((x, y, x + 34, y + 26), fill=(74, 44, 38))
    return image


def verification_samples() -> dict[str, Image.Image]:
    """Return the images that `scones verify` uploads: small, because they are shipped with it."""
    drawn = {"bicycle": bicycle(), "motorcycle": motorcycle(), "scone": scone()}
    side, lanczos = (VERIFICATION_SIDE, VERIFICATION_SIDE), Image.Resampling.LANCZOS
    small = {f"{name}.png": image.resize(side, lanczos) for name, image in drawn.items()}
    return {
        name: image if image.mode == "RGBA" else image.quantize(VERIFICATION_COLOURS)
        for name, image in small.items()
    }


def main() -> None:
    """Write every sample image."""
    register_heif_opener()
    IMAGES.mkdir(exist_ok=True)
    bicycle().save(IMAGES / "bicycle.jpg", quality=90)
    motorcycle().save(IMAGES / "motorcycle.jpg", quality=90)
    scone().save(IMAGES / "a scone + jam.png", optimize=True)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = ROTATED_RIGHT
    upright = bicycle().crop((0, 100, SIZE, 580))
    upright.rotate(90, expand=True).save(IMAGES / "rotated by a phone.jpg", quality=90, exif=exif)
    motorcycle().save(IMAGES / "moto 100%.heic", quality=80)
    whole = BytesIO()
    motorcycle().save(whole, "PNG")
    (IMAGES / "cut-off.png").write_bytes(whole.getvalue()[:20_000])
    (IMAGES / "not-an-image.jpg").write_text("A note that somebody named .jpg.\n")
    for name, image in verification_samples().items():
        image.save(VERIFICATION_SAMPLES / name, optimize=True)
    note = "A text, which `scones verify` uploads to see that it is rejected.\n"
    (VERIFICATION_SAMPLES / "not-an-image.txt").write_text(note)


if __name__ == "__main__":
    main()
