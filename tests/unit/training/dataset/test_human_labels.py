"""Lines of human labels."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from training.dataset.human_labels import Problem, Reference, Vote, newest_by_reviewer, parse, standing


def line(**changes: object) -> str:
    content = {"image": "s3://b/k.png", "label": "bicycle", "reviewer": "kim", "time": "2026-08-01T10:00:00Z"}
    return json.dumps({name: value for name, value in {**content, **changes}.items() if value is not None})


def only(text: str) -> Vote | Problem:
    (found,) = parse("labels.jsonl", text)
    return found


def test_a_line_is_read() -> None:
    expected = Vote(
        Reference("b", "k.png"), "bicycle", "kim", datetime(2026, 8, 1, 10, tzinfo=UTC), "labels.jsonl:1"
    )
    assert only(line()) == expected


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({"bucket": "b", "key": "a+b %20.png"}, Reference("b", "a+b %20.png")),
        ({"bucket": "b", "key": "k", "version_id": "v", "etag": '"e"'}, Reference("b", "k", "v", "e")),
        ({"bucket": "b", "key": "k", "version_id": None, "size": 3}, Reference("b", "k")),
        ("s3://b/a/b c.png", Reference("b", "a/b c.png")),
        ("a/b.png", Reference(None, "a/b.png")),
    ],
)
def test_an_image_is_named_in_several_ways(image: object, reference: Reference) -> None:
    vote = only(line(image=image))
    assert isinstance(vote, Vote)
    assert vote.image == reference


def test_a_time_without_a_zone_is_utc() -> None:
    vote = only(line(time="2026-08-01T10:00:00"))
    assert isinstance(vote, Vote)
    assert vote.time == datetime(2026, 8, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        "3",
        line(label=None),
        line(label=" "),
        line(reviewer=7),
        line(time="yesterday"),
        line(time=None),
        line(image=None),
        line(image=5),
        line(image="https://b/k"),
        line(image="s3://b"),
        line(image={"bucket": "b"}),
        line(image={"bucket": "", "key": "k"}),
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_named_and_the_others_count(bad: str) -> None:
    found = list(parse("labels.jsonl", f"{line()}\n\n{bad}\n{line()}\n"))
    assert [type(item) for item in found] == [Vote, Problem, Vote]
    assert isinstance(found[1], Problem)
    assert found[1].subject == "labels.jsonl:3"


def vote(reviewer: str, label: str, hours: int) -> Vote:
    time = datetime(2026, 8, 1, tzinfo=UTC) + timedelta(hours=hours)
    return Vote(Reference("b", "k"), label, reviewer, time, "")


def test_the_newest_word_of_each_reviewer_counts() -> None:
    votes = [vote("kim", "bicycle", 5), vote("kim", "bus", 1), vote("lee", "bus", 2)]
    assert {item.reviewer: item.label for item in newest_by_reviewer(votes)} == {
        "kim": "bicycle",
        "lee": "bus",
    }


def test_at_the_same_time_the_later_line_counts() -> None:
    assert newest_by_reviewer([vote("kim", "a", 1), vote("kim", "b", 1)])[0].label == "b"


def record(id_: str, label: str, replaces: str | None = None, reviewer: str = "kim") -> Vote:
    return Vote(Reference("b", "k"), label, reviewer, datetime(2026, 8, 1, tzinfo=UTC), "", id_, replaces)


def test_a_record_of_a_decision_is_read_with_what_it_replaces() -> None:
    found = only(line(id="1" * 32, replaces="0" * 32, took_ms=900, model_said={"outcome": "review"}))
    assert isinstance(found, Vote)
    assert (found.id, found.replaces) == ("1" * 32, "0" * 32)


@pytest.mark.parametrize("bad", [{"id": 7}, {"replaces": ["0"]}, {"id": " "}])
def test_a_record_with_an_id_that_is_not_a_text_is_named(bad: dict[str, object]) -> None:
    assert isinstance(only(line(**bad)), Problem)


@pytest.mark.parametrize(
    ("records", "left"),
    [
        ([record("1", "bicycle")], ["bicycle"]),
        ([record("1", "bicycle"), record("2", "bus", "1", "lee")], ["bus"]),
        ([record("2", "bus", "1", "lee"), record("1", "bicycle")], ["bus"]),
        ([record("1", "bicycle"), record("2", "undone", "1")], []),
        ([record("1", "bicycle"), record("2", "bus", "1"), record("3", "undone", "2")], []),
        ([record("1", "bicycle"), record("2", "undone", "1"), record("3", "bus")], ["bus"]),
        ([record("1", "bicycle"), record("2", "bus", reviewer="lee")], ["bicycle", "bus"]),
        ([vote("kim", "bicycle", 1), record("2", "bus", "1")], ["bicycle", "bus"]),
    ],
)
def test_what_another_record_replaces_does_not_count_whoever_wrote_it(
    records: list[Vote], left: list[str]
) -> None:
    assert [one.label for one in standing(records)] == left


def test_the_line_that_the_page_of_results_shows_is_read() -> None:
    page = (Path(__file__).parents[4] / "docs" / "results.md").read_text()
    (line,) = [text for text in page.splitlines() if text.startswith('{"image"')]
    (vote,) = parse("page", line)
    assert isinstance(vote, Vote)
    assert (vote.image.key, vote.label, vote.reviewer) == ("incoming/couriers/anna.jpg", "bicycle", "kim")
    assert (vote.id, vote.replaces) == ("0f3a", None)
