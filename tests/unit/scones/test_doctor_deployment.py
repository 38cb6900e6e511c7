"""`scones doctor`: a deployed stack, who is notified, and what waits."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scones.doctor.attention import ALARM, check_alarms, check_queue, check_review_queue, check_topic
from scones.doctor.deployment import (
    RULE,
    check_bucket,
    check_retention,
    check_rules,
    check_status,
    check_table,
    check_threshold,
)
from scones.doctor.findings import Finding, Level
from scones.image_keys import ImageKeys
from scones.index import time_text
from scones.label_thresholds import Thresholds
from scones.stack import Resource, Stack
from sweep.settings import Settings
from tests.fakes.stubbed_clients import Refusal, stubbed
from tests.unit.functions.environment import SETTINGS

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TOPIC = "arn:aws:sns:us-east-1:123456789012:alert"
UPLOADS = Resource("ImageDropped", RULE, "scones-ImageDropped-1")
SWEEPS = Resource("SweepSchedule", RULE, "scones-SweepSchedule-1")
TARGET = {"Id": "one", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:triage"}


@pytest.fixture
def stack() -> Stack:
    return Stack(
        name="scones",
        image_bucket="images",
        results_bucket="results",
        workflow_arn="w",
        workflow_alias_arn="w:live",
        review_topic_arn="r",
        alert_topic_arn=TOPIC,
        failed_images_url="https://sqs.us-east-1.amazonaws.com/123456789012/failed",
        claims_table="claims",
        backfill_arn="b",
        record_decision_arn="d",
        keys=ImageKeys(),
        labels=("bicycle", "motorcycle"),
        thresholds=Thresholds.parse("0.8", ("bicycle", "motorcycle")),
        threshold_parameter="ConfidenceThreshold-scones",
        serialize_digest="s1-32",
        endpoint_name="the-endpoint",
        sweep_function="sweep",
    )


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("CREATE_COMPLETE", Level.OK),
        ("UPDATE_COMPLETE", Level.OK),
        ("UPDATE_IN_PROGRESS", Level.WARNING),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Level.WARNING),
        ("UPDATE_ROLLBACK_COMPLETE", Level.WARNING),
        ("ROLLBACK_COMPLETE", Level.BROKEN),
        ("UPDATE_ROLLBACK_FAILED", Level.BROKEN),
        ("DELETE_FAILED", Level.BROKEN),
    ],
)
def test_a_status_has_its_level(status: Any, level: Level) -> None:
    finding = check_status({"StackName": "scones", "StackStatus": status, "CreationTime": datetime.now(UTC)})
    assert finding.level is level
    assert (finding.next_step is None) == (level is Level.OK)


def rules(
    *states: tuple[str, list[Any]], resources: tuple[Resource, ...] = (UPLOADS, SWEEPS)
) -> list[Finding]:
    answers = [
        answer
        for state, targets in states
        for answer in (
            ("describe_rule", {"State": state}),
            ("list_targets_by_rule", {"Targets": targets} if targets else {}),
        )
    ]
    return check_rules(stubbed("events", *answers), "scones", resources)


def test_rules_that_are_enabled_and_have_targets_are_ok() -> None:
    (finding,) = rules(("ENABLED", [TARGET]), ("ENABLED", [TARGET]))
    assert (finding.level, finding.message) == (
        Level.OK,
        "enabled and complete: ImageDropped, SweepSchedule",
    )


def test_a_disabled_rule_is_broken_and_says_what_is_lost() -> None:
    uploads, sweeps = rules(("DISABLED", [TARGET]), ("DISABLED", [TARGET]))
    assert (uploads.level, sweeps.level) == (Level.BROKEN, Level.BROKEN)
    assert "EventBridge drops their events" in uploads.message
    assert uploads.next_step == (
        "`aws events enable-rule --name scones-ImageDropped-1`; `scones sweep` starts what came meanwhile"
    )
    assert "no sweep looks for lost images" in sweeps.message


def test_a_rule_without_target_and_one_that_is_gone_are_broken() -> None:
    (no_target,) = rules(("ENABLED", []), resources=(UPLOADS,))
    assert (no_target.level, "has no target" in no_target.message) == (Level.BROKEN, True)
    gone = check_rules(
        stubbed("events", ("describe_rule", Refusal("ResourceNotFoundException"))), "scones", [UPLOADS]
    )
    never = check_rules(stubbed("events"), "scones", [])
    assert [finding.message.split(":")[0] for finding in (*gone, *never)] == ["ImageDropped is gone"] * 2


def test_a_bucket_that_tells_eventbridge_nothing_is_broken(stack: Stack) -> None:
    method = "get_bucket_notification_configuration"
    told = check_bucket(stubbed("s3", (method, {"EventBridgeConfiguration": {}})), stack, "")
    finding = check_bucket(stubbed("s3", (method, {})), stack, " --stack scones")
    assert (told.level, finding.level) == (Level.OK, Level.BROKEN)
    # The write of AWS's own command line would delete the bucket's other notifications.
    assert "`scones adopt images --stack scones`" in str(finding.next_step)


@pytest.mark.parametrize(
    ("excluded", "level", "said"),
    [
        ("photos/thumbs/", Level.OK, "images are photos/*.jpg without photos/thumbs/"),
        ("thumbs/", Level.WARNING, "thumbs/ in ExcludePrefixes leave out no key"),
        ("pho", Level.BROKEN, "leaves out every key of ImagePattern photos/*.jpg"),
    ],
)
def test_prefixes_that_leave_out_nothing_or_everything_are_found(
    stack: Stack, excluded: str, level: Level, said: str
) -> None:
    answer: tuple[str, dict[str, Any]] = (
        "get_bucket_notification_configuration",
        {"EventBridgeConfiguration": {}},
    )
    stack = replace(stack, keys=ImageKeys("photos/*.jpg", (excluded,)))
    finding = check_bucket(stubbed("s3", answer), stack, "")
    assert (finding.level, said in finding.message) == (level, True)


@pytest.mark.parametrize(
    ("status", "index", "level"),
    [
        ("ACTIVE", "ACTIVE", Level.OK),
        ("UPDATING", "CREATING", Level.WARNING),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", "ACTIVE", Level.BROKEN),
    ],
)
def test_the_table_of_claims_has_its_level(stack: Stack, status: str, index: str, level: Level) -> None:
    table = {
        "TableStatus": status,
        "GlobalSecondaryIndexes": [{"IndexName": "by_state", "IndexStatus": index}],
    }
    assert check_table(stubbed("dynamodb", ("describe_table", {"Table": table})), stack).level is level


@pytest.mark.parametrize(
    ("claims", "indexed", "level"),
    [(1000, 20, Level.WARNING), (1000, None, Level.WARNING), (1000, 900, Level.OK), (5, 0, Level.OK)],
)
def test_claims_that_are_not_in_the_index_are_a_warning(
    stack: Stack, claims: int, indexed: int | None, level: Level
) -> None:
    indexes = [{"IndexName": "by_state", "IndexStatus": "ACTIVE", "ItemCount": 1}]
    if indexed is not None:
        indexes.append({"IndexName": "by_time", "IndexStatus": "ACTIVE", "ItemCount": indexed})
    table = {"TableStatus": "ACTIVE", "ItemCount": claims, "GlobalSecondaryIndexes": indexes}
    finding = check_table(stubbed("dynamodb", ("describe_table", {"Table": table})), stack)
    assert finding.level is level
    assert ("scones reindex" in str(finding.next_step)) == (level is Level.WARNING)


def test_a_threshold_that_cannot_be_used_is_a_warning_that_says_how_to_reset_it(stack: Stack) -> None:
    def check(value: str) -> Finding:
        ssm = stubbed("ssm", ("get_parameter", {"Parameter": {"Value": value}}))
        return check_threshold(ssm, stack, " --stack scones", now=NOW)

    assert check("0.9").message == "a confidence of 0.9 (deployed: 0.8) passes"
    assert check("high").level is Level.WARNING
    assert check("high").next_step == "`scones threshold --stack scones --reset`"


def test_a_certificate_that_ends_soon_is_named_with_the_command_that_renews_it(stack: Stack) -> None:
    certificate = {
        "model_version": "91bc",
        "labels": ["bicycle", "motorcycle"],
        "serialize": "s1-32",
        "since": time_text(NOW - timedelta(days=27)),
        "until": time_text(NOW + timedelta(days=3)),
    }
    value = json.dumps({"thresholds": {"default": 0.9}, "certificate": certificate})
    ssm = stubbed("ssm", ("get_parameter", {"Parameter": {"Value": value}}))
    finding = check_threshold(ssm, stack, " --stack scones", now=NOW)
    assert finding.level is Level.WARNING
    assert finding.message.startswith("the certificate ends in 3 days, at ")
    assert str(finding.next_step).startswith("`scones certify --stack scones --apply`")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        (None, "there is no certificate"),
        ({"withdrawn": "the endpoint changed"}, "the certificate was withdrawn: the endpoint changed"),
        ({"until": "2026-11-01T00:00:00Z"}, "the certificate ended at 2026-11-01T00:00:00Z"),
        ({"labels": ["motorcycle", "bicycle"]}, "the certificate is for the labels motorcycle,bicycle"),
        ({"serialize": "s0-32"}, "the certificate is for images of Serialize s0-32, not s1-32"),
    ],
)
def test_where_a_certificate_is_required_doctor_says_that_no_image_can_pass(
    stack: Stack, change: dict[str, Any] | None, words: str | None
) -> None:
    certificate = {
        "model_version": "91bc",
        "labels": ["bicycle", "motorcycle"],
        "serialize": "s1-32",
        "until": "2026-12-24T00:00:00Z",
    }
    found = None if change is None else certificate | change
    value = json.dumps({"thresholds": {"default": 0.9}, "certificate": found})

    def check(stack: Stack) -> Finding:
        ssm = stubbed("ssm", ("get_parameter", {"Parameter": {"Value": value}}))
        return check_threshold(ssm, stack, "", now=NOW)

    has_ended = words is not None and "ended" in words
    assert check(stack).level is (Level.WARNING if has_ended else Level.OK), "where none is required"
    required = {"RequireCertificate": "true", "AuditShare": "0.02"}
    finding = check(replace(stack, parameters=required))
    if words is None:
        assert finding.level is Level.OK
        assert finding.message.endswith("passes, certified for model 91bc until 2026-12-24T00:00:00Z")
    else:
        assert finding.level is Level.BROKEN
        assert finding.message == f"no image passes, because RequireCertificate is true and {words}"
        assert "scones certify" in str(finding.next_step)
    if words is None:
        unaudited = check(replace(stack, parameters=required | {"AuditShare": "0"}))
        assert "AuditShare is 0: no audit could refute the certificate" in unaudited.message
        assert "deploy with AuditShare above 0" in str(unaudited.next_step)


@pytest.mark.parametrize(
    ("images", "sweeps", "level"),
    [("0", "14", Level.OK), ("15", "14", Level.OK), ("13", "5", Level.WARNING), ("20", "30", Level.WARNING)],
)
def test_images_must_outlive_what_may_start_them_again(images: str, sweeps: str, level: Level) -> None:
    (finding,) = check_retention({"ImageDays": images, "SweepDays": sweeps})
    assert finding.level is level


def test_how_long_images_of_an_existing_bucket_are_kept_is_what_its_own_lifecycle_says() -> None:
    (finding,) = check_retention({"ExistingImageBucket": "photos", "ImageDays": "0"})
    assert "images are kept as the lifecycle of photos says, results for ever" in finding.message


@pytest.mark.parametrize(
    ("claims", "results", "level"),
    [
        ("0", "30", Level.OK),
        ("0", "0", Level.OK),
        ("31", "30", Level.OK),
        ("15", "0", Level.WARNING),  # results for ever: the sweep refuses every number of days
        ("14", "7", Level.WARNING),
        ("30", "30", Level.WARNING),
    ],
)
def test_claims_must_outlive_sweeps_and_results(claims: str, results: str, level: Level) -> None:
    (finding,) = check_retention({"ClaimDays": claims, "ResultDays": results, "SweepDays": "14"})
    assert finding.level is level


def test_the_retention_that_is_refused_is_the_one_that_the_sweep_refuses() -> None:
    for claims, sweeps, results in itertools.product((0, 5, 14, 15, 30, 31), (5, 14), (0, 5, 14, 30)):
        days = {"ClaimDays": str(claims), "SweepDays": str(sweeps), "ResultDays": str(results)}
        (finding,) = check_retention(days)
        asked = {"CLAIM_DAYS": str(claims), "SWEEP_DAYS": str(sweeps), "RESULT_DAYS": str(results)}
        accepts = True
        try:
            Settings.from_environment(SETTINGS["sweep"] | asked)
        except ValueError:
            accepts = False
        assert (finding.level is Level.OK) is accepts, days


def test_a_rule_that_only_counts_needs_no_target() -> None:
    events = stubbed(
        "events",
        ("describe_rule", {"State": "ENABLED"}),
        ("list_targets_by_rule", {}),
        ("describe_rule", {"State": "ENABLED"}),
        ("list_targets_by_rule", {"Targets": [TARGET]}),
    )
    counted = Resource("ReleaseExecutionDied", RULE, "died")
    assert [finding.level for finding in check_rules(events, "scones", [counted, UPLOADS])] == [Level.OK]


def topic(*arns: str, is_local: bool = False) -> Finding:
    subscriptions = [{"SubscriptionArn": arn, "Protocol": "email"} for arn in arns]
    sns = stubbed("sns", ("list_subscriptions_by_topic", {"Subscriptions": subscriptions}))
    return check_topic(sns, "alert topic", TOPIC, "AlertEmail", is_local=is_local)


def test_a_subscription_that_has_ended_is_not_a_confirmed_one() -> None:
    assert topic("Deleted").level is Level.WARNING  # SNS lists it for some days


def test_a_topic_that_nobody_hears_is_a_warning() -> None:
    finding = topic()
    assert finding.level is Level.WARNING
    assert f"aws sns subscribe --topic-arn {TOPIC}" in str(finding.next_step)
    assert topic(is_local=True).level is Level.OK


def test_a_subscription_that_waits_for_confirmation_is_a_warning() -> None:
    finding = topic("PendingConfirmation", f"{TOPIC}:1")
    assert finding.level is Level.WARNING
    assert finding.message == "1 subscription waits for confirmation, 1 confirmed"
    assert topic(f"{TOPIC}:1").level is Level.OK


def alarm(number: int, state: str, *, enabled: bool = True) -> dict[str, Any]:
    return {
        "AlarmName": f"name-{number}",
        "StateValue": state,
        "ActionsEnabled": enabled,
        "AlarmDescription": "An image ended as failed.",
    }


def test_alarms_that_fire_or_are_muted_are_warnings() -> None:
    resources = [Resource(f"Alarm{number}", ALARM, f"name-{number}") for number in range(3)]
    answer = {
        "MetricAlarms": [alarm(0, "ALARM"), alarm(1, "OK", enabled=False), alarm(2, "INSUFFICIENT_DATA")]
    }
    firing, muted = check_alarms(stubbed("cloudwatch", ("describe_alarms", answer)), resources)
    assert firing.message == "Alarm0 is in ALARM: An image ended as failed"
    assert firing.next_step == "docs/runbook.md, section Alarm0"
    assert "enable-alarm-actions --alarm-names name-1" in str(muted.next_step)


def test_more_alarms_than_one_request_may_name_are_asked_for_in_parts() -> None:
    resources = [Resource(f"Alarm{number}", ALARM, f"name-{number}") for number in range(101)]
    nothing: tuple[str, dict[str, Any]] = ("describe_alarms", {"MetricAlarms": []})
    (finding,) = check_alarms(stubbed("cloudwatch", nothing, nothing), resources)
    assert (finding.level, finding.message) == (Level.OK, "none of 101 is in ALARM")


def test_an_image_in_the_queue_is_a_warning_seen_or_being_handled() -> None:
    def check(visible: str, handled: str) -> Finding:
        attributes = {
            "ApproximateNumberOfMessages": visible,
            "ApproximateNumberOfMessagesNotVisible": handled,
        }
        sqs = stubbed("sqs", ("get_queue_attributes", {"Attributes": attributes}))
        return check_queue(sqs, "https://sqs/1/failed", " --stack scones")

    assert check("0", "0").level is Level.OK
    finding = check("2", "1")
    assert finding.message.startswith("3 images wait")
    assert "`scones redrive --stack scones`" in str(finding.next_step)


@pytest.mark.parametrize(
    ("waited", "days", "level"),
    [
        (None, "7", Level.OK),
        (3, "0", Level.OK),
        (400, "0", Level.OK),
        (3, "7", Level.OK),
        (4, "7", Level.WARNING),
        (9, "7", Level.WARNING),
    ],
)
def test_images_that_are_deleted_before_somebody_decides_are_a_warning(
    stack: Stack, waited: int | None, days: str, level: Level
) -> None:
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    since = now - timedelta(days=waited or 0)
    item = {"image_key": {"S": "incoming/a.png"}, "etag": {"S": "e"}, "state_since": {"S": since.isoformat()}}
    empty: dict[str, Any] = {"Items": [], "Count": 0, "ScannedCount": 0}
    first = empty if waited is None else {"Items": [item], "Count": 1, "ScannedCount": 1}
    dynamodb = stubbed("dynamodb", ("query", first), *[("query", empty)] * 15)
    finding = check_review_queue(dynamodb, stack, {"ImageDays": days}, " --stack scones", now=now)
    assert finding.level is level
    if level is Level.WARNING:
        assert f"waited for a person for {waited} days" in finding.message
        assert finding.next_step is not None
        assert "`scones review --stack scones`" in finding.next_step
