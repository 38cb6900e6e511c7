"""The candidate: a model file that the endpoint's own server serves on loopback, or an endpoint of SageMaker."""

import hashlib
import os
import re
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import unquote

from scones.doctor.endpoint_answer import ANSWER_S, MODEL_VERSION, find_problem, probabilities_of
from scones.errors import SconesError, error_code
from scones.terminal import shown
from scones.what_if.patience import ThrottledError, patiently
from scones.what_if.prepared_images import NotClassifiedError, Prepared

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

    from scones.local.processes import Processes

_START_S: Final = 60
_POLL_S: Final = 0.05
_LABELS: Final = re.compile(r"(?:^|[; ])model_labels=([^; ]+)")
_ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"
_LISTENS: Final = re.compile(r"^endpoint: model .* on (http://127\.0\.0\.1:\d+)$", re.MULTILINE)
_SERVER: Final = "candidate"
_NOT_ACCEPTING: Final = frozenset({"ValidationError", "ValidationException"})
_UNAVAILABLE: Final = 503
# The server is on this machine: a proxy that the environment names knows nothing of it.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """A candidate's probabilities, in the order of the stack's labels, and the version that it states."""

    probabilities: Sequence[float]
    version: str | None


class Candidate(Protocol):
    """A model that is compared; threads may share it."""

    @property
    def named(self) -> dict[str, Any]:
        """What the report names it by, beside its version."""

    @property
    def manifests(self) -> Sequence[Path]:
        """What it was trained on, as far as that is known from where it is."""

    def classify(self, image: Prepared) -> Answer:
        """Classify an image, or raise NotClassifiedError; SconesError where no image can be."""


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A model file, served on loopback."""

    file: Path
    sha256: str
    url: str
    labels: Sequence[str]

    @property
    def named(self) -> dict[str, Any]:
        """Its name and digest."""
        return {"kind": "file", "name": self.file.name, "sha256": self.sha256}

    @property
    def manifests(self) -> Sequence[Path]:
        """The manifest that `training.improve` writes beside it."""
        manifest = self.file.parent / "images" / "manifest.jsonl"
        return [manifest] if manifest.is_file() else []

    def classify(self, image: Prepared) -> Answer:
        """Post an image to the server."""
        headers = {"Content-Type": image.content_type}
        request = urllib.request.Request(f"{self.url}/invocations", image.data, headers)  # noqa: S310  loopback
        try:
            with _DIRECT.open(request, timeout=ANSWER_S) as answer:
                return _answer(answer.read(), answer.headers.get(_ATTRIBUTES), self.labels, self.file.name)
        except urllib.error.HTTPError as error:
            raise NotClassifiedError(f"the model: {error.read(200).decode(errors='replace')}") from error
        except OSError as error:
            raise NotClassifiedError(f"the model's server does not answer ({error})") from error


@contextmanager
def served(file: Path, labels: Sequence[str]) -> Iterator[ServedFile]:
    """
    Serve a model file with the container's code while the block runs.

    Raises
    ------
    SconesError
        When it cannot be served; the server's own reason.
    """
    try:
        from scones.local.processes import Processes  # noqa: PLC0415  of the extra `local`
    except ModuleNotFoundError as error:
        message = f"--model needs the Python package {error.name}: install scones[local]"
        raise SconesError(message) from error
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        message = f"cannot read {shown(str(file))}: {error.strerror or error}"
        raise SconesError(message) from error
    with tempfile.TemporaryDirectory(prefix="scones-what-if-") as folder:
        processes = Processes(Path(folder) / "logs")
        command = [sys.executable, "-m", "endpoint.server", "--port", "0", "--model", str(file.absolute())]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        try:
            processes.start(_SERVER, command, environment | {"PYTHONUNBUFFERED": "1"}, Path.cwd())
            yield ServedFile(file, digest, _wait_for_url(processes), labels)
        finally:
            processes.stop()


def _wait_for_url(processes: "Processes") -> str:
    deadline = time.monotonic() + _START_S
    while True:
        found = _LISTENS.search(processes.log_of(_SERVER).read_text(errors="replace"))
        if found:
            return found[1]
        if processes.dead(_SERVER):
            message = f"cannot serve this model: {processes.last_line(_SERVER).removeprefix('endpoint: ')}"
            raise SconesError(message)
        if time.monotonic() > deadline:
            message = f"the model's server does not start: {processes.last_line(_SERVER)}"
            raise SconesError(message)
        processes.pause(_POLL_S)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of SageMaker, or of the local cloud."""

    runtime: "SageMakerRuntimeClient"
    name: str
    labels: Sequence[str]

    @property
    def named(self) -> dict[str, Any]:
        """Its name; what it serves has no digest."""
        return {"kind": "endpoint", "name": self.name, "sha256": None}

    @property
    def manifests(self) -> Sequence[Path]:
        """Nothing: an endpoint does not say it."""
        return []

    def classify(self, image: Prepared) -> Answer:
        """Invoke it, again while it throttles."""
        from botocore.exceptions import ClientError, HTTPClientError  # noqa: PLC0415 (slow)

        try:
            return patiently(lambda: self._invoke(image))
        except ClientError as error:
            said = error.response.get("Error", {}).get("Message") or error_code(error)
            if error_code(error) in _NOT_ACCEPTING:
                message = f"endpoint {self.name} does not accept requests: {said}; check --endpoint"
                raise SconesError(message) from error
            if error_code(error) != "ModelError":
                raise
            raise NotClassifiedError(f"the model: {said}") from error
        except (ThrottledError, HTTPClientError) as error:
            raise NotClassifiedError(f"endpoint {self.name}: {error}") from error

    def _invoke(self, image: Prepared) -> Answer:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=self.name,
                ContentType=image.content_type,
                Accept="application/json",
                Body=image.data,
            )
        except ClientError as error:
            if error.response.get("OriginalStatusCode") == _UNAVAILABLE:
                raise ThrottledError(str(error)) from error
            raise
        return _answer(answer["Body"].read(), answer.get("CustomAttributes"), self.labels, self.name)


def _answer(body: bytes, attributes: str | None, labels: Sequence[str], name: str) -> Answer:
    """
    Read an answer as Classify would.

    Raises
    ------
    SconesError
        When the model has other classes than the stack: no image can be compared.
    NotClassifiedError
        When the answer is not a list of probabilities.
    """
    stated = _LABELS.search(attributes or "")
    if stated and (theirs := [unquote(label) for label in stated[1].split(",")]) != list(labels):
        message = (
            f"{shown(name)} has the labels {', '.join(theirs)}, and the stack has {', '.join(labels)}: "
            "their verdicts cannot be compared"
        )
        raise SconesError(message)
    if problem := find_problem(body, labels):
        raise NotClassifiedError(f"the model {problem.sentence}")
    version = MODEL_VERSION.search(attributes or "")
    return Answer(probabilities_of(body, labels), version[1] if version else None)
