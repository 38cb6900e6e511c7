"""Building and pushing the endpoint's image, with a docker command that only writes down what it is told."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from training import endpoint_image
from training.endpoint_image import ImageError, build, main, push, tag

FAKE = """#!{python}
import json, os, sys
entry = {{"arguments": sys.argv[1:]}}
if sys.argv[1] == "build" or "--password-stdin" in sys.argv:
    data = sys.stdin.buffer.read()
    open(os.path.join({folder!r}, sys.argv[1]), "wb").write(data)
with open(os.path.join({folder!r}, "calls"), "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == os.environ.get("FAKE_DOCKER_FAILS"):
    sys.exit("error: " + sys.argv[1] + " refused")
"""


class Docker:
    """What the docker command was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]

    def stdin_of(self, command: str) -> bytes:
        return (self.folder / command).read_bytes()


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(FAKE.format(python=sys.executable, folder=str(folder)))
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return Docker(folder)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with an endpoint in it, and other things that no image needs."""
    root = tmp_path / "checkout"
    (root / "endpoint" / "__pycache__").mkdir(parents=True)
    (root / ".venv").mkdir()
    for name in ("endpoint/Dockerfile", "endpoint/server.py", "endpoint/__pycache__/x.pyc", ".venv/large"):
        (root / name).write_text(name)
    (root / ".gitignore").write_text("__pycache__\n.venv\n")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "--message", "x"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


def test_the_context_is_the_endpoint_and_nothing_else(docker: Docker, checkout: Path) -> None:
    build("name:1", checkout)
    (call,) = docker.calls()
    assert call == ["build", "--file", "endpoint/Dockerfile", "--tag", "name:1", "-"]
    with tarfile.open(fileobj=io.BytesIO(docker.stdin_of("build"))) as context:
        assert sorted(context.getnames()) == ["endpoint", "endpoint/Dockerfile", "endpoint/server.py"]


def test_docker_sees_a_tar_in_the_first_block(docker: Docker, checkout: Path) -> None:
    build("name:1", checkout)
    assert docker.stdin_of("build")[257:262] == b"ustar"
    assert docker.stdin_of("build")[156:157] == b"5"  # a folder, not an extended header


def test_a_tag_names_one_build(checkout: Path) -> None:
    clean = tag("cb5df16abfe4", checkout)
    assert clean.startswith("cb5df16abfe4-")
    (checkout / "README.md").write_text("not in the image")
    assert tag("cb5df16abfe4", checkout) == clean
    (checkout / "endpoint" / "server.py").write_text("changed")
    changed = tag("cb5df16abfe4", checkout)
    assert changed.startswith(f"{clean}-")
    (checkout / "endpoint" / "server.py").write_text("changed again")
    assert tag("cb5df16abfe4", checkout) not in (clean, changed)


def test_without_a_commit_there_is_no_tag(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no commit"):
        tag("cb5df16abfe4", tmp_path)


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto = pytest.importorskip("moto", reason="moto is not installed")
    core = pytest.importorskip("moto.core")
    with moto.mock_aws():
        yield f"{core.DEFAULT_ACCOUNT_ID}.dkr.ecr.eu-west-1.amazonaws.com/scones-endpoint"


def test_a_push_logs_in_tags_and_pushes(docker: Docker, repository: str) -> None:
    assert push("local:1", repository, "v-c") == f"{repository}:v-c"
    login, renamed, pushed = docker.calls()
    assert login == ["login", "--username", "AWS", "--password-stdin", repository.partition("/")[0]]
    assert docker.stdin_of("login")  # the password, which no process list shows
    assert renamed == ["tag", "local:1", f"{repository}:v-c"]
    assert pushed == ["push", f"{repository}:v-c"]


def test_a_push_that_is_refused_is_one_line(
    docker: Docker,
    repository: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FAKE_DOCKER_FAILS", "push")
    assert main(["--push", repository, "--tag", "1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "error: push refused" in line


def test_a_build_that_fails_is_one_line(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_DOCKER_FAILS", "build")
    assert main(["--tag", "1"]) == 1
    assert capfd.readouterr().err.splitlines()[-1] == "training.endpoint_image: docker build ended with 1"


def test_what_is_no_repository_is_said_before_anything_is_pushed(docker: Docker) -> None:
    with pytest.raises(ImageError, match="is not <account>"):
        push("local:1", "docker.io/somebody/scones", "1")


def test_without_docker_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="there is no docker command"):
        build("name:1", endpoint_image.ROOT)
