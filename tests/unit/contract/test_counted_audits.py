"""The sweep's watch and `scones certify` count a draw alike: which decision stands, and what is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scones.audited_draws import decided_prefix, is_wrong
from scones.audits import Draw as OfCertificate
from scones.audits import _draw
from scones.decisions import slips
from scones.decisions.decision import ReviewedClaim
from scones.result_documents import VERIFICATION_FOLDER
from sweep import draws
from sweep.draws import Draw

DRAWN = datetime(2026, 11, 3, 12, tzinfo=UTC)
AUDIT_DAYS = 14


def item(
    *labels: str, decision: bool = True, seconds: tuple[float, ...] = (), by: str = "kim"
) -> dict[str, Any]:
    """
    Return an entry of the index: what a bicycle's claim has after these decisions, a minute apart or as given.

    Each replaces the one before, unless that was undone; the later ones are made by `by`, the first one by kim.
    """
    ats = [DRAWN + timedelta(seconds=one) for one in seconds or range(60, 60 * len(labels) + 1, 60)]
    entries: list[dict[str, Any]] = [
        {
            "id": {"S": f"{number:032}"},
            "label": {"S": label},
            "by": {"S": by if number else "kim"},
            "at": {"S": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")},
            "took_ms": {"N": "1"},
        }
        | ({"replaces": {"S": f"{number - 1:032}"}} if number and labels[number - 1] != "undone" else {})
        for number, (label, at) in enumerate(zip(labels, ats, strict=True))
    ]
    verdict = {
        "u": {"N": "0.01"},
        "label": {"S": "bicycle"},
        "confidence": {"N": "0.9"},
        "threshold": {"N": "0.8"},
        "passed": {"BOOL": True},
        "labels": {"S": "bicycle,motorcycle"},
    }
    return {
        "image_key": {"S": "incoming/a.jpg"},
        "etag": {"S": "e"},
        "draw": {"M": verdict},
        "draw_at": {"S": "2026-11-03T12:00:00.000Z"},
        **({"decisions": {"L": [{"M": entry} for entry in entries]}} if entries else {}),
        **({"decision": entries[-1]["id"]} if entries and decision else {}),
    }


AGAIN = {"draw_at": {"S": "2026-11-03T12:30:00.000Z"}}
# Each with whether it is wrong while people may still decide.
CASES: dict[str, tuple[dict[str, Any], bool | None]] = {
    "nobody has decided": (item(), None),
    "agreed": (item("bicycle"), False),
    "disagreed": (item("motorcycle"), True),
    "neither": (item("neither"), True),
    "cannot tell": (item("cannot_tell"), True),
    "gone": (item("gone", decision=False), True),
    "gone, not recorded": (item("gone"), True),
    "gone, and drawn again": (item("gone", decision=False) | AGAIN, None),
    "corrected towards the model, whose verdict was shown": (item("motorcycle", "bicycle"), True),
    "undone and decided as the model": (item("motorcycle", "undone", "bicycle"), True),
    "a disagreement undone": (item("motorcycle", "undone", decision=False), True),
    "an agreement undone": (item("bicycle", "undone", decision=False), None),
    "an agreement undone, not recorded": (item("bicycle", "undone"), None),
    "an agreement undone and made again": (item("bicycle", "undone", "bicycle"), False),
    "an agreement corrected": (item("bicycle", "motorcycle"), True),
    "an agreement corrected and corrected back": (item("bicycle", "neither", "bicycle"), True),
    "undone and drawn again": (item("motorcycle", "undone", decision=False) | AGAIN, None),
    "a slip undone": (item("motorcycle", "undone", decision=False, seconds=(60, 90)), None),
    "a slip undone and decided anew": (item("motorcycle", "undone", "bicycle", seconds=(60, 90, 500)), False),
    "a slip replaced": (item("motorcycle", "bicycle", seconds=(60, 75)), False),
    "a slip that agreed": (item("bicycle", "motorcycle", seconds=(60, 75)), True),
    "slip after slip": (item("neither", "motorcycle", "bicycle", seconds=(60, 89, 118)), False),
    "two slips undone": (
        item("motorcycle", "undone", "neither", "undone", "bicycle", seconds=(60, 70, 200, 210, 300)),
        False,
    ),
    "too late to be a slip": (item("motorcycle", "undone", "bicycle", seconds=(60, 90.001, 120)), True),
    "a slip after the verdict was shown": (
        item("motorcycle", "neither", "bicycle", seconds=(60, 100, 110)),
        True,
    ),
    "a slip taken back by somebody else": (
        item("motorcycle", "undone", "bicycle", seconds=(60, 75, 80), by="lee"),
        True,
    ),
    "a disagreement decided after a slip": (
        item("bicycle", "undone", "motorcycle", "bicycle", seconds=(60, 70, 100, 200)),
        True,
    ),
}


def of_certificate(draw: OfCertificate, now: datetime) -> bool | None:
    return is_wrong(draw) if decided_prefix([draw], AUDIT_DAYS, now) else None


@pytest.mark.parametrize("days", [1, 20])
@pytest.mark.parametrize("case", CASES)
def test_both_count_a_draw_alike(case: str, days: int) -> None:
    now = DRAWN + timedelta(days=days)
    entry, wrong = CASES[case]
    if wrong is None and days > AUDIT_DAYS:
        wrong = True
    watched = Draw.from_item(entry)
    assert watched
    assert watched.is_wrong(now, AUDIT_DAYS) is wrong
    assert of_certificate(_draw(entry), now) is wrong


@pytest.mark.parametrize("labels", [("motorcycle",), ("bicycle",), ("neither", "bicycle")])
@pytest.mark.parametrize(("seconds", "counts"), [(59.999, False), (60, True)])
def test_both_wait_until_a_decision_cannot_be_a_slip(
    labels: tuple[str, ...], seconds: float, counts: bool
) -> None:
    entry = item(*labels, seconds=tuple(60 + 20 * number for number in range(len(labels))))
    now = DRAWN + timedelta(seconds=60 + 20 * (len(labels) - 1) + seconds)
    expected = (labels[-1] != "bicycle") if counts else None
    watched = Draw.from_item(entry)
    assert watched
    assert watched.is_wrong(now, AUDIT_DAYS) is expected
    assert of_certificate(_draw(entry), now) is expected


def test_the_verdict_is_shown_when_no_decision_can_be_a_slip_and_before_it_counts() -> None:
    assert draws.SLIP == slips.SLIP < slips.SHOWN_AFTER < slips.COUNTS_AFTER == draws.COUNTS_AFTER
    for case, (entry, _) in CASES.items():
        entries = ReviewedClaim.parse(entry).entries
        if "again" in case or not entries:
            continue
        newest = datetime.fromisoformat(entries[-1].at)
        is_blind = len(slips.without_slips(entries)) < 2
        for seconds in (0, slips.SLIP.total_seconds()):
            assert slips.hides_verdict(entries, newest + timedelta(seconds=seconds)) is is_blind, case
        assert not slips.hides_verdict(entries, newest + slips.SHOWN_AFTER), case


def test_both_leave_out_the_images_of_verify() -> None:
    assert f"/{VERIFICATION_FOLDER}/" == draws.TESTS
