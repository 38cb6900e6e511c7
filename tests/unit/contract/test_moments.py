"""`--since` and `--until` name the same moments in `scones results` and in `training.monitor`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click
import pytest

from scones.result_query import Moment
from training.errors import OptionError
from training.monitoring.time_range import parse_moment


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("text", ["90s", "30m", "1.5h", "2d", "1w", " 2h "])
def test_ages_are_the_same(text: str) -> None:
    of_scones = Moment().convert(text, None, None)
    of_training = parse_moment(text, datetime.now(UTC))
    assert abs(of_training - of_scones) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "text",
    ["2026-11-20", "2026-11-20T08:30", "2026-07-01T08:30:59", "2026-11-20T08:30Z", "2026-11-20T08:30+02:00"],
)
@pytest.mark.usefixtures("zone")
def test_times_are_the_same_in_every_zone(text: str) -> None:
    assert parse_moment(text, datetime.now(UTC)) == Moment().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "yesterday", "24", "-3h", "1y", "99999999999w", "2026-13-01"])
def test_both_refuse_the_same(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Moment().convert(text, None, None)
    with pytest.raises(OptionError):
        parse_moment(text, datetime.now(UTC))
