"""What `scones status` says of the watch, read from what the sweep stores."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest

from scones import promise_watch
from sweep import watching
from sweep.draws import Draw
from sweep.images import iso_text
from sweep.promise import promise_of
from sweep.watch import Watch

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import Scones

BEGAN = datetime(2026, 11, 3, 12, tzinfo=UTC)


def watched(*wrongs: bool) -> Watch:
    promise = promise_of("0.8", 0.01, BEGAN)
    assert promise
    watch = Watch.begun(promise, iso_text(BEGAN))
    for number, wrong in enumerate(wrongs):
        at = BEGAN.replace(minute=number % 60)
        draw = Draw((iso_text(at), f"{number}", "e"), at, "bicycle", 0.9, "v1", None)
        watch = watch.counted(draw, BEGAN.replace(day=9), 0.05, wrong=wrong)
    return watch


def store(watch: Watch) -> None:
    item = watching.ITEM | {"revision": {"N": "1"}, "watch": {"S": watch.as_text()}}
    boto3.client("dynamodb", region_name="us-east-1").put_item(TableName="claims", Item=item)


def test_both_know_the_same_item() -> None:
    assert promise_watch.ITEM == watching.ITEM


def test_status_says_what_was_counted(scones: Scones, s3: S3Client) -> None:
    assert "watch                     no promise" in scones("status").stdout
    store(replace(watched(*[False] * 30, True), passes=1_204, wrong=4))
    document = json.loads(scones("status", "--json").stdout)["watch"]
    evidence = document.pop("evidence")
    assert 0 < evidence < 1
    assert document == {
        "promised_error": 0.01,
        "since": "2026-11-03T12:00:00+00:00",
        "passes": 1_204,
        "wrong": 4,
        "refuted_at": None,
        "done": None,
    }
    said = (
        f"1,204 audited passes since 3 Nov, 4 wrong; evidence {100 * evidence:.2g} % of the alarm's threshold"
    )
    assert said in " ".join(scones("status").stdout.split())


@pytest.mark.parametrize(
    ("done", "says"), [("All goes to review.", "All goes to review."), (None, "not do anything")]
)
def test_status_says_that_the_promise_is_refuted(
    scones: Scones, s3: S3Client, done: str | None, says: str
) -> None:
    watch = watched(*[True] * 15)
    assert watch.refuted
    store(replace(watch, refuted=replace(watch.refuted, done=done)))
    text = " ".join(scones("status").stdout.split())
    assert "refuted on 9 Nov that at most 1 % is wrong: " in text
    assert says in text
    assert json.loads(scones("status", "--json").stdout)["watch"]["evidence"] == 1


def test_a_watch_is_read_as_it_was_stored() -> None:
    for watch in (watched(), watched(True, False), watched(*[True] * 15)):
        assert Watch.from_text(watch.as_text()) == watch
