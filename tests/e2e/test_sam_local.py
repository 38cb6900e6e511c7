"""The three functions in AWS's container, run by the SAM CLI as README says, against a local cloud."""

import ipaddress
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from endpoint.predictor import Predictor
from scones.local.address import Address, tool_environment
from tests.local_cloud.shell import Shell
from tests.support import free_address

IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"

type Invoke = Callable[[str, dict[str, Any]], Any]

pytestmark = [pytest.mark.docker, pytest.mark.local_cloud, pytest.mark.slow]


def docker(*arguments: str) -> str:
    """Run the Docker client; skip the test where it has no engine to talk to."""
    if shutil.which("docker") is None:
        pytest.skip("needs a Docker engine: there is no docker command")
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs a Docker engine with {IMAGE}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def invoke(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invoke]:
    """Return a function that invokes one of ours with `sam local invoke` and answers its payload."""
    docker("image", "inspect", IMAGE)
    # On Linux a container reaches the host at the bridge's address, and nowhere else.
    # Docker names the bridge's address only where somebody set it; else it is the first of its subnet.
    network = json.loads(
        docker("network", "inspect", "bridge", "--format", "{{json (index .IPAM.Config 0)}}")
    )
    bridge = network.get("Gateway") or str(next(ipaddress.ip_network(network["Subnet"]).hosts()))
    folder = tmp_path_factory.mktemp("sam-local")
    ports = free_address()
    address = Address(bridge, ports.aws_port, ports.endpoint_port)
    shell = Shell(root, folder / "state")
    options = ["--listen", bridge, "--port", str(ports.aws_port), "--endpoint-port", str(ports.endpoint_port)]
    started = shell.run("up", "--detach", *options)
    assert started.returncode == 0, started.stderr
    urls = f"SageMakerRuntimeUrl={address.endpoint_url} S3Url={address.aws_url}"
    environment = tool_environment(address) | {"SAM_CLI_TELEMETRY": "0", "AWS_MAX_ATTEMPTS": "1"}
    # SAM itself must not talk to the emulator: it would hand the address on instead of the template's.
    del environment["AWS_ENDPOINT_URL"]

    def run(function: str, event: dict[str, Any]) -> Any:
        file = folder / "event.json"
        file.write_text(json.dumps(event))
        sam = str(Path(sys.executable).parent / "sam")
        command = [sam, "local", "invoke", function, "--event", str(file), "--skip-pull-image"]
        command += ["--parameter-overrides", urls]
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.stdout.strip(), done.stderr
        return json.loads(done.stdout)

    try:
        yield run
    finally:
        shell.run("down")


def event(root: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((root / "events" / f"{name}.json").read_text()))


def test_the_three_functions_hand_an_image_on(invoke: Invoke, root: Path) -> None:
    serialized = invoke("Serialize", event(root, "serialize"))
    classified = invoke("Classify", serialized)
    verdict = invoke("Filter", classified)

    assert serialized["original"] == {"format": "JPEG", "width": 640, "height": 640}
    whole = Predictor(root / "endpoint" / "model" / "model.onnx").predict(
        (root / "events" / "images" / "bicycle.jpg").read_bytes()
    )
    assert classified["inferences"] == pytest.approx(whole, abs=0.02)
    assert verdict == {
        "passed": True,
        "label": "bicycle",
        "confidence": classified["inferences"][0],
        "threshold": 0.8,
    }


@pytest.mark.parametrize("name", ["classify", "filter"])
def test_the_events_of_the_readme_work(invoke: Invoke, root: Path, name: str) -> None:
    answer = invoke(name.capitalize(), event(root, name))

    assert "errorType" not in answer


def test_an_error_keeps_its_class_name(invoke: Invoke, root: Path) -> None:
    text = (root / "events" / "images" / "not-an-image.jpg").read_bytes()
    request = event(root, "serialize") | {"key": "incoming/not-an-image.jpg", "size": len(text), "etag": None}

    answer = invoke("Serialize", request)

    assert answer["errorType"] == "UnsupportedImageError"
    assert "text" in answer["errorMessage"]
