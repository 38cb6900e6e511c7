"""A claim, its document and "Record decision", on the emulator's engine, table and bucket, in this process.

An execution can be killed before or after any of its calls of a service, as AWS ends one whose time is over.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest
from ministack.services import dynamodb, s3, sns, stepfunctions

from scones.local.ministack import step_functions
from tests.static.definitions import filled

TABLE, RESULTS, IMAGES = "ImageClaims", "results", "ImageBucket"
MACHINE: Final = "arn:aws:states:us-east-1:000000000000:stateMachine:RecordDecision"
KEY, ETAG = "incoming/2026/über +1.jpg", "0123456789abcdef0123456789abcdef"
NAME: Final = f"{KEY.removeprefix('incoming/')}/{ETAG}.json"
CLAIMED_AT, FINISHED_AT = "2026-11-20T10:00:00.500Z", "2026-11-20T10:00:01.500Z"
FIRST, SECOND, THIRD = "1" * 32, "2" * 32, "3" * 32
AT, LATER, LAST = "2026-11-27T09:00:00.000Z", "2026-11-28T08:00:00.000Z", "2026-11-29T08:00:00.000Z"
KIM, LEE = "arn:aws:sts::000000000000:assumed-role/Reviewer/kim", "arn:aws:iam::000000000000:user/lee"


class Killed(BaseException):
    """The end of an execution that no Retry or Catch sees."""


@dataclass
class Review:
    """One image that waits for a person, or has passed, and all that is done with it."""

    patch: pytest.MonkeyPatch
    outcome: str = "review"
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fails: dict[str, str] = field(default_factory=dict)
    """Names of errors by the names of states whose calls always fail."""
    meanwhile: tuple[int, Callable[[], Any]] | None = None
    """What happens before the call with this number, once."""

    def __post_init__(self) -> None:
        self._kill: int | None = None
        self._runs = 0
        self._state = ""
        self._invoke = stepfunctions._invoke_resource
        self.patch.setattr(stepfunctions, "_invoke_resource", self._call)
        invoked = stepfunctions._execute_task

        def execute(state: Any, raw: Any, execution: Any, context: dict[str, Any]) -> Any:
            self._state = context["State"]["Name"]
            return invoked(state, raw, execution, context)

        self.patch.setattr(stepfunctions, "_execute_task", execute)
        # S3 takes no bucket with capital letters.
        definition = json.dumps(filled("RecordDecision")).replace('"ResultsBucket"', f'"{RESULTS}"')
        self.patch.setitem(
            stepfunctions._state_machines, MACHINE, {"name": "RecordDecision", "definition": definition}
        )
        self.document = model_document(self.outcome)
        self.store(self.model_key, self.document)
        self._table("putItem", Item=model_claim(self.outcome))

    @property
    def model_key(self) -> str:
        return f"{'passed/bicycle' if self.outcome == 'passed' else 'review'}/{NAME}"

    def decide(self, label: str, id_: str, *, by: str = KIM, at: str = AT) -> None:
        """Write a decision as a reviewer does: the first one, or one that replaces the newest."""
        replaced = self.claim().get("decision")
        record = {
            "id": {"S": id_},
            "label": {"S": label},
            "by": {"S": by},
            "at": {"S": at},
            "took_ms": {"N": "1800"},
        }
        record |= {"replaces": replaced} if replaced else {}
        self._table(
            "updateItem",
            Key=key(),
            ConditionExpression="decision = :replaces" if replaced else "attribute_not_exists(decision)",
            UpdateExpression=(
                "SET decision = :id, decisions = list_append(if_not_exists(decisions, :none), :new), "
                "state_shard = :shard, state_since = :at REMOVE lease_by, lease_until"
            ),
            ExpressionAttributeValues={
                ":id": {"S": id_},
                ":none": {"L": []},
                ":new": {"L": [{"M": record}]},
                ":shard": {"S": "record#0"},
                ":at": {"S": at},
                **({":replaces": replaced} if replaced else {}),
            },
        )

    def record(self, *, repeated: bool = False) -> dict[str, Any]:
        """Run the machine to its end, or to where it is killed."""
        self._runs += 1
        name = f"arn:aws:states:us-east-1:000000000000:express:RecordDecision:{self._runs}:{self._runs}"
        execution: dict[str, Any] = {
            "executionArn": name,
            "stateMachineArn": MACHINE,
            "name": str(self._runs),
            "status": "RUNNING",
            "startDate": AT,
            "input": json.dumps({"image_key": KEY, "etag": ETAG} | ({"repeated": True} if repeated else {})),
            "events": [],
        }
        self.patch.setitem(stepfunctions._executions, name, execution)
        stepfunctions._run_execution(name)
        return execution

    def expire_claims_after(self, days: int) -> None:
        """Set the machine's ClaimDays, 0 otherwise."""
        definition = stepfunctions._state_machines[MACHINE]["definition"]
        assert "$number('0') > 0" in definition
        changed = definition.replace("$number('0')", f"$number('{days}')")
        self.patch.setitem(
            stepfunctions._state_machines, MACHINE, {"name": "RecordDecision", "definition": changed}
        )

    def kill(self, after: int) -> None:
        """Run the machine and kill it after its call of a service with this number."""
        self.calls.clear()
        self._kill = after
        with pytest.raises(Killed):
            self.record()
        self._kill = None

    def keep(self) -> Callable[[], None]:
        """Return what brings table and bucket back to how they are now."""
        items, objects = (copy.deepcopy(place) for place in self._places())

        def restore() -> None:
            self.calls.clear()
            for place, kept in zip(self._places(), (items, objects), strict=True):
                place.clear()
                place.update(copy.deepcopy(kept))

        return restore

    @staticmethod
    def _places() -> tuple[dict[str, Any], dict[str, Any]]:
        return dynamodb._tables[TABLE]["items"], s3._buckets[RESULTS]["objects"]

    def wait_for_the_lease_to_end(self) -> None:
        """Move the end of the lease into the past: a killed run leaves it behind."""
        if "lease_until" in self.claim():
            self._table(
                "updateItem",
                Key=key(),
                UpdateExpression="SET lease_until = :past",
                ExpressionAttributeValues={":past": {"N": "1"}},
            )

    def remove(self, attribute: str) -> None:
        self._table(
            "updateItem",
            Key=key(),
            UpdateExpression="REMOVE #one",
            ExpressionAttributeNames={"#one": attribute},
        )

    def set_(self, attribute: str, value: dict[str, Any]) -> None:
        self._table(
            "updateItem",
            Key=key(),
            UpdateExpression="SET #one = :value",
            ExpressionAttributeNames={"#one": attribute},
            ExpressionAttributeValues={":value": value},
        )

    def claim(self) -> dict[str, Any]:
        return dict(self._table("getItem", Key=key(), ConsistentRead=True)["Item"])

    def field(self, name: str) -> str | None:
        """Return a text of the claim; None without one."""
        found: str | None = self.claim().get(name, {}).get("S")
        return found

    def objects(self, prefix: str = "") -> dict[str, Any]:
        """Return the documents and label records by their keys."""
        held = s3._buckets[RESULTS]["objects"]
        return {name: json.loads(one["body"]) for name, one in held.items() if name.startswith(prefix)}

    def store(self, name: str, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        step_functions._of_s3("PUT", {"Bucket": RESULTS, "Key": name}, body, {})

    def delete(self, name: str) -> None:
        step_functions._of_s3("DELETE", {"Bucket": RESULTS, "Key": name}, b"", {})

    def alerts(self) -> list[dict[str, Any]]:
        return [given for resource, given in self.calls if resource.endswith("sns:publish")]

    def _table(self, call: str, **given: Any) -> dict[str, Any]:
        return dict(stepfunctions._invoke_dynamodb(call, {"TableName": TABLE} | given))

    def _call(self, resource: str, given: dict[str, Any]) -> Any:
        self.calls.append((resource, copy.deepcopy(given)))
        number, state = len(self.calls) - 1, self._state
        if self.meanwhile and self.meanwhile[0] == number:
            (_, act), self.meanwhile = self.meanwhile, None
            act()
            self._state = state
        if error := self.fails.get(self._state):
            raise stepfunctions._ExecutionError(error, "because")
        try:
            return {"MessageId": "1"} if resource.endswith("sns:publish") else self._invoke(resource, given)
        finally:
            if self._kill == number:
                raise Killed  # instead of an error too


@contextmanager
def reviews() -> Iterator[Any]:
    """Yield what makes a `Review`; a bucket and a table are made for it, and nothing waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepfunctions, "_dispatch_aws_sdk_rest_xml", stepfunctions._dispatch_aws_sdk_rest_xml)
        step_functions.read_and_write_objects()
        patch.setattr(stepfunctions, "_scaled_sleep", lambda _: None)
        patch.setattr(stepfunctions, "_emit_execution_status_event", lambda _: None)
        patch.setattr(stepfunctions, "time", SimpleNamespace(sleep=lambda _: None))
        try:
            s3._create_bucket(RESULTS, b"")
            dynamodb._create_table(
                {
                    "TableName": TABLE,
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [
                        {"AttributeName": name, "AttributeType": "S"} for name in ("image_key", "etag")
                    ],
                    "KeySchema": [
                        {"AttributeName": "image_key", "KeyType": "HASH"},
                        {"AttributeName": "etag", "KeyType": "RANGE"},
                    ],
                }
            )
            yield lambda outcome="review": Review(patch, outcome)
        finally:
            for service in (s3, dynamodb, sns):
                service.reset()


def key() -> dict[str, Any]:
    return {"image_key": {"S": KEY}, "etag": {"S": ETAG}}


def model_document(outcome: str) -> dict[str, Any]:
    """Return the document that the workflow has stored."""
    return {
        "schema_version": "1",
        "outcome": outcome,
        "reason": "bicycle at 0.610 is below the threshold of 0.8",
        "image": {
            "bucket": IMAGES,
            "key": KEY,
            "version_id": "v1",
            "etag": ETAG,
            "size": 1234,
            "sequencer": "0055",
        },
        "label": "bicycle",
        "confidence": 0.61,
        "threshold": 0.8,
        "inferences": [0.61, 0.39],
        "labels": ["bicycle", "motorcycle"],
        "endpoint": {"name": "scones", "variant": "AllTraffic", "model_version": "7"},
        "execution": "arn:aws:states:us-east-1:000000000000:execution:ClassifyImage:1",
        "s3_request_id": None,
        "started_at": CLAIMED_AT,
        "finished_at": FINISHED_AT,
        "error": None,
    }


def model_claim(outcome: str) -> dict[str, Any]:
    """Return the claim that the workflow has closed."""
    document = model_document(outcome)
    waits = {"state_shard": {"S": "person#0"}, "state_since": {"S": CLAIMED_AT}}
    return {
        **key(),
        "execution": {"S": document["execution"]},
        "attempts": {"N": "1"},
        "claimed_at": {"S": CLAIMED_AT},
        "claim_ends": {"N": "1790000000"},
        "size": {"N": "1234"},
        "version_id": {"S": "v1"},
        "sequencer": {"S": "0055"},
        "finished_at": {"S": FINISHED_AT},
        "outcome": {"S": outcome},
        "outcome_shard": {"S": f"{outcome}#0"},
        "label": {"S": "bicycle"},
        "confidence": {"N": "0.61"},
        "model_version": {"S": "7"},
        "reason": {"S": document["reason"]},
        **(waits if outcome == "review" else {}),
    }
