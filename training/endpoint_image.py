"""Build the endpoint's image and, given a repository in ECR, push it.

    python -m training.endpoint_image --push <account>.dkr.ecr.<region>.amazonaws.com/scones-endpoint

The tag identifies the build: the model's version, the commit, and a digest of endpoint/ if that differs from the
commit. SageMaker rejects images with an OCI manifest, so the image is built with Docker's own and checked after the
push.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.aws import aws_errors, open_session
from training.command_line import command, start
from training.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
LOCAL_NAME = "scones-endpoint"
PLATFORM = "linux/amd64"  # the platform of SageMaker's serverless endpoints
# CreateModel answers "Unsupported manifest media type application/vnd.oci.image.manifest.v1+json" to any other (aws/
# amazon-sagemaker-feedback#180). Docker with the containerd image store writes OCI manifests unless configured not
# to, and pushes them as written.
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
# The docker exporter loads the image with every builder driver, and an image with attestations would be an index
# (docs.docker.com, "OCI and Docker exporters" and "Build attestations").
BUILD_OPTIONS = ("--provenance=false", "--output", "type=docker,oci-mediatypes=false")
_REPOSITORY = re.compile(
    r"(?P<registry>\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?)/(?P<name>\S+)"
)


@command("endpoint_image")
def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.endpoint_image",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--push", metavar="REPOSITORY", help="in ECR; it must exist")
    parser.add_argument("--tag", help="default: <model version>-<commit>")
    options = parser.parse_args(arguments)
    from endpoint.predictor import SHIPPED_MODEL, Predictor  # noqa: PLC0415 - not needed for --help

    image_tag = options.tag or tag(Predictor(SHIPPED_MODEL).version)
    local = f"{LOCAL_NAME}:{image_tag}"
    build(local, options=["--platform", PLATFORM])
    print(push(local, options.push, image_tag) if options.push else local)
    return 0


def tag(model_version: str, root: Path = ROOT) -> str:
    """Return a tag that identifies one build."""
    git = ["git", "-C", str(root)]
    commit = _run([*git, "rev-parse", "--short=12", "HEAD"], "no commit to name the image by").strip()
    changed = _run([*git, "status", "--porcelain", "--", "endpoint"], "cannot compare endpoint/ with git")
    return f"{model_version}-{commit}" + (f"-{_digest(root / 'endpoint')}" if changed.strip() else "")


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def build(reference: str, root: Path = ROOT, options: Sequence[str] = ()) -> None:
    """Build the image from endpoint/ only.

    The build context is a stream of exactly that folder, so that a builder without BuildKit, which does not support
    Dockerfile.dockerignore, does not copy environments and data.
    """
    builder = ["buildx", "build", *BUILD_OPTIONS] if _has_buildx() else ["build"]
    words = ["docker", *builder, "--file", "endpoint/Dockerfile", "--tag", reference, *options, "-"]
    try:
        with subprocess.Popen(words, stdin=subprocess.PIPE) as docker:  # noqa: S603 - no shell
            if docker.stdin:
                # Not PAX: docker recognizes a tar stream by its first 512 bytes, and PAX needs more.
                form = tarfile.USTAR_FORMAT
                with docker.stdin, tarfile.open(fileobj=docker.stdin, mode="w|", format=form) as context:
                    context.add(root / "endpoint", "endpoint", filter=_without_caches)
    except BrokenPipeError:
        pass  # docker ended early and has printed the reason
    except FileNotFoundError as error:
        raise ReleaseError("there is no docker command") from error
    if docker.returncode:
        raise ReleaseError(f"docker build ended with {docker.returncode}")


def _has_buildx() -> bool:
    """Whether Docker has an option for the manifest's format; its classic builder has none."""
    try:
        _run(["docker", "buildx", "version"], "no buildx")
    except ReleaseError:
        return False
    return True


def push(local: str, repository: str, image_tag: str) -> str:
    """Push the local image to a repository in ECR; return its address there.

    Raises
    ------
    ReleaseError
        SageMaker would reject the image: detected before the push if Docker shows it, otherwise in ECR after it.
    """
    parts = _REPOSITORY.fullmatch(repository)
    if not parts:
        raise ReleaseError(f"{repository!r} is not <account>.dkr.ecr.<region>.amazonaws.com/<name>")
    if media_type := local_media_type(_run(["docker", "image", "inspect", local], f"cannot inspect {local}")):
        check_media_type(media_type, local)
    remote = f"{repository}:{image_tag}"
    login = ["docker", "login", "--username", "AWS", "--password-stdin", parts["registry"]]
    _run(login, f"cannot log in to {parts['registry']}", _password(parts["region"]))
    _run(["docker", "tag", local, remote], f"cannot tag {local}")
    _run(["docker", "push", remote], f"cannot push {remote}")
    _check_pushed(parts, remote, image_tag)
    return remote


def _check_pushed(parts: re.Match[str], remote: str, image_tag: str) -> None:
    ecr = open_session(parts["region"]).client("ecr")
    try:
        media_type = pushed_media_type(ecr, parts["name"], image_tag)
    except aws_errors() as error:
        raise ReleaseError(f"{remote} is pushed, but its manifest could not be looked at: {error}") from error
    check_media_type(media_type, remote)
    print(f"{remote}: manifest {media_type}, which SageMaker accepts", file=sys.stderr)


def _password(region: str) -> str:
    (grant,) = open_session(region).client("ecr").get_authorization_token()["authorizationData"]
    return base64.b64decode(grant["authorizationToken"]).decode().partition(":")[2]


def _without_caches(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if entry.name.endswith("__pycache__") else entry


def _run(command: Sequence[str], failure: str, secret: str | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, input=secret, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ReleaseError(f"there is no {command[0]} command") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        raise ReleaseError(f"{failure}: {said[-1]}")
    return done.stdout


def check_media_type(media_type: str | None, image: str) -> None:
    """Raise ReleaseError, with the next step, unless SageMaker accepts this media type."""
    if media_type != DOCKER_MANIFEST:
        raise ReleaseError(
            f"{image} has a manifest of type {media_type or 'unknown'}, which SageMaker rejects; it accepts "
            f"{DOCKER_MANIFEST}: install docker buildx and rebuild the image, or switch off Docker's containerd "
            "image store, and push it under another --tag"
        )


def local_media_type(inspected: str) -> str | None:
    """Return the media type in the output of `docker image inspect`, None if the image store has none.

    Only the containerd store has manifests before the push, and shows them from Docker 28 on; the older store's
    pushes are always in Docker's own format.
    """
    try:
        (image,) = json.loads(inspected)
    except ValueError:
        return None
    descriptor = image.get("Descriptor") or {}
    media_type: str | None = descriptor.get("mediaType")
    return media_type


def pushed_media_type(ecr: Any, repository: str, tag: str) -> str | None:  # noqa: ANN401 - boto3 makes its classes
    """Return the media type under which ECR stores the image.

    Not from BatchGetImage: by tag, it converts an OCI manifest for a client that accepts Docker's (Amazon ECR user
    guide, "Container image manifest format support in Amazon ECR").
    """
    answer = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    (image,) = answer["imageDetails"]
    media_type: str | None = image.get("imageManifestMediaType")
    return media_type


if __name__ == "__main__":
    start(main)
