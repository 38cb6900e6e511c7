"""The watch over the promise in the sweep: what it counts and in which order, what it stores, what it does at last."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sweep import watching
from sweep.images import iso_text
from sweep.run import SweepFailedError
from sweep.watching import ITEM, Watched, watch_promise
from tests.fakes.aws_clients import client_error
from tests.unit.functions.sweep_stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweep.watch import Watch

LIVE = "ConfidenceThreshold-scones"
CERTIFICATE = {"model_version": "v1", "error": 0.01, "confidence": 0.95, "until": "2999-12-24T00:00:00Z"}
MINUTE = timedelta(minutes=1)


def certified(*following: dict[str, float], threshold: float = 0.8, **more: Any) -> str:
    certificate = CERTIFICATE | {"next": list(following)} | more
    return json.dumps({"thresholds": {"default": threshold}, "certificate": certificate})


@dataclass
class Audited:
    """A stack with audits; drawn images get their outcome a minute apart, in the order of their numbers."""

    stack: Stack
    began: datetime = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.began = self.stack.now
        self.stack.set(audit_share=0.02, promised_error=0.01)
        self.live("0.8")
        self.sweep()

    def live(self, value: str) -> None:
        ssm = self.stack.client("ssm")
        ssm.put_parameter(Name=LIVE, Value=value, Type="String", Overwrite=True)

    @property
    def value(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @property
    def text(self) -> str:
        return str(self.stack.client("ssm").get_parameter(Name=LIVE)["Parameter"]["Value"])

    def draw(
        self,
        *decisions: str,
        number: int | None = None,
        at: datetime | None = None,
        passed: bool = True,
        confidence: float = 0.95,
        version: str = "v1",
        decided_at: datetime | None = None,
        folder: str = "",
    ) -> None:
        """Store a drawn image that the model calls a bicycle, with decisions of people."""
        self.number = self.number + 1 if number is None else number
        at = at or self.began + self.number * MINUTE
        decided = iso_text(decided_at or at + timedelta(seconds=30))
        verdict = {
            "label": {"S": "bicycle"},
            "confidence": {"N": str(confidence)},
            "passed": {"BOOL": passed},
            "model_version": {"S": version},
        }
        entries = [{"M": {"label": {"S": label}, "at": {"S": decided}}} for label in decisions]
        item = {
            "image_key": {"S": f"incoming/{folder}{self.number:06}.jpg"},
            "etag": {"S": "e"},
            "draw": {"M": verdict},
            "draw_shard": {"S": f"drawn#{self.number * 7 % 16}"},
            "draw_at": {"S": iso_text(at)},
        } | ({"decisions": {"L": entries}} if entries else {})
        self.stack.client("dynamodb").put_item(TableName="claims", Item=item)

    def watched(self, *, minutes_later: float = 0, restart: bool = False) -> Watched:
        """Do the watch's part of a run of the sweep."""
        self.stack.now += timedelta(minutes=minutes_later)
        return watch_promise(
            self.stack.clients, self.stack.settings, self.stack.now, lambda: True, restart=restart
        )

    def sweep(self, *, minutes_later: float = 0, restart: bool = False) -> Watch:
        found = self.watched(minutes_later=minutes_later, restart=restart)
        assert found.error is None
        assert found.watch
        return found.watch

    def refuted(self, **draw: Any) -> Watched:
        """Let so many images be wrong that the promise is refuted."""
        for _ in range(15):
            self.draw("motorcycle", **draw)
        return self.watched(minutes_later=self.number + 10)

    def refute(self, **draw: Any) -> Watch:
        found = self.refuted(**draw)
        assert found.error is None
        assert found.watch
        assert found.watch.evidence == 1
        return found.watch

    def stored(self) -> dict[str, Any]:
        item = self.stack.client("dynamodb").get_item(TableName="claims", Key=ITEM)["Item"]
        return dict(json.loads(item["watch"]["S"]))


@pytest.fixture
def audited(stack: Stack) -> Iterator[Audited]:
    yield Audited(stack)
    stack.client("ssm").delete_parameter(Name=LIVE)


def test_decided_audits_of_all_shards_are_counted_once(audited: Audited) -> None:
    for wrong in (False, False, True, False):
        audited.draw("motorcycle" if wrong else "bicycle")
    watch = audited.sweep(minutes_later=10)
    assert (watch.passes, watch.wrong) == (4, 1)
    assert 0 < watch.evidence < 1
    assert audited.sweep(minutes_later=15) == watch
    audited.draw("bicycle", at=audited.stack.now)
    assert audited.sweep(minutes_later=15).passes == 5


@pytest.mark.parametrize("label", ["neither", "cannot_tell", "gone", "motorcycle"])
def test_whatever_does_not_confirm_the_model_is_wrong(audited: Audited, label: str) -> None:
    audited.draw(label)
    watch = audited.sweep(minutes_later=10)
    assert (watch.passes, watch.wrong) == (1, 1)


def test_only_images_before_the_first_undecided_one_are_counted(audited: Audited) -> None:
    for decisions in ((), ("bicycle",), ("motorcycle",), ("bicycle", "undone"), ("motorcycle",)):
        audited.draw(*decisions)
    assert audited.sweep(minutes_later=10).passes == 0
    audited.draw("bicycle", number=1)
    watch = audited.sweep(minutes_later=10)
    assert (watch.passes, watch.wrong) == (3, 1), "up to the one whose decision was undone"
    audited.draw("bicycle", "undone", "bicycle", number=4)
    assert audited.sweep(minutes_later=10).passes == 5


def test_an_audit_that_nobody_decided_in_time_is_wrong(audited: Audited) -> None:
    audited.draw()
    day = 24 * 60
    assert audited.sweep(minutes_later=14 * day - 10).passes == 0
    watch = audited.sweep(minutes_later=20)
    assert (watch.passes, watch.wrong) == (1, 1)


def test_images_that_did_not_pass_are_not_waited_for(audited: Audited) -> None:
    audited.draw(passed=False)
    audited.draw("bicycle")
    assert audited.sweep(minutes_later=10).passes == 1


def test_a_decision_of_an_earlier_life_of_the_same_bytes_does_not_count(audited: Audited) -> None:
    audited.draw("gone", decided_at=audited.began - timedelta(days=3))
    assert audited.sweep(minutes_later=10).passes == 0


def test_a_decision_that_is_changed_after_it_was_counted_is_not_counted_again(audited: Audited) -> None:
    audited.draw("motorcycle")
    first = audited.sweep(minutes_later=10)
    audited.draw("motorcycle", "bicycle", number=1)
    assert audited.sweep(minutes_later=10) == first


def test_a_certificate_is_watched_at_its_thresholds_and_from_its_beginning(audited: Audited) -> None:
    audited.draw("motorcycle")
    audited.sweep(minutes_later=10)
    audited.live(certified(threshold=0.9))
    began = audited.stack.now
    assert audited.sweep().passes == 0, "a new promise"
    audited.draw("motorcycle", confidence=0.85, at=began + MINUTE)
    audited.draw("bicycle", confidence=0.9, at=began + 2 * MINUTE)
    watch = audited.sweep(minutes_later=10)
    assert (watch.passes, watch.wrong, watch.error) == (1, 0, 0.01)


@pytest.mark.parametrize("why", ["ended", "withdrawn"])
def test_a_certificate_that_is_not_valid_promises_nothing_and_raises_nothing(
    audited: Audited, why: str
) -> None:
    """The stack's own promise is watched instead, over all that passes; no threshold is certified any more."""
    audited.stack.set(watch_action="raise", promised_error=0.02)
    until = audited.stack.now + 5 * MINUTE
    certificate: dict[str, Any] = (
        {"until": iso_text(until)} if why == "ended" else {"withdrawn": "Another model."}
    )
    audited.live(certified({"default": 0.95}, threshold=0.9, **certificate))
    audited.sweep(minutes_later=5)
    audited.draw("bicycle", confidence=0.85, at=audited.stack.now + MINUTE)
    watch = audited.sweep(minutes_later=10)
    assert (watch.passes, watch.error) == (1, 0.02)
    audited.began = audited.stack.now
    audited.refute()
    assert audited.value["thresholds"] == {"default": 0.9}
    assert audited.value["stopped"].startswith("The watch stopped passing: ")


def test_without_a_promise_of_the_stack_the_watch_ends_with_the_certificate(audited: Audited) -> None:
    audited.stack.set(promised_error=0.0)
    audited.live(certified(until=iso_text(audited.stack.now + 5 * MINUTE)))
    assert audited.sweep(minutes_later=4).error == 0.01
    assert audited.watched(minutes_later=1).ended


def test_a_watch_that_was_refuted_does_nothing_once_its_certificate_has_ended(audited: Audited) -> None:
    audited.stack.set(watch_action="raise", promised_error=0.0)
    audited.live(certified({"default": 0.9}, until=iso_text(audited.stack.now + 40 * MINUTE)))
    audited.sweep()
    ssm = audited.stack.client("ssm")

    class ReadOnly:
        def get_parameter(self, **request: Any) -> Any:
            return ssm.get_parameter(**request)

        def put_parameter(self, **_: Any) -> None:
            raise client_error("ThrottlingException")

    audited.stack.use(ssm=ReadOnly())
    assert audited.refuted().error
    audited.stack.use(ssm=ssm)
    before = audited.text
    audited.watched(minutes_later=30)
    assert audited.text == before
    assert "its certificate had ended" in audited.stored()["refuted"]["done"]


def test_what_the_promise_does_not_speak_of_is_neither_counted_nor_waited_for(audited: Audited) -> None:
    audited.live(certified(covers=["bicycle"]))
    audited.sweep()
    audited.draw(folder="scones-verify/1/")
    audited.draw(confidence=0.5)
    audited.draw("bicycle")
    assert audited.sweep(minutes_later=10).passes == 1
    audited.live(certified(covers=["motorcycle"]))
    audited.sweep()
    audited.draw("bicycle", at=audited.stack.now + MINUTE)
    assert audited.sweep(minutes_later=10).passes == 0


def test_without_a_promise_nothing_is_read_of_the_index_and_nothing_measured(audited: Audited) -> None:
    audited.stack.set(promised_error=0.0)
    audited.draw("motorcycle")
    ended = audited.watched(minutes_later=10)
    assert (ended.watch, ended.ended) == (None, True), "the alarm returns to OK"
    assert audited.watched(minutes_later=10) == Watched()


def test_a_run_of_the_schedule_watches_and_a_manual_one_or_a_dry_run_does_not(audited: Audited) -> None:
    audited.draw("bicycle")
    for event in ({"dry_run": True}, {"start_after": None}):
        audited.stack.sweep(minutes_later=10, **event)
    assert audited.stored()["passes"] == 0
    audited.stack.sweep()
    assert audited.stored()["passes"] == 1
    audited.stack.sweep(restart_watch=True)
    assert audited.stored()["passes"] == 0


def test_a_run_counts_so_many_and_the_next_one_continues(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST_DRAWS", 3)
    for _ in range(5):
        audited.draw("bicycle")
    assert [audited.sweep(minutes_later=10).passes for _ in range(3)] == [3, 5, 5]


def test_of_two_sweeps_at_once_one_counts(audited: Audited) -> None:
    audited.draw("bicycle")
    audited.stack.now += 10 * MINUTE
    dynamodb = audited.stack.client("dynamodb")
    others: list[Any] = []

    class OvertakenTable:
        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb, name)

        def put_item(self, **request: Any) -> Any:
            if request["Item"]["etag"] == ITEM["etag"] and not others:
                others.append(1)
                audited.stack.use(dynamodb=dynamodb)
                audited.sweep()
            return dynamodb.put_item(**request)

    audited.stack.use(dynamodb=OvertakenTable())
    assert audited.sweep().passes == 0, "the slower one leaves it at what it had read"
    assert others
    assert audited.stored()["passes"] == 1


def test_a_refuted_promise_notifies_once_and_changes_nothing_by_default(audited: Audited) -> None:
    watch = audited.refute()
    (alert,) = audited.stack.alerts()
    assert "audited images that passed since" in alert["reason"]
    assert alert["promise"] == 0.01
    assert alert["latest"]["wrong"] == alert["in_all"]["wrong"] == watch.wrong > 3
    assert "WatchAction is notify" in alert["done"]
    assert "--restart-watch" in alert["next_step"]
    again = audited.sweep(minutes_later=15)
    assert (again.evidence, again.wrong) == (1, watch.wrong)
    assert len(audited.stack.alerts()) == 1
    assert audited.text == "0.8"


def test_another_model_version_begins_a_new_watch(audited: Audited) -> None:
    audited.refute()
    audited.draw("bicycle", version="v1")
    audited.draw("motorcycle", version="v2")
    audited.draw("bicycle", version="v2")
    watch = audited.sweep(minutes_later=15)
    assert (watch.passes, watch.wrong, watch.refuted) == (2, 1, None)


def test_another_live_value_or_a_restart_begins_a_new_watch(audited: Audited) -> None:
    audited.refute()
    assert audited.sweep(minutes_later=15, restart=True).refuted is None
    audited.began = audited.stack.now
    audited.refute(version="v3")
    audited.live("0.9")
    assert audited.sweep(minutes_later=15).refuted is None


def test_raise_takes_the_next_certified_thresholds_and_stops_all_when_none_are_left(audited: Audited) -> None:
    audited.stack.set(watch_action="raise")
    audited.live(certified({"default": 0.9}))
    audited.sweep()
    audited.refute()
    assert audited.value["thresholds"] == {"default": 0.9}
    assert audited.value["certificate"]["next"] == []
    assert audited.value["certificate"]["raised"]["before"] == {"default": 0.8}
    assert "default 0.9" in audited.stack.alerts()[0]["done"]

    assert audited.sweep(minutes_later=15).refuted is None, "the higher thresholds are watched"
    audited.began, audited.number = audited.stack.now, 100
    audited.began -= 100 * MINUTE
    audited.refute()
    assert "were wrong" in audited.value["stopped"]
    assert audited.value["certificate"]["withdrawn"]
    assert audited.value["thresholds"] == {"default": 0.9}
    assert len(audited.stack.alerts()) == 2
    assert audited.sweep(minutes_later=15).refuted, "it stays to be seen"
    audited.stack.set(promised_error=0.0)
    assert audited.sweep(minutes_later=15).refuted
    audited.live("0.95")
    assert audited.watched(minutes_later=15).ended, "somebody has set another threshold"


def test_lower_thresholds_are_never_taken(audited: Audited) -> None:
    audited.stack.set(watch_action="raise")
    audited.live(certified({"default": 0.7}))
    audited.sweep()
    audited.refute()
    assert audited.value["stopped"]


@pytest.mark.parametrize(
    ("live", "thresholds"),
    [("0.8", {"default": 0.8}), ("bicycle=0.9, default=.75", {"bicycle": 0.9, "default": 0.75})],
)
def test_review_stops_everything_and_keeps_the_thresholds(
    audited: Audited, live: str, thresholds: dict[str, float]
) -> None:
    audited.stack.set(watch_action="review")
    audited.live(live)
    audited.sweep()
    audited.refute()
    assert audited.value["thresholds"] == thresholds
    assert audited.value["stopped"].startswith("The watch stopped passing: ")


def test_a_threshold_that_cannot_be_written_fails_the_run_and_is_tried_again(audited: Audited) -> None:
    audited.stack.set(watch_action="review")
    ssm = audited.stack.client("ssm")

    class ReadOnly:
        def get_parameter(self, **request: Any) -> Any:
            return ssm.get_parameter(**request)

        def put_parameter(self, **_: Any) -> None:
            raise client_error("AccessDeniedException")

    audited.stack.use(ssm=ReadOnly())
    for found in (audited.refuted(), audited.watched(minutes_later=15)):
        assert "threshold could not be changed" in str(found.error)
    (alert,) = audited.stack.alerts()
    assert "could not be changed" in alert["done"]
    audited.stack.use(ssm=ssm)
    audited.sweep(minutes_later=15)
    assert audited.value["stopped"]
    assert len(audited.stack.alerts()) == 1


def test_a_notification_that_fails_is_sent_by_the_next_run(audited: Audited) -> None:
    audited.stack.set(watch_action="review")
    sns = audited.stack.client("sns")

    class Deaf:
        def publish(self, **_: Any) -> None:
            raise client_error("InternalError")

    audited.stack.use(sns=Deaf())
    assert "InternalError" in str(audited.refuted().error)
    audited.stack.use(sns=sns)
    audited.watched(minutes_later=15)
    (alert,) = audited.stack.alerts()
    assert alert["done"].startswith("Every image goes to review")


def test_a_value_that_somebody_set_meanwhile_is_not_overwritten(audited: Audited) -> None:
    audited.stack.set(watch_action="review")
    ssm = audited.stack.client("ssm")

    class Slow:
        def get_parameter(self, **request: Any) -> Any:
            return ssm.get_parameter(**request)

        def put_parameter(self, **_: Any) -> None:
            raise client_error("ThrottlingException")

    audited.stack.use(ssm=Slow())
    assert audited.refuted().error
    audited.stack.use(ssm=ssm)
    audited.live("0.97")
    assert audited.sweep(minutes_later=15).refuted
    assert audited.text == "0.97"


def test_an_index_that_cannot_be_read_fails_the_run_after_the_images_are_swept(audited: Audited) -> None:
    dynamodb = audited.stack.client("dynamodb")

    class NoIndex:
        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb, name)

        def query(self, **request: Any) -> Any:
            if request["IndexName"] == "by_draw":
                raise client_error("ValidationException")
            return dynamodb.query(**request)

    audited.stack.use(dynamodb=NoIndex())
    audited.stack.put("lost.jpg")
    audited.stack.now += timedelta(hours=1)
    with pytest.raises(SweepFailedError, match="promise could not be watched"):
        audited.stack.sweep(minutes_later=7 * 60)
    assert audited.stack.stepfunctions.keys == ["lost.jpg"]


@pytest.mark.parametrize(
    "live", ["{", "[]", '{"thresholds": {"default": "x"}, "certificate": {"error": 0.1}}', ""]
)
def test_a_broken_live_value_leaves_the_stated_promise(audited: Audited, live: str) -> None:
    if live:
        audited.live(live)
    audited.draw("bicycle", at=audited.stack.now + MINUTE)
    audited.sweep(minutes_later=0.5)
    assert audited.sweep(minutes_later=10).error == 0.01
