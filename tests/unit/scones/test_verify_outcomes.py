"""What `scones verify` drops is packaged, small, drawn by `events/draw.py`, and what it is taken for."""

import runpy
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

from endpoint.predictor import SHIPPED_MODEL, Predictor
from scones.verify.outcomes import SAMPLES, TEXT, sample_files


def test_the_samples_are_there_and_small() -> None:
    with sample_files() as paths:
        assert [path.name for path in paths] == list(SAMPLES)
        assert all(0 < path.stat().st_size < 6000 for path in paths)


def test_the_drawings_are_those_of_the_repository(root: Path) -> None:
    drawn = runpy.run_path(str(root / "events" / "draw.py"))["verification_samples"]()
    with sample_files() as paths:
        for path in paths:
            if path.name != TEXT:
                shipped = Image.open(path).convert("RGBA")
                assert shipped.tobytes() == drawn[path.name].convert("RGBA").tobytes(), path.name


def test_the_shipped_model_passes_some_and_reviews_one() -> None:
    predictor = Predictor(SHIPPED_MODEL)
    with sample_files() as paths:
        sure = {
            path.name: max(predictor.predict(path.read_bytes())) >= 0.8 for path in paths if path.name != TEXT
        }
    assert sure == {"bicycle.png": True, "motorcycle.png": True, "scone.png": False}


def test_the_text_is_not_an_image() -> None:
    with sample_files() as paths:
        (text,) = [path for path in paths if path.name == TEXT]
        with pytest.raises(OSError, match="cannot identify"):
            Image.open(text)
        assert text.read_text().isprintable() or text.read_text().endswith("\n")


@pytest.mark.slow
def test_an_installed_scones_has_them(root: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(tmp_path), str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "hatchling" in built.stderr:
        pytest.skip("building a wheel needs hatchling, which cannot be fetched here")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert {f"scones/verify/samples/{name}" for name in SAMPLES} <= set(ZipFile(wheel).namelist())
