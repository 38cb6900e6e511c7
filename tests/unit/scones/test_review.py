"""`scones review` with scripted keys: each key does one thing, and nothing of the model is shown before a decision."""

from __future__ import annotations

import base64
import io
import os
import pty
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from moto import mock_aws
from PIL import Image

from scones.cli import main
from scones.decisions.aws_clock import AwsClock
from scones.decisions.review_errors import ReviewError
from scones.decisions.reviewer import Reviewer
from scones.errors import SconesError
from scones.review import command as review_command
from scones.review import keyboard, session
from scones.review.keyboard import Keyboard, keys_of
from scones.review.pictures import Pictures, Protocol, iterm, kitty, pictures, protocol_of
from scones.review.screen import Screen
from scones.review.session import Session
from tests.fakes.review_stack import CLAIMS, IMAGES, ReviewStack

KEYS = {"1": "bicycle", "2": "motorcycle", "n": "neither", "c": "cannot_tell"}
NOW = 1_790_000_000.0


@pytest.fixture
def cloud() -> Iterator[ReviewStack]:
    with mock_aws():
        yield ReviewStack()


@dataclass
class Person:
    """Presses keys, one for each picture or question, and remembers what was on the screen."""

    keys: list[str | Callable[[], str | None]]
    said: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    opened: int = 0

    def key(self, _within_s: float) -> str | None:
        key = self.keys.pop(0)
        return key if isinstance(key, str) else key()

    def picture(self, image: Any, content: bytes) -> str | None:
        assert content == f"image {image.key.removeprefix('incoming/')}".encode()
        self.pictures.append(image.key.removeprefix("incoming/"))
        return "file:///a.jpg"

    def jpeg(self, content: bytes) -> bytes | None:
        drawn = Image.radial_gradient("L") if b"alike" in content else Image.linear_gradient("L")
        file = io.BytesIO()
        drawn.convert("RGB").save(file, "JPEG")
        return file.getvalue()

    def open(self) -> None:
        self.opened += 1

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def sit(
    cloud: ReviewStack, *keys: str | Callable[[], str | None], reviewer: Reviewer | None = None
) -> Person:
    person = Person([*keys])
    Session(
        reviewer or reviewer_of(cloud),
        Screen(person.said.append, person.picture, person.jpeg, person.open, person.key),
        KEYS,
        clock=lambda: 100.0,
    ).run()
    return person


def reviewer_of(cloud: ReviewStack) -> Reviewer:
    reviewer = Reviewer(cloud.connection, cloud.stack, clock=AwsClock(lambda: NOW))
    reviewer._stepfunctions = cloud.recorder  # type: ignore[assignment]

    def date(http_response: Any, **_: Any) -> None:
        http_response.headers["date"] = formatdate(NOW, usegmt=True)

    for client in (cloud.dynamodb, cloud.s3):
        client.meta.events.register_first("after-call", date, unique_id="date")
    return reviewer


def test_one_key_decides_and_the_next_picture_comes(cloud: ReviewStack) -> None:
    images = [cloud.add(f"{number}.png", minute=number) for number in range(4)]
    person = sit(cloud, "1", "2", "n", "c", "q")
    assert person.pictures == ["0.png", "1.png", "2.png", "3.png"]
    assert [cloud.decisions(image) for image in images] == [
        ["bicycle"],
        ["motorcycle"],
        ["neither"],
        ["cannot_tell"],
    ]
    assert "0 decided, 4 left" in person.said[0]


@pytest.mark.parametrize(
    ("key", "said"),
    [("1", "bicycle; the model said motorcycle (0.610)"), ("2", "motorcycle, as the model said (0.610)")],
)
def test_what_the_model_said_is_shown_when_the_decision_cannot_be_a_slip_any_more(
    cloud: ReviewStack, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    image = cloud.add("0.png")
    reviewer, before = reviewer_of(cloud), ""

    def wait_until_written() -> None:
        while not cloud.decisions(image):
            time.sleep(0.01)

    def wait_until_told() -> None:
        nonlocal before
        before = person.text
        monkeypatch.setattr(reviewer, "withheld_s", lambda _: 0.0)

    person = Person([key, wait_until_written, *[lambda: None] * 20, wait_until_told, lambda: None, "q"])
    screen = Screen(person.said.append, person.picture, person.jpeg, person.open, person.key)
    Session(reviewer, screen, KEYS, clock=lambda: 100.0).run()
    assert "model" not in before
    assert "0.61" not in before
    assert f"0.png: {said}" in person.text


def test_other_keys_do_nothing(cloud: ReviewStack) -> None:
    image = cloud.add("0.png")
    person = sit(cloud, "x", "9", lambda: None, "o", "q")
    assert cloud.decisions(image) == []
    assert person.opened == 1


def test_a_skipped_image_is_given_back_and_does_not_come_again(cloud: ReviewStack) -> None:
    first, _ = cloud.add("0.png", minute=0), cloud.add("1.png", minute=1)
    assert sit(cloud, "s", "1", "q").pictures == ["0.png", "1.png"]
    assert "lease_by" not in cloud.claim(first)
    assert sit(cloud, "1", "q").pictures == ["0.png"]


def test_leaving_gives_back_the_image_on_the_screen_and_the_one_read_ahead(cloud: ReviewStack) -> None:
    images = [cloud.add(f"{number}.png", minute=number) for number in range(3)]
    sit(cloud, "q")
    assert [set(cloud.claim(image)) & {"lease_by", "lease_until"} for image in images] == [set()] * 3


def test_ctrl_c_gives_images_back_and_keeps_decisions(cloud: ReviewStack) -> None:
    images = [cloud.add(f"{number}.png", minute=number) for number in range(3)]

    def interrupt() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sit(cloud, "1", interrupt)
    assert [cloud.decisions(image) for image in images] == [["bicycle"], [], []]
    assert [image.key for image in images if "lease_by" in cloud.claim(image)] == []


def test_undo_shows_the_last_image_again_and_another_label_replaces_the_decision(cloud: ReviewStack) -> None:
    first, second = cloud.add("0.png", minute=0), cloud.add("1.png", minute=1)
    person = sit(cloud, "1", "u", "2", "n", "q")
    assert person.pictures == ["0.png", "1.png", "0.png", "1.png"]
    assert "was decided: bicycle" in person.text
    assert cloud.decisions(first) == ["bicycle", "motorcycle"]
    assert cloud.decisions(second) == ["neither"]


def test_a_decision_is_taken_back_into_the_queue(cloud: ReviewStack) -> None:
    image = cloud.add("0.png")
    person = sit(cloud, "1", "u", "s", "q")
    assert cloud.decisions(image) == ["bicycle", "undone"]
    assert cloud.claim(image)["state_shard"]["S"].startswith("person#")
    assert "0.png: taken back" in person.text


def test_leaving_while_a_decision_is_shown_again_keeps_it_and_counts_it(cloud: ReviewStack) -> None:
    image = cloud.add("0.png")
    person = Person(["1", "u", "q"])
    screen = Screen(person.said.append, person.picture, person.jpeg, person.open, person.key)
    sitting = Session(reviewer_of(cloud), screen, KEYS)
    sitting.run()
    assert cloud.decisions(image) == ["bicycle"]
    assert [decision.label for decision in sitting.decided] == ["bicycle"]


def test_undo_goes_back_one_decision_after_the_other(cloud: ReviewStack) -> None:
    images = [cloud.add(f"{number}.png", minute=number) for number in range(2)]
    person = sit(cloud, "1", "1", "u", "u", "2", "n", "u", "c", "u", "q")
    assert person.pictures == ["0.png", "1.png", "1.png", "0.png", "1.png", "1.png", "1.png"]
    assert [cloud.decisions(image) for image in images] == [
        ["bicycle", "motorcycle"],
        ["bicycle", "neither", "cannot_tell"],
    ]


def test_a_decision_that_is_looked_at_again_is_not_compared_with_the_model(
    cloud: ReviewStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.add("0.png")
    reviewer = reviewer_of(cloud)

    def wait() -> None:
        monkeypatch.setattr(reviewer, "withheld_s", lambda _: 0.0)

    person = sit(cloud, "1", "u", wait, lambda: None, "q", reviewer=reviewer)
    assert "the model said" not in person.text


def test_a_burst_is_decided_with_one_key_and_has_a_decision_each(cloud: ReviewStack) -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    burst = [cloud.add(f"trip/alike {number}.png") for number in range(3)]
    other = cloud.add("trip/other.png")
    later = cloud.add("trip/alike later.png", minute=1)
    person = sit(cloud, "b", "1", "q")
    assert "the next key decides about 2 more too" in person.text
    assert [cloud.decisions(image) for image in burst] == [["bicycle"]] * 3
    assert len({cloud.claim(image)["decision"]["S"] for image in burst}) == 3
    assert [cloud.decisions(image) for image in (other, later)] == [[], []]
    assert [image.key for image in (other, later) if "lease_by" in cloud.claim(image)] == []


def test_a_burst_that_is_skipped_or_left_goes_back(cloud: ReviewStack) -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    burst = [cloud.add(f"trip/alike {number}.png") for number in range(4)]
    sit(cloud, "b", "s", "q")
    assert [set(cloud.claim(image)) & {"lease_by", "decision"} for image in burst] == [set()] * 4
    sit(cloud, "b", "q")
    assert [set(cloud.claim(image)) & {"lease_by", "decision"} for image in burst] == [set()] * 4


def test_undo_lets_the_rest_of_a_burst_come_again(cloud: ReviewStack) -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    first = cloud.add("trip/other.png")
    burst = [cloud.add(f"trip/alike {number}.png", minute=1) for number in range(3)]
    person = sit(cloud, "1", "b", "u", "1", "2", "n", "c", "q")
    assert sorted(person.pictures[3:]) == sorted(image.key.removeprefix("incoming/") for image in burst)
    assert sorted(cloud.decisions(image)[0] for image in burst) == ["cannot_tell", "motorcycle", "neither"]
    assert cloud.decisions(first) == ["bicycle", "bicycle"]


def test_a_burst_whose_image_another_reviewer_has_now_is_not_lost(cloud: ReviewStack) -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    burst = [cloud.add(f"trip/alike {number}.png") for number in range(3)]
    person, now = Person([]), [0.0]

    def later() -> None:
        now[0] += 241
        key = f"incoming/{person.pictures[0]}"
        item = cloud.claim(next(image for image in burst if image.key == key))
        cloud.dynamodb.put_item(TableName=CLAIMS, Item=item | {"lease_by": {"S": "somebody"}})

    person.keys = ["b", later, "1", "2", "q"]
    screen = Screen(person.said.append, person.picture, person.jpeg, person.open, person.key)
    Session(reviewer_of(cloud), screen, KEYS, clock=lambda: now[0]).run()
    assert sorted(cloud.decisions(image) for image in burst) == [[], ["bicycle"], ["motorcycle"]]


def test_a_decision_about_an_image_that_was_deleted_since_stands(cloud: ReviewStack) -> None:
    image = cloud.add("0.png")

    def delete() -> str:
        while not cloud.decisions(image):
            time.sleep(0.01)
        cloud.s3.delete_object(Bucket=IMAGES, Key=image.key)
        return "u"

    person = sit(cloud, "1", delete, "q")
    assert cloud.decisions(image) == ["bicycle"]
    assert "it cannot be corrected; the decision stands: bicycle" in person.text
    assert "leaves the queue" not in person.text


def test_an_image_that_is_deleted_while_its_decision_is_looked_at_again_keeps_it(cloud: ReviewStack) -> None:
    image = cloud.add("0.png")

    def delete() -> str:
        cloud.s3.delete_object(Bucket=IMAGES, Key=image.key)
        return "2"

    person = sit(cloud, "1", "u", delete, "q")
    assert cloud.decisions(image) == ["bicycle"]
    assert "it cannot be corrected" in person.text
    assert "leaves the queue" not in person.text


def test_what_was_skipped_is_not_said_to_wait_no_more(cloud: ReviewStack) -> None:
    for number in range(3):
        cloud.add(f"{number}.png", minute=number)
    person = sit(cloud, "s", "s", "1", lambda: None, "q")
    assert "nothing else waits: you skipped 2 images" in person.text
    assert sum("waits" in line for line in person.said) == 1


def test_nothing_to_undo_is_said(cloud: ReviewStack) -> None:
    cloud.add("0.png")
    assert "nothing was decided" in sit(cloud, "u", "q").text


def test_an_empty_queue_is_looked_at_again(cloud: ReviewStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_EMPTY_S", -1)
    person = Person(["1", "q"])
    arrived: list[str] = []

    def say(text: str) -> None:
        person.said.append(text)
        if text.startswith("nothing waits") and not arrived:
            arrived.append(cloud.add("0.png").key)
        elif text.startswith("nothing waits"):
            monkeypatch.setattr(session, "_EMPTY_S", 5)

    Session(reviewer_of(cloud), Screen(say, person.picture, person.jpeg, person.open, person.key), KEYS).run()
    assert person.pictures == ["0.png"]


def test_an_image_that_was_deleted_while_it_waited_leaves_the_queue_as_gone(cloud: ReviewStack) -> None:
    gone, there = cloud.add("0.png", minute=0), cloud.add("1.png", minute=1)
    cloud.s3.delete_object(Bucket=IMAGES, Key=gone.key)
    person = sit(cloud, "1", "q")
    assert cloud.decisions(gone) == ["gone"]
    assert cloud.decisions(there) == ["bicycle"]
    assert person.pictures == ["1.png"]
    assert "leaves the queue without a label" in person.text


def test_an_image_that_is_deleted_while_it_is_shown_leaves_the_queue_as_gone(cloud: ReviewStack) -> None:
    image = cloud.add("0.png")

    def delete() -> str:
        cloud.s3.delete_object(Bucket=IMAGES, Key=image.key)
        return "1"

    person = sit(cloud, delete, "q")
    assert cloud.decisions(image) == ["gone"]
    assert "leaves the queue without a label" in person.text


def test_an_image_that_another_reviewer_decided_meanwhile_is_said_and_passed_over(cloud: ReviewStack) -> None:
    image, other = cloud.add("0.png", minute=0), cloud.add("1.png", minute=1)

    def decide() -> str:
        reviewer_of(cloud).decide(image, "neither")
        return "1"

    person = sit(cloud, decide, "2", "q")
    assert cloud.decisions(image) == ["neither"]
    assert cloud.decisions(other) == ["motorcycle"]
    assert "that decision stands" in person.text


def test_the_lease_of_the_image_on_the_screen_is_renewed(cloud: ReviewStack) -> None:
    image = cloud.add("0.png")
    person, now = Person([]), [0.0]
    until: list[str] = []

    def later() -> None:
        now[0] += 241
        item = cloud.claim(image)
        item["lease_until"] = {"N": "5"}
        cloud.dynamodb.put_item(TableName=CLAIMS, Item=item)

    def look() -> str:
        until.append(cloud.claim(image)["lease_until"]["N"])
        return "q"

    person.keys = [later, look]
    screen = Screen(person.said.append, person.picture, person.jpeg, person.open, person.key)
    Session(reviewer_of(cloud), screen, KEYS, clock=lambda: now[0]).run()
    assert until == [str(int(NOW) + 600)]


def test_a_lease_that_was_lost_brings_the_next_image(cloud: ReviewStack) -> None:
    image, other = cloud.add("0.png", minute=0), cloud.add("1.png", minute=1)
    person, now = Person([]), [0.0]

    def later() -> None:
        now[0] += 241
        item = cloud.claim(image) | {"lease_by": {"S": "somebody"}}
        cloud.dynamodb.put_item(TableName=CLAIMS, Item=item)

    person.keys = [later, "1", "q"]
    screen = Screen(person.said.append, person.picture, person.jpeg, person.open, person.key)
    Session(reviewer_of(cloud), screen, KEYS, clock=lambda: now[0]).run()
    assert cloud.decisions(image) == []
    assert cloud.decisions(other) == ["bicycle"]
    assert "another reviewer has it now" in person.text


def test_credentials_that_end_say_which_decision_was_not_written(cloud: ReviewStack) -> None:
    image, _ = cloud.add("0.png", minute=0), cloud.add("1.png", minute=1)
    reviewer = reviewer_of(cloud)

    def expire() -> str:
        def refuse(**_: Any) -> Any:
            answer = {"Error": {"Code": "ExpiredTokenException", "Message": "ended"}}
            return Expired(), answer | {"ResponseMetadata": {"HTTPStatusCode": 400}}

        cloud.dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", refuse, unique_id="expired")
        return "1"

    with pytest.raises(ReviewError, match=r"0\.png, bicycle: the decision was not written: the AWS session"):
        sit(cloud, expire, *[lambda: None] * 100, reviewer=reviewer)
    cloud.dynamodb.meta.events.unregister("before-call.dynamodb.UpdateItem", unique_id="expired")
    assert cloud.decisions(image) == []


class Expired:
    """A response without headers."""

    status_code = 400
    headers: dict[str, str] = {}  # noqa: RUF012


# One image, by its key


@pytest.fixture
def command(cloud: ReviewStack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run `scones review` in a terminal whose next keys are given."""
    monkeypatch.setattr(review_command, "connect", lambda _target: cloud.connection)
    monkeypatch.setattr(review_command, "read_stack", lambda _connection: cloud.stack)
    monkeypatch.setattr(review_command, "Reviewer", lambda _connection, _stack: reviewer_of(cloud))

    def run(*arguments: str, keys: str = "") -> Any:
        person = Person([*keys])
        monkeypatch.setattr(review_command, "keyboard", lambda: nullcontext(SimpleNamespace(read=person.key)))
        result = CliRunner(mix_stderr=False).invoke(main, ["review", "--stack", "scones", *arguments])
        assert not person.keys, "keys that nobody read"
        return result

    return run


@pytest.mark.parametrize("key", ["0.png", "incoming/0.png", f"s3://{IMAGES}/incoming/0.png"])
def test_a_passed_image_is_corrected_by_its_key(
    cloud: ReviewStack, command: Callable[..., Any], key: str
) -> None:
    image = cloud.add("0.png", outcome="passed")
    result = command(key, keys="1")
    assert result.exit_code == 0, result.stderr
    assert cloud.decisions(image) == ["bicycle"]
    question, answer = result.stdout.split("[q] quit")
    assert "passed. A label corrects that, [s] leaves it so" in question
    assert "0.61" not in question
    assert "0.png: bicycle; the model said motorcycle (0.610)" in answer


@pytest.mark.parametrize("key", ["q", "s", "bq", "uq"])
def test_keys_that_are_no_label_leave_a_passed_image_as_it_is(
    cloud: ReviewStack, command: Callable[..., Any], key: str
) -> None:
    image = cloud.add("0.png", outcome="passed")
    before = cloud.claim(image)
    assert command("0.png", keys=key).exit_code == 0
    assert cloud.claim(image) == before


def test_a_decision_of_another_reviewer_is_replaced_and_said_afterwards(
    cloud: ReviewStack, command: Callable[..., Any]
) -> None:
    image = cloud.add("0.png")
    first = reviewer_of(cloud).decide(image, "neither").decision
    result = command("0.png", keys="1")
    question, answer = result.stdout.split("[q] quit")
    assert f"had decided: {first.label}" not in question
    assert f"{first.by} had decided: neither" in answer
    assert cloud.decisions(image) == ["neither", "bicycle"]
    assert cloud.claim(image)["decisions"]["L"][1]["M"]["replaces"] == {"S": first.id}


def test_a_decision_is_taken_back_by_its_images_key(cloud: ReviewStack, command: Callable[..., Any]) -> None:
    image = cloud.add("0.png", outcome="passed")
    command("0.png", keys="1")
    assert "0.png: taken back" in command("0.png", keys="s").stdout
    assert cloud.decisions(image) == ["bicycle", "undone"]
    assert cloud.claim(image)["outcome"] == {"S": "passed"}


def test_the_newest_upload_of_a_key_is_corrected_or_the_one_that_is_named(
    cloud: ReviewStack, command: Callable[..., Any]
) -> None:
    older = cloud.add("0.png", outcome="passed", body=b"older")
    newer = cloud.add("0.png", outcome="passed", body=b"newer")
    command("0.png", keys="1")
    assert [cloud.decisions(image) for image in (older, newer)] == [[], ["bicycle"]]
    command("0.png", "--etag", older.etag, keys="n")
    assert [cloud.decisions(image) for image in (older, newer)] == [["neither"], ["bicycle"]]


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        ("rejected", "has the outcome rejected: people correct only what passed"),
        ("failed", "has the outcome failed: people correct only what passed"),
        ("review", "waits in the queue: `scones review` without KEY shows it"),
    ],
)
def test_what_cannot_be_corrected_is_refused_in_a_line(
    cloud: ReviewStack, command: Callable[..., Any], outcome: str, why: str
) -> None:
    image = cloud.add("0.png", outcome=outcome)
    result = command("0.png")
    assert (result.exit_code, result.stderr) == (2, f"Error: incoming/0.png {why}\n")
    assert cloud.decisions(image) == []


def test_an_image_that_was_gone_when_a_person_was_to_decide_is_refused_in_a_line(
    cloud: ReviewStack, command: Callable[..., Any]
) -> None:
    image = cloud.add("0.png")
    reviewer_of(cloud).decide(image, "gone")
    result = command("0.png")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: incoming/0.png was deleted or replaced before a person decided: to have it decided, upload it again\n",
    )


def test_an_image_that_has_no_outcome_or_is_not_there_is_refused_in_a_line(
    cloud: ReviewStack, command: Callable[..., Any]
) -> None:
    cloud.s3.put_object(Bucket=IMAGES, Key="incoming/0.png", Body=b"nobody claimed it")
    result = command("0.png")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: incoming/0.png has no outcome: nothing to correct\n",
    )
    result = command("1.png")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: the bucket has no image incoming/1.png: `scones results` lists images and their keys\n",
    )
    assert command("--etag", "e" * 32).exit_code == 2


def test_a_passed_image_that_was_deleted_cannot_be_corrected(
    cloud: ReviewStack, command: Callable[..., Any]
) -> None:
    image = cloud.add("0.png", outcome="passed")
    cloud.s3.delete_object(Bucket=IMAGES, Key=image.key)
    result = command("0.png")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: incoming/0.png was deleted or has expired: it cannot be corrected\n",
    )


def test_a_correction_that_comes_second_says_so_and_fails(
    cloud: ReviewStack,
) -> None:
    passed = cloud.add("0.png", outcome="passed")
    reviewer = reviewer_of(cloud)
    image = reviewer.image(passed.key, passed.etag)

    def decided_meanwhile() -> str:
        reviewer_of(cloud).decide(image, "neither")
        return "1"

    person = Person([decided_meanwhile])
    screen = Screen(person.said.append, person.picture, person.jpeg, person.open, person.key)
    with pytest.raises(ReviewError, match="that decision stands"):
        Session(reviewer, screen, KEYS).run_one(image)
    assert cloud.decisions(passed) == ["neither"]


# Keys and the terminal


def test_every_label_has_a_key_that_means_nothing_else() -> None:
    keys = keys_of([f"class {number}" for number in range(28)])
    assert len(keys) == 28
    assert not set(keys) & set("ncsuqob")
    with pytest.raises(
        SconesError, match="29 classes are more than a keyboard has keys: use `scones console`"
    ):
        keys_of([f"class {number}" for number in range(29)])


@pytest.mark.parametrize(
    ("typed", "read"), [(b"1", "1"), (b"N", "n"), (b"\x1b[A", None), (b"12", None), (b"/", None)]
)
def test_a_key_is_one_character_and_a_paste_decides_nothing(
    typed: bytes, read: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("sys.stdout", terminal)
        with keyboard.keyboard() as keys:
            os.write(ours, typed)
            assert keys.read(5) == read
            assert keys.read(0) is None
    os.close(ours)


def test_a_terminal_that_is_closed_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as closed:
        monkeypatch.setattr("sys.stdin", closed)
        assert Keyboard().read(1) == "q"


def test_without_a_terminal_it_says_what_to_use(cloud: ReviewStack) -> None:
    result = CliRunner(mix_stderr=False).invoke(
        main, ["review", "--stack", "scones", "--region", "us-east-1"]
    )
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: `scones review` reads single keys: run it in a terminal, or use `scones console`\n"
    )


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, Protocol.KITTY),
        ({"KITTY_WINDOW_ID": "1", "TERM": "xterm"}, Protocol.KITTY),
        ({"TERM_PROGRAM": "ghostty"}, Protocol.KITTY),
        ({"TERM_PROGRAM": "iTerm.app"}, Protocol.ITERM),
        ({"TERM_PROGRAM": "WezTerm"}, Protocol.ITERM),
        ({"LC_TERMINAL": "iTerm2"}, Protocol.ITERM),
        ({"TERM_PROGRAM": "iTerm.app", "TMUX": "/tmp/x"}, Protocol.NONE),
        ({"TERM": "screen-256color", "LC_TERMINAL": "iTerm2"}, Protocol.NONE),
        ({"TERM": "xterm-256color"}, Protocol.NONE),
        ({}, Protocol.NONE),
    ],
)
def test_what_a_terminal_can_show_is_told_by_its_environment(
    environment: dict[str, str], protocol: Protocol
) -> None:
    assert protocol_of(environment) == protocol


def test_a_picture_is_sent_in_the_parts_that_a_terminal_takes() -> None:
    sent = kitty(b"x" * 10_000)
    parts = sent.split("\x1b\\")[:-1]
    assert len(parts) == 4
    assert parts[0].startswith("\x1b_Ga=T,f=100,r=24,q=2,m=1;")
    assert [part.startswith("\x1b_Gm=1;") for part in parts[1:]] == [True, True, False]
    assert parts[-1].startswith("\x1b_Gm=0;")
    assert all(len(part.partition(";")[2]) <= 4096 for part in parts)
    assert iterm(b"abc") == "\x1b]1337;File=inline=1;size=3;height=24;preserveAspectRatio=1:YWJj\x07"


@pytest.mark.parametrize(
    ("program", "start"), [("ghostty", "\x1b_Ga=T,f=100"), ("iTerm.app", "\x1b]1337;File=inline=1")]
)
def test_a_terminal_that_can_is_sent_an_upright_picture(
    cloud: ReviewStack,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str,
    start: str,
) -> None:
    for name in ("TMUX", "KITTY_WINDOW_ID", "LC_TERMINAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TERM_PROGRAM", program)
    image = cloud.add("turned.jpg")
    with pictures() as shown:
        content = (root / "events" / "images" / "rotated by a phone.jpg").read_bytes()
        assert shown.show(image, content) is None
        sent = capsys.readouterr().out
        assert sent.startswith(start)
        assert shown.show(image, b"not an image") is not None  # the address of its file
        assert capsys.readouterr().out == ""
    if program == "iTerm.app":
        jpeg = base64.b64decode(sent.partition(":")[2].partition("\x07")[0])
        width, height = Image.open(io.BytesIO(jpeg)).size
        assert width > height  # the file is a portrait that a phone turned


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"\xff\xd8\xff\xe0", ".jpg"),
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"<svg onload=alert(1)>", ".bin"),
        (b"<html>", ".bin"),
        (b"\0\0\0\x18ftypheic", ".heic"),
    ],
)
def test_a_file_is_named_by_its_bytes_and_never_as_something_that_runs(
    cloud: ReviewStack, tmp_path: Any, content: bytes, suffix: str
) -> None:
    image = cloud.add("evil.html")
    folder = tmp_path / "pictures"
    folder.mkdir()
    pictures = Pictures(folder, Protocol.NONE, lambda _content: None)
    address = pictures.show(image, content)
    assert address is not None
    assert address.endswith(suffix)
    (file,) = folder.iterdir()
    assert file.read_bytes() == content
    pictures.show(image, b"GIF89a")
    assert [file.suffix for file in folder.iterdir()] == [".gif"]
