"""`scones results`: filters, order, and how little it lists and fetches."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import combinations
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient

from scones.connection import Target, connect
from scones.index import time_text
from scones.result_documents import Document, Outcome, fetch, result_key
from scones.result_query import Moment, Query, documents, search
from scones.stack import read_stack
from tests.unit.scones.fake_stack import REGION

if TYPE_CHECKING:
    from click.testing import Result
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeWorkflow, Scones


@pytest.fixture
def stored(workflow: FakeWorkflow) -> dict[str, str]:
    """Six results, an hour apart, the last written last."""
    moments = {}
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("passed", "incoming/a/1.png", {"confidence": 0.91}),
        ("passed", "incoming/a/2.png", {"label": "motorcycle", "confidence": 0.99}),
        ("review", "incoming/a/3.png", {"confidence": 0.55}),
        ("review", "incoming/b/4.png", {"label": "bicycle", "confidence": 0.7}),
        ("rejected", "incoming/b/5.png", {}),
        ("failed", "incoming/b/[6]+.png", {}),
    ]
    start = datetime.now(UTC) - timedelta(hours=5)
    for number, (outcome, key, extra) in enumerate(rows):
        finished_at = time_text(start + timedelta(hours=number))
        moments[key] = workflow.write(outcome, key, "e" * 32, finished_at=finished_at, **extra)
    return moments


def found(scones: Scones, *arguments: str) -> list[str]:
    result = scones("results", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return [document["image"]["key"][-5] for document in json.loads(result.stdout)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "]54321"),
        ("--outcome passed", "21"),
        ("--outcome passed --outcome failed", "]21"),
        ("--label bicycle", "41"),
        ("--label bicycle --outcome passed", "1"),
        ("--below 0.7", "3"),
        ("--above 0.7", "421"),
        ("--above 0.6 --below 0.95", "41"),
        ("--key b/*", "]54"),
        ("--key incoming/b/*", "]54"),
        ("--key *4.png", "4"),
        ("--key a/1.png", "1"),
        ("--key b/[[]6]*", "]"),
        ("--key nowhere/*", ""),
        ("--since 150m", "]54"),
        ("--until 150m", "321"),
        ("--since 210m --until 90m", "43"),
        ("--limit 2", "]5"),
        ("--reason threshold", "4321"),
        ("--reason reaches --label motorcycle", "2"),
    ],
)
def test_filters(scones: Scones, stored: dict[str, str], arguments: str, expected: str) -> None:
    assert "".join(found(scones, *arguments.split())).replace("+", "]") == expected


@pytest.mark.parametrize("machine", ["--json", "--csv"])
def test_nothing_is_cut_for_machines(scones: Scones, workflow: FakeWorkflow, machine: str) -> None:
    for number in range(60):
        workflow.write("review", f"incoming/{number}.png", "e")

    def images(*options: str) -> int:
        text = scones("results", *options).stdout
        return text.count(".png/e.json")

    assert images(machine) == 60
    assert images(machine, "--limit", "7") == 7
    table = scones("results")
    assert table.stdout.count(".png") == 50
    assert "the newest 50; there are more: --limit or --all shows them" in table.stderr
    assert scones("results", "--all").stdout.count(".png") == 60


def test_csv_keeps_what_is_in_a_key_and_a_reason(scones: Scones, workflow: FakeWorkflow) -> None:
    key = 'incoming/a "b",\tc\n.png'
    workflow.write("passed", key, "e" * 32, confidence=0.99996, reason="bicycle, sure")
    header, row = csv.reader(io.StringIO(scones("results", "--csv").stdout))
    assert ",".join(header) == "finished_at,image,etag,outcome,label,confidence,model_version,reason,result"
    assert row[1:8] == [key, "e" * 32, "passed", "bicycle", "0.99996", "", "bicycle, sure"]
    assert row[8] == workflow.written[-1]


@pytest.mark.parametrize("options", [("--json", "--csv"), ("--all", "--limit", "3")])
def test_options_that_contradict_are_refused(scones: Scones, s3: S3Client, options: tuple[str, ...]) -> None:
    refused = scones("results", *options)
    assert refused.exit_code == 2
    assert "exclude each other" in refused.stderr


def test_json_is_the_documents_with_their_keys(scones: Scones, stored: dict[str, str]) -> None:
    (document,) = json.loads(scones("results", "--json", "--key", "a/1.png").stdout)
    assert document["schema_version"] == "1"
    assert document["result"] == stored["incoming/a/1.png"]


def test_a_table_for_people(scones: Scones, stored: dict[str, str]) -> None:
    result = scones("results", "--limit", "3")
    assert result.exit_code == 0
    assert "b/[6]+.png" in result.stdout
    assert "it is cut off" in result.stdout
    assert "2.png" not in result.stdout
    assert "the newest 3; there are more" in result.stderr
    assert "no results match" in scones("results", "--key", "x").stderr
    assert json.loads(scones("results", "--key", "x", "--json").stdout) == []


def test_the_table_tells_nothing_that_the_model_said_of_an_image_that_waits(
    scones: Scones, stored: dict[str, str]
) -> None:
    """a/2.png is a blind audit: it passed, and a person is to decide about it like about a/3.png and b/4.png."""
    boto3.client("dynamodb", region_name=REGION).update_item(
        TableName="claims",
        Key={"image_key": {"S": "incoming/a/2.png"}, "etag": {"S": "e" * 32}},
        UpdateExpression="SET state_shard = :person, state_since = :now",
        ExpressionAttributeValues={":person": {"S": "person#0"}, ":now": {"S": "2026-11-27T10:00:00Z"}},
    )

    def rows(*options: str) -> dict[str, list[str]]:
        lines = scones("results", *options).stdout.splitlines()[1:]
        return {cells[0]: cells[2:] for cells in (line.split("\t") for line in lines)}

    table = rows()
    assert table["a/2.png"] == table["a/3.png"] == table["b/4.png"] == ["review", "", "", ""]
    assert table["a/1.png"][:2] == ["passed", "bicycle"]
    for options in (
        ["--label", "motorcycle"],
        ["--above", "0.95"],
        ["--reason", "0.99"],
        ["--outcome", "passed"],
    ):
        assert "a/2.png" not in rows(*options)
        said = scones("results", "--key", "a/2.png", *options).stderr
        assert said == scones("results", "--key", "a/2.png", "--label", "bicycle").stderr, "nor by a count"
        assert "without images that wait for a person" in said
    assert list(rows("--key", "a/2.png", "--outcome", "review")) == ["a/2.png"]
    assert found(scones, "--label", "motorcycle") == ["3", "2"], "machines get all"


def test_what_waits_answers_the_same_whether_it_passed_or_not(scones: Scones, workflow: FakeWorkflow) -> None:
    """Two stacks of twelve images: every third waits; in one of them those have passed, and are audits."""

    newest = datetime.now(UTC) - timedelta(minutes=1)

    def store(audited: str) -> None:
        for number in range(12):
            outcome = (audited, "passed", "failed")[number % 3]
            at = time_text(newest - timedelta(seconds=5 * number))
            said: dict[str, Any] = {"label": "bicycle", "confidence": 0.9 if outcome == "passed" else 0.6}
            key, etag = f"incoming/a/{number:02}.png", "e" * 32
            workflow.write(outcome, key, etag, finished_at=at, **({} if outcome == "failed" else said))
            if number % 3 == 0:
                boto3.client("dynamodb", region_name=REGION).update_item(
                    TableName="claims",
                    Key={"image_key": {"S": key}, "etag": {"S": etag}},
                    UpdateExpression="SET state_shard = :person, state_since = :at",
                    ExpressionAttributeValues={":person": {"S": "person#0"}, ":at": {"S": at}},
                )

    filters = [[f"--outcome={one}" for one in some] for n in range(3) for some in combinations(Outcome, n)]
    filters += [["--outcome", "review", *one] for one in (["--limit", "2"], ["--key", "a/0[0-5]*"])]
    filters += [["--label", "bicycle"], ["--above", "0.8"], ["--below", "0.8"], ["--reason", "threshold"]]
    commands = [("results", *one) for one in filters] + [("status",), ("status", "--json")]
    commands += [(command, f"a/{number:02}.png") for command in ("show", "why") for number in (0, 1)]

    def answers() -> dict[tuple[str, ...], str]:
        shown = {command: scones(*command) for command in commands}
        # The age of the oldest one is of now.
        return {command: re.sub(r"\d+ min|\S+(ago|Z)\b", "", one.output) for command, one in shown.items()}

    store("passed")
    audits = answers()
    store("review")
    assert answers() == audits
    assert audits["results", "--outcome=review"].count(".png") == 4
    assert audits["results", "--outcome=passed"].count(".png") == 4


def test_a_shortened_result_key_is_found(scones: Scones, workflow: FakeWorkflow) -> None:
    key = "incoming/" + "long/" * 180 + "x.png"
    written = workflow.write("review", key, "e")
    assert "~" in written
    result = scones("results", "--json", "--key", key.removeprefix("incoming/"))
    assert [(one["image"]["key"], one["result"]) for one in json.loads(result.stdout)] == [(key, written)]


def test_unreadable_documents_are_left_out(scones: Scones, stored: dict[str, str], s3: S3Client) -> None:
    s3.put_object(Bucket="the-results-bucket", Key=stored["incoming/a/1.png"], Body=b"{")
    assert len(found(scones)) == 5


def test_no_bucket_is_listed(
    scones: Scones, stored: dict[str, str], s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(self: BaseClient, operation: str, request: dict[str, Any]) -> object:
        operations.append(operation)
        return original(self, operation, request)

    operations: list[str] = []
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", asked)
    assert scones("results", "--key", "a/*").exit_code == 0
    assert set(operations) == {"Query", "BatchGetItem"}
    operations.clear()
    assert len(found(scones, "--key", "a/*")) == 3
    assert operations.count("GetObject") == 3
    assert set(operations) == {"Query", "GetObject"}


def test_closing_waits_for_no_request(
    workflow: FakeWorkflow, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C on a line that stalled: the requests under way are left, those behind them never begin."""
    answers, asked = Event(), list[str]()

    def stalled(client: S3Client, bucket: str, key: str) -> Document | None:
        asked.append(key)
        if key != first:
            answers.wait(60)
        return fetch(client, bucket, key)

    monkeypatch.setattr("scones.result_query.fetch", stalled)
    for number in range(40):
        workflow.write("passed", f"incoming/{number}.jpg", str(number))
    connection = connect(Target("scones", None, "us-east-1"))
    stack = read_stack(connection)
    images = list(search(connection.dynamodb(), stack, Query()))
    first = result_key(Outcome.PASSED, images[0].label, images[0].image_key, images[0].etag)
    found = documents(s3, stack, images)
    next(found)
    closing = Thread(target=found.close)
    try:
        closing.start()
        closing.join(30)
        assert not closing.is_alive()
    finally:
        answers.set()
        closing.join(60)
    assert len(asked) < len(images)


def test_a_search_ends_with_its_read_budget_and_says_how_to_continue(
    scones: Scones, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.index._PAGE", 1)
    monkeypatch.setattr("scones.index._GROWTH", 1)
    start = datetime.now(UTC) - timedelta(hours=5)
    for number in range(100):
        finished_at = time_text(start + timedelta(minutes=number))
        workflow.write("passed", f"incoming/{number}.jpg", "e", finished_at=finished_at)
    search = ("results", "--csv", "--outcome", "passed", "--key", "*.jpg")
    part = scones(*search, "--read-budget", "20")
    assert part.exit_code == 1
    assert "the read budget of 20 units is used up after" in part.stderr
    until = part.stderr.partition("--until ")[2].partition(",")[0]
    rest = scones(*search, "--until", until)
    assert rest.exit_code == 0

    def images(result: Result) -> list[str]:
        return [row[1] for row in csv.reader(io.StringIO(result.stdout))][1:]

    assert 0 < len(images(part)) < 100
    assert images(part) + images(rest) == [f"incoming/{number}.jpg" for number in reversed(range(100))]
    assert (
        scones("results", "--csv", "--read-budget", "1").exit_code == 0
    )  # nothing is read that is not shown


def test_a_stack_whose_index_was_never_filled_says_what_to_do(scones: Scones, workflow: FakeWorkflow) -> None:
    claims = boto3.client("dynamodb", region_name="us-east-1")
    workflow.write("passed", "incoming/1.jpg", "e")
    claims.delete_item(TableName="claims", Key={"image_key": {"S": "incoming/1.jpg"}, "etag": {"S": "e"}})
    result = scones("results")
    assert result.exit_code == 0
    assert (
        "the index of stack scones is empty although there are results: `scones reindex --stack scones"
        in result.stderr
    )


@pytest.mark.parametrize("text", ["yesterday", "2x", "-2h", "", "9999999999999w", "2026-13-01"])
def test_since_refuses_what_is_no_moment(scones: Scones, s3: S3Client, text: str) -> None:
    result = scones("results", "--since", text)
    assert result.exit_code == 2
    assert "neither an age such as 2h" in result.stderr


def test_since_understands_ages_and_iso_times() -> None:
    convert = Moment().convert
    assert convert("2026-11-21T10:00:00.7Z", None, None) == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert convert("2026-11-21", None, None) == datetime(2026, 11, 21).astimezone()
    age = datetime.now(UTC) - convert("1.5h", None, None)
    assert timedelta(hours=1.5) <= age < timedelta(hours=1.5, seconds=5)


def test_results_of_scones_verify_are_shown_only_when_asked_for(
    scones: Scones, stored: dict[str, str], workflow: FakeWorkflow
) -> None:
    for outcome in ("passed", "review", "rejected", "failed"):
        workflow.write(outcome, "incoming/scones-verify/20261126T201500Z-4f2a1c/7.png", outcome)
    assert "7" not in found(scones)
    assert found(scones, "--key", "scones-verify/*") == ["7"] * 4
