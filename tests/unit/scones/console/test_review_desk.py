"""The desk of the Review page: who holds what, what a page learns and when, and decisions that fail halfway."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from PIL import Image, ImageOps
from starlette.testclient import TestClient

from scones.connection import Target
from scones.console.desk import ReviewDesk
from scones.console.pages.review import keys_by_name, keys_of
from scones.console.state import ConsoleState, OpenCloud
from scones.console.web import make_web_console
from scones.decisions.aws_clock import AwsClock
from scones.decisions.review_errors import DecisionUnknownError, ReviewError
from scones.errors import SconesError
from tests.fakes.review_stack import IMAGES, ReviewStack
from tests.unit.scones.console.served import ADDRESS, PORT


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReviewStack]:
    with mock_aws():
        stack = ReviewStack()
        monkeypatch.setattr(type(stack.connection), "stepfunctions", lambda _self: stack.recorder)
        yield stack


@pytest.fixture
def desk(stack: ReviewStack) -> ReviewDesk:
    return ReviewDesk(_state(stack))


def _state(stack: ReviewStack) -> ConsoleState:
    cloud = OpenCloud(stack.connection, stack.stack)
    return ConsoleState(Target(stack="scones"), opener=lambda _target: cloud)


def names(answer: Any) -> list[str]:
    return [image["name"] for image in answer["images"]]


def test_pages_are_given_different_images_the_oldest_first(stack: ReviewStack, desk: ReviewDesk) -> None:
    for minute in range(4):
        stack.add(f"{minute}.jpg", minute=minute)
    assert names(desk.take("one", 2)) == ["0.jpg", "1.jpg"]
    assert names(desk.take("two", 3)) == ["2.jpg", "3.jpg"]
    assert names(desk.take("one", 2)) == []


def test_nothing_that_the_model_said_is_sent_while_the_decision_may_be_a_slip(
    stack: ReviewStack, desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.add("a.jpg")
    taken = desk.take("one", 1)
    image = taken["images"][0]["id"]
    with pytest.raises(ReviewError, match="no decision"):
        desk.verdict("one", image)
    answers = [taken, desk.decide("one", image, "bicycle", 900), desk.verdict("one", image)]
    assert not any(said in str(answers) for said in ("motorcycle", "0.61"))
    assert 30 < answers[2]["in_s"] <= answers[1]["verdict_in_s"] <= 35
    clock = AwsClock.now
    monkeypatch.setattr(AwsClock, "now", lambda self: clock(self) + 36)
    assert desk.verdict("one", image) == {
        "model": {"label": "motorcycle", "confidence": 0.61},
        "agrees": False,
    }
    desk.undo("one", image)
    with pytest.raises(ReviewError, match="no decision"):
        desk.verdict("one", image)


def test_a_decision_is_written_once_with_the_time_it_took(stack: ReviewStack, desk: ReviewDesk) -> None:
    image = stack.add("a.jpg")
    taken = desk.take("one", 1)["images"][0]["id"]
    desk.decide("one", taken, "motorcycle", 1234)
    (entry,) = stack.claim(image)["decisions"]["L"]
    assert entry["M"]["took_ms"] == {"N": "1234"}
    with pytest.raises(ReviewError, match="does not hold"):
        desk.decide("one", taken, "bicycle", 1)
    assert stack.decisions(image) == ["motorcycle"]


def test_skipped_images_go_to_others_and_do_not_come_back(stack: ReviewStack, desk: ReviewDesk) -> None:
    stack.add("a.jpg")
    desk.skip("one", desk.take("one", 1)["images"][0]["id"])
    assert names(desk.take("one", 1)) == []
    assert names(desk.take("two", 1)) == ["a.jpg"]


def test_an_image_that_was_held_for_a_burst_comes_again_once_that_is_given_up(
    stack: ReviewStack, desk: ReviewDesk
) -> None:
    stack.add("a.jpg")
    taken = desk.take("one", 1)["images"][0]["id"]
    desk.release("one", taken)
    assert names(desk.take("two", 1)) == ["a.jpg"]
    desk.leave("two")
    assert names(desk.take("one", 1)) == ["a.jpg"]
    with pytest.raises(ReviewError, match="does not hold"):
        desk.release("two", taken)


def test_what_a_closed_page_held_is_free(stack: ReviewStack, desk: ReviewDesk) -> None:
    stack.add("a.jpg")
    desk.take("one", 1)
    desk.leave("one")
    assert names(desk.take("two", 1)) == ["a.jpg"]
    desk.close()
    assert names(ReviewDesk(_state(stack)).take("three", 1)) == ["a.jpg"]


def test_what_a_page_held_that_went_silent_is_free_and_its_undo_is_kept(
    stack: ReviewStack, desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.add("a.jpg")
    stack.add("b.jpg", minute=1)
    first, _ = desk.take("one", 2)["images"]
    desk.decide("one", first["id"], "bicycle", 900)
    assert names(desk.take("two", 2)) == []

    now = time.monotonic()
    monkeypatch.setattr("scones.console.desk.time.monotonic", lambda: now + 151)
    assert desk.count("two")["waiting"] == 1
    assert names(desk.take("two", 2)) == ["b.jpg"]
    assert desk.undo("one", first["id"])["was"] == "bicycle"


def test_an_undone_image_is_shown_again_and_decided_anew(stack: ReviewStack, desk: ReviewDesk) -> None:
    image = stack.add("a.jpg")
    taken = desk.take("one", 1)["images"][0]["id"]
    desk.decide("one", taken, "bicycle", 1)
    answer = desk.undo("one", taken)
    assert (answer["image"]["name"], answer["was"]) == ("a.jpg", "bicycle")
    desk.decide("one", answer["image"]["id"], "motorcycle", 1)
    assert stack.decisions(image) == ["bicycle", "undone", "motorcycle"]
    with pytest.raises(ReviewError, match="no decision to undo"):
        desk.undo("another", taken)


def test_images_of_one_moment_are_held_and_decided_each_for_itself(
    stack: ReviewStack, desk: ReviewDesk
) -> None:
    pytest.importorskip("imagehash", reason="needs the bursts extra")
    alike = [stack.add(f"garden/{number}.jpg", body=picture(shade)) for number, shade in enumerate((0, 3, 6))]
    other = stack.add("garden/9.jpg", body=picture(0, mirrored=True))
    first, second = desk.take("one", 2)["images"]
    burst = desk.burst("one", first["id"])
    assert sorted(image["name"] for image in burst["images"]) == ["garden/1.jpg", "garden/2.jpg"]
    assert second["id"] in {image["id"] for image in burst["images"]}
    for image in (first, *burst["images"]):
        desk.decide("one", image["id"], "neither", 10)
    assert [stack.decisions(image) for image in alike] == [["neither"]] * 3
    assert stack.decisions(other) == []


def picture(shade: int, *, mirrored: bool = False) -> bytes:
    image = Image.linear_gradient("L").rotate(30).point(lambda value: min(255, value + shade))
    file = io.BytesIO()
    (ImageOps.mirror(image) if mirrored else image).save(file, "JPEG")
    return file.getvalue()


def test_an_image_that_was_deleted_leaves_the_queue_without_a_label(
    stack: ReviewStack, desk: ReviewDesk
) -> None:
    decided, shown = stack.add("decided.jpg"), stack.add("shown.jpg", minute=1)
    ids = [image["id"] for image in desk.take("one", 2)["images"]]
    for image in (decided, shown):
        stack.s3.delete_object(Bucket=IMAGES, Key=image.key)
    assert desk.decide("one", ids[0], "bicycle", 1)["decided"] == "gone"
    assert desk.gone("one", ids[1])["decided"] == "gone"
    assert stack.decisions(decided) == stack.decisions(shown) == ["gone"]


def test_an_image_that_is_there_is_not_gone_because_a_page_says_so(
    stack: ReviewStack, desk: ReviewDesk
) -> None:
    image = stack.add("a.jpg")
    assert desk.gone("one", desk.take("one", 1)["images"][0]["id"])["decided"] is None
    assert stack.decisions(image) == []


def test_a_decision_whose_answer_was_lost_is_sent_again_and_counts_once(
    stack: ReviewStack, desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stack.add("a.jpg")
    taken = desk.take("one", 1)["images"][0]["id"]
    update, read = stack.dynamodb.update_item, stack.dynamodb.get_item

    def written_but_lost(**request: Any) -> Any:
        update(**request)
        lost: Any = {"Error": {"Code": "InternalServerError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
        raise ClientError(lost, "UpdateItem")

    def expired(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ExpiredTokenException"}}, "GetItem")

    monkeypatch.setattr(stack.dynamodb, "update_item", written_but_lost)
    monkeypatch.setattr(stack.dynamodb, "get_item", expired)
    with pytest.raises(DecisionUnknownError, match="not known"):
        desk.decide("one", taken, "bicycle", 1)
    monkeypatch.setattr(stack.dynamodb, "update_item", update)
    monkeypatch.setattr(stack.dynamodb, "get_item", read)
    assert desk.decide("one", taken, "bicycle", 1)["decided"] == "bicycle"
    assert stack.decisions(image) == ["bicycle"]


def test_what_another_reviewer_decided_is_lost_with_the_reason(stack: ReviewStack, desk: ReviewDesk) -> None:
    stack.add("a.jpg")
    mine = desk.take("one", 1)["images"][0]["id"]
    other = ReviewDesk(_state(stack))
    other._hold("two").images[mine] = desk._pages["one"].images[mine]
    other.decide("two", mine, "motorcycle", 1)
    assert "was decided by" in desk.renew("one")["lost"][mine]


@pytest.fixture
def browser(stack: ReviewStack) -> TestClient:
    state = _state(stack)
    client = TestClient(make_web_console(state, PORT).guard, ADDRESS, raise_server_exceptions=False)
    client.get(f"/?token={state.secrets.token}")
    client.headers.update({"origin": ADDRESS, "x-csrf-token": state.secrets.csrf})
    return client


def test_the_page_has_a_key_for_each_label_and_no_word_of_the_model(
    browser: TestClient, stack: ReviewStack
) -> None:
    stack.add("a.jpg")
    page = browser.get("/review").text
    assert 'data-label="bicycle"' in page
    assert "0.61" not in page
    assert "neither" in page


def test_a_missing_permission_is_named_and_the_decision_kept(
    browser: TestClient, stack: ReviewStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stack.add("a.jpg")
    taken = browser.post("/review/take", json={"page": "one", "images": 1}).json()["images"][0]["id"]
    update = stack.dynamodb.update_item

    def denied(**_: Any) -> Any:
        response = {"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        raise ClientError(cast("Any", response), "UpdateItem")

    monkeypatch.setattr(stack.dynamodb, "update_item", denied)
    asked = {"page": "one", "id": taken, "label": "bicycle", "took_ms": 5}
    answer = browser.post("/review/decide", json=asked)
    assert answer.status_code == 409
    assert answer.json()["kind"] in {"denied", "unwritten"}
    assert "dynamodb:UpdateItem" in answer.json()["problem"]
    assert stack.decisions(image) == []
    monkeypatch.setattr(stack.dynamodb, "update_item", update)
    assert browser.post("/review/decide", json=asked).json()["decided"] == "bicycle"


def test_a_label_that_the_stack_does_not_have_is_refused(browser: TestClient, stack: ReviewStack) -> None:
    image = stack.add("a.jpg")
    taken = browser.post("/review/take", json={"page": "one", "images": 1}).json()["images"][0]["id"]
    for label in ("car", "undone", "gone", ""):
        answer = browser.post(
            "/review/decide", json={"page": "one", "id": taken, "label": label, "took_ms": 5}
        )
        assert answer.status_code == 409, label
    assert stack.decisions(image) == []


@pytest.mark.parametrize(
    ("labels", "keys"),
    [
        (("bicycle", "motorcycle"), {"1": "bicycle", "b": "bicycle", "2": "motorcycle", "m": "motorcycle"}),
        (("bus", "bicycle"), {"1": "bus", "2": "bicycle"}),
        (("cat", "zebra", "9 lives"), {"1": "cat", "2": "zebra", "3": "9 lives"}),
    ],
)
def test_a_key_means_one_thing(labels: tuple[str, ...], keys: dict[str, str]) -> None:
    assert keys_by_name(keys_of(labels)) == keys | {"n": "neither", "c": "cannot_tell"}


def test_only_nine_labels_have_a_digit() -> None:
    keys = keys_of(tuple(f"l{number}" for number in range(12)))
    assert keys["l8"] == ["9"]
    assert keys["l9"] == []


def test_a_decision_that_is_written_is_answered_again_to_a_page_that_did_not_get_the_answer(
    stack: ReviewStack, desk: ReviewDesk
) -> None:
    image = stack.add("a.jpg")
    taken = desk.take("one", 1)["images"][0]["id"]
    answers = [desk.decide("one", taken, "bicycle", 1) for _ in range(2)]
    assert [answer["decided"] for answer in answers] == ["bicycle", "bicycle"]
    assert stack.decisions(image) == ["bicycle"]
    with pytest.raises(ReviewError, match="does not hold"):
        desk.decide("one", taken, "motorcycle", 1)


def test_a_decision_that_failed_is_written_although_another_page_has_the_image_by_then(
    stack: ReviewStack, desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stack.add("a.jpg")
    taken = desk.take("one", 1)["images"][0]["id"]
    update = stack.dynamodb.update_item

    def expired(**_: Any) -> Any:
        response = {"Error": {"Code": "ExpiredTokenException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        raise ClientError(cast("Any", response), "UpdateItem")

    monkeypatch.setattr(stack.dynamodb, "update_item", expired)
    with pytest.raises(ReviewError, match="not written"):
        desk.decide("one", taken, "bicycle", 1)
    monkeypatch.setattr(stack.dynamodb, "update_item", update)
    now = time.monotonic()
    monkeypatch.setattr("scones.console.desk.time.monotonic", lambda: now + 151)
    assert names(desk.take("two", 1)) == ["a.jpg"]
    assert desk.decide("one", taken, "bicycle", 1)["decided"] == "bicycle"
    with pytest.raises(ReviewError, match="was decided by"):
        desk.decide("two", taken, "motorcycle", 1)
    assert stack.decisions(image) == ["bicycle"]


def test_a_page_that_asks_while_aws_does_not_answer_is_there(stack: ReviewStack) -> None:
    stack.add("a.jpg")
    state = _state(stack)
    desk = ReviewDesk(state)
    desk.take("one", 1)
    before = desk._pages["one"].seen_at

    def gone(_target: Target) -> OpenCloud:
        message = "no local cloud is running"
        raise SconesError(message)

    state.opener, state._cloud = gone, None
    with pytest.raises(SconesError, match="no local cloud"):
        desk.renew("one")
    assert desk._pages["one"].seen_at > before


def test_images_stay_held_when_the_cloud_is_opened_again(stack: ReviewStack) -> None:
    stack.add("a.jpg")
    state = ConsoleState(
        Target(stack="scones"), opener=lambda _target: OpenCloud(stack.connection, stack.stack)
    )
    desk = ReviewDesk(state)
    desk.take("one", 1)
    state.trouble(SconesError("the connection was lost"))
    assert desk.renew("one")["lost"] == {}
    desk.close()
    assert names(ReviewDesk(state).take("two", 1)) == ["a.jpg"]


def test_an_image_taken_for_a_page_that_was_closed_meanwhile_is_free(
    stack: ReviewStack, desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.add("a.jpg")
    free_silent = ReviewDesk._free_silent

    def closed(self: ReviewDesk, reviewer: Any) -> None:
        free_silent(self, reviewer)
        self.leave("one")

    monkeypatch.setattr(ReviewDesk, "_free_silent", closed)
    desk.take("one", 1)
    monkeypatch.undo()
    assert names(ReviewDesk(_state(stack)).take("two", 1)) == ["a.jpg"]
