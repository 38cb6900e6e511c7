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
        match=r"IMAGE_BUCKET.*QUEUE_URL.*SWEEP_MINUTES.*MAX_STARTS_PER_RUN.*CLAIM_DAYS.*RESULT_DAYS",
    ) as found:
        load("sweep", {"SWEEP_DAYS": "1_0"})
    assert str(found.value).count(" is missing") == 9
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
        ({"CLAIM_DAYS": "-1"}, "CLAIM_DAYS must be a whole number from 0 to 3650, not '-1'"),
    ],
)
def test_claims_outlive_all_that_asks_for_them(days: dict[str, Any], refused: str | None) -> None:
    if refused is None:
        assert settings(**days).claim_days == int(days.get("CLAIM_DAYS", 0))
    else:
        with pytest.raises(ValueError, match=re.escape(refused)):
            settings(**days)
