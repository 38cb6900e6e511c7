"""Whole runs of the sweep on a bucket, a table, a queue and a topic of moto, with a Step Functions that can fail."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.metrics.provider.cold_start import reset_cold_start_flag
from moto import mock_aws

from tests.fakes.aws_clients import client_error
from tests.fakes.lambda_context import FakeLambdaContext
from tests.unit.functions.conftest import AWS, load

REGION = AWS["AWS_DEFAULT_REGION"]
WORKFLOW = f"arn:aws:states:{REGION}:123456789012:stateMachine:classify"
STANDARD = f"arn:aws:states:{REGION}:123456789012:execution:classify:1"
ENVIRONMENT = {
    "IMAGE_BUCKET": "images",
    "INCOMING_PREFIX": "incoming/",
    "CLAIMS_TABLE": "claims",
    "WORKFLOW_ARN": WORKFLOW,
    "SWEEP_MINUTES": "30",
    "SWEEP_DAYS": "14",
    "SWEEP_ATTEMPTS": "3",
    "MAX_STARTS_PER_RUN": "1000",
}


@dataclass
class FakeStepFunctions:
    """Executions by ARN; `refuse` names keys that cannot be started."""

    statuses: dict[str, str] = field(default_factory=dict)
    refuse: tuple[str, ...] = ()
    started: list[dict[str, Any]] = field(default_factory=list)

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        if executionArn not in self.statuses:
            raise client_error("ExecutionDoesNotExist")
        if self.statuses[executionArn] == "throttled":
            raise client_error("ThrottlingException")
        return {"status": self.statuses[executionArn]}

    def start_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:  # noqa: N803, A002
        assert stateMachineArn == WORKFLOW
        event = json.loads(input)
        if event["detail"]["object"]["key"].removeprefix("incoming/") in self.refuse:
            raise client_error("ExecutionLimitExceeded")
        self.started.append(event)
        return {"executionArn": STANDARD.replace(":1", f":s{len(self.started)}")}

    @property
    def keys(self) -> list[str]:
        return sorted(event["detail"]["object"]["key"].removeprefix("incoming/") for event in self.started)


@dataclass
class Stack:
    """The deployed function and all that it works on; time goes on when a test says so."""

    function: Any
    stepfunctions: FakeStepFunctions
    client: Callable[[str], Any]
    queue: str
    mailbox: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(hours=1))
    remaining_ms: Callable[[], int] = lambda: 300_000

    def put(self, *names: str, body: bytes = b"one") -> list[str]:
        s3 = self.client("s3")
        answers = [s3.put_object(Bucket="images", Key=f"incoming/{name}", Body=body) for name in names]
        return [answer["ETag"].strip('"') for answer in answers]

    def claim(self, name: str, etag: str, **attributes: str | int) -> None:
        item = {
            key: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for key, value in attributes.items()
        }
        key = {"image_key": {"S": f"incoming/{name}"}, "etag": {"S": etag}}
        self.client("dynamodb").put_item(TableName="claims", Item=key | item)

    def item(self, name: str, etag: str) -> dict[str, str]:
        key = {"image_key": {"S": f"incoming/{name}"}, "etag": {"S": etag}}
        item = self.client("dynamodb").get_item(TableName="claims", Key=key).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items() if name not in key}

    def sweep(self, *, minutes_later: float = 0, **event: Any) -> dict[str, Any]:
        self.now += timedelta(minutes=minutes_later)
        rescue = self.function.rescue.Rescue(self.function.app.clients, self.function.app.settings)
        run = self.function.run.Run(rescue, self.function.app.settings, self.remaining_ms, self.now)
        answer: dict[str, Any] = run.sweep(event)
        return answer

    def messages(self, queue: str) -> list[dict[str, Any]]:
        answer = self.client("sqs").receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(json.loads(message["Body"])["Message"]) for message in self.messages(self.mailbox)]


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name=REGION)
        s3, dynamodb, sqs, sns = (session.client(name) for name in ("s3", "dynamodb", "sqs", "sns"))
        s3.create_bucket(Bucket="images", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket="images", VersioningConfiguration={"Status": "Enabled"})
        dynamodb.create_table(
            TableName="claims",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("image_key", "etag")
            ],
            KeySchema=[
                {"AttributeName": "image_key", "KeyType": "HASH"},
                {"AttributeName": "etag", "KeyType": "RANGE"},
            ],
        )
        queue, mailbox = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("failed", "mailbox"))
        topic = sns.create_topic(Name="alert")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:mailbox")
        reset_cold_start_flag()  # type: ignore[no-untyped-call]
        environment = ENVIRONMENT | {"ALERT_TOPIC_ARN": topic, "FAILED_QUEUE_URL": queue}
        function = load("sweep", environment)
        stepfunctions = FakeStepFunctions()
        function.app.clients = function.rescue.Clients(s3, dynamodb, stepfunctions, sqs, sns)
        yield Stack(function, stepfunctions, session.client, queue, mailbox)


def set_(stack: Stack, **settings: Any) -> None:
    stack.function.app.settings = replace(stack.function.app.settings, **settings)


def test_only_what_was_lost_is_started(stack: Stack) -> None:
    names = ("lost", "finished", "running", "dead", "gone")
    etags = dict(zip(names, stack.put(*names), strict=True))
    stack.put("empty", body=b"")
    stack.client("s3").put_object(Bucket="images", Key="elsewhere/a", Body=b"x")
    stack.claim("finished", etags["finished"], execution=STANDARD, finished_at="2026-11-21T10:00:00Z")
    for name, status in (("running", "RUNNING"), ("dead", "TIMED_OUT")):
        stack.claim(name, etags[name], execution=f"{STANDARD}-{name}", claim_ends=2_000_000_000)
        stack.stepfunctions.statuses[f"{STANDARD}-{name}"] = status
    stack.claim("gone", etags["gone"], execution=f"{STANDARD}-gone", claim_ends=2_000_000_000)

    answer = stack.sweep()

    assert stack.stepfunctions.keys == ["dead", "gone", "lost"]
    assert answer["looked_at"] == 5
    assert {kind: count for kind, count in answer["counts"].items() if count} == {
        "finished": 1,
        "running": 1,
        "started": 3,
    }
    whys = {one["key"]: one["why"] for one in answer["images"]["started"]}
    assert whys["incoming/dead"] == "its execution ended TIMED_OUT and left no outcome"
    assert (answer["continue_after"], answer["stopped_by"], answer["dry_run"]) == (None, None, False)


def test_the_event_is_one_the_workflow_reads(stack: Stack) -> None:
    (etag,) = stack.put("a+b c%25 é.png")
    stack.sweep()
    (event,) = stack.stepfunctions.started
    (version,) = stack.client("s3").list_object_versions(Bucket="images")["Versions"]
    assert event["redrive"] is True
    assert (event["source"], event["detail-type"]) == ("scones.sweep", "Object Created")
    assert event["detail"] == {
        "bucket": {"name": "images"},
        "object": {
            "key": "incoming/a+b c%25 é.png",
            "size": 3,
            "etag": etag,
            "version-id": version["VersionId"],
        },
    }


def test_a_replaced_image_without_outcome_is_started_too(stack: Stack) -> None:
    stack.put("a", body=b"old")
    stack.put("a", body=b"new")
    stack.put("a", body=b"old")  # the same bytes again: one image, one claim
    stack.sweep()
    assert len({event["detail"]["object"]["etag"] for event in stack.stepfunctions.started}) == 2
    assert stack.stepfunctions.keys == ["a", "a"]


def test_young_and_old_images_are_left(stack: Stack) -> None:
    stack.put("a")
    stack.now = datetime.now(UTC) + timedelta(minutes=20)
    assert stack.sweep()["counts"]["waiting"] == 1
    assert stack.sweep(older_than_minutes=10, dry_run=True)["counts"]["started"] == 1
    assert stack.sweep(minutes_later=15 * 24 * 60)["counts"]["too_old"] == 1
    assert stack.stepfunctions.started == []


def test_a_dry_run_says_the_same_and_changes_nothing(stack: Stack) -> None:
    (lost, spent) = stack.put("lost", "spent")
    stack.claim("spent", spent, sweeps=3)
    answer = stack.sweep(dry_run=True)
    assert (answer["counts"]["started"], answer["counts"]["reported"]) == (1, 1)
    assert answer["dry_run"] is True
    assert (stack.stepfunctions.started, stack.alerts(), stack.messages(stack.queue)) == ([], [], [])
    assert (stack.item("lost", lost), stack.item("spent", spent)) == ({}, {"sweeps": "3"})


def test_three_times_then_reported_once_then_left(stack: Stack) -> None:
    names = ("a", "b")
    etags = stack.put(*names)
    for attempt in (1, 2, 3):
        assert stack.sweep(minutes_later=31)["counts"]["started"] == 2
        assert stack.item("a", etags[0])["sweeps"] == str(attempt)
        assert stack.alerts() == []

    first, second = stack.sweep(minutes_later=31), stack.sweep(minutes_later=31)

    assert (first["counts"]["reported"], first["counts"]["exhausted"]) == (2, 0)
    assert (second["counts"]["reported"], second["counts"]["exhausted"]) == (0, 2)
    assert len(stack.stepfunctions.started) == 6
    (alert,) = stack.alerts()
    assert [image["key"] for image in alert["images"]] == ["incoming/a", "incoming/b"]
    assert "started by 3 sweeps in vain" in alert["images"][0]["reason"]
    assert "scones redrive" in alert["next_step"]
    bodies = [json.loads(message["Body"]) for message in stack.messages(stack.queue)]
    assert sorted(body["detail"]["object"]["key"] for body in bodies) == ["incoming/a", "incoming/b"]
    assert all(
        "in vain" in m["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
        for m in stack.messages(stack.queue)
    )


def test_a_report_that_nobody_got_is_made_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    (spent, _) = stack.put("spent", "lost")
    stack.claim("spent", spent, sweeps=3)

    class DeafTopic:
        def publish(self, **_message: Any) -> None:
            raise client_error("InternalError", 500)

    clients = stack.function.app.clients
    stack.function.app.clients = stack.function.rescue.Clients(
        clients.s3, clients.dynamodb, clients.stepfunctions, clients.sqs, DeafTopic()
    )
    answer = stack.sweep()
    assert (answer["counts"]["errors"], answer["counts"]["reported"], answer["counts"]["started"]) == (
        1,
        0,
        1,
    )
    assert "reported_at" not in stack.item("spent", spent)

    stack.function.app.clients = clients
    assert stack.sweep(minutes_later=1)["counts"]["reported"] == 1
    assert len(stack.alerts()) == 1


def test_one_image_that_cannot_be_started_does_not_stop_the_others(stack: Stack) -> None:
    stack.stepfunctions.refuse = ("b",)
    (_, b, c) = stack.put("a", "b", "c")
    stack.claim("c", c, execution=STANDARD, claim_ends=1)
    stack.stepfunctions.statuses[STANDARD] = "throttled"

    answer = stack.sweep()

    assert stack.stepfunctions.keys == ["a"]
    assert (answer["counts"]["started"], answer["counts"]["errors"]) == (1, 2)
    assert "ExecutionLimitExceeded" in answer["images"]["errors"][0]["why"]
    assert stack.item("b", b) == {"sweeps": "0"}, "it was not an attempt"
    stack.stepfunctions.refuse = ()
    assert stack.sweep(minutes_later=1)["counts"]["started"] == 1, "and is tried again at once"


def test_a_run_in_which_everything_failed_fails(stack: Stack) -> None:
    stack.put("a", "b")
    stack.stepfunctions.refuse = ("a", "b")
    with pytest.raises(
        Exception, match=r"none of 2 images could be handled; incoming/a.*ExecutionLimit"
    ) as found:
        stack.sweep()
    assert type(found.value).__name__ == "SweepFailedError"


def test_starts_are_bounded_and_the_next_run_goes_on(stack: Stack) -> None:
    names = [f"{number:03}" for number in range(5)]
    stack.put(*names)
    set_(stack, max_starts_per_run=2)
    answers = [stack.sweep() for _ in range(3)]
    assert [answer["counts"]["started"] for answer in answers] == [2, 2, 1]
    assert [answer["stopped_by"] for answer in answers] == ["starts", "starts", None]
    assert stack.stepfunctions.keys == names


def pages_of(stack: Stack, size: int) -> None:
    """Let the bucket list so many versions at a time."""
    s3 = stack.function.app.clients.s3

    class SmallPages:
        def list_object_versions(self, **arguments: Any) -> Any:
            return s3.list_object_versions(MaxKeys=size, **arguments)

    clients = stack.function.app.clients
    stack.function.app.clients = stack.function.rescue.Clients(
        SmallPages(), clients.dynamodb, clients.stepfunctions, clients.sqs, clients.sns
    )


def test_the_next_run_goes_on_where_the_time_was_over_and_begins_anew_at_the_end(stack: Stack) -> None:
    stack.put("a", "b", "c")
    stack.put("b", body=b"other")  # a page may end between versions of one key
    pages_of(stack, 2)
    left = iter([300_000, 300_000, 29_999] * 10)
    stack.remaining_ms = lambda: next(left)

    first = stack.sweep()
    assert (first["looked_at"], first["stopped_by"]) == (2, "time")
    newest = stack.client("s3").head_object(Bucket="images", Key="incoming/b")["VersionId"]
    assert first["continue_after"] == {"key": "incoming/b", "version_id": newest}
    second = stack.sweep()
    assert (second["looked_at"], second["continue_after"]) == (2, None)
    assert stack.stepfunctions.keys == ["a", "b", "b", "c"]

    left = iter([300_000] * 100)
    assert stack.sweep()["looked_at"] == 4, "from the beginning again"


def test_a_persons_sweep_leaves_the_schedules_position_alone(stack: Stack) -> None:
    stack.put("a", "b", "c")
    pages_of(stack, 1)
    left = iter([300_000, 300_000, 0])
    stack.remaining_ms = lambda: next(left)
    assert stack.sweep()["continue_after"]["key"] == "incoming/a"
    stack.remaining_ms = lambda: 300_000
    assert stack.sweep(start_after=None, dry_run=True)["looked_at"] == 3
    assert stack.sweep(start_after={"key": "incoming/b", "version_id": None})["looked_at"] == 1
    assert stack.sweep()["looked_at"] == 2, "the schedule went on after incoming/a"


def test_two_sweeps_at_once_start_an_image_once(stack: Stack) -> None:
    (etag,) = stack.put("a")
    image = stack.function.listing.read_page(stack.client("s3"), "images", "incoming/", None).images[0]
    seen, later = stack.function.claim.Claim(), stack.now + timedelta(seconds=1)
    count = stack.function.claims.count_sweep
    dynamodb = stack.client("dynamodb")
    assert count(dynamodb, "claims", image, seen, stack.now) is True
    assert count(dynamodb, "claims", image, seen, later) is False
    stack.claim("a", etag, execution=STANDARD, claim_ends=1)
    assert count(dynamodb, "claims", image, seen, later) is False, "an execution claimed it meanwhile"
    stack.claim("a", etag, finished_at="now")
    assert count(dynamodb, "claims", image, seen, later) is False, "it has its outcome meanwhile"


def test_claims_left_unprocessed_are_asked_for_again(stack: Stack) -> None:
    images = [
        stack.function.image.Image("images", f"incoming/{number}", "e", None, 1, stack.now)
        for number in range(250)
    ]
    for image in images:
        stack.claim(image.key.removeprefix("incoming/"), "e", sweeps=1)
    dynamodb, pauses = stack.client("dynamodb"), []

    class Stingy:
        """Answers for forty keys at a time."""

        def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
            ((table, request),) = RequestItems.items()
            assert len(request["Keys"]) <= 100
            answer = dynamodb.batch_get_item(RequestItems={table: request | {"Keys": request["Keys"][:40]}})
            left = request["Keys"][40:]
            return answer | {"UnprocessedKeys": {table: request | {"Keys": left}} if left else {}}

    claims = stack.function.claims.read_claims(Stingy(), "claims", images, pauses.append)
    assert set(claims) == {image.name for image in images}
    assert len(pauses) == 5
    assert max(pauses) <= 2

    class Mute:
        def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

    with pytest.raises(stack.function.errors.ClaimsUnavailableError, match="8 times"):
        stack.function.claims.read_claims(Mute(), "claims", images[:1], pauses.append)


def test_a_report_of_very_many_images_fits_into_a_message(stack: Stack) -> None:
    why = "started by 3 sweeps in vain: its execution ended FAILED and left no outcome"
    many = [
        (
            stack.function.image.Image(
                "images", f"incoming/{n}-{'ü' * 400}", "e" * 32, "v" * 32, 1, stack.now
            ),
            why,
        )
        for n in range(1000)
    ]
    message = stack.function.report.message_of(many)
    assert 200_000 < len(message.encode()) <= 262_144
    document = json.loads(message)
    assert len(document["images"]) + document["not_listed"] == 1000


def test_only_the_first_hundred_of_a_kind_are_named(stack: Stack) -> None:
    stack.put(*(f"{number:03}" for number in range(120)))
    answer = stack.sweep()
    assert answer["counts"]["started"] == len(stack.stepfunctions.started) == 120
    assert len(answer["images"]["started"]) == 100


def test_the_handler_sweeps_and_reports(capsys: pytest.CaptureFixture[str], stack: Stack) -> None:
    class Context(FakeLambdaContext):
        def get_remaining_time_in_millis(self) -> int:
            return 300_000

    stack.put("a")
    answer = stack.function.app.handler({"older_than_minutes": 0, "start_after": None}, Context())
    assert (answer["counts"]["started"], stack.stepfunctions.keys) == (1, ["a"])
    json.dumps(answer)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metrics,) = [document for document in documents if "SweepStarted" in document]
    assert (metrics["SweepStarted"], metrics["SweepErrors"]) == ([1.0], [0.0])


def test_every_bad_variable_is_named_at_once() -> None:
    with pytest.raises(
        ValueError, match=r"IMAGE_BUCKET.*QUEUE_URL.*SWEEP_MINUTES.*MAX_STARTS_PER_RUN"
    ) as found:
        load("sweep", {"SWEEP_DAYS": "1_0"})
    assert str(found.value).count(" is missing") == 6
    assert "SWEEP_DAYS must be a whole number from 1 to 3650, not '1_0'" in str(found.value)
