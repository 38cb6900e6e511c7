"""`scones adopt`: EventBridge is added to a bucket's notifications, and nothing else is changed or lost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones.adopt import READS, AdoptableBucket, add_eventbridge, read_bucket, same
from scones.errors import SconesError
from tests.fakes.command_contract import check_output
from tests.fakes.stubbed_clients import REGION, Refusal, StubbedConnection, stubbed
from tests.unit.scones.fake_stack import IMAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import Scones

GET, PUT = "get_bucket_notification_configuration", "put_bucket_notification_configuration"
OWNER = "123456789012"
OTHERS: dict[str, Any] = {
    "QueueConfigurations": [
        {
            "Id": "one",
            "QueueArn": f"arn:aws:sqs:{REGION}:{OWNER}:gone",
            "Events": ["s3:ObjectRemoved:*", "s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "In/"}]}},
        }
    ],
    "LambdaFunctionConfigurations": [
        {
            "Id": "two",
            "LambdaFunctionArn": f"arn:aws:lambda:{REGION}:{OWNER}:function:thumbnail",
            "Events": ["s3:ObjectCreated:Put"],
        }
    ],
}
ON: dict[str, Any] = {**OTHERS, "EventBridgeConfiguration": {}}


@dataclass
class Notifications:
    """The notification configuration of every bucket, in place of moto's; `after` is what is read after a write."""

    held: Mapping[str, Any]
    after: Mapping[str, Any] | None = None
    written: list[dict[str, Any]] | None = None

    def install(self, monkeypatch: pytest.MonkeyPatch, s3: S3Client) -> None:
        self.written = []
        monkeypatch.setattr("scones.connection.Connection.s3", lambda _: s3)
        monkeypatch.setattr(s3, GET, lambda **_: {**self.held, "ResponseMetadata": {}})
        monkeypatch.setattr(s3, PUT, self._write)

    def _write(self, **request: Any) -> None:
        assert self.written is not None
        self.written.append(request)
        self.held = request["NotificationConfiguration"] if self.after is None else self.after


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("scones.adopt.time.sleep", slept.append)
    return slept


def adopted(
    s3: S3Client,
    monkeypatch: pytest.MonkeyPatch,
    held: Mapping[str, Any],
    after: Mapping[str, Any] | None = None,
) -> Notifications:
    notifications = Notifications(held, after)
    notifications.install(monkeypatch, s3)
    return notifications


@pytest.mark.usefixtures("cloudformation")
def test_eventbridge_is_added_and_every_other_notification_is_written_again(
    scones: Scones, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = adopted(s3, monkeypatch, OTHERS)
    result = scones("adopt", IMAGES)
    assert result.exit_code == 0, result.stderr
    assert (
        f"{IMAGES} tells EventBridge about its events now, and kept 2 other notifications." in result.stdout
    )
    assert bucket.written == [
        {
            "Bucket": IMAGES,
            "ExpectedBucketOwner": OWNER,
            "NotificationConfiguration": ON,
            "SkipDestinationValidation": True,
        }
    ]


@pytest.mark.parametrize(("held", "arguments"), [(ON, ()), (OTHERS, ("--dry-run",)), (ON, ("--dry-run",))])
@pytest.mark.usefixtures("cloudformation")
def test_nothing_is_written_where_it_is_on_or_only_asked(
    scones: Scones,
    s3: S3Client,
    monkeypatch: pytest.MonkeyPatch,
    held: dict[str, Any],
    arguments: tuple[str, ...],
) -> None:
    bucket = adopted(s3, monkeypatch, held)
    result = scones("adopt", IMAGES, *arguments, "--json")
    assert (result.exit_code, bucket.written) == (0, [])
    check_output("adopt", result.stdout)
    printed = json.loads(result.stdout)
    assert (printed["changed"], printed["was_on"], printed["after"]) == (False, held is ON, held)


@pytest.mark.usefixtures("cloudformation")
def test_what_another_program_wrote_meanwhile_is_reported_with_what_was_there_before(
    scones: Scones, s3: S3Client, monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    adopted(s3, monkeypatch, OTHERS, after={"EventBridgeConfiguration": {}})
    result = scones("adopt", IMAGES)
    assert (result.exit_code, len(naps)) == (1, READS - 1)
    assert "S3 has something else" in result.stdout
    assert f"before: {json.dumps(OTHERS)}" in result.stderr  # what is lost can be written again
    machine = scones("adopt", IMAGES, "--json")
    assert machine.exit_code == 0  # on by now
    assert json.loads(machine.stdout)["was_on"] is True


def test_an_answer_that_is_late_is_waited_for(naps: list[float]) -> None:
    s3 = stubbed("s3", (PUT, {}), (GET, OTHERS), (GET, ON))
    assert same(add_eventbridge(s3, AdoptableBucket(IMAGES, OWNER, OTHERS, None)), ON)
    assert len(naps) == 1


def test_order_and_the_case_of_a_filter_s_name_mean_nothing_and_all_else_does() -> None:
    answered = json.loads(json.dumps(ON).replace('"prefix"', '"Prefix"'))
    answered["QueueConfigurations"][0]["Events"].reverse()
    assert same(answered, ON)
    for old, new in (("In/", "in/"), ("gone", "other"), ("ObjectCreated:Put", "ObjectCreated:Post")):
        assert not same(json.loads(json.dumps(ON).replace(old, new)), ON)
    assert not same(OTHERS, ON)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([("get_bucket_location", Refusal("NoSuchBucket"))], "there is no bucket photos"),
        (
            [("get_bucket_location", Refusal("AccessDenied"))],
            f"belongs to another account than {OWNER}, or GetBucketLocation",
        ),
        (
            [("get_bucket_location", {"LocationConstraint": "EU"})],
            "is in eu-west-1 and sends its events there",
        ),
        (
            [("get_bucket_location", {}), (GET, Refusal("AccessDenied"))],
            "GetBucketNotificationConfiguration is not allowed",
        ),
    ],
)
def test_a_bucket_that_cannot_be_used_is_refused_with_the_reason(
    answers: list[tuple[str, Any]], said: str
) -> None:
    s3 = stubbed("s3", *answers)
    sts = stubbed("sts", ("get_caller_identity", {"Account": OWNER}))
    with pytest.raises(SconesError, match=said):
        read_bucket(StubbedConnection({"sts": sts}), s3, "photos")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["s3://photos", "photos/incoming", "arn:aws:s3:::photos", "a"])
def test_an_address_in_place_of_a_name_is_refused_before_a_request(name: str) -> None:
    with pytest.raises(SconesError, match="leave out s3://"):
        read_bucket(StubbedConnection({}), stubbed("s3"), name)  # type: ignore[arg-type]


@pytest.mark.usefixtures("cloudformation")
def test_a_bucket_without_versions_and_of_no_stack_is_named_as_that(
    scones: Scones, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("s3", region_name=REGION).create_bucket(Bucket="photos")
    adopted(s3, monkeypatch, {})
    result = scones("adopt", "photos")
    assert result.exit_code == 0, result.stderr
    assert "Versioning is off" in result.stdout
    assert "Stack scones takes its images from another bucket" in result.stdout
