"""Files that break image services, from a folder that is not part of the project."""

import json
import os
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("SCONES_TEST_DATA", ROOT.parent / "shared" / "data")) / "odd-images"
MANIFEST = FOLDER / "manifest.json"
FILES = json.loads(MANIFEST.read_text()) if MANIFEST.is_file() else []
POISON = {"UnsupportedImageError", "CorruptImageError", "ImageTooLargeError"}

pytestmark = pytest.mark.skipif(not FILES, reason=f"no odd images at {FOLDER}: set SCONES_TEST_DATA")


def outcome(serialize: Any, file: str) -> tuple[str, Image.Image | None, dict[str, Any]]:
    try:
        result = serialize.image.serialize_image((FOLDER / file).read_bytes(), 32, 50_000_000)
    except serialize.errors.RejectedImageError as refused:
        return type(refused).__name__, None, {}
    assert len(result["image_data"]) <= 131_072
    return "accepted", Image.open(BytesIO(b64decode(result["image_data"]))).convert("RGB"), result


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["file"])
def test_every_file_has_a_sensible_outcome(serialize: Any, entry: dict[str, Any]) -> None:
    name, image, result = outcome(serialize, entry["file"])
    category, pillow = entry["category"], entry["pillow_13_to_rgb"]
    assert name in POISON | {"accepted"}
    if entry["file"].endswith((".psd", ".svg", ".ico")):
        assert name == "UnsupportedImageError"
    elif category == "bomb":
        assert name in {"ImageTooLargeError", "CorruptImageError"}
    elif pillow == "ok":
        assert name == "accepted"
        assert image is not None
        width, height = entry["size"]
        original = (result["original"]["width"], result["original"]["height"])
        assert original == ((height, width) if (entry["orientation"] or 1) > 4 else (width, height))
        assert max(image.size) <= 4 * min(image.size)
        assert min(image.size) <= 32
    elif category in {"truncated", "corrupt", "phone"}:
        assert name == "CorruptImageError"
    else:
        assert name in POISON


@pytest.mark.parametrize(
    ("turned", "upright"),
    [("Landscape_6", "Landscape_1"), ("Landscape_8", "Landscape_1"), ("Portrait_5", "Portrait_6")],
)
def test_turned_photos_stand_upright(serialize: Any, turned: str, upright: str) -> None:
    left, right = (outcome(serialize, f"exif-rot__recurser__{name}.jpg")[1] for name in (turned, upright))
    assert left is not None
    assert right is not None
    pairs = zip(left.resize((8, 8)).tobytes(), right.resize((8, 8)).tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) <= 12
