"""What a run leaves in logs and histories: no image, no credential, no address."""

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import batched
from pathlib import Path
from typing import Any

import psutil
import pytest

from scones.chaos.injection import find_workers
from scones.running_cloud import RunningCloud
from tests.integration.permissions.deployed import GuardedStack
from tests.integration.permissions.people import OPERATOR, REVIEWER
from tests.local_cloud.cloud import LocalCloud

pytestmark = pytest.mark.local_cloud

SAMPLES = ("bicycle.jpg", "a scone + jam.png", "not-an-image.jpg")
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

# How the emulator says, in place of an e-mail, to whom it would have gone.
MAILED = "SNS fanout → email".encode()


@pytest.fixture(scope="module")
def run(guarded: LocalCloud, root: Path) -> LocalCloud:
    """The cloud after a run that reached every outcome, reviewers and operators told."""
    before = len(guarded.executions())
    for name in SAMPLES:
        guarded.put(f"incoming/logged/{name}", (root / "events" / "images" / name).read_bytes())
    bucket = guarded.outputs["ImageBucketName"]
    broken = {"key": "incoming/logged/broken.jpg", "etag": "e", "size": "none"}
    guarded.client("stepfunctions").start_execution(
        stateMachineArn=guarded.outputs["WorkflowArn"],
        input=json.dumps({"detail": {"bucket": {"name": bucket}, "object": broken}}),
    )
    guarded.wait_until_idle(before + len(SAMPLES) + 1)
    documents = [
        each
        for each in guarded.documents().values()
        if each.get("image", {}).get("key", "").startswith("incoming/logged/")
    ]
    assert {each["outcome"] for each in documents} == {"passed", "review", "rejected", "failed"}
    return guarded


@pytest.fixture(scope="module")
def small_image(run: LocalCloud, root: Path) -> str:
    """What travels from Serialize to Classify of the first sample, as base64."""
    stack = GuardedStack(run)
    key = f"incoming/logged/{SAMPLES[0]}"
    head = run.client("s3").head_object(Bucket=stack.physical["ImageBucket"], Key=key)
    request = {"bucket": stack.physical["ImageBucket"], "key": key, "etag": head["ETag"], "size": 1}
    answer = run.client("lambda").invoke(
        FunctionName=stack.physical["Serialize"], Payload=json.dumps(request)
    )
    return str(json.load(answer["Payload"])["image_data"])


def logs(cloud: LocalCloud) -> Iterator[tuple[str, bytes]]:
    """Yield each log of the functions and workflows, and each log file of the local cloud, with its name."""
    client = cloud.client("logs")
    for group in client.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
        yield name, "\n".join(event["message"] for page in pages for event in page["events"]).encode()
    for file in (cloud.shell.state / "logs").iterdir():
        lines = file.read_bytes().splitlines()
        yield file.name, b"\n".join(line for line in lines if MAILED not in line)


def found_in_logs(cloud: LocalCloud, secrets: Iterable[bytes]) -> list[tuple[str, bytes]]:
    listed = list(secrets)
    return [(name, secret) for name, text in logs(cloud) for secret in listed if secret in text]


def pieces(text: str) -> list[str]:
    return ["".join(piece) for piece in batched(text, 32, strict=False) if len(piece) == 32]


def test_there_are_logs_of_each_function(run: LocalCloud) -> None:
    texts = dict(logs(run))
    stack = GuardedStack(run)
    for name in ("SerializeLogs", "ClassifyLogs", "FilterLogs"):
        assert texts[stack.physical[name]], f"{name} is empty, so nothing is shown by looking into it"
    assert texts["aws.log"]


def test_no_image_is_in_a_log(run: LocalCloud, small_image: str, root: Path) -> None:
    images = [(root / "events" / "images" / name).read_bytes() for name in SAMPLES[:2]]
    encoded = [small_image, *(base64.b64encode(image).decode() for image in images)]
    raw = [image[at : at + 32] for image in images for at in range(0, len(image) - 32, 32)]
    text = [piece.encode() for each in encoded for piece in pieces(each)]
    assert found_in_logs(run, {piece for piece in [*raw, *text] if len(set(piece)) > 8}) == []


def test_no_credential_of_a_function_is_in_a_log(run: LocalCloud) -> None:
    held = json.loads((run.shell.state / "cloud.json").read_text())
    environments = [psutil.Process(worker.pid).environ() for worker in find_workers(RunningCloud(**held))]
    secrets = {environment[name].encode() for environment in environments for name in CREDENTIALS}
    assert len(secrets) >= len(CREDENTIALS)
    assert found_in_logs(run, secrets) == []


def test_no_address_of_a_person_is_in_a_log(run: LocalCloud) -> None:
    subscribed = {each["Endpoint"] for each in run.client("sns").list_subscriptions()["Subscriptions"]}
    assert subscribed >= {REVIEWER, OPERATOR}
    assert found_in_logs(run, [REVIEWER.encode(), OPERATOR.encode()]) == []


def test_a_history_holds_the_small_image_between_serialize_and_classify_and_nowhere_else(
    run: LocalCloud, small_image: str
) -> None:
    workflows = run.client("stepfunctions")
    holding: set[str] = set()
    for execution in run.executions():
        history = workflows.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)
        texts = [(event["type"], details(event)) for event in history["events"]]
        assert [text for _, text in texts if REVIEWER in text or OPERATOR in text] == []
        holding |= {f"{kind} {name_in(text)}".strip() for kind, text in texts if small_image in text}
    assert holding == {"TaskSucceeded", "TaskStateExited Serialize image", "TaskStateEntered Classify"}


def details(event: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in event.items() if key.endswith("Details")})


def name_in(text: str) -> str:
    return next((str(each["name"]) for each in json.loads(text).values() if "name" in each), "")
