"""Starts the local cloud and holds it: servers, build, deploy, and everything stopped at the end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from scones.connection import local_connection
from scones.errors import SconesError
from scones.local import sam, servers
from scones.local.address import REGION, Address
from scones.local.model import remember
from scones.local.processes import Processes, Stopped
from scones.running_cloud import RunningCloud, hold_cloud, project_root, read_cloud, state_dir, write_cloud
from scones.shell import quoted
from scones.stack import Stack, read_stack
from scones.terminal import notice, steps

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STACK: Final = "scones"
ENDPOINT_NAME: Final = "scones-image-classifier"
ARTIFACT_BUCKET: Final = "scones-local-artifacts"
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAMPLE_BUCKET: Final = "scones-sample-images"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to bring up: where it listens, the template's parameters, the endpoint, and how much runs at once."""

    address: Address
    parameters: Mapping[str, str]
    model: Path | None
    capture: Path | None
    concurrency: int
    persist: bool = False
    quiet: bool = False

    def with_defaults(self) -> dict[str, str]:
        """Return the template's parameters, those that make the stack local included."""
        local = {"SageMakerRuntimeUrl": self.address.endpoint_url, "EndpointName": ENDPOINT_NAME}
        return local | dict(self.parameters)


def run(plan: Plan) -> None:
    """Bring the local cloud up, say how to use it, and hold it until a signal or a dead server ends it.

    Raises
    ------
    SconesError
        When another one runs, when it does not come up, or when one of its servers stops.
    """
    with hold_cloud() as held:
        if not held:
            raise already_running()
        processes = Processes(state_dir() / "logs")
        processes.stop_leftovers()
        servers.require_free(plan.address)
        sam.require_python()
        try:
            _stop_on_signal(processes)
            _bring_up(plan, processes)
            _hold(processes)
        except Stopped:
            notice("Stopping.")
        finally:
            processes.stop()


def already_running() -> SconesError:
    """Return the error of a second `scones up`."""
    cloud = read_cloud()
    process = f" (process {cloud.pid})" if cloud else ""
    return SconesError(f"a local cloud is running already{process}: stop it with `scones down`")


def _bring_up(plan: Plan, processes: Processes) -> None:
    started = time.monotonic()
    root, address, parameters = project_root(), plan.address, plan.with_defaults()
    cloud = RunningCloud(address.aws_url, REGION, STACK, os.getpid(), ready=False)
    write_cloud(cloud)
    with steps("Starting the local AWS and the endpoint") as step:
        servers.start_aws(processes, address, root, plan.concurrency, persist=plan.persist)
        options = servers.endpoint_options(parameters["EndpointName"], plan.model, plan.capture)
        servers.start_endpoint(processes, address, root, options)
        with sam.alone_in_build(processes, root):
            if not sam.is_built(root):
                step("Building the functions (sam build)")
                sam.build(processes, address, root)
        step("Waiting for both")
        servers.wait_for_aws(processes, address)
        servers.wait_for_endpoint(processes, address)
        step("Deploying the stack (sam deploy)")
        connection = local_connection(cloud)
        connection.s3().create_bucket(Bucket=ARTIFACT_BUCKET)
        if existing := parameters.get("ExistingImageBucket"):
            make_existing_bucket(connection.s3(), existing)
        with sam.alone_in_build(processes, root):
            sam.deploy(processes, address, root, parameters)
        upload_samples(connection.s3(), root)
    if plan.persist:
        remember(plan.model, state_dir())
    stack = read_stack(connection)
    ready = f"Ready in {time.monotonic() - started:.0f} s at {address.aws_url}."
    notice(ready if plan.quiet else f"{ready} {_how_to_drop(stack)}")
    write_cloud(RunningCloud(address.aws_url, REGION, STACK, os.getpid(), ready=True))


def _how_to_drop(stack: Stack) -> str:
    return (
        "Drop an image:\n"
        "  scones drop PHOTO...\n"
        "or with any AWS tool, in another shell:\n"
        '  eval "$(scones env)"\n'
        f"  aws s3 cp PHOTO {quoted(f's3://{stack.image_bucket}/{stack.keys.example("PHOTO")}')}\n"
        "`scones down`, or Ctrl-C where it runs, stops it."
    )


def _hold(processes: Processes) -> None:
    while (gone := processes.dead("aws", "endpoint")) is None:
        processes.pause(0.2)
    message = f"the local {gone} server stopped: {processes.last_line(gone)} (see {processes.log_of(gone)})"
    raise SconesError(message)


def _stop_on_signal(processes: Processes) -> None:
    def request_stop(_number: int, _frame: FrameType | None) -> None:
        processes.stop_requested.set()

    for number in STOP_SIGNALS:
        signal.signal(number, request_stop)


def make_existing_bucket(s3: S3Client, name: str) -> None:
    """Make a bucket as somebody else's after `scones adopt`: without versions, its events go to EventBridge."""
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def upload_samples(s3: S3Client, root: Path) -> None:
    """Upload `events/images/*` under `incoming/` of a bucket whose name an event file can know beforehand."""
    s3.create_bucket(Bucket=SAMPLE_BUCKET)
    for image in sorted((root / "events" / "images").glob("*")):
        s3.put_object(Bucket=SAMPLE_BUCKET, Key=f"incoming/{image.name}", Body=image.read_bytes())
