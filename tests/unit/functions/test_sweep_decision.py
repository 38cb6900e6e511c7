"""The rule of the sweep, without any cloud: which images are started again, left alone, or given up."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from sweep.claims import Claim
from sweep.decision import Kind, Limits, Tally, by_age, by_claim
from sweep.images import Image

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STANDARD = "arn:aws:states:eu-west-1:123456789012:execution:classify:1"
EXPRESS = "arn:aws:states:eu-west-1:123456789012:express:classify:1:2"
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "GONE")
FUTURE, PAST = int(NOW.timestamp()) + 60, int(NOW.timestamp()) - 60
PAST_HOUR = NOW - timedelta(hours=1)


@pytest.fixture
def limits() -> Limits:
    return Limits(timedelta(minutes=30), timedelta(days=14), attempts=3)


def image(**age: float) -> Image:
    return Image("images", "incoming/a.jpg", "e1", "v1", 3, NOW - timedelta(**age))


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        ({"minutes": -5}, "waiting"),  # a clock ahead of ours
        ({"minutes": 0}, "waiting"),
        ({"minutes": 29.99}, "waiting"),
        ({"minutes": 30}, None),
        ({"days": 14}, None),
        ({"days": 14, "seconds": 1}, "too_old"),
    ],
)
def test_only_images_of_a_certain_age_are_looked_after(
    limits: Limits, age: dict[str, float], kind: str | None
) -> None:
    decision = by_age(image(**age), NOW, limits)
    assert (decision and decision.kind) == kind


def decide(limits: Limits, owner: str | None = None, **claim: Any) -> tuple[str, str]:
    decision = by_claim(Claim(**claim), owner, NOW, limits)
    return str(decision.kind), decision.why


def test_an_image_that_nobody_claimed_is_started(limits: Limits) -> None:
    assert decide(limits) == ("started", "no execution has ever claimed it")


@pytest.mark.parametrize("execution", [STANDARD, EXPRESS, None])
@pytest.mark.parametrize("owner", ["RUNNING", *ENDED, None])
@pytest.mark.parametrize("sweeps", [0, 3])
@pytest.mark.parametrize("claim_ends", [FUTURE, PAST])
def test_an_image_with_an_outcome_is_left_whatever_else_is_known(
    limits: Limits, execution: str | None, owner: str | None, sweeps: int, claim_ends: int
) -> None:
    claim = {"execution": execution, "sweeps": sweeps, "claim_ends": claim_ends, "finished": True}
    assert decide(limits, owner, **claim)[0] == "finished"


@pytest.mark.parametrize(
    ("owner", "claim_ends"), [*product(["RUNNING", "PENDING_REDRIVE"], [FUTURE, PAST, 0])]
)
def test_a_living_standard_owner_is_left_even_when_its_claim_is_over(
    limits: Limits, owner: str, claim_ends: int
) -> None:
    kind, why = decide(limits, owner, execution=STANDARD, claim_ends=claim_ends, sweeps=3)
    assert (kind, why) == ("running", f"its execution is {owner}")


@pytest.mark.parametrize(("owner", "claim_ends"), [*product(ENDED, [FUTURE, PAST, 0])])
def test_a_dead_standard_owner_is_replaced_even_when_its_claim_is_not_over(
    limits: Limits, owner: str, claim_ends: int
) -> None:
    kind, why = decide(limits, owner, execution=STANDARD, claim_ends=claim_ends)
    assert kind == "started"
    assert ("no longer exists" if owner == "GONE" else owner) in why


@pytest.mark.parametrize(("claim_ends", "kind"), [(FUTURE, "running"), (PAST, "started"), (0, "started")])
def test_an_express_owner_is_dead_when_its_time_is_over(limits: Limits, claim_ends: int, kind: str) -> None:
    assert decide(limits, None, execution=EXPRESS, claim_ends=claim_ends)[0] == kind


@pytest.mark.parametrize(
    ("sweeps", "reported", "kind"),
    [
        (0, False, "started"),
        (2, False, "started"),
        (2, True, "started"),
        (3, False, "reported"),
        (9, False, "reported"),
        (3, True, "exhausted"),
        (9, True, "exhausted"),
    ],
)
@pytest.mark.parametrize(
    "lost", [{}, {"execution": STANDARD, "owner": "FAILED"}, {"execution": EXPRESS, "claim_ends": PAST}]
)
def test_an_image_is_started_three_times_reported_once_and_left(
    limits: Limits, sweeps: int, reported: bool, kind: str, lost: dict[str, Any]
) -> None:
    assert decide(limits, sweeps=sweeps, reported_at=PAST_HOUR if reported else None, **lost)[0] == kind


@pytest.mark.parametrize(("claimed_minutes_after", "kind"), [(-1, "exhausted"), (1, "reported")])
def test_an_image_given_up_that_died_again_after_a_redrive_is_reported_again(
    limits: Limits, claimed_minutes_after: int, kind: str
) -> None:
    claimed_at = PAST_HOUR + timedelta(minutes=claimed_minutes_after)
    claim: dict[str, Any] = {"execution": EXPRESS, "claimed_at": claimed_at, "claim_ends": PAST}
    assert decide(limits, sweeps=3, reported_at=PAST_HOUR, **claim)[0] == kind


@pytest.mark.parametrize(("minutes_ago", "kind"), [(0, "running"), (29, "running"), (30, "started")])
def test_a_swept_execution_gets_time_to_claim_the_image(
    limits: Limits, minutes_ago: float, kind: str
) -> None:
    swept_at = NOW - timedelta(minutes=minutes_ago)
    assert decide(limits, swept_at=swept_at, sweeps=1)[0] == kind
    before = {"execution": STANDARD, "claimed_at": swept_at - timedelta(hours=1)}
    assert decide(limits, "FAILED", swept_at=swept_at, sweeps=1, **before)[0] == kind


def test_a_swept_execution_that_claimed_the_image_and_died_is_replaced_at_once(limits: Limits) -> None:
    swept_at = NOW - timedelta(seconds=9)
    claim = {
        "execution": STANDARD,
        "claimed_at": NOW - timedelta(seconds=8),
        "swept_at": swept_at,
        "sweeps": 1,
    }
    assert decide(limits, "FAILED", **claim)[0] == "started"


@pytest.mark.parametrize(("seconds_ago", "kind"), [(59, "running"), (60, "started")])
def test_even_a_hurried_sweep_gives_a_started_execution_a_minute(seconds_ago: float, kind: str) -> None:
    hurried = Limits(timedelta(0), timedelta(days=14), attempts=3)
    assert decide(hurried, swept_at=NOW - timedelta(seconds=seconds_ago), sweeps=1)[0] == kind


def test_a_claim_is_read_from_an_item() -> None:
    item = {
        "execution": {"S": STANDARD},
        "claimed_at": {"S": "2026-11-21T11:00:00.123Z"},
        "claim_ends": {"N": "1795430000"},
        "sweeps": {"N": "2"},
        "swept_at": {"S": "2026-11-21T11:00:00"},
        "reported_at": {"S": "2026-11-21T11:00:00Z"},
        "finished_at": {"S": "2026-11-21T11:00:00Z"},
        "state_shard": {"S": "open#3"},
    }
    claimed_at = datetime(2026, 11, 21, 11, microsecond=123000, tzinfo=UTC)
    swept_at = datetime(2026, 11, 21, 11, tzinfo=UTC)
    reported_at = datetime(2026, 11, 21, 11, tzinfo=UTC)
    expected = Claim(STANDARD, claimed_at, 1795430000, True, 2, swept_at, reported_at, indexed=True)
    assert Claim.from_item(item) == expected
    assert Claim.from_item({"swept_at": {"S": "soon"}}) == Claim()


@pytest.mark.parametrize(("arn", "standard"), [(STANDARD, True), (EXPRESS, False), (None, False)])
def test_only_standard_owners_can_be_asked_after(arn: str | None, standard: bool) -> None:
    assert Claim(execution=arn).is_standard is standard


@pytest.mark.parametrize("kind", ["finished", "waiting", "too_old", "errors", "reported", "exhausted"])
def test_the_oldest_unclassified_image_is_the_oldest_that_is_still_tried(kind: str) -> None:
    tally = Tally()
    assert tally.oldest is None
    tally.add(image(days=9), Kind(kind), "not known, done, or given up and told")
    assert tally.oldest is None
    tally.add(image(minutes=50), Kind.RUNNING, "waits for the endpoint")
    tally.add(image(minutes=90), Kind.STARTED, "was lost")
    tally.add(image(minutes=40), Kind.STARTED, "was lost")
    assert tally.oldest == NOW - timedelta(minutes=90)
