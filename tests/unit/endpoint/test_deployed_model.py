"""A container serves the model that was deployed, or does not start."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from endpoint import deployed_model
from endpoint.deployed_model import check_version, default_model
from endpoint.errors import ModelFileError
from endpoint.predictor import SHIPPED_MODEL, Predictor
from endpoint.server import main

ROOT = Path(__file__).parents[3]
VERSION = Predictor(SHIPPED_MODEL).version


@pytest.fixture
def model_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for /opt/ml/model, with the shipped model in it."""
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(SHIPPED_MODEL, folder)
    monkeypatch.setattr(deployed_model, "SAGEMAKER_MODEL_DIR", str(folder))
    return folder


def test_the_deployed_model_comes_before_the_shipped_one(model_dir: Path) -> None:
    for is_serving in (True, False):
        assert default_model({}, SHIPPED_MODEL, is_serving=is_serving) == model_dir / "model.onnx"


def test_a_model_folder_without_a_model_ends_the_container_with_one_line(
    model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model_dir / "model.onnx").rename(model_dir / "other.onnx")
    assert main(["serve", "--port", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"endpoint: {model_dir} has no model.onnx")


@pytest.mark.parametrize("variable", ["SM_MODEL_DIR", "SCONES_MODEL_VERSION"])
def test_nor_does_it_serve_where_a_deployment_left_no_folder(model_dir: Path, variable: str) -> None:
    shutil.rmtree(model_dir)
    environment = {variable: str(model_dir)}
    with pytest.raises(ModelFileError, match=r"has no model\.onnx"):
        default_model(environment, SHIPPED_MODEL, is_serving=True)
    # `scones up` starts the server without `serve`; `docker run IMAGE serve` on a laptop deploys no model.
    assert default_model(environment, SHIPPED_MODEL, is_serving=False) == SHIPPED_MODEL
    assert default_model({}, SHIPPED_MODEL, is_serving=True) == SHIPPED_MODEL


@pytest.mark.parametrize("arguments", [["serve"], []])
def test_another_version_than_the_deployed_one_ends_it_with_one_line(
    model_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    monkeypatch.setenv("SCONES_MODEL_VERSION", "000000000000")
    assert main([*arguments, "--port", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"holds model {VERSION}, but 000000000000 was deployed" in line


def test_the_deployed_version_is_served(model_dir: Path) -> None:
    command = [sys.executable, "-m", "endpoint.server", "serve", "--port", "0"]
    environment = {"SCONES_MODEL_VERSION": VERSION, "SM_MODEL_DIR": str(model_dir)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"endpoint: model {VERSION} ")
        process.send_signal(signal.SIGTERM)


def test_without_a_deployment_any_version_will_do() -> None:
    check_version("any", {})
    check_version("any", {"SCONES_MODEL_VERSION": ""})
