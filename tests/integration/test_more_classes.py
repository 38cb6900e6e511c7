"""A model of three classes, trained here from nothing, through the whole local cloud: its labels become the stack's."""

import subprocess
from pathlib import Path

import pytest
from PIL import Image

from endpoint.predictor import Predictor
from tests.fakes.cifar_archive import pickles, write
from tests.local_cloud.shell import Shell, ports

CLASSES = ("motorcycle", "apple", "bicycle")
COLOURS = {"apple": (200, 30, 30), "bicycle": (30, 200, 30), "motorcycle": (30, 30, 200)}

pytestmark = [pytest.mark.local_cloud, pytest.mark.slow]


@pytest.fixture
def model(root: Path, tmp_path: Path) -> Path:
    """Train on a tiny archive, in training's own environment."""
    python = root / ".venv-training" / "bin" / "python"
    if not python.exists():
        pytest.skip("training's environment is not there: `make setup-training` makes it")
    archive = write(tmp_path / "archive.tar.gz", pickles())
    digest = subprocess.run(["md5sum", archive], capture_output=True, text=True, check=True).stdout.split()[0]
    command: list[str | Path] = [python, "-m", "training.train", "--archive", archive, "--md5", digest]
    command += ["--classes", ",".join(CLASSES), "--output", tmp_path / "out"]
    command += ["--epochs-pretrain", "1", "--epochs", "1", "--members", "1", "--threads", "1"]
    trained = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert trained.returncode == 0, trained.stderr
    return tmp_path / "out" / "model.onnx"


def test_three_classes_go_through_unchanged(shell: Shell, model: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (48, 32), colour).save(images / f"{name}.png")
    up = shell.run("up", "--detach", "--model", str(model), *ports())
    assert up.returncode == 0, up.stderr

    dropped = shell.run("drop", str(images), "--json")
    documents = shell.results(len(COLOURS))
    shell.run("down")

    assert dropped.returncode == 0, dropped.stderr
    predictor = Predictor(model)
    assert len(documents) == len(COLOURS)
    for document in documents:
        name = Path(document["image"]["key"]).name
        expected = predictor.predict((images / name).read_bytes())
        assert document["labels"] == list(CLASSES)
        assert document["inferences"] == pytest.approx(expected, abs=0.02)
        assert document["label"] == CLASSES[document["inferences"].index(max(document["inferences"]))]
