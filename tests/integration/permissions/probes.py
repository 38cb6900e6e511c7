"""For each permission the smallest thing that needs it. What comes of it is in the log of refusals."""

import itertools
import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from scones.decisions.review_errors import ReviewError
from scones.decisions.review_image import ReviewImage
from scones.decisions.reviewer import Reviewer
from scones.stack import read_stack
from tests.integration.permissions.deployed import GuardedStack
from tests.local_cloud.faults import endpoint_faults, set_wait_scale, without_capacity
from tests.local_cloud.wrong_audits import let_audits_be_wrong
from tests.static.policies import Grant

NOW = "2026-01-01T00:00:00.000Z"
UNSURE, SURE, NO_IMAGE = "a scone + jam.png", "bicycle.jpg", "not-an-image.jpg"


type Probe = tuple[str, ...]
"""A method of `Probes`, and its argument where it has one."""

OF_ACTION: dict[tuple[str, str], Probe] = {
    ("SerializeRole", "s3:GetObject"): ("read_newest",),
    ("SerializeRole", "s3:GetObjectVersion"): ("read_version",),
    ("SerializeRole", "s3:ListBucket"): ("read_gone",),
    ("SerializeRole", "s3:ListBucketVersions"): ("read_purged",),
    ("SweepRole", "dynamodb:GetItem"): ("sweep_by_schedule",),
    ("SweepRole", "dynamodb:PutItem"): ("sweep_by_schedule",),
    ("SweepRole", "ssm:GetParameter"): ("sweep_by_schedule",),
    ("SweepRole", "ssm:PutParameter"): ("watch_wrong_audits",),
    ("UploaderPolicy", "s3:PutObject"): ("upload",),
    ("UploaderPolicy", "s3:AbortMultipartUpload"): ("abort_upload",),
    ("ReviewerPolicy", "s3:GetObject"): ("look_at_newest",),
    ("ReviewerPolicy", "s3:GetObjectVersion"): ("look_at_version",),
    ("ReviewerPolicy", "s3:ListBucket"): ("look_at_gone",),
    ("ReviewerPolicy", "s3:ListBucketVersions"): ("look_at_purged",),
}
OF_STATEMENT: dict[tuple[str, str], Probe] = {
    ("ClassifyImageRole", "CallFunctions"): ("reach", "passed"),
    ("ClassifyImageRole", "ClaimImages"): ("reach", "rejected"),
    ("ClassifyImageRole", "CountFailures"): ("reach", "failed"),
    ("ClassifyImageRole", "HoldImages"): ("park",),
    ("ClassifyRole", "ReadBreaker"): ("read_breaker",),
    ("ClassifyImageRole", "RemoveGone"): ("replace_result", "reviewed/gone"),
    ("ImageDroppedRole", "StartWorkflow"): ("drop",),
    ("HeldImagesPolicy", "LetRuleHold"): ("hold",),
    ("BreakerRole", "ReadAndWritePause"): ("probe_endpoint",),
    ("BreakerRole", "ReadCallsOfEndpoint"): ("drain",),
    ("BreakerRole", "LookAtProbe"): ("probe_endpoint",),
    ("BreakerRole", "TellPeople"): ("end_breaker",),
    ("BreakerRole", "SetAside"): ("set_aside",),
    ("BreakerRole", "SwitchRules"): ("switch",),
    ("BreakerRole", "TakeHeldImages"): ("drain",),
    ("BreakerRole", "StartWorkflow"): ("drain",),
    ("BackfillRole", "ReadInventories"): ("backfill_inventory",),
    ("BackfillRole", "RunWorkflow"): ("backfill",),
    ("BackfillRole", "ListImages"): ("backfill",),
    ("BackfillRole", "WriteSummaries"): ("backfill",),
    ("BackfillChildren", "StartChildren"): ("backfill",),
    ("BackfillChildren", "FindMapRun"): ("backfill",),
    ("BackfillChildren", "CountMapRun"): ("backfill",),
    ("SweepRole", "ListImages"): ("sweep_lost",),
    ("SweepRole", "ReadAndMarkClaims"): ("sweep_lost",),
    ("SweepRole", "ReadOpenClaims"): ("sweep_by_schedule",),
    ("SweepRole", "ReadAudits"): ("watch",),
    ("SweepRole", "StartWorkflow"): ("sweep_lost",),
    ("SweepRole", "IsOwnerAlive"): ("sweep_orphan",),
    ("SweepRole", "HandOver"): ("sweep_hopeless",),
    ("SweepRole", "TellPeople"): ("sweep_hopeless",),
    ("SweepRole", "RecordDecisions"): ("sweep_decided",),
    ("RecordDecisionRole", "HoldAndCloseClaims"): ("record", "review", "motorcycle"),
    ("RecordDecisionRole", "StoreLabels"): ("record", "review", "motorcycle"),
    ("RecordDecisionRole", "TellGoneFromForbidden"): ("record_gone",),
    ("RecordDecisionRole", "TellPeople"): ("record_in_vain",),
    ("ReviewerPolicy", "FindStack"): ("find_stack",),
    ("ReviewerPolicy", "ReadQueue"): ("take",),
    ("ReviewerPolicy", "ReadClaims"): ("look_up_claim",),
    ("ReviewerPolicy", "Decide"): ("decide",),
    ("ReviewerPolicy", "RecordDecision"): ("decide",),
    ("FilterRole", "ReadThreshold"): ("judge",),
    ("FilterRole", "DrawAudits"): ("judge",),
    ("FailedImagesPolicy", "LetRulesSend"): ("let_an_execution_die",),
    ("AlertTopicPolicy", "LetRulePublish"): ("let_an_execution_die",),
    ("AlertTopicPolicy", "LetAlarmsPublish"): ("raise_alarm",),
}


def probe_of(grant: Grant) -> Probe:
    """Return what needs this permission.

    Raises
    ------
    KeyError
        When nothing is known that does.
    """
    match grant:
        case Grant(owner="ClassifyImageRole", sid="StoreResults", action="s3:PutObject"):
            return ("reach", grant.resource.split("/")[1])
        case Grant(owner="ClassifyImageRole", sid="StoreResults", action="s3:DeleteObject"):
            return ("replace_result", grant.resource.split("/")[1])
        case Grant(owner="ClassifyImageRole", sid="TellPeople"):
            return ("reach", "review" if grant.resource == "ReviewTopic" else "failed")
        case Grant(owner="RecordDecisionRole", sid="MoveDocuments"):
            outcome, writes = grant.resource.split("/")[1], grant.action == "s3:PutObject"
            if outcome == "reviewed":
                return ("record", "review", "motorcycle") if writes else ("undo", "review")
            return ("undo", outcome) if writes else ("record", outcome, "motorcycle")
    return OF_ACTION.get((grant.owner, grant.action)) or OF_STATEMENT[grant.owner, grant.sid]


@dataclass(frozen=True)
class Probes:
    """What can be done to a stack whose rule on uploads is switched off, with three samples in its bucket."""

    stack: GuardedStack
    uploader: Callable[[str], Any]
    reviewer: Reviewer
    tags: dict[str, str]
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def run(self, probe: Probe) -> None:
        name, *arguments = probe
        with suppress(ReviewError):  # what a reviewer meets is in the log of refusals too
            getattr(self, name)(*arguments)

    def reach(self, outcome: str) -> None:
        """Bring an image to this outcome; that it failed comes of an event with no size."""
        name = {"passed": SURE, "review": UNSURE, "rejected": NO_IMAGE, "failed": NO_IMAGE}[outcome]
        event = self._event(name) if outcome != "failed" else self._event(name, size="none")
        self.stack.cloud.client("stepfunctions").start_sync_execution(
            stateMachineArn=self.stack.physical["ClassifyImageExpress"], input=json.dumps(event)
        )

    def replace_result(self, outcome: str) -> None:
        """Bring an image to another outcome than it had."""
        earlier = {"finished_at": "2026-01-01", "outcome": outcome, "result_key": f"{outcome}/earlier.json"}
        self._claim(NO_IMAGE, execution="earlier", sequencer="0", **earlier)
        self.reach("rejected")

    def drop(self) -> None:
        """Upload an image with the rule switched on, and wait until it has started an execution or may not."""
        cloud, mark = self.stack.cloud, self.stack.log_size
        events, before = cloud.client("events"), len(cloud.executions())
        rule = self.stack.physical["ImageDropped"]
        events.enable_rule(Name=rule)
        try:
            cloud.put(f"incoming/dropped/{uuid.uuid4()}", b"no image")
            deadline = time.monotonic() + 60
            while len(cloud.executions()) == before and not self.stack.refused_since(mark):
                assert time.monotonic() < deadline, "the rule did nothing"
                time.sleep(0.05)
        finally:
            events.disable_rule(Name=rule)
        cloud.wait_until_idle(before)

    def hold(self) -> None:
        """Upload an image with the other rule switched on, and wait until its event is held or may not be."""
        cloud, mark = self.stack.cloud, self.stack.log_size
        events, sqs, rule = cloud.client("events"), cloud.client("sqs"), self.stack.physical["ImageHeld"]
        events.enable_rule(Name=rule)
        try:
            cloud.put(f"incoming/held/{uuid.uuid4()}", b"no image")
            deadline = time.monotonic() + 60
            while not self.stack.refused_since(mark):
                if sqs.receive_message(QueueUrl=self.stack.physical["HeldImages"]).get("Messages"):
                    break
                assert time.monotonic() < deadline, "the rule did nothing"
                time.sleep(0.05)
        finally:
            events.disable_rule(Name=rule)
            sqs.purge_queue(QueueUrl=self.stack.physical["HeldImages"])

    def drain(self) -> None:
        """Have a held image started."""
        sqs, queue = self.stack.cloud.client("sqs"), self.stack.physical["HeldImages"]
        before = len(self.stack.cloud.executions())
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(self._event(NO_IMAGE)))
        self._invoke("Breaker", {})
        self.stack.cloud.wait_until_idle(before)
        sqs.purge_queue(QueueUrl=queue)

    def probe_endpoint(self) -> None:
        """Have a probe started while the breaker is open, and looked at."""
        sqs, queue = self.stack.cloud.client("sqs"), self.stack.physical["HeldImages"]
        before = len(self.stack.cloud.executions())
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(self._event(NO_IMAGE)))
        self._open_breaker()
        for _ in range(2):
            self._invoke("Breaker", {})
            self.stack.cloud.wait_until_idle(before)
        sqs.purge_queue(QueueUrl=queue)
        self._set_pause(paused=False)

    def park(self) -> None:
        """Have a probe, which is not retried, meet an endpoint that fails."""
        cloud, event = self.stack.cloud, self._event(SURE)
        event["detail"]["object"] = event["detail"]["object"] | {"sequencer": f"{next(self._numbers):040}"}
        before = len(cloud.executions())
        with endpoint_faults(cloud, "internal"):
            cloud.client("stepfunctions").start_execution(
                stateMachineArn=self.stack.physical["ClassifyImage"],
                name=f"probe-{uuid.uuid4()}",
                input=json.dumps(event),
            )
            cloud.wait_until_idle(before + 1)
        cloud.client("sqs").purge_queue(QueueUrl=self.stack.physical["HeldImages"])

    def read_breaker(self) -> None:
        """Have Classify look whether the breaker is open: one that remembers nothing, after a call that failed."""
        functions, name = self.stack.cloud.client("lambda"), self.stack.physical["Classify"]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        anew = {"Variables": variables | {"TRY": str(uuid.uuid4())}}
        functions.update_function_configuration(FunctionName=name, Environment=anew)
        for _ in range(2):
            self._invoke("Classify", {})

    def end_breaker(self) -> None:
        """Have the breaker closed by a probe that was answered."""
        name = f"probe-{uuid.uuid4()}"
        started = self.stack.cloud.client("stepfunctions").start_execution(
            stateMachineArn=self.stack.physical["ClassifyImage"],
            name=name,
            input=json.dumps(self._event(SURE)),
        )
        self.stack.cloud.wait_until_idle(0)
        self._open_breaker(probe=started["executionArn"], probed_at=datetime.now(UTC).isoformat())
        self._invoke("Breaker", {})
        self._set_pause(paused=False)

    def set_aside(self) -> None:
        """Have a held message met that is no event."""
        sqs = self.stack.cloud.client("sqs")
        sqs.send_message(QueueUrl=self.stack.physical["HeldImages"], MessageBody="no event")
        self._invoke("Breaker", {})
        for queue in ("HeldImages", "FailedImages"):
            sqs.purge_queue(QueueUrl=self.stack.physical[queue])

    def _open_breaker(self, **known: str) -> None:
        value = {"paused": True, "breaker": {"next_probe": "2026-01-01T00:00:00+00:00"} | known}
        self.stack.cloud.client("ssm").put_parameter(
            Name=self.stack.cloud.outputs["PauseParameterName"],
            Value=json.dumps(value),
            Type="String",
            Overwrite=True,
        )

    def switch(self) -> None:
        """Have each rule on uploads enabled and disabled, in the only states in which that is due."""
        for paused, starts, holds in itertools.product((True, False), repeat=3):
            self._set_rules(starts=starts, holds=holds)
            self._set_pause(paused=paused)
            self._invoke("Breaker", {})
        self._set_rules(starts=False, holds=False)
        self._set_pause(paused=False)

    def _set_pause(self, *, paused: bool) -> None:
        name = self.stack.cloud.outputs["PauseParameterName"]
        value = json.dumps({"paused": paused})
        self.stack.cloud.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def _set_rules(self, **are_on: bool) -> None:
        events, names = self.stack.cloud.client("events"), {"starts": "ImageDropped", "holds": "ImageHeld"}
        for rule, is_on in are_on.items():
            (events.enable_rule if is_on else events.disable_rule)(Name=self.stack.physical[names[rule]])

    def upload(self) -> None:
        bucket = self.stack.physical["ImageBucket"]
        self.uploader("s3").put_object(Bucket=bucket, Key="incoming/theirs.png", Body=b"theirs")

    def abort_upload(self) -> None:
        """Begin an upload of many parts as the owner of the bucket, and give it up as an uploader."""
        place = {"Bucket": self.stack.physical["ImageBucket"], "Key": "incoming/large.tiff"}
        upload = self.stack.cloud.client("s3").create_multipart_upload(**place)["UploadId"]
        self.uploader("s3").abort_multipart_upload(**place, UploadId=upload)

    def find_stack(self) -> None:
        read_stack(self.reviewer.connection)

    def take(self) -> None:
        """Read the queue, count it and hold its oldest image, and one that may be decided with others."""
        self._let_wait()
        self.reviewer.count()
        self.reviewer.take()
        self.reviewer._queue.lease(self._waiting, self.reviewer.by, for_burst=True)

    def decide(self) -> None:
        """Decide about an image that waits, look at what the model had said, and have the decision recorded."""
        self._let_wait()
        decided = self.reviewer.decide(self._waiting, "motorcycle").decision
        self.reviewer.model_said(decided)

    def look_up_claim(self) -> None:
        self._let_wait()
        self.reviewer.image(f"incoming/{SURE}", self.tags[SURE])

    def look_at_newest(self) -> None:
        self.reviewer.open(self._waiting)

    def look_at_version(self) -> None:
        self.reviewer.open(replace(self._waiting, version_id=self._newest_version()))

    def look_at_gone(self) -> None:
        self.reviewer.open(replace(self._waiting, key="incoming/gone.jpg"))

    def look_at_purged(self) -> None:
        self.reviewer.open(replace(self._waiting, version_id="purged"))

    @property
    def _waiting(self) -> ReviewImage:
        return ReviewImage(f"incoming/{SURE}", self.tags[SURE])

    def _let_wait(self) -> None:
        self._claim(
            SURE,
            outcome="review",
            finished_at=NOW,
            state_shard=f"person#{self._waiting.shard}",
            state_since=NOW,
            execution="earlier",
        )

    def read_newest(self) -> None:
        self._invoke("Serialize", self._reference(SURE))

    def read_version(self) -> None:
        self._invoke("Serialize", self._reference(SURE) | {"version_id": self._newest_version()})

    def read_gone(self) -> None:
        """Read a missing image: only callers that may list the bucket get NoSuchKey."""
        self._invoke("Serialize", self._reference(SURE) | {"key": "incoming/gone.jpg"})

    def read_purged(self) -> None:
        """Read a permanently deleted version of an image that has others."""
        self._invoke("Serialize", self._reference(SURE) | {"version_id": "purged"})

    def judge(self) -> None:
        """Judge by the live threshold and draw for the audit, with a Filter that remembers neither."""
        functions, name = self.stack.cloud.client("lambda"), self.stack.physical["Filter"]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        at_once = {"Variables": variables | {"POWERTOOLS_PARAMETERS_MAX_AGE": "0"}}
        functions.update_function_configuration(FunctionName=name, Environment=at_once)
        self._invoke("Filter", {"inferences": [0.9, 0.1], "image_key": f"incoming/{SURE}", "etag": "0" * 32})

    def backfill(self) -> None:
        self._backfill({"prefix": f"incoming/{NO_IMAGE}"})

    def backfill_inventory(self) -> None:
        """Run the backfill on a manifest that lists nothing."""
        bucket, key = self.stack.physical["ResultsBucket"], "inventory/manifest.json"
        manifest = {"fileFormat": "CSV", "fileSchema": "Bucket, Key, Size, ETag", "files": []}
        self.stack.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest))
        self._backfill({"manifest": {"bucket": bucket, "key": key}})

    def sweep_lost(self) -> None:
        """Sweep an image that no execution has claimed."""
        self._sweep(sweeps=0)

    def sweep_orphan(self) -> None:
        """Sweep an image whose execution is not there any more."""
        machine = self.stack.physical["ClassifyImage"]
        self._sweep(execution=f"{machine.replace(':stateMachine:', ':execution:')}:gone", claim_ends=1)

    def sweep_hopeless(self) -> None:
        """Sweep an image that sweeps have started often enough."""
        self._sweep(sweeps=9)

    def sweep_by_schedule(self) -> None:
        """Sweep as the schedule does: the position is read, the index, and the position is kept."""
        self._invoke("Sweep", {})

    def watch(self) -> None:
        """Sweep a stack with a promise: the live threshold and the audits are read."""
        self._invoke("Sweep", {"restart_watch": True})

    def watch_wrong_audits(self) -> None:
        """Sweep a stack whose promise is refuted, which stops all images from passing."""
        live = {"Name": self.stack.cloud.outputs["ThresholdParameterName"]}
        ssm = self.stack.cloud.client("ssm")
        before = ssm.get_parameter(**live)["Parameter"]["Value"]
        let_audits_be_wrong(self.stack.cloud)
        try:
            self._invoke("Sweep", {})
        finally:
            ssm.put_parameter(**live, Value=before, Type="String", Overwrite=True)

    def let_an_execution_die(self) -> None:
        """Stop an execution while it waits for a function: one that goes on might end before it is stopped."""
        cloud, machine = self.stack.cloud, self.stack.physical["ClassifyImage"]
        workflows, event = cloud.client("stepfunctions"), self._event(NO_IMAGE)
        # Bytes of its own: of an image that is decided, the claim would end the execution at once.
        image = event["detail"]["object"] = event["detail"]["object"] | {"etag": uuid.uuid4().hex}
        set_wait_scale(cloud, 1)
        try:
            with without_capacity(cloud, "Serialize"):
                started = workflows.start_execution(stateMachineArn=machine, input=json.dumps(event))
                workflows.stop_execution(executionArn=started["executionArn"])
        finally:
            set_wait_scale(cloud, 0)
            key = {"image_key": {"S": image["key"]}, "etag": {"S": image["etag"]}}
            cloud.client("dynamodb").delete_item(TableName=self.stack.physical["ImageClaims"], Key=key)

    def raise_alarm(self) -> None:
        cloudwatch, alarm = self.stack.cloud.client("cloudwatch"), self.stack.physical["SweepFails"]
        for state in ("ALARM", "OK"):
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test")

    def sweep_decided(self) -> None:
        """Sweep an image whose decision nobody has recorded."""
        self._decide("review", "motorcycle")
        self._invoke("Sweep", {})

    def record(self, outcome: str, label: str) -> None:
        """Record a person's decision about an image with this outcome."""
        self._decide(outcome, label)
        self._record()

    def undo(self, outcome: str) -> None:
        """Record that a decision about an image which had this outcome is undone."""
        said = {"outcome": {"S": outcome}, "label": {"S": "bicycle"}, "confidence": {"N": "0.6"}}
        self._decide("reviewed", "undone", {"label": {"S": "motorcycle"}, "model_said": {"M": said}})
        self._record()

    def record_gone(self) -> None:
        """Record a decision whose document has expired."""
        self._decide("review", "motorcycle", stored=False)
        self._record()

    def record_in_vain(self) -> None:
        """Record a decision whose document cannot be read, which is an alert."""
        self._decide("review", "motorcycle", document="not a document")
        self._record()

    def _newest_version(self) -> str:
        bucket, key = self.stack.physical["ImageBucket"], f"incoming/{SURE}"
        listed = self.stack.cloud.client("s3").list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
        return str(listed[0]["VersionId"])

    def _decide(
        self,
        outcome: str,
        label: str,
        *earlier: dict[str, Any],
        document: Any = None,
        stored: bool = True,
    ) -> None:
        """Give an image this outcome, its document and a decision."""
        of_label = {"passed": "passed/bicycle", "reviewed": "reviewed/motorcycle"}
        name = f"{SURE}/{self.tags[SURE]}.json"
        place = {
            "Bucket": self.stack.physical["ResultsBucket"],
            "Key": f"{of_label.get(outcome, outcome)}/{name}",
        }
        s3 = self.stack.cloud.client("s3")
        image = {"bucket": "b", "key": f"incoming/{SURE}", "etag": self.tags[SURE]}
        known = {"image": image, "outcome": outcome, "label": "bicycle", "confidence": 0.6, "reason": "r"}
        s3.put_object(**place, Body=json.dumps(document or known | {"started_at": NOW, "finished_at": NOW}))
        if not stored:
            s3.delete_object(**place)
        common = {"by": {"S": "kim"}, "at": {"S": NOW}, "took_ms": {"N": "1"}}
        decision = {"id": {"S": "1" * 32}, "label": {"S": label}} | common
        self._claim(
            SURE,
            outcome=outcome,
            label="motorcycle" if outcome == "reviewed" else "bicycle",
            execution="earlier",
            claimed_at=NOW,
            finished_at=NOW,
            size=1,
            state_shard="record#0",
            state_since=NOW,
            decision="1" * 32,
            decisions=[{"M": {"id": {"S": "0" * 32}} | common | one} for one in earlier] + [{"M": decision}],
        )

    def _record(self) -> None:
        given = {"image_key": f"incoming/{SURE}", "etag": self.tags[SURE]}
        self.stack.cloud.client("stepfunctions").start_sync_execution(
            stateMachineArn=self.stack.physical["RecordDecision"], input=json.dumps(given)
        )

    def _sweep(self, **claim: str | int) -> None:
        """Sweep one image with this claim, all others having their outcomes."""
        for name in (UNSURE, NO_IMAGE):
            self._claim(name, finished_at="2026-01-01")
        self._claim(SURE, **claim)
        before = len(self.stack.cloud.executions())
        self._invoke("Sweep", {"older_than_minutes": 0, "start_after": None})
        self.stack.cloud.wait_until_idle(before)

    def _backfill(self, where: dict[str, Any]) -> None:
        workflows, bucket = self.stack.cloud.client("stepfunctions"), self.stack.physical["ImageBucket"]
        given = {"bucket": bucket, "max_concurrency": 1, "tolerated_failure_percentage": 0} | where
        started = workflows.start_execution(
            stateMachineArn=self.stack.physical["Backfill"], input=json.dumps(given)
        )["executionArn"]
        deadline = time.monotonic() + 60
        while workflows.describe_execution(executionArn=started)["status"] == "RUNNING":
            assert time.monotonic() < deadline, "the backfill does not end"
            time.sleep(0.05)

    def _invoke(self, function: str, event: dict[str, Any]) -> None:
        name = self.stack.physical[function]
        self.stack.cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))

    def _reference(self, name: str) -> dict[str, Any]:
        bucket = self.stack.physical["ImageBucket"]
        return {"bucket": bucket, "key": f"incoming/{name}", "etag": self.tags[name], "size": 1}

    def _event(self, name: str, size: object = 1) -> dict[str, Any]:
        image = {"key": f"incoming/{name}", "etag": self.tags[name], "size": size}
        # Later than every other, and a redrive: it restarts the image whatever its outcome was.
        image["sequencer"] = f"{next(self._numbers):016X}"
        detail = {"bucket": {"name": self.stack.physical["ImageBucket"]}, "object": image}
        return {"redrive": True, "detail": detail}

    def _claim(self, name: str, **attributes: str | int | list[dict[str, Any]]) -> None:
        item = {"image_key": f"incoming/{name}", "etag": self.tags[name]} | attributes
        self.stack.cloud.client("dynamodb").put_item(
            TableName=self.stack.physical["ImageClaims"],
            Item={
                key: {"N": str(value)}
                if isinstance(value, int)
                else {"L" if isinstance(value, list) else "S": value}
                for key, value in item.items()
            },
        )
