"""What `scones threshold` takes, shows and writes is what Filter judges by."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from filter.live_value import parse_live_value
from scones.label_thresholds import Thresholds
from scones.live_threshold import parse_live
from sweep.promise import raised, stopped
from tools.transformed import template

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LABELS = ("bicycle", "pedal power", "x_y.z-w")
NUMBERS = (
    "0",
    "1",
    "0.8",
    ".8",
    "1.",
    "1e-1",
    "+0.5",
    "-0",
    "nan",
    "inf",
    "-0.1",
    "1.01",
    "0,8",
    "80%",
    "0_8",
    "",
    "\x1b",
    "\u0660.\u0668",
    "high",
    "9" * 4096,
)
LISTS = (
    "bicycle=0.9,default=0.8",
    "bicycle=.9,pedal power=1,x_y.z-w=0",
    "bicycle = 0.9 , default= 0.8",
    "default=0.8",
    "bicycle=0.9",
    "bycicle=0.9,default=0.8",
    "bicycle=0.9,bicycle=0.9,default=1",
    "bicycle=0.9,0.8",
    "bicycle=0.9,",
    "bicycle=,default=1",
    "bicycle=80%,default=1",
    "=0.9",
    "bicycle=0.9=1,default=1",
)
CERTIFICATE: dict[str, Any] = {
    "model_version": "91bc",
    "labels": list(LABELS),
    "serialize": "s123",
    "until": "2026-12-24T00:00:00Z",
}


def certified(thresholds: Any = None, **changes: Any) -> str:
    certificate = {**CERTIFICATE, **changes}
    return json.dumps({"thresholds": thresholds or {"default": 0.9}, "certificate": certificate})


CONFIG = {"name": "config-1", "time": "2026-11-01T00:00:00Z"}
OBJECTS = (
    "{}",
    "{",
    "[" * 100_000,
    '{"thresholds": {"default": 0.9, "default": 0.8}}',
    '{"thresholds": {"default": NaN}}',
    '{"thresholds": {"default": "0.9"}}',
    '{"thresholds": {"default": true}}',
    '{"thresholds": {"bicycle": 0.9}}',
    '{"thresholds": {"car": 0.9, "default": 0.8}}',
    '{"thresholds": {"bicycle": 0.9, "default": 1}}',
    '{"thresholds": {"default": 0.9}, "certificate": null}',
    '{"thresholds": {"default": 0.9}, "certificate": []}',
    certified(),
    certified(until="2026-12-24"),
    certified(until="soon"),
    certified(labels="bicycle"),
    certified(covers="bicycle"),
    certified(covers=["bicycle", 1]),
    certified(covers=["bicycle"]),
    certified(serialize=None),
    certified(withdrawn=True),
    certified(withdrawn="the endpoint changed"),
    certified(model_version=None),
    certified(model_version=None, endpoint_config={"name": "config-1"}),
    certified(model_version=None, endpoint_config=CONFIG),
    certified(model_version=7, endpoint_config=CONFIG),
    certified({"car": 1}),
    '{"thresholds": {"default": 0.9}, "stopped": "Too many were wrong."}',
    '{"thresholds": {"default": 0.9}, "stopped": null}',
    '{"thresholds": {"default": 0.9}, "stopped": ""}',
    '{"thresholds": {"default": 0.9}, "stopped": true}',
    stopped(certified(), "Too many were wrong."),
    stopped("bicycle=0.9,default=0.8", "Too many were wrong."),
    raised(certified(next=[{"default": 0.95}]), "Too many were wrong.", NOW)[0],  # type: ignore[index]
)


def reading(parse: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return parse(), ""
    except ValueError as error:
        return None, str(error)


def by_filter(text: str, labels: tuple[str, ...]) -> tuple[dict[str, float], bool, str | None]:
    thresholds, certificate, stopped = parse_live_value(text, labels)
    return thresholds, certificate is not None, stopped


def by_command(text: str, labels: tuple[str, ...]) -> tuple[dict[str, float], bool, str | None]:
    thresholds, certificate, stopped = parse_live(text, labels)
    return thresholds.by_label, certificate is not None, stopped


@pytest.mark.parametrize("text", [*NUMBERS, *(f" {text}\n" for text in NUMBERS), *LISTS, *OBJECTS])
def test_the_command_and_filter_read_a_live_value_alike(text: str) -> None:
    assert reading(lambda: by_command(text, LABELS)) == reading(lambda: by_filter(text, LABELS))


@pytest.mark.parametrize("text", ["0.8", "bicycle=0.9,default=0.8", '{"thresholds": {"default": 0.9}}'])
def test_with_a_label_that_is_named_default_there_is_one_number_only(text: str) -> None:
    labels = ("bicycle", "default")
    found = reading(lambda: by_command(text, labels))
    assert found == reading(lambda: by_filter(text, labels))
    assert (found[0] is None) == (text != "0.8")


@pytest.mark.parametrize("text", ["1", ".8", "0.30000000000000004", "1e-7", *LISTS[:4]])
def test_what_the_command_writes_filter_reads_without_a_change(text: str) -> None:
    thresholds = Thresholds.parse(text, LABELS)
    assert by_filter(str(thresholds), LABELS) == (thresholds.by_label, False, None)


@pytest.mark.parametrize("text", LISTS)
def test_what_the_template_takes_names_its_labels_once(text: str) -> None:
    pattern = re.compile(template()["Parameters"]["ConfidenceThreshold"]["AllowedPattern"])
    taken = pattern.fullmatch(text) is not None
    assert taken == (text in {LISTS[0], LISTS[1], LISTS[3], LISTS[4], LISTS[5]})


@pytest.mark.parametrize("live", ["0.8", "bicycle=0.9,default=0.8", certified()])
def test_nothing_passes_after_the_watch_has_stopped_it(live: str) -> None:
    assert by_filter(stopped(live, "Too many were wrong."), LABELS)[2] == "Too many were wrong."


def test_the_thresholds_that_the_watch_raises_are_those_that_filter_applies() -> None:
    higher = raised(certified(next=[{"bicycle": 0.95, "default": 0.9}]), "Why.", NOW)
    assert higher is None, "other labels than before"
    higher = raised(certified(next=[{"default": 0.95}]), "Why.", NOW)
    assert higher
    assert by_filter(higher[0], LABELS) == (dict.fromkeys(LABELS, 0.95), True, None)
