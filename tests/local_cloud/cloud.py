"""A running local cloud and its stack: objects go in, executions run, results come out."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from tests.local_cloud.shell import Shell, ports, wait_until

# boto3 puts "sync-" before the host of start_sync_execution otherwise.
CONFIG = Config(
    inject_host_prefix=False, max_pool_connections=32, retries={"mode": "standard", "total_max_attempts": 4}
)
DIED = ("FAILED", "TIMED_OUT", "ABORTED")
ENDED = (*DIED, "SUCCEEDED")


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """A version of an object, as its event names it."""

    bucket: str
    key: str
    etag: str
    size: int
    version_id: str | None
    sequencer: str


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud: clients of it, and the outputs of its stack.

    `earlier` are executions of tests before this one, which the methods leave out.
    """

    shell: Shell
    config: Config = CONFIG
    earlier: frozenset[str] = field(default=frozenset())

    @cached_property
    def url(self) -> str:
        """Its address; a cloud restarted on the same ports has the same address."""
        return self.shell.cloud_state().endpoint_url

    @cached_property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName="scones")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name="us-east-1")

    def client(self, service: str) -> Any:
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            config=self.config,
        )

    def physical_ids(self) -> dict[str, str]:
        """Return the physical id of each resource by its logical id, those of nested stacks included."""
        formation = self.client("cloudformation")
        found: dict[str, str] = {}
        stacks = ["scones"]
        for stack in stacks:
            for one in formation.describe_stack_resources(StackName=stack)["StackResources"]:
                if one["ResourceType"] == "AWS::CloudFormation::Stack":
                    stacks.append(one["PhysicalResourceId"])
                found.setdefault(one["LogicalResourceId"], one["PhysicalResourceId"])
        return found

    # Input.

    def put(self, key: str, body: bytes) -> str:
        """Upload an object; return its ETag."""
        answer = self.client("s3").put_object(Bucket=self.outputs["ImageBucketName"], Key=key, Body=body)
        return str(answer["ETag"]).strip('"')

    def put_all(self, bodies: dict[str, bytes]) -> list[ObjectVersion]:
        """Upload objects, eight at a time."""
        s3, bucket = self.client("s3"), self.outputs["ImageBucketName"]

        def put_one(item: tuple[str, bytes]) -> ObjectVersion:
            key, body = item
            answer = s3.put_object(Bucket=bucket, Key=key, Body=body)
            etag, version = answer["ETag"].strip('"'), answer.get("VersionId")
            return ObjectVersion(bucket, key, etag, len(body), version, uuid.uuid4().hex[:16].upper())

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(put_one, bodies.items()))

    @contextmanager
    def rule_disabled(self) -> Iterator[None]:
        """Disable the rule that starts the workflow: uploads in the meantime have no event."""
        events = self.client("events")
        (name,) = events.list_rule_names_by_target(TargetArn=self.outputs["WorkflowAliasArn"])["RuleNames"]
        events.disable_rule(Name=name)
        try:
            yield
        finally:
            events.enable_rule(Name=name)

    def send_event(self, version: ObjectVersion) -> None:
        """Start the workflow as the rule does: with the event of the object as its input.

        EventBridge accepts events of `aws.s3` only from S3, here as on AWS.
        """
        named = {"version-id": version.version_id} if version.version_id else {}
        image = {
            "key": version.key,
            "size": version.size,
            "etag": version.etag,
            "sequencer": version.sequencer,
            **named,
        }
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": {
                "version": "0",
                "bucket": {"name": version.bucket},
                "object": image,
                "request-id": "by a test",
                "reason": "PutObject",
            },
        }
        self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["WorkflowAliasArn"], input=json.dumps(event)
        )

    # What runs.

    def executions(self, *statuses: str) -> list[dict[str, Any]]:
        """Return the executions of the workflow, or those in one of these states."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        filters: list[dict[str, str]] = [{"statusFilter": status} for status in statuses] or [{}]
        found = [
            execution
            for one in filters
            for page in pages.paginate(stateMachineArn=self.outputs["WorkflowArn"], **one)
            for execution in page["executions"]
        ]
        return [execution for execution in found if execution["executionArn"] not in self.earlier]

    def execution_arns(self, *statuses: str) -> set[str]:
        """Return the ARNs of the executions of the workflow that are in one of these states."""
        return {execution["executionArn"] for execution in self.executions(*statuses)}

    def is_busy(self) -> bool:
        """Whether an execution of the workflow or of the backfill runs."""
        states = self.client("stepfunctions")
        machines = (self.outputs["WorkflowArn"], self.outputs["BackfillArn"])
        return any(
            states.list_executions(stateMachineArn=arn, statusFilter="RUNNING", maxResults=1)["executions"]
            for arn in machines
        )

    def wait_until_idle(self, executions: int, timeout_s: float = 120) -> None:
        """Wait until this many executions in total have ended."""
        statuses: list[str] = []

        def idle() -> bool:
            statuses[:] = [execution["status"] for execution in self.executions()]
            return len(statuses) >= executions and "RUNNING" not in statuses

        wait_until(idle, lambda: f"only {len(statuses)} of {executions} executions: {statuses}", timeout_s)

    def failed_attempts(self, execution: str) -> list[str]:
        """Return the errors of an execution's failed task attempts."""
        states = self.client("stepfunctions")
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"] if event["type"] == "TaskFailed"]
        return [event["taskFailedEventDetails"]["error"] for event in events]

    # Output.

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return every document of the results bucket by its key."""
        s3, bucket = self.client("s3"), self.outputs["ResultsBucketName"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys}

    def outcomes(self, below: str) -> dict[str, str]:
        """Return the outcome of each image below a prefix of `incoming/`; two results for one image are an error."""
        found: dict[str, str] = {}
        for key, document in self.documents().items():
            if key.split("/")[0] not in {"passed", "review", "rejected", "failed"}:
                continue  # the summary of a backfill
            image = document["image"]["key"]
            if image.startswith(f"incoming/{below}"):
                assert image not in found, f"two results for {image}"
                found[image] = document["outcome"]
        return found

    def emptied(self) -> LocalCloud:
        """Return the cloud, reset to its state after the start: no images, results, claims, messages or executions."""
        self.wait_until_idle(0)
        s3 = self.client("s3")
        for bucket in (self.outputs["ImageBucketName"], self.outputs["ResultsBucketName"]):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
        dynamodb, table = self.client("dynamodb"), self.outputs["ClaimsTableName"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                key = {name: item[name] for name in ("image_key", "etag")}
                dynamodb.delete_item(TableName=table, Key=key)
        self.client("sqs").purge_queue(QueueUrl=self.outputs["FailedImagesQueueUrl"])
        earlier = self.earlier | {execution["executionArn"] for execution in self.executions()}
        return replace(self, earlier=earlier)


@contextmanager
def open_cloud(shell: Shell, *options: str, config: Config = CONFIG) -> Iterator[LocalCloud]:
    """Start a local cloud with these options of `scones up`, and stop it; check that nothing is left.

    It uses free ports if the options name none. Unless they say so, it draws one image in a million for the audit:
    one that passed would wait for a person by chance.
    """
    own_ports = [] if "--port" in options else ports()
    if not any(option.startswith("AuditShare=") for option in options):
        own_ports += ["--parameter", "AuditShare=0.000001"]
    try:
        shell.scones("up", "--detach", *own_ports, *options)
        yield LocalCloud(shell, config)
    finally:
        stopped = shell.run("down")
        left = shell.kill_processes()
        assert stopped.returncode == 0, stopped.stderr
        assert left == []


def parameters(*values: str) -> list[str]:
    """Return the options that pass parameters of the template, NAME=VALUE, to `scones up`."""
    return [option for value in values for option in ("--parameter", value)]
