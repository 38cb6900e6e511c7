"""Files that break image services, from a folder that is not part of the project, and the table of their outcomes."""

import json
import os
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from serialize.errors import RejectedImageError
from serialize.image import serialize_image

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("SCONES_TEST_DATA", ROOT.parent / "shared" / "data"))
FOLDER, SECOND_FOLDER = DATA / "odd-images", DATA / "odd-images-2"
TABLE = ROOT / "docs" / "odd-images.md"
ROW = re.compile(
    r"^\| `(?P<file>[^`]+)` \| (?P<what>[^|]+) \| `?(?P<outcome>\w+)`? \| (?P<says>[^|]+) \|$", re.MULTILINE
)
FIRST_TABLE, SECOND_TABLE = TABLE.read_text().split("## More files")
ROWS = [match.groupdict() for match in ROW.finditer(FIRST_TABLE)]
MORE_ROWS = [match.groupdict() for match in ROW.finditer(SECOND_TABLE)]
POISON = {"UnsupportedImageError", "CorruptImageError", "ImageTooLargeError"}

needs_files = pytest.mark.skipif(
    not (FOLDER / "manifest.json").is_file(), reason=f"no odd images at {FOLDER}: set SCONES_TEST_DATA"
)


def outcome(file: str, folder: Path = FOLDER) -> tuple[str, Image.Image | None, str]:
    try:
        result = serialize_image((folder / file).read_bytes(), 32, 50_000_000)
    except RejectedImageError as refused:
        return type(refused).__name__, None, str(refused)
    assert len(result["image_data"]) <= 131_072
    image = Image.open(BytesIO(b64decode(result["image_data"]))).convert("RGB")
    return "accepted", image, "{format}, {width} x {height}".format(**result["original"])


def test_the_table_can_be_read_and_counts_its_rows() -> None:
    outcomes = [row["outcome"] for row in ROWS]
    assert set(outcomes) == POISON | {"accepted"}
    text, accepted = FIRST_TABLE, outcomes.count("accepted")
    assert sum(line.startswith("| `") for line in text.splitlines()) == len(ROWS)
    text = " ".join(text.split())
    assert f"{len(ROWS)} files from" in text
    assert f"{accepted} are accepted and classified, {len(ROWS) - accepted} are rejected" in text


@needs_files
def test_every_file_has_a_row_in_order() -> None:
    files = sorted(entry["file"] for entry in json.loads((FOLDER / "manifest.json").read_text()))
    assert [row["file"] for row in ROWS] == files


@needs_files
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_every_file_has_the_outcome_that_a_person_would_expect(row: dict[str, str]) -> None:
    name, image, said = outcome(row["file"])
    assert name == row["outcome"]
    if image is None:
        assert row["says"].strip('"') in said
    else:
        assert said == row["says"]
        assert max(image.size) <= 4 * min(image.size)
        assert min(image.size) <= 32


@pytest.mark.skipif(
    not SECOND_FOLDER.is_dir(), reason=f"no odd images at {SECOND_FOLDER}: set SCONES_TEST_DATA"
)
@pytest.mark.parametrize("row", MORE_ROWS, ids=lambda row: row["file"])
def test_what_was_once_wrong_stays_right(row: dict[str, str]) -> None:
    name, _, said = outcome(row["file"], SECOND_FOLDER)
    assert name == row["outcome"]
    assert row["says"].strip('"') in said


def test_the_second_table_has_all_its_rows() -> None:
    assert f"{len(MORE_ROWS)} files that were once" in SECOND_TABLE


@needs_files
@pytest.mark.parametrize(
    ("turned", "upright"),
    [("Landscape_6", "Landscape_1"), ("Landscape_8", "Landscape_1"), ("Portrait_5", "Portrait_6")],
)
def test_turned_photos_stand_upright(turned: str, upright: str) -> None:
    left, right = (outcome(f"exif-rot__recurser__{name}.jpg")[1] for name in (turned, upright))
    assert left is not None
    assert right is not None
    pairs = zip(left.resize((8, 8)).tobytes(), right.resize((8, 8)).tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) <= 12
