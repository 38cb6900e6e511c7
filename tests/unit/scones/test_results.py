"""`scones results`: filters, order, and how little it lists and fetches."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from moto.s3.models import s3_backends

from scones.connection import Target, connect
from scones.result_documents import Document, Listed, fetch
from scones.result_query import Moment, Query, matching, newest_first
from scones.stack import read_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        moments[key] = workflow.write(outcome, key, "e" * 32, **extra)
        bucket = s3_backends["123456789012"]["aws"].buckets["the-results-bucket"]
        bucket.keys[moments[key]].last_modified = (start + timedelta(hours=number)).replace(tzinfo=None)
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
    assert ",".join(header) == "finished_at,image,etag,outcome,label,confidence,threshold,reason,result"
    assert row[1:8] == [key, "e" * 32, "passed", "bicycle", "0.99996", "0.8", "bicycle, sure"]
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
    assert "0.700" in result.stdout
    assert "2.png" not in result.stdout
    assert "the newest 3; there are more" in result.stderr
    assert "no results match" in scones("results", "--key", "x").stderr
    assert json.loads(scones("results", "--key", "x", "--json").stdout) == []


def test_a_shortened_result_key_is_found_by_its_document(
    scones: Scones, workflow: FakeWorkflow, s3: S3Client
) -> None:
    key = "incoming/" + "long/" * 180 + "x.png"
    written = workflow.write("review", "incoming/x.png", "e")
    document = json.loads(s3.get_object(Bucket="the-results-bucket", Key=written)["Body"].read())
    s3.delete_object(Bucket="the-results-bucket", Key=written)
    document["image"]["key"] = key
    shortened = f"review/{key[9:209]}~{'0' * 64}/e.json"
    s3.put_object(Bucket="the-results-bucket", Key=shortened, Body=json.dumps(document).encode())
    result = scones("results", "--json", "--key", f"{key[9:]}")
    assert [one["image"]["key"] for one in json.loads(result.stdout)] == [key]


def test_unreadable_documents_are_passed_over(scones: Scones, stored: dict[str, str], s3: S3Client) -> None:
    s3.put_object(Bucket="the-results-bucket", Key="passed/bicycle/x.json", Body=b"{")
    assert len(found(scones)) == 6


def test_listing_is_narrowed_and_fetching_stops(
    stored: dict[str, str], s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = read_stack(connect(Target("scones", None, "us-east-1")))
    listed: list[str] = []

    def listing(_s3: S3Client, _bucket: str, prefix: str) -> Iterator[Listed]:
        listed.append(prefix)
        return iter(())

    monkeypatch.setattr("scones.result_query.list_results", listing)
    newest_first(s3, stack, Query(key="a/*", label="bicycle"))
    assert sorted(listed) == ["failed/a/", "passed/bicycle/a/", "review/a/"]
    listed.clear()
    newest_first(s3, stack, Query(key="a/*"))
    assert sorted(listed) == [
        "failed/a/",
        "passed/bicycle/a/",
        "passed/motorcycle/a/",
        "rejected/a/",
        "review/a/",
    ]
    listed.clear()
    newest_first(s3, stack, Query())
    assert sorted(listed) == ["failed/", "passed/", "rejected/", "review/"]


def test_only_the_documents_needed_are_fetched(
    workflow: FakeWorkflow, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        workflow.write("review", f"incoming/{number}.png", "e")
    stack = read_stack(connect(Target("scones", None, "us-east-1")))
    listed, complete = newest_first(s3, stack, Query())
    assert complete
    fetched: list[str] = []

    def counted(client: S3Client, bucket: str, key: str) -> Document | None:
        fetched.append(key)
        return fetch(client, bucket, key)

    monkeypatch.setattr("scones.result_query.fetch", counted)
    documents = matching(s3, stack, Query(), listed, limit=5)
    assert next(documents) is not None
    assert len(fetched) <= 16


def test_closing_waits_for_no_request(
    workflow: FakeWorkflow, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C on a line that stalled: the requests under way are left, those behind them never begin."""
    answers, asked = Event(), list[str]()

    def stalled(client: S3Client, bucket: str, key: str) -> Document | None:
        asked.append(key)
        if key != listed[0].key:
            answers.wait(60)
        return fetch(client, bucket, key)

    monkeypatch.setattr("scones.result_query.fetch", stalled)
    for number in range(40):
        workflow.write("passed", f"incoming/{number}.jpg", str(number))
    stack = read_stack(connect(Target("scones", None, "us-east-1")))
    listed, _ = newest_first(s3, stack, Query())
    documents = matching(s3, stack, Query(), listed, limit=None)
    next(documents)
    closing = Thread(target=documents.close)
    try:
        closing.start()
        closing.join(5)
        assert not closing.is_alive()
    finally:
        answers.set()
        closing.join(60)
    assert len(asked) < len(listed)


def test_a_listing_too_long_says_so(
    scones: Scones, stored: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.results.MAX_LISTED", 1)
    result = scones("results")
    assert result.exit_code == 0
    assert "narrow it with" in result.stderr
    assert len(found(scones)) == 6
    assert "narrow it with" not in scones("results", "--json").stderr


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
        workflow.write(outcome, "incoming/scones-verify/20261126T201500Z-4f2a1c/7.png", "e" * 32)
    assert "7" not in found(scones)
    assert found(scones, "--key", "scones-verify/*") == ["7"] * 4
