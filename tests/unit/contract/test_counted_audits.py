"""The sweep's watch and `scones certify` count a draw alike: which decision stands, and what is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scones.audited_draws import decided_prefix, is_wrong
from scones.audits import Draw as OfCertificate
from scones.audits import _draw
from scones.result_documents import VERIFICATION_FOLDER
from sweep import draws
from sweep.draws import Draw

DRAWN = datetime(2026, 11, 3, 12, tzinfo=UTC)
AUDIT_DAYS = 14


def item(*labels: str, decision: bool = True) -> dict[str, Any]:
    """Return an entry of the index: what a bicycle's claim has after these decisions."""
    entries = [
        {
            "id": {"S": f"{number:032}"},
            "label": {"S": label},
            "by": {"S": "arn"},
            "at": {"S": f"2026-11-03T12:0{number + 1}:00.000Z"},
            "took_ms": {"N": "1"},
        }
        for number, label in enumerate(labels)
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


def test_both_leave_out_the_images_of_verify() -> None:
    assert f"incoming/{VERIFICATION_FOLDER}/" == draws.TESTS
