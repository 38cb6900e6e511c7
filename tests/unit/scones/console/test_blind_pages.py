"""What waits for a person looks the same on every page of the console, whatever the model said of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import boto3
import pytest
from starlette.routing import Route

from scones.console import pages
from scones.console.chart_data import EndedImages, Queue, before_waiting, blinded
from scones.console.dropped import DroppedImages
from scones.console.feed import NewOutcomes
from scones.console.previews import ImageRef
from scones.console.stack_operations import redrive
from scones.index import Ended, shard_of, time_text
from scones.result_documents import Outcome, result_key
from tests.fakes.execution_history import definition
from tests.unit.scones.console.served import Browser
from tests.unit.scones.fake_stack import IMAGES, REGION, RESULTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOW: Final = datetime.now(UTC)
KEY, BODY = "incoming/cam/1.png", b"bytes"
ETAG: Final = "4b3a6218bb3e3a7303e8a171a60fcf92"  # of the body
IMAGE: Final = ImageRef(KEY, ETAG)
NAMED: Final = urlencode({"key": KEY, "etag": ETAG})
QUERIES: Final = {
    "/image": [NAMED],
    "/image/now": [NAMED],
    "/image/states": [NAMED],
    "/image/log": [NAMED],
    "/live/rows": [
        "",
        *(f"outcome={outcome}" for outcome in Outcome),
        *(f"label={label}" for label in ("bicycle", "motorcycle", "neither", "cannot_tell")),
    ],
    "/charts": ["period=day"],
}
"""What the pages are asked for; the others are asked as they are."""
ELSEWHERE: Final = {
    "/live/events": "a stream: its events are compared below",
    "/image/model-view": "a picture, which Serialize makes without the model",
}
SURE, UNSURE = ("bicycle", 0.9137), ("motorcycle", 0.8642)
DECISION: Final = {
    "id": {"S": "d"},
    "label": {"S": "neither"},
    "by": {"S": "ann"},
    "at": {"S": time_text(NOW - timedelta(minutes=20))},
    "took_ms": {"N": "1"},
}


def put(s3: S3Client, said: tuple[str, float], outcome: str = "passed", **more: Any) -> None:
    """Store the one image as one that waits for a person, with this verdict of the model."""
    (label, confidence), reason = said, f"{said[0]} at {said[1]}"
    finished_at = time_text(NOW - timedelta(minutes=30))
    shard = shard_of(KEY, ETAG)
    item = {
        "image_key": KEY,
        "etag": ETAG,
        "claimed_at": finished_at,
        "finished_at": finished_at,
        "outcome": outcome,
        "outcome_shard": f"{outcome}#{shard}",
        "label": label,
        "reason": reason,
        "execution": f"arn:aws:states:{REGION}:123456789012:execution:triage:one",
        "state_shard": f"person#{shard}",
        "state_since": finished_at,
    }
    attributes: dict[str, Any] = {name: {"S": value} for name, value in item.items()}
    attributes["confidence"] = {"N": str(confidence)}
    boto3.client("dynamodb", region_name=REGION).put_item(TableName="claims", Item=attributes | more)
    document = {
        "outcome": outcome,
        "reason": reason,
        "image": {"bucket": IMAGES, "key": KEY, "etag": ETAG, "size": len(BODY)},
        "label": label,
        "confidence": confidence,
        "threshold": 0.8,
        "inferences": [confidence, 1 - confidence],
        "labels": ["bicycle", "motorcycle"],
        "started_at": finished_at,
        "finished_at": finished_at,
    }
    s3.put_object(
        Bucket=RESULTS, Key=result_key(outcome, label, KEY, ETAG), Body=json.dumps(document).encode()
    )


class OneExecution:
    """Step Functions with the image's execution, whose history has the verdict, and nothing that runs."""

    def list_executions(self, **_named: Any) -> dict[str, Any]:
        return {"executions": []}

    def describe_execution(self, **_named: Any) -> dict[str, Any]:
        return {"status": "SUCCEEDED"}

    def describe_state_machine_for_execution(self, **_named: Any) -> dict[str, Any]:
        return {"definition": definition()}

    def get_paginator(self, name: str) -> Any:
        entered = {"name": "Store passed", "input": "{}"}
        event = {"type": "TaskStateEntered", "timestamp": NOW, "stateEnteredEventDetails": entered}
        page = {"events": [event]} if name == "get_execution_history" else {"executions": []}
        return SimpleNamespace(paginate=lambda **_named: [page])


@pytest.fixture
def browser(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.setattr("scones.decisions.aws_clock.AwsClock.now", lambda _clock: NOW.timestamp())
    monkeypatch.setattr("scones.console.feed._INDEX_S", 0)
    s3.put_object(Bucket=IMAGES, Key=KEY, Body=BODY)
    return Browser({"stepfunctions": OneExecution()})


def shown_by_all_pages(browser: Browser) -> dict[str, str]:
    """Return what each page and each of its answers shows, without what differs from one request to the next."""
    asked = [
        (route.path, query)
        for page in pages.PAGES
        for route in page.routes
        if isinstance(route, Route)
        if "GET" in (route.methods or ()) and route.path not in ELSEWHERE
        for query in QUERIES.get(route.path, [""])
    ]
    assert {path for path, _ in asked} >= QUERIES.keys(), "a page was renamed"
    found = {}
    for path, query in asked:
        answer = browser.get(f"{path}?{query}")
        assert answer.status_code in {200, 409}, (path, answer.text)
        found[f"{path}?{query}"] = re.sub(r"\d[\d,.]* (ms|s)\b", "", answer.text)
    cloud, dropped = browser.state.cloud(), DroppedImages()
    dropped.add(IMAGE)
    found["events"] = json.dumps([*NewOutcomes().look(cloud), *dropped.look(cloud)])
    return found


def test_no_page_shows_what_the_model_said_of_an_image_of_the_audit(browser: Browser, s3: S3Client) -> None:
    put(s3, SURE)
    with_one = shown_by_all_pages(browser)
    put(s3, UNSURE)
    assert shown_by_all_pages(browser) == with_one
    assert "1.png" in with_one["/live/rows?"] + with_one["events"], "it is shown"


def test_it_looks_like_an_image_for_review_in_every_list_and_count(browser: Browser, s3: S3Client) -> None:
    put(s3, SURE)
    audited = shown_by_all_pages(browser)
    put(s3, ("motorcycle", 0.61), "review")
    assert shown_by_all_pages(browser) == audited
    assert "1.png" in audited["/live/rows?outcome=review"]
    assert "1.png" not in audited["/live/rows?outcome=passed"]


def stack_of(s3: S3Client, audited: str) -> None:
    """Store twenty images of the last hours, every third waiting; the waiting ones have this outcome."""
    for number in range(20):
        waits = number % 3 == 0
        moment = time_text(NOW - timedelta(minutes=10 * number, seconds=1))
        more: dict[str, Any] = {"finished_at": {"S": moment}, "state_since": {"S": moment}}
        key = f"incoming/cam/{number}.png"
        outcome = audited if waits else ("passed", "review", "failed")[number % 3]
        shard = shard_of(key, ETAG)
        more |= {"image_key": {"S": key}, "outcome_shard": {"S": f"{outcome}#{shard}"}}
        more |= {"state_shard": {"S": f"person#{shard}"}} if waits or outcome == "review" else {}
        put(s3, SURE if outcome == "passed" else UNSURE, outcome, **more)
        if not waits and outcome != "review":
            boto3.client("dynamodb", region_name=REGION).update_item(
                TableName="claims",
                Key={"image_key": {"S": key}, "etag": {"S": ETAG}},
                UpdateExpression="REMOVE state_shard, state_since",
            )


def test_two_stacks_of_equal_images_answer_alike_page_by_page(
    browser: Browser, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third waits for a person: in one stack they passed and are audits, in the other they are for review."""
    monkeypatch.setattr("scones.console.gallery.read_page.__defaults__", (4,))

    def answers() -> dict[str, Any]:
        found: dict[str, Any] = {}
        pairs = [f"outcome={a}&outcome={b}" for a, b in combinations(Outcome, 2)]
        for query in [*QUERIES["/live/rows"], *pairs, "outcome=passed&label=bicycle"]:
            after: Any = None
            pages_of: list[Any] = []
            while not pages_of or after:
                place = f"&after={quote(json.dumps(after))}" if after else ""
                page = browser.get(f"/live/rows?{query}{place}").json()
                pages_of.append((page["rows"], page["after"]))
                after = page["after"]
            found[query] = pages_of
        return found | {path: browser.get(path).text for path in ("/charts?period=day", "/operations")}

    stack_of(s3, "passed")
    audits = answers()
    stack_of(s3, "review")
    assert answers() == audits

    def names(query: str) -> list[str]:
        return [row["name"] for rows, _ in audits[query] for row in rows]

    waiting = [f"cam/{number}.png" for number in range(20) if number % 3 == 0]
    assert set(waiting) <= set(names("outcome=review"))
    assert len(names("outcome=review")) == len(set(names("outcome=review"))) == 14
    assert not set(waiting) & set(names("outcome=passed"))


@pytest.mark.parametrize("outcome", ["passed", "reviewed"])
def test_a_second_look_shows_nothing_of_the_first(browser: Browser, s3: S3Client, outcome: str) -> None:
    def decided(label: str) -> dict[str, Any]:
        decisions = {"L": [{"M": DECISION | {"label": {"S": label}}}]}
        return {"decision": {"S": "d"}, "decisions": decisions, "second_look": {"BOOL": True}}

    put(s3, SURE, outcome, **decided("bicycle"))
    with_one = shown_by_all_pages(browser)
    put(s3, UNSURE, outcome, **decided("motorcycle"))
    assert shown_by_all_pages(browser) == with_one


def test_while_a_decision_may_be_a_slip_no_page_shows_the_verdict(browser: Browser, s3: S3Client) -> None:
    def decide(label: str, ago_s: float = 0) -> None:
        decision = DECISION | {
            "at": {"S": time_text(datetime.now(UTC) - timedelta(seconds=ago_s))},
            "model_said": {"M": {"outcome": {"S": "passed"}, "label": {"S": label}}},
        }
        more: dict[str, Any] = {
            "decision": {"S": "d"},
            "decisions": {"L": [{"M": decision}]},
            "draw": {"M": {}},
        }
        put(s3, ("neither", 0.9137 if label == "bicycle" else 0.8642), "reviewed", **more)
        boto3.client("dynamodb", region_name=REGION).update_item(
            TableName="claims",
            Key={"image_key": {"S": KEY}, "etag": {"S": ETAG}},
            UpdateExpression="REMOVE state_shard, state_since",
        )

    def shown() -> dict[str, str]:
        return {path: re.sub(r"\S*T\S*Z\b", "", text) for path, text in shown_by_all_pages(browser).items()}

    decide("bicycle")
    with_one = shown()
    decide("motorcycle")
    assert shown() == with_one
    decide("motorcycle", ago_s=36)
    (row,) = browser.get("/live/rows").json()["rows"]
    assert (row["outcome"], row["label"], row["confidence"]) == ("reviewed", "neither", 0.8642)
    assert "the model had said motorcycle" in browser.get(f"/image?{NAMED}").text


def test_once_it_is_decided_the_verdict_is_shown(browser: Browser, s3: S3Client) -> None:
    put(s3, SURE)
    blind = shown_by_all_pages(browser)
    boto3.client("dynamodb", region_name=REGION).update_item(
        TableName="claims",
        Key={"image_key": {"S": KEY}, "etag": {"S": ETAG}},
        UpdateExpression="REMOVE state_shard, state_since",
    )
    (row,) = browser.get("/live/rows").json()["rows"]
    assert (row["outcome"], row["label"], row["confidence"]) == ("passed", "bicycle", 0.9137)
    assert browser.get("/charts?period=day").text != blind["/charts?period=day"]


def test_a_redrive_does_not_tell_the_outcome_of_an_image_that_waits(
    browser: Browser, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, SURE)
    image = {
        "key": KEY,
        "etag": ETAG,
        "state": "ended",
        "outcome": "passed",
        "had_failed": "",
        "reason": "bicycle",
    }
    document = {"images": [image], "counts": {"passed": 1}, "unreadable": []}
    action = SimpleNamespace(
        images={(KEY, ETAG): None},
        watch=SimpleNamespace(claims_table="claims"),
        run=lambda: None,
        is_complete=True,
    )
    monkeypatch.setattr("scones.console.stack_operations.prepare", lambda *_: action)
    monkeypatch.setattr("scones.console.stack_operations.as_document", lambda _action: document)
    job: Any = SimpleNamespace(progress=lambda *_: None)
    report = redrive(browser.state.target, job, dry_run=False, limit=None)
    assert report.rows == [(KEY, "review", "waits for a person")]


def test_where_more_wait_than_were_read_no_outcome_is_counted(browser: Browser, s3: S3Client) -> None:
    cloud = browser.state.cloud()
    image = Ended(KEY, ETAG, Outcome.PASSED, time_text(NOW), "bicycle", 0.9)
    found = EndedImages([image], NOW - timedelta(hours=1), NOW, 1.0, is_cut_short=False)
    put(s3, SURE)
    late = Queue([], frozenset(), is_complete=True)  # the index of the queue does not have it yet
    (shown,) = blinded(cloud, found, late).images
    assert (shown.outcome, shown.label, shown.confidence) == (Outcome.REVIEW, None, None)
    assert blinded(cloud, found, replace(late, is_complete=False)).images == []


def test_a_comparison_is_of_the_time_in_which_all_are_decided() -> None:
    images = [
        Ended(name, "e", Outcome.PASSED, time_text(NOW - timedelta(hours=ago)), "bicycle", 0.9)
        for name, ago in (("new", 1), ("old", 3))
    ]
    found = EndedImages(images, NOW - timedelta(days=1), NOW, 1.0, is_cut_short=False)
    queue = Queue([2.0], frozenset(), is_complete=True, since=time_text(NOW - timedelta(hours=2)))
    assert [one.image_key for one in before_waiting(found, queue).images] == ["old"]
