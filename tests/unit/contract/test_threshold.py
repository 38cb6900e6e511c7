"""What `scones threshold` takes and shows is what Filter judges by."""

from typing import Any

from filter.settings import parse_threshold as parse_in_filter
from scones.live_threshold import parse_threshold

TEXTS = ("0", "1", "0.8", ".8", "1.", "1e-1", "+0.5", "-0", "nan", "inf", "-0.1", "1.01", "0,8", "80%", "0_8")
TEXTS += ("", "\x1b", "\u0660.\u0668", "high", "9" * 4096)


def reading(parse: Any, text: str) -> tuple[float | None, str]:
    try:
        return parse(text), ""
    except ValueError as error:
        return None, str(error)


def test_the_command_and_filter_read_a_threshold_alike() -> None:
    for text in (*TEXTS, *(f" {text}\n" for text in TEXTS)):
        assert reading(parse_threshold, text) == reading(parse_in_filter, text)
