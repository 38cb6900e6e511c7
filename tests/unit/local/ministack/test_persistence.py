"""State that is saved all the time comes back whole, and is never overwritten by an emulator that has not read it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from scones.local import servers
from scones.local.processes import Processes
from tests.support import ROOT, free_address

DEFINITION = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
ROLE = "arn:aws:iam::000000000000:role/any"


@contextmanager
def aws(processes: Processes, address: Any) -> Iterator[Any]:
    """An emulated AWS that persists; it is killed at the end, and has no word to say."""
    servers.start_aws(processes, address, ROOT, concurrency=1, persist=True)
    try:
        servers.wait_for_aws(processes, address)
        session = boto3.Session("test", "test", region_name="us-east-1")
        yield lambda service: session.client(service, endpoint_url=address.aws_url)
    finally:
        (leader, _), *_ = json.loads((processes.log_dir.parent / "sessions.json").read_text())
        os.kill(leader, signal.SIGKILL)
        processes.stop()


def saves(processes: Processes) -> float:
    return (processes.log_dir.parent / "aws" / "state" / "sqs.json").stat().st_mtime


@pytest.mark.local_cloud
def test_a_killed_emulator_remembers_what_it_had_a_second_before(tmp_path: Path) -> None:
    processes, address = Processes(tmp_path / "logs"), free_address()
    with aws(processes, address) as client:
        client("s3").create_bucket(Bucket="kept")
        client("s3").put_object(Bucket="kept", Key="a", Body=b"bytes")
        client("sqs").create_queue(QueueName="kept")
        states = client("stepfunctions")
        machine = states.create_state_machine(name="kept", definition=json.dumps(DEFINITION), roleArn=ROLE)
        execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        deadline, done = time.monotonic() + 30, time.time()
        while not (
            (processes.log_dir.parent / "aws/state/sqs.json").exists() and saves(processes) > done + 1
        ):
            assert time.monotonic() < deadline, "the state is not saved"
            time.sleep(0.05)

    for _ in range(2):  # the second start shows that the first saved what it had read, not what it began with
        with aws(processes, address) as client:
            assert client("s3").get_object(Bucket="kept", Key="a")["Body"].read() == b"bytes"
            assert client("sqs").list_queues()["QueueUrls"]
            # AWS's executions outlive everything; the emulator's end with it, and say so.
            died = client("stepfunctions").describe_execution(executionArn=execution)
            assert (died["status"], died["error"]) == ("FAILED", "States.ServiceRestart")


def test_nothing_is_saved_before_what_was_kept_has_been_read() -> None:
    """Otherwise a start would overwrite the state with its own emptiness."""
    code = """
import time
from ministack import app
from scones.local.ministack import persistence
events = []
app._load_persisted_state = lambda: (time.sleep(0.2), events.append("read"))
persistence.save = lambda: events.append("saved") or 0.0
persistence.keep_saving()
app._load_persisted_state()
while "saved" not in events: time.sleep(0.01)
print(*events[:2])
"""
    environment = os.environ | {"PERSIST_STATE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    assert done.stdout.split() == ["read", "saved"]
