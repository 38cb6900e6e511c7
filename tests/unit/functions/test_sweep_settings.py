"""What Sweep reads of its environment, and which settings it refuses to run with."""

import re
from typing import Any

import pytest

from sweep.settings import Settings
from tests.unit.functions.environment import SETTINGS, load


def settings(**variables: str) -> Settings:
    return Settings.from_environment(SETTINGS["sweep"] | variables)


def test_every_bad_variable_is_named_at_once() -> None:
    with pytest.raises(
        ValueError,
        match=r"IMAGE_BUCKET.*QUEUE_URL.*SWEEP_MINUTES.*MAX_STARTS_PER_RUN.*CLAIM_DAYS.*AUDIT_DAYS.*RESULT_DAYS",
    ) as found:
        load("sweep", {"SWEEP_DAYS": "1_0"})
    assert str(found.value).count(" is missing") == 12
    assert "SWEEP_DAYS must be a whole number from 1 to 3650, not '1_0'" in str(found.value)


@pytest.mark.parametrize(
    ("days", "refused"),
    [
        ({}, None),
        ({"RESULT_DAYS": "30"}, None),
        ({"RESULT_DAYS": "30", "CLAIM_DAYS": "31"}, None),
        (
            {"RESULT_DAYS": "30", "CLAIM_DAYS": "30"},
            "ClaimDays (30) must be 0 or greater than ResultDays (30): ",
        ),
        (
            {"RESULT_DAYS": "7", "CLAIM_DAYS": "14"},
            "ClaimDays (14) must be 0 or greater than SweepDays (14): ",
        ),
        ({"RESULT_DAYS": "0", "CLAIM_DAYS": "99"}, "ClaimDays (99) must be 0 while ResultDays is 0: "),
        # A claim of the audit does not expire.
        ({"RESULT_DAYS": "7", "CLAIM_DAYS": "20", "AUDIT_SHARE": "0.02", "AUDIT_DAYS": "20"}, None),
        ({"CLAIM_DAYS": "-1"}, "CLAIM_DAYS must be a whole number from 0 to 3650, not '-1'"),
    ],
)
def test_claims_outlive_all_that_asks_for_them(days: dict[str, Any], refused: str | None) -> None:
    if refused is None:
        assert settings(**days).claim_days == int(days.get("CLAIM_DAYS", 0))
    else:
        with pytest.raises(ValueError, match=re.escape(refused)):
            settings(**days)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"WATCH_ACTION": "stop"}, "WATCH_ACTION must be notify, raise or review, not 'stop'"),
        ({"PROMISED_ERROR": "1%"}, "PROMISED_ERROR must be a number from 0 to 0.5, not '1%'"),
        ({"PROMISED_ERROR": "0.6"}, "PROMISED_ERROR must be a number from 0 to 0.5, not '0.6'"),
        ({"WATCH_FALSE_ALARMS": "0"}, "WATCH_FALSE_ALARMS must be a number from 0.0001 to 0.5, not '0'"),
        ({"AUDIT_SHARE": "nan"}, "AUDIT_SHARE must be a number from 0 to 1, not 'nan'"),
    ],
)
def test_a_promise_that_cannot_be_watched_is_refused(variables: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        settings(**variables)


@pytest.mark.parametrize(
    ("text", "share"), [("0.02", 0.02), (".5", 0.5), ("1", 1.0), ("5e-2", 0.05), ("0.0", 0.0)]
)
def test_a_share_is_read_as_cloudformation_and_people_write_it(text: str, share: float) -> None:
    assert settings(AUDIT_SHARE=text).audit_share == share
