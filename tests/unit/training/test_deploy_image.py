"""Building and pushing the endpoint's image, with a docker command that only records its arguments."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from training import endpoint_image
from training.endpoint_image import DOCKER_MANIFEST, build, main, push, tag
from training.errors import ReleaseError

FAKE = """#!{python}
import json, os, sys
if "build" in sys.argv or "--password-stdin" in sys.argv:
    data = sys.stdin.buffer.read()
    open(os.path.join({folder!r}, "build" if "build" in sys.argv else "login"), "wb").write(data)
with open(os.path.join({folder!r}, "calls"), "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if os.environ.get("FAKE_DOCKER_FAILS", "nothing") in sys.argv:
    sys.exit("error: " + os.environ["FAKE_DOCKER_FAILS"] + " refused")
if sys.argv[1:3] == ["image", "inspect"]:
    print(os.environ.get("FAKE_DOCKER_IMAGE", '[{{"Id": "sha256:1"}}]'))
"""
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


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
    _, call = docker.calls()
    assert call[-5:] == ["--file", "endpoint/Dockerfile", "--tag", "name:1", "-"]
    with tarfile.open(fileobj=io.BytesIO(docker.stdin_of("build"))) as context:
        assert sorted(context.getnames()) == ["endpoint", "endpoint/Dockerfile", "endpoint/server.py"]


def test_buildx_is_told_to_write_dockers_own_manifest(docker: Docker, checkout: Path) -> None:
    build("name:1", checkout)
    asked, call = docker.calls()
    assert asked == ["buildx", "version"]
    assert call[:5] == [
        "buildx",
        "build",
        "--provenance=false",
        "--output",
        "type=docker,oci-mediatypes=false",
    ]


def test_without_buildx_the_classic_builder_builds(
    docker: Docker, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DOCKER_FAILS", "buildx")
    build("name:1", checkout)
    assert docker.calls()[-1] == ["build", "--file", "endpoint/Dockerfile", "--tag", "name:1", "-"]


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
    with pytest.raises(ReleaseError, match="no commit"):
        tag("cb5df16abfe4", tmp_path)


@dataclass
class FakeECR:
    """A registry that grants a login and holds any image in one media type, or answers with an error."""

    media_type: str | None = DOCKER_MANIFEST
    failure: Exception | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def client(self, service: str) -> FakeECR:
        assert service == "ecr"
        return self

    def get_authorization_token(self) -> dict[str, Any]:
        token = base64.b64encode(b"AWS:secret").decode()
        return {"authorizationData": [{"authorizationToken": token}]}

    def describe_images(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        if self.failure:
            raise self.failure
        return {"imageDetails": [{"imageManifestMediaType": self.media_type} if self.media_type else {}]}


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> FakeECR:
    registry = FakeECR()
    monkeypatch.setattr(endpoint_image, "open_session", lambda _region: registry)
    return registry


REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/vehicles/scones-endpoint"


def test_a_push_logs_in_tags_pushes_and_looks(
    docker: Docker, ecr: FakeECR, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push("local:1", REPOSITORY, "v-c") == f"{REPOSITORY}:v-c"
    inspected, login, renamed, pushed = docker.calls()
    assert inspected == ["image", "inspect", "local:1"]
    assert login == ["login", "--username", "AWS", "--password-stdin", REPOSITORY.partition("/")[0]]
    assert docker.stdin_of("login") == b"secret"  # which no process list shows
    assert renamed == ["tag", "local:1", f"{REPOSITORY}:v-c"]
    assert pushed == ["push", f"{REPOSITORY}:v-c"]
    assert ecr.asked == [{"repositoryName": "vehicles/scones-endpoint", "imageIds": [{"imageTag": "v-c"}]}]
    assert f"manifest {DOCKER_MANIFEST}" in capsys.readouterr().err


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX, None])
def test_an_image_that_sagemaker_would_refuse_is_found_after_the_push(
    docker: Docker, ecr: FakeECR, capsys: pytest.CaptureFixture[str], media_type: str | None
) -> None:
    ecr.media_type = media_type
    assert main(["--push", REPOSITORY, "--tag", "1"]) == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert f"{REPOSITORY}:1 has a manifest of type {media_type or 'unknown'}, which SageMaker rejects" in line
    assert captured.out == ""


def test_an_oci_manifest_is_not_even_pushed_where_docker_shows_it(
    docker: Docker, ecr: FakeECR, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [{"Id": "sha256:1", "Descriptor": {"mediaType": OCI_INDEX, "size": 1}}]
    monkeypatch.setenv("FAKE_DOCKER_IMAGE", json.dumps(shown))
    with pytest.raises(ReleaseError, match=f"local:1 has a manifest of type {re.escape(OCI_INDEX)}"):
        push("local:1", REPOSITORY, "1")
    assert [call[0] for call in docker.calls()] == ["image"]
    shown[0]["Descriptor"] = {"mediaType": DOCKER_MANIFEST, "size": 1}
    monkeypatch.setenv("FAKE_DOCKER_IMAGE", json.dumps(shown))
    push("local:1", REPOSITORY, "1")


def test_a_manifest_that_cannot_be_looked_at_is_said(
    docker: Docker, ecr: FakeECR, capsys: pytest.CaptureFixture[str]
) -> None:
    exceptions = pytest.importorskip("botocore.exceptions", reason="botocore is not installed")
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "not ecr:DescribeImages"}}
    ecr.failure = exceptions.ClientError(denied, "DescribeImages")
    assert main(["--push", REPOSITORY, "--tag", "1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{REPOSITORY}:1 is pushed, but its manifest could not be looked at" in line
    assert "ecr:DescribeImages" in line


def test_a_push_that_is_refused_is_one_line(
    docker: Docker,
    ecr: FakeECR,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FAKE_DOCKER_FAILS", "push")
    assert main(["--push", REPOSITORY, "--tag", "1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "error: push refused" in line


def test_a_build_that_fails_is_one_line(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_DOCKER_FAILS", "build")
    assert main(["--tag", "1"]) == 1
    assert capfd.readouterr().err.splitlines()[-1] == "training.endpoint_image: docker build ended with 1"


def test_what_is_no_repository_is_said_before_anything_is_pushed(docker: Docker) -> None:
    with pytest.raises(ReleaseError, match="is not <account>"):
        push("local:1", "docker.io/somebody/scones", "1")


def test_without_docker_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReleaseError, match="there is no docker command"):
        build("name:1", endpoint_image.ROOT)
