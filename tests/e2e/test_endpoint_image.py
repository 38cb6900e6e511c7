"""The endpoint's image, run as SageMaker runs it, answers with the predictor's own numbers."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from packaging.utils import canonicalize_name

from endpoint.errors import ImageError
from endpoint.predictor import SHIPPED_MODEL, Predictor
from tools.locked import locked_packages
from training import endpoint_image
from training.errors import ReleaseError
from training.release.model_archive import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pinned_base() -> str:
    dockerfile = (endpoint_image.ROOT / "endpoint" / "Dockerfile").read_text()
    (base,) = re.findall(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE)
    return str(base)


# Where no registry is in reach, the name of an image to stand in for the Dockerfile's base.
BASE = os.environ.get("SCONES_TEST_BASE_IMAGE") or pinned_base()
NAME = f"scones-endpoint-test-{os.getpid()}"
MODEL_DIR = "/opt/ml/model"
START_S = 60
CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}
PULL_S = 120

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def docker(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, 1, "", f"no answer in {timeout_s:.0f} s")


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Build the image under a name of this run; skip where that is not possible."""
    if shutil.which("docker") is None:
        pytest.skip("needs a Docker engine: there is no docker command")
    if (info := docker("info")).returncode:
        pytest.skip(f"needs a Docker engine: {last_line(info)}")
    if (
        docker("image", "inspect", BASE).returncode
        and (pull := docker("pull", BASE, timeout_s=PULL_S)).returncode
    ):
        pytest.skip(f"needs the image {BASE}: {last_line(pull)}")
    try:
        endpoint_image.build(NAME, options=["--build-arg", f"BASE={BASE}"])
    except ReleaseError:
        download = ["pip", "download", "--quiet", "--no-deps", "--dest", "/tmp", "click"]
        if (pip := docker("run", "--rm", BASE, *download, timeout_s=PULL_S)).returncode:
            pytest.skip(f"needs PyPI in reach of containers: {last_line(pip)}")
        raise
    yield NAME
    docker("image", "rm", "--force", NAME)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what SageMaker unpacks training.package's archive into."""
    folder = tmp_path_factory.mktemp("model")
    archive, _version = build(SHIPPED_MODEL)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    folder.chmod(0o755)
    return folder


@contextmanager
def running(image: str, name: str, *options: str) -> Iterator[str]:
    """Run the container read-only and without privileges; give its address, and remove it."""
    hardened = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    detached = ["--detach", "--name", name, "--publish", "127.0.0.1::8080"]
    started = docker("run", *detached, *hardened, *options, image, "serve")
    try:
        assert started.returncode == 0, started.stderr
        url = f"http://{docker('port', name, '8080/tcp').stdout.split()[0]}"
        wait_for_ping(url, name)
        yield url
    finally:
        docker("rm", "--force", name)


@pytest.fixture(scope="module")
def container(image: str, model_dir: Path) -> Iterator[str]:
    """Run the container as SageMaker does; return its address."""
    with running(image, NAME, "--volume", f"{model_dir}:{MODEL_DIR}:ro") as url:
        yield url


def wait_for_ping(url: str, name: str) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            assert httpx.get(f"{url}/ping").status_code == 200
        except httpx.TransportError:
            logs = docker("logs", name)
            assert time.monotonic() < deadline, logs.stdout + logs.stderr
            time.sleep(0.1)
        else:
            return


def expected(predictor: Predictor, data: bytes) -> tuple[int, Any]:
    """Return the status and the body's content that the predictor stands for."""
    try:
        return 200, pytest.approx(predictor.predict(data), abs=1e-6)
    except ImageError as error:
        return 400, str(error)


def test_every_sample_image_gets_the_predictors_answer(container: str, root: Path) -> None:
    predictor = Predictor(SHIPPED_MODEL)
    paths = [path for path in sorted((root / "events" / "images").iterdir()) if path.suffix in CONTENT_TYPES]
    statuses = []
    for path in paths:
        data = path.read_bytes()
        headers = {"Content-Type": CONTENT_TYPES[path.suffix]}
        answer = httpx.post(f"{container}/invocations", content=data, headers=headers)
        status, content = expected(predictor, data)
        assert answer.status_code == status, path
        assert (answer.json() if status == 200 else answer.text) == content, path
        statuses.append(status)
    assert {200, 400} <= set(statuses)


def test_it_serves_the_model_that_sagemaker_unpacked(container: str) -> None:
    program = (
        "import os; from endpoint.deployed_model import default_model; "
        "print(default_model(os.environ, None, is_serving=True))"
    )
    assert docker("exec", NAME, "python", "-c", program).stdout.strip() == f"{MODEL_DIR}/model.onnx"


def test_it_refuses_to_serve_another_model_than_the_deployed_one(image: str, model_dir: Path) -> None:
    other = ["--env", "SCONES_MODEL_VERSION=000000000000", "--volume", f"{model_dir}:{MODEL_DIR}:ro"]
    done = docker("run", "--rm", *other, image, "serve")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "000000000000 was deployed" in line


def test_it_is_nobody_and_can_write_nowhere(container: str) -> None:
    assert docker("exec", NAME, "id", "-u").stdout.strip() not in ("", "0")
    for place in ("/app", "/tmp", MODEL_DIR):
        assert docker("exec", NAME, "touch", f"{place}/x").returncode != 0, place


def test_it_serves_as_any_user_and_with_an_empty_tmp(image: str, root: Path) -> None:
    picture = (root / "events" / "images" / "bicycle.jpg").read_bytes()
    with running(image, f"{NAME}-other", "--tmpfs", "/tmp", "--user", "12345:12345") as url:
        headers = {"Content-Type": "image/jpeg"}
        answer = httpx.post(f"{url}/invocations", content=picture, headers=headers)

    assert answer.json() == pytest.approx(Predictor(SHIPPED_MODEL).predict(picture), abs=1e-6)


@pytest.mark.parametrize("command", ["pip", "pip3", "gcc", "g++", "cc", "ld", "make", "git", "curl", "wget"])
def test_it_has_nothing_to_build_or_fetch_with(container: str, command: str) -> None:
    assert docker("exec", NAME, "sh", "-c", f"command -v {command}").stdout == ""


@pytest.mark.parametrize("module", ["pip", "ensurepip", "setuptools", "wheel"])
def test_its_python_installs_nothing(container: str, module: str) -> None:
    done = docker("exec", NAME, "python", "-c", f"import {module}")

    assert f"No module named '{module}'" in done.stderr


def test_it_holds_the_locked_packages_and_no_others(container: str, root: Path) -> None:
    program = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    found = {
        tuple(line.split()) for line in docker("exec", NAME, "python", "-c", program).stdout.splitlines()
    }
    locked = locked_packages(root / "endpoint" / "requirements.txt")

    assert {(canonicalize_name(name), version) for name, version in found} == {
        (package.name, package.version) for package in locked if package.installs_on_linux()
    }
