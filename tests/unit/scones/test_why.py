"""`scones why`: from what AWS knows of an image to what happens to it next."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import boto3
import pytest

from scones.terminal import shown
from scones.why.evidence import full_key, nearest_names
from tests.fakes.execution_history import (
    UNAVAILABLE,
    FakeExecutions,
    endpoint_away,
    entered,
    failed,
    scheduled,
)
from tests.static.verify_permissions import needed
from tests.unit.scones.fake_stack import IMAGES, REGION, RESULTS
from tests.unit.scones.verifiable import watched_calls

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeCloudFormation, FakeWorkflow, Scones

STANDARD = f"arn:aws:states:{REGION}:123456789012:execution:triage:1"
EXPRESS = f"arn:aws:states:{REGION}:123456789012:express:triage:1:2"
KEY = "incoming/d/a photo.jpg"
NOW = datetime.now(UTC)


@dataclass
class Known:
    """What the stack knows of images; each method adds to it."""

    s3: S3Client
    executions: FakeExecutions
    dynamodb: Any = field(default_factory=lambda: boto3.client("dynamodb", region_name=REGION))

    def upload(self, key: str = KEY, body: bytes = b"bytes") -> str:
        return self.s3.put_object(Bucket=IMAGES, Key=key, Body=body)["ETag"].strip('"')

    def claim(self, etag: str, key: str = KEY, **more: str | int) -> None:
        claim: dict[str, str | int] = {
            "execution": STANDARD,
            "claimed_at": NOW.isoformat(),
            "claim_ends": int(time.time()) + 288_000,
            "state_since": NOW.isoformat(),
            "attempts": 1,
            **more,
        }
        item = {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in claim.items()
        }
        self.dynamodb.put_item(
            TableName="claims", Item={"image_key": {"S": key}, "etag": {"S": etag}, **item}
        )


@pytest.fixture
def known(s3: S3Client, cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> Known:
    executions = FakeExecutions()
    monkeypatch.setattr("scones.connection.Connection.stepfunctions", lambda _connection: executions)
    logs = boto3.client("logs", region_name=REGION)
    for name in ("SerializeLogs", "ClassifyLogs", "FilterLogs", "WorkflowLogs", "SweepLogs"):
        logs.create_log_group(logGroupName=f"log-of-{name}")
        logs.create_log_stream(logGroupName=f"log-of-{name}", logStreamName="s")
    listed = [
        {
            "LogicalResourceId": name,
            "ResourceType": "AWS::Logs::LogGroup",
            "PhysicalResourceId": f"log-of-{name}",
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for name in ("SerializeLogs", "ClassifyLogs", "FilterLogs", "WorkflowLogs", "SweepLogs")
    ]
    pages = SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": listed}])
    cloudformation.get_paginator = lambda _: pages  # type: ignore[attr-defined]
    return Known(s3, executions)


def write_log(name: str, *messages: str) -> None:
    now_ms = int(time.time() * 1000)
    events = [{"timestamp": now_ms + number, "message": message} for number, message in enumerate(messages)]
    boto3.client("logs", region_name=REGION).put_log_events(
        logGroupName=f"log-of-{name}",
        logStreamName="s",
        logEvents=events,  # type: ignore[arg-type]
    )


def ago(**age: float) -> str:
    return (NOW - timedelta(**age)).isoformat()


def answer(scones: Scones, *arguments: str) -> list[dict[str, Any]]:
    result = scones("why", *(arguments or (KEY,)), "--json")
    assert result.exit_code == 0, result.stderr
    return list(json.loads(result.stdout)["images"])


def test_an_image_whose_endpoint_is_away_says_when_it_is_tried_again(scones: Scones, known: Known) -> None:
    # The retry is due 21 s later, by the clock that the command reads.
    now = datetime.now(UTC).replace(microsecond=0)
    known.claim(known.upload())
    known.executions.add(STANDARD, "RUNNING", endpoint_away(5, now))

    (image,) = answer(scones)

    assert (image["status"], image["state"], image["failed_attempts"]) == ("RUNNING", "Classify", 5)
    assert image["error"] == dict(zip(("name", "message"), UNAVAILABLE, strict=True))
    assert image["next"]["step"] == "retry"
    assert re.match(
        r"waits for the endpoint: attempt 6 within \d+ s; gives up at about [\d:-]+", image["next"]["text"]
    )
    assert image["next"]["retry_by"] == (now + timedelta(seconds=5 + 16)).isoformat()


def test_what_people_read_at_80_columns(
    scones: Scones, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    known.claim(known.upload())
    known.executions.add(STANDARD, "RUNNING", endpoint_away(2, NOW))
    write_log(
        "ClassifyLogs",
        *[json.dumps({"level": "WARNING", "message": "endpoint call failed", "correlation_id": STANDARD})]
        * 2,
        json.dumps({"_aws": {}, "correlation_id": STANDARD}),
        json.dumps({"level": "INFO", "message": "of another", "correlation_id": "other"}),
        f"START {STANDARD}",
    )

    result = scones("why", "d/a photo.jpg")

    assert result.exit_code == 0, result.stderr
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[0] == KEY
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if re.match(r"  \w", line)] == [
        *("image", "claim", "execution", "state", "error", "log", "next")
    ]
    (log,) = [line for line in lines if line.startswith("  log")]
    assert log.endswith("Classify WARNING: endpoint call failed (2 times)")


def test_a_pipe_gets_each_value_whole_and_no_padding(scones: Scones, known: Known) -> None:
    key = f"incoming/{'long name ' * 30}.jpg"
    known.claim(known.upload(key), key)
    known.executions.add(STANDARD, "RUNNING", endpoint_away(2, NOW))
    warning = {"level": "WARNING", "correlation_id": STANDARD}
    write_log("ClassifyLogs", *[json.dumps({**warning, "message": one * 300}) for one in "ab"])

    lines = scones("why", key).stdout.splitlines()

    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[0] == key
    assert [line.split()[-1] for line in lines if "WARNING" in line] == ["a" * 300, "b" * 300]
    assert [line.split()[0] for line in lines if re.match(r"  \w", line)][-2:] == ["log", "next"]


@pytest.mark.parametrize(
    ("outcome", "step", "said"),
    [
        ("passed", "nothing", "final outcome"),
        ("review", "a person", "waits for a person: `scones review --stack scones --region us-east-1`"),
        ("reviewed", "nothing", "final outcome"),
        ("rejected", "nothing", "upload a corrected one"),
        ("failed", "redrive", "`scones redrive --stack scones --region us-east-1`"),
    ],
)
def test_an_image_with_an_outcome(
    scones: Scones, known: Known, workflow: FakeWorkflow, outcome: str, step: str, said: str
) -> None:
    etag = known.upload()
    result_key = workflow.write(outcome, KEY, etag)
    known.claim(etag, finished_at=NOW.isoformat(), outcome=outcome, result_key=result_key)

    (image,) = answer(scones)

    with known.s3.get_object(Bucket=RESULTS, Key=result_key)["Body"] as body:
        document = json.load(body)
    found = {name: image[name] for name in ("outcome", "label", "confidence", "reason", "result")}
    is_blind = (
        outcome == "review"
    )  # who decides must not know what the model said, nor whether it is an audit
    if is_blind:
        document |= dict.fromkeys(("label", "confidence", "reason"))
        assert "motorcycle" not in scones("why", KEY).stdout
    assert found == {name: document[name] for name in found if name != "result"} | {
        "result": None if is_blind else result_key
    }
    assert image["next"]["step"] == step
    assert said in image["next"]["text"]
    assert (f"s3://the-results-bucket/{result_key}" in scones("why", KEY).stdout) is not is_blind


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "ImageNotFoundError",
            "nothing: its bytes were deleted or replaced before they could be read; upload it again",
        ),
        ("ImageArchivedError", "it is in an archive of S3: restore it, and upload it again"),
        ("CorruptImageError", "the file is at fault: upload a corrected one"),
    ],
)
def test_what_is_to_be_done_with_a_rejected_image_depends_on_the_error(
    scones: Scones, known: Known, workflow: FakeWorkflow, error: str, said: str
) -> None:
    etag = known.upload()
    named = {"name": error, "message": "why", "state": "Serialize image"}
    result_key = workflow.write("rejected", KEY, etag, error=named)
    known.claim(etag, finished_at=NOW.isoformat(), outcome="rejected", result_key=result_key)
    (image,) = answer(scones)
    assert image["next"]["text"] == said


@pytest.mark.parametrize("versioned", [True, False])
def test_an_image_that_was_deleted_while_it_waits_is_not_said_to_be_shown(
    scones: Scones, known: Known, *, versioned: bool
) -> None:
    if versioned:
        known.s3.put_bucket_versioning(Bucket=IMAGES, VersioningConfiguration={"Status": "Enabled"})
    known.claim(known.upload(), finished_at=NOW.isoformat(), outcome="review", state_shard="person#3")
    known.s3.delete_object(Bucket=IMAGES, Key=KEY)
    (image,) = answer(scones)
    assert image["next"]["step"] == "a person"
    assert image["next"]["text"].startswith("its bytes were deleted or replaced: `scones review")
    assert image["next"]["text"].endswith("takes it out of the queue")


@pytest.mark.parametrize("command", ["why", "show"])
def test_an_audit_that_waits_looks_like_any_image_to_review(
    scones: Scones, known: Known, workflow: FakeWorkflow, command: str
) -> None:
    etag = known.upload()
    result_key = workflow.write("passed", KEY, etag)
    known.claim(
        etag, finished_at=NOW.isoformat(), outcome="passed", result_key=result_key, state_shard="person#3"
    )
    assert "motorcycle" not in scones(command, KEY).stdout
    for said in (scones(command, KEY).stdout, scones(command, KEY, "--json").stdout):
        assert "passed" not in said
        assert "review" in said


def test_a_document_that_was_deleted_is_said_to_be_gone(scones: Scones, known: Known) -> None:
    known.claim(known.upload(), finished_at=NOW.isoformat(), outcome="passed", result_key="passed/b/x.json")
    assert "passed; its document is gone" in scones("why", KEY).stdout


def test_an_execution_that_died_is_the_sweep_s_and_redrive_s(scones: Scones, known: Known) -> None:
    known.claim(known.upload(), state_since=ago(minutes=10))
    known.executions.add(STANDARD, "ABORTED", endpoint_away(1, NOW))

    (image,) = answer(scones)

    assert image["next"]["step"] == "sweep"
    due = (NOW + timedelta(minutes=20)).astimezone()
    assert f"after {due:%H:%M:%S}, within 15 minutes (start 1 of 3)" in image["next"]["text"].replace(
        f"{due:%Y-%m-%d %H:%M}", f"{due:%H:%M:%S}"
    )
    assert "`scones redrive --stack scones --region us-east-1` does so now" in image["next"]["text"]
    assert "ABORTED in Classify" in scones("why", KEY).stdout


@pytest.mark.parametrize(
    ("claim", "step", "said"),
    [
        ({"state_since": ago(hours=1)}, "sweep", "starts it again within 15 minutes"),
        ({"state_since": ago(hours=1), "sweeps": 3}, "redrive", "has started it 3 times and gives it up"),
        ({"sweeps": 3, "reported_at": ago(minutes=-1)}, "redrive", "3 times and gave it up"),
        ({"state_since": ago(days=15)}, "backfill", "older than 14 days alone"),
    ],
)
def test_who_looks_after_an_execution_that_is_gone(
    scones: Scones, known: Known, claim: dict[str, Any], step: str, said: str
) -> None:
    known.claim(known.upload(), **claim)

    (image,) = answer(scones)

    assert (image["status"], image["next"]["step"]) == ("GONE", step)
    assert said in image["next"]["text"]


def test_express_has_no_history(scones: Scones, known: Known) -> None:
    etag = known.upload()
    known.claim(etag, execution=EXPRESS, claim_ends=int(time.time()) + 200)
    assert answer(scones)[0]["next"]["step"] == "running"
    assert "an EXPRESS execution has no history" in " ".join(scones("why", KEY).stdout.split())

    known.claim(etag, execution=EXPRESS, claim_ends=int(time.time()) - 200)
    (image,) = answer(scones)
    assert image["next"]["step"] == "sweep"
    assert "redrive" not in image["next"]["text"]
    assert known.executions.asked.total() == 0


@pytest.mark.parametrize(
    ("history", "step", "said"),
    [
        ([entered("Classify"), scheduled()], "running", "within seconds"),
        ([entered("Classify"), failed("InvalidPredictionError", "3 for 2", NOW)], "running", "not retried"),
    ],
)
def test_an_execution_that_runs(
    scones: Scones, known: Known, history: list[dict[str, Any]], step: str, said: str
) -> None:
    known.claim(known.upload())
    known.executions.add(STANDARD, "RUNNING", history)

    (image,) = answer(scones)

    assert image["next"]["step"] == step
    assert said in image["next"]["text"]


def test_an_image_that_nobody_claimed(scones: Scones, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    known.upload()
    assert answer(scones)[0]["next"]["text"].startswith("its event is on its way")

    clock = SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(minutes=5))
    monkeypatch.setattr("scones.why.command.datetime", clock)
    (image,) = answer(scones)
    assert (image["claim"], image["next"]["step"]) == (None, "sweep")
    assert "`scones sweep --stack scones --region us-east-1` does so now" in image["next"]["text"]

    clock.now = lambda zone: datetime.now(zone) + timedelta(days=15)
    assert answer(scones)[0]["next"]["step"] == "backfill"


def test_a_folder_marker_is_no_image(scones: Scones, known: Known) -> None:
    known.upload("incoming/folder/", b"")
    (image,) = answer(scones, "folder/")
    assert image["next"]["text"] == "it is a folder marker, not an image"


def test_contents_of_one_key_come_newest_first_and_by_version(scones: Scones, known: Known) -> None:
    known.s3.put_bucket_versioning(Bucket=IMAGES, VersioningConfiguration={"Status": "Enabled"})
    versions, etags = [], []
    for number in range(5):
        put = known.s3.put_object(Bucket=IMAGES, Key=KEY, Body=b"%d" % number)
        versions.append(put["VersionId"])
        etags.append(put["ETag"].strip('"'))
        known.claim(etags[-1], claimed_at=(NOW + timedelta(seconds=number)).isoformat())
    known.upload(f"{KEY}.other")

    assert [image["etag"] for image in answer(scones)] == etags[::-1]
    (second,) = answer(scones, KEY, "--version-id", versions[1])
    assert (second["etag"], second["object"]["current"]) == (etags[1], False)
    people = scones("why", KEY)
    assert people.stdout.count("not the current version") == 2
    assert "and 2 older images: --version-id or --json shows them" in people.stderr
    unknown = scones("why", KEY, "--version-id", "nope")
    assert unknown.exit_code == 2
    assert versions[4] in unknown.stderr


@pytest.mark.parametrize("claimed", [timedelta(seconds=2), timedelta(hours=9)])
def test_a_replaced_image_never_comes_before_the_one_that_replaced_it(
    scones: Scones, known: Known, claimed: timedelta
) -> None:
    """It may have been claimed, or started again by a redrive, after the other one was uploaded."""
    replaced, there = known.upload(body=b"replaced"), known.upload(body=b"there")
    now = datetime.now(UTC)
    known.claim(replaced, claimed_at=(now + claimed).isoformat())
    known.claim("older", claimed_at=ago(days=2))
    assert [image["etag"] for image in answer(scones)] == [there, replaced, "older"]


def test_a_deleted_image_still_has_its_claim(scones: Scones, known: Known) -> None:
    known.claim("e", finished_at=NOW.isoformat(), outcome="rejected")
    (image,) = answer(scones)
    assert (image["object"], image["outcome"]) == (None, "rejected")
    assert "deleted from the bucket" in scones("why", KEY).stdout


@pytest.mark.parametrize(
    "claim",
    [
        {"state_since": ago(hours=1)},
        {"state_since": ago(days=15)},
        {"sweeps": 3, "reported_at": ago(minutes=-1)},
        {"finished_at": NOW.isoformat(), "outcome": "failed"},
    ],
)
def test_nothing_starts_an_image_whose_bytes_are_gone(
    scones: Scones, known: Known, claim: dict[str, Any]
) -> None:
    known.claim("e", **claim)
    (image,) = answer(scones)
    assert image["next"]["step"] == "nothing"
    assert image["next"]["text"] == "nothing: its bytes were deleted from the bucket; upload it again"


@pytest.mark.parametrize(("age", "when"), [({"hours": 1}, "now"), ({"minutes": 10}, "then")])
def test_a_sweep_starts_an_image_without_an_execution(
    scones: Scones, known: Known, age: dict[str, float], when: str
) -> None:
    known.dynamodb.put_item(
        TableName="claims",
        Item={
            "image_key": {"S": KEY},
            "etag": {"S": known.upload()},
            "state_since": {"S": ago(**age)},
            "swept_at": {"S": ago(**age)},
            "sweeps": {"N": "1"},
        },
    )
    (image,) = answer(scones)
    assert image["next"]["step"] == "sweep"
    assert f"`scones sweep --stack scones --region us-east-1` does so {when}" in image["next"]["text"]
    assert "redrive" not in image["next"]["text"]


def test_a_delete_marker_deletes_an_image_and_old_versions_are_only_started_by_an_upload(
    scones: Scones, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.s3.put_bucket_versioning(Bucket=IMAGES, VersioningConfiguration={"Status": "Enabled"})
    etag = known.upload()
    known.s3.delete_object(Bucket=IMAGES, Key=KEY)

    people = scones("why", KEY).stdout
    assert "deleted from the bucket, which keeps this version" in people
    assert "not the current version" not in people

    clock = SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(minutes=5))
    with monkeypatch.context() as later:
        later.setattr("scones.why.command.datetime", clock)
        (image,) = answer(scones)
    assert image["next"] == {
        **image["next"],
        "step": "nothing",
        "text": "nothing: a version that is not the current one is never started; upload it again",
    }

    known.claim(etag, state_since=ago(days=15))
    assert answer(scones)[0]["next"]["step"] == "nothing"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("a photo.jpg", KEY),  # dropped to a folder of its own
        ("d/a foto.jpg", KEY),
        ("A PHOTO.JPG", KEY),
        ("zzz", "`scones results`"),
    ],
)
def test_a_key_that_does_not_exist_names_the_nearest(
    scones: Scones, known: Known, asked: str, named: str
) -> None:
    known.upload()
    result = scones("why", asked)
    assert result.exit_code == 2
    assert f"no image incoming/{asked} in s3://{IMAGES}" in result.stderr
    assert named in result.stderr
    assert "Traceback" not in result.stderr


def test_an_address_of_the_image_bucket_is_a_key(scones: Scones, known: Known) -> None:
    known.upload()
    assert answer(scones, f"s3://{IMAGES}/{KEY}")


def test_an_object_outside_incoming_is_never_classified(scones: Scones, known: Known) -> None:
    known.upload("other/a.jpg")
    (image,) = answer(scones, f"s3://{IMAGES}/other/a.jpg")
    assert image["next"]["text"] == "this stack takes only incoming/*: copy it to such a key"


def test_a_leading_slash_is_not_part_of_a_key(scones: Scones, known: Known) -> None:
    known.upload()
    assert answer(scones, f"/{KEY}")
    assert answer(scones, f"/{KEY.removeprefix('incoming/')}")


def test_a_leading_slash_is_part_of_a_key_where_no_prefix_is_left_out() -> None:
    stack: Any = SimpleNamespace(image_bucket=IMAGES, incoming_prefix="")
    assert [full_key(key, stack) for key in ("/a.jpg", "a.jpg", f"s3://{IMAGES}//a.jpg")] == [
        "/a.jpg",
        "a.jpg",
        "/a.jpg",
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "KEY is empty"),
        ("/", "KEY is empty"),
        (f"s3://{IMAGES}", "KEY is empty"),
        (f"s3://{IMAGES}/", "KEY is empty"),
        (f"s3://elsewhere/{KEY}", f"images of this stack are in s3://{IMAGES}, not in s3://elsewhere"),
        (f"s3://{RESULTS}/{KEY}", f"images of this stack are in s3://{IMAGES}, not in s3://{RESULTS}"),
        ("d", f"incoming/d is a folder in s3://{IMAGES}: name an image in it, such as '{KEY}'"),
        ("incoming/", f"incoming/ is a folder in s3://{IMAGES}: name an image in it, such as '{KEY}'"),
        ("..", f"no image incoming/.. in s3://{IMAGES}, and none was ever claimed: `scones results`"),
        ("empty/x/", f"no image incoming/empty/x/ in s3://{IMAGES}, and none was ever claimed: `scones"),
    ],
)
def test_what_names_no_image_is_answered_in_one_line(
    scones: Scones, known: Known, asked: str, said: str
) -> None:
    known.upload()
    known.upload("incoming/empty/", b"")
    result = scones("why", asked)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_names_that_do_not_print_are_shown_safely(scones: Scones, known: Known) -> None:
    known.upload("incoming/\u202ered.jpg")
    result = scones("why", "\u202ered.jpg")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("incoming/\\u202ered.jpg\n")
    unknown = scones("why", "\u202ered.jpeg").stderr
    assert "\\u202ered.jpeg in s3://" in unknown
    assert r"did you mean $'incoming/\xe2\x80\xaered.jpg'?" in unknown


@pytest.mark.parametrize(
    "name", ["it's $(touch x) `touch x`.jpg", "at 9.41\u202fAM.png", "two\nlines.jpg", "cafe\u0301.jpg"]
)
def test_a_key_in_a_hint_is_read_back_by_a_shell(
    scones: Scones, known: Known, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    key = f"incoming/{name}"
    known.upload(key)
    typed = normalize("NFC", name) if name.isprintable() else shown(name)
    near = " ".join(
        scones("why", typed if typed != name else f"other/{name}")
        .stderr.partition("did you mean ")[2]
        .splitlines()
    )
    assert near.isascii()  # not the text that was typed, even where a reader could not see the difference
    assert read_by_shell(near.rstrip().removesuffix("?")) == [key]

    clock = SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(days=15))
    monkeypatch.setattr("scones.why.command.datetime", clock)
    (command,) = re.findall(r"alone: `(.*)` starts it", answer(scones, key)[0]["next"]["text"])
    assert read_by_shell(command) == ["scones", "backfill", "--stack", "scones", "--region", REGION, key]


def read_by_shell(words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", rf"printf '%s\0' {words}"], capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode().split("\0")[:-1]


def test_the_page_on_security_lists_what_it_asks_for(
    scones: Scones, known: Known, workflow: FakeWorkflow, cloudformation: FakeCloudFormation
) -> None:
    etag = known.upload()
    known.claim(
        etag, finished_at=NOW.isoformat(), outcome="passed", result_key=workflow.write("passed", KEY, etag)
    )
    other = known.upload(body=b"other")
    known.claim(other)
    known.executions.add(STANDARD, "RUNNING", endpoint_away(1, NOW))

    known.upload("incoming/held.jpg")
    cloudformation.outputs |= {
        "PauseParameterName": "Pause-scones",
        "UploadRuleName": "uploads",
        "HoldRuleName": "holds",
        "HeldImagesQueueUrl": "https://sqs/held",
    }

    with watched_calls() as made:
        assert scones("why", KEY).exit_code == 0
        assert scones("why", "held.jpg").exit_code == 0
        assert scones("why", "missing").exit_code == 2

    names = {"s3:ListObjectsV2": "s3:ListBucket", "s3:ListObjectVersions": "s3:ListBucketVersions"}
    asked = {names.get(call, call) for call in made} | set(known.executions.asked)
    of_cloudformation = {"cloudformation:DescribeStacks", "cloudformation:ListStackResources"}
    assert {action for actions, _ in needed("why") for action in actions} == asked | of_cloudformation


def test_the_nearest_names_of_many_are_few() -> None:
    keys = [f"incoming/{number}/same.jpg" for number in range(9)]
    assert nearest_names(keys, "incoming/same.jpg") == keys[:-4:-1]


def test_the_nearest_of_20_000_long_names_is_found_at_once() -> None:
    keys = [f"incoming/{number:05}/{'long-name-' * 30}{number:05}.jpg" for number in range(20_000)]
    wanted = keys[12_345].replace("name", "nmae", 1)
    started = time.process_time()
    assert keys[12_345] in nearest_names(keys, wanted, "incoming/")
    assert time.process_time() - started < 2  # 0.3 s on two shared cores; comparing all in full takes 10 s


def test_what_all_keys_begin_with_makes_none_alike() -> None:
    assert nearest_names(["incoming/a.png", "incoming/b.png"], "incoming/..", "incoming/") == []
