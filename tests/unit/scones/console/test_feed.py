"""The stream of the Live page: each outcome once, trouble said and survived, and nothing asked while nobody watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from scones.connection import Target
from scones.console.feed import Feed, NewOutcomes
from scones.console.state import ConsoleState
from scones.errors import SconesError
from tests.unit.scones.console.served import AddImage


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LOOK_S", "_INDEX_S", "_AFTER_TROUBLE_S", "_SHARE"):
        monkeypatch.setattr(f"scones.console.feed.{name}", 0.001)


async def next_event(stream: AsyncIterator[str], name: str) -> Any:
    async with asyncio.timeout(20):
        async for text in stream:
            lines = dict(line.split(": ", 1) for line in text.strip().splitlines())
            if lines.get("event") == name:
                return json.loads(lines["data"])
    raise AssertionError


def test_each_outcome_is_told_once_and_a_new_one_of_the_same_image_again(
    state: ConsoleState, add_image: AddImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.console.feed._INDEX_S", 0)
    monkeypatch.setattr("scones.console.feed._SHARE", 0)
    news = NewOutcomes()
    for second in range(100):
        add_image(f"before {second}.jpg", second=second)
    cloud = state.cloud()
    assert [row["name"] for row in news.look(cloud)] == ["before 99.jpg"]
    add_image("a.jpg", second=101)
    add_image("b.jpg", second=102)
    assert [row["name"] for row in news.look(cloud)][-2:] == ["a.jpg", "b.jpg"]
    assert list(news.look(cloud)) == []
    add_image("a.jpg", "reviewed", second=103)
    assert [(row["name"], row["outcome"]) for row in news.look(cloud)] == [("a.jpg", "reviewed")]


def test_a_decision_that_may_be_a_slip_is_told_once_its_verdict_is_shown(
    state: ConsoleState, add_image: AddImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_INDEX_S", "_SHARE"):
        monkeypatch.setattr(f"scones.console.feed.{name}", 0)
    news, cloud = NewOutcomes(), state.cloud()
    add_image("before.jpg", second=1)
    assert [row["name"] for row in news.look(cloud)] == ["before.jpg"]
    image = add_image("a.jpg", "reviewed", second=9)
    texts = {"id": "d", "label": "bicycle", "by": "kim", "at": "2026-11-27T10:00:09.000Z"}
    decision: dict[str, Any] = {name: {"S": text} for name, text in texts.items()} | {"took_ms": {"N": "1"}}
    cloud.dynamodb.update_item(
        TableName=cloud.stack.claims_table,
        Key={"image_key": {"S": image.key}, "etag": {"S": image.etag}},
        UpdateExpression="SET decision = :id, decisions = :all, draw = :draw",
        ExpressionAttributeValues={
            ":id": {"S": "d"},
            ":all": {"L": [{"M": decision}]},
            ":draw": {"M": {}},
        },
    )
    for second, told in ((10, []), (43, []), (44, ["a.jpg"]), (45, [])):
        at = datetime(2026, 11, 27, 10, 0, second, tzinfo=UTC)
        monkeypatch.setattr("scones.claims._time_of", lambda _, at=at: at)
        assert [row["name"] for row in news.look(cloud)] == told, second


def test_the_first_image_of_an_empty_stack_is_told_by_whatever_clock(
    state: ConsoleState, add_image: AddImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.console.feed._SHARE", 0)
    monkeypatch.setattr("scones.console.feed._INDEX_S", 0)
    news, cloud = NewOutcomes(), state.cloud()
    assert list(news.look(cloud)) == []
    add_image("of yesterday by this clock.jpg")
    assert [row["name"] for row in news.look(cloud)] == ["of yesterday by this clock.jpg"]


def test_trouble_is_told_and_survived_and_all_that_watch_hear_it() -> None:
    async def watched() -> None:
        working = False

        def opener(_target: Target) -> Any:
            if working:
                message = "it works"  # the next sentence is as good as an answer
                raise SconesError(message)
            message = "no stack named scones"
            raise SconesError(message)

        state = ConsoleState(Target(stack="scones"), opener=opener)
        feed = Feed(state)
        first, second = feed.watch(), feed.watch()
        assert await next_event(first, "trouble") == {"sentence": "no stack named scones"}
        assert await next_event(second, "trouble") == {"sentence": "no stack named scones"}
        feed.close()

    asyncio.run(watched())


def test_after_trouble_the_page_is_told_that_it_is_over(state: ConsoleState, add_image: AddImage) -> None:
    async def watched() -> None:
        fails = [True, True]
        opener = state.opener

        def sometimes(target: Target) -> Any:
            if fails:
                fails.pop()
                message = "the AWS session has expired"
                raise SconesError(message)
            return opener(target)

        state.opener = sometimes
        feed = Feed(state)
        stream = feed.watch()
        await next_event(stream, "trouble")
        await next_event(stream, "recovered")
        feed.close()

    asyncio.run(watched())


def test_nothing_is_asked_while_nobody_watches_and_closing_ends_the_streams() -> None:
    async def watched() -> None:
        asked = []

        def opener(_target: Target) -> Any:
            asked.append(1)
            message = "no"
            raise SconesError(message)

        feed = Feed(ConsoleState(Target(stack="scones"), opener=opener))
        await asyncio.sleep(0)
        assert asked == []
        stream = feed.watch()
        await next_event(stream, "trouble")
        feed.close()
        async with asyncio.timeout(5):
            assert [text async for text in stream if "event: row" in text] == []
        assert feed._task is not None
        async with asyncio.timeout(5):
            await asyncio.gather(feed._task, return_exceptions=True)

    asyncio.run(watched())
