"""Runs the real state machine with scripted functions, and collects everything an execution leaves behind."""

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FUNCTIONS = ("Serialize", "Classify", "Filter")
SERIALIZED = {
    "image_data": "aW1hZ2U=",
    "content_type": "image/png",
    "width": 32,
    "height": 32,
    "original": {},
}
CLASSIFIED = {"inferences": [0.95, 0.05], "endpoint": {"name": "scones", "variant": "AllTraffic"}}
SURE = {"passed": True, "label": "bicycle", "confidence": 0.95, "threshold": 0.8}
UNSURE = {"passed": False, "label": "bicycle", "confidence": 0.61, "threshold": 0.8}

type Action = dict[str, Any]


def returns(payload: Any) -> list[Action]:
    return [{"return": payload}]


def raises(error: str, message: str = "because", times: int = 1) -> list[Action]:
    return [{"raise": error, "message": message}] * times


@dataclass(frozen=True)
class Run:
    """What an execution left behind."""

    status: str
    error: str | None
    results: dict[str, dict[str, Any]]
    reviews: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    claim: dict[str, str]
    attempts: dict[str, list[dict[str, Any]]]
    history: list[dict[str, Any]]

    @property
    def document(self) -> dict[str, Any]:
        (document,) = self.results.values()
        return document


@dataclass
class Workflow:
    """Runs the state machine on a scripted image and collects every effect."""

    client: Callable[[str], Any]
    definition: str
    names: dict[str, str]
    queues: dict[str, str]
    machines: dict[str, str] = field(default_factory=dict)

    def run(
        self,
        *,
        serialize: list[Action] | None = None,
        classify: list[Action] | None = None,
        filter_: list[Action] | None = None,
        key: str | None = None,
        version_id: str | None = "v1",
        etag: str | None = None,
        sequencer: str | None = None,
        size: int = 1234,
        redrive: bool = False,
        execution: str | None = None,
        **names: str,
    ) -> Run:
        execution = execution or f"test-{uuid.uuid4().hex}"
        script = {
            "Serialize": serialize or returns(SERIALIZED),
            "Classify": classify or returns(CLASSIFIED),
            "Filter": filter_ or returns(SURE),
        }
        s3, states = self.client("s3"), self.client("stepfunctions")
        s3.put_object(Bucket="scripts", Key=f"{execution}.json", Body=json.dumps(script).encode())
        etag, key = etag or uuid.uuid4().hex, key or f"incoming/{execution}.jpg"
        event = _event(key, etag, version_id, size)
        if sequencer:
            event["detail"]["object"]["sequencer"] = sequencer
        if redrive:
            event["redrive"] = True
        started = states.start_execution(
            stateMachineArn=self._machine(names), name=execution, input=json.dumps(event)
        )
        ended = self._wait(states, started["executionArn"])
        history = states.get_execution_history(executionArn=started["executionArn"], maxResults=1000)
        return Run(
            status=ended["status"],
            error=ended.get("error"),
            results=self._documents("results", f"/{etag}.json"),
            reviews=self._messages("review", etag),
            alerts=self._messages("alert", etag),
            claim=self.claim(key, etag),
            attempts={
                name: list(self._documents("scripts", "", f"{execution}/{name}/").values())
                for name in FUNCTIONS
            },
            history=history["events"],
        )

    def held(self) -> list[dict[str, Any]]:
        """Take what was put among the images that wait for the endpoint."""
        sqs, url, found = self.client("sqs"), self.queues["held"], []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in batch]
            for message in batch:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def claim(self, key: str, etag: str) -> dict[str, str]:
        found = self.client("dynamodb").get_item(
            TableName="claims", Key={"image_key": {"S": key}, "etag": {"S": etag}}, ConsistentRead=True
        )
        return {name: str(*value.values()) for name, value in found.get("Item", {}).items()}

    def hold_claim(
        self, key: str, etag: str, claim_ends: int, execution: str = "another", **attributes: str
    ) -> None:
        item = {"image_key": {"S": key}, "etag": {"S": etag}, "execution": {"S": execution}}
        item |= {name: {"S": value} for name, value in attributes.items()}
        self.client("dynamodb").put_item(
            TableName="claims", Item=item | {"claim_ends": {"N": str(claim_ends)}}
        )

    def execution_arn(self, name: str) -> str:
        """Return the ARN that an execution of the definition as it stands would have."""
        return f"{self._machine({}).replace(':stateMachine:', ':execution:')}:{name}"

    def _machine(self, names: dict[str, str]) -> str:
        substitutions = self.names | names
        key = json.dumps(substitutions, sort_keys=True)
        if key not in self.machines:
            created = self.client("stepfunctions").create_state_machine(
                name=f"classify-{uuid.uuid4().hex}",
                definition=re.sub(r"\$\{(\w+)\}", lambda name: substitutions[name[1]], self.definition),
                roleArn="arn:aws:iam::000000000000:role/workflow",
            )
            self.machines[key] = created["stateMachineArn"]
        return self.machines[key]

    def _wait(self, states: Any, arn: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while True:
            execution: dict[str, Any] = states.describe_execution(executionArn=arn)
            if execution["status"] != "RUNNING":
                return execution
            assert time.monotonic() < deadline, "the execution does not end"
            time.sleep(0.02)

    def _documents(self, bucket: str, suffix: str, prefix: str = "") -> dict[str, dict[str, Any]]:
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [
            item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"].endswith(suffix)
        ]
        return {key: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys}

    def _messages(self, topic: str, etag: str) -> list[dict[str, Any]]:
        sqs, found = self.client("sqs"), []
        while batch := sqs.receive_message(QueueUrl=self.queues[topic], MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                sqs.delete_message(QueueUrl=self.queues[topic], ReceiptHandle=message["ReceiptHandle"])
            notifications = [json.loads(message["Body"]) for message in batch]
            found += [json.loads(notification["Message"]) for notification in notifications]
        return [message for message in found if message["image"]["etag"] == etag]


def _event(key: str, etag: str, version_id: str | None, size: int) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(
        (Path(__file__).parents[2] / "events" / "s3_object_created.json").read_text()
    )
    event["detail"]["object"] |= {"key": key, "etag": etag, "size": size}
    if version_id is None:
        del event["detail"]["object"]["version-id"]
    else:
        event["detail"]["object"]["version-id"] = version_id
    return event
