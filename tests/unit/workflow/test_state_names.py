"""No name stands twice in a workflow: CreateStateMachine answers DUPLICATE_STATE_NAME, inside a map too."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.static.definitions import FILES, states, text_of


@pytest.mark.parametrize("file", FILES)
def test_state_names_are_unique_in_the_whole_machine(file: str) -> None:
    # "Amazon States Language", state machine structure: names must be unique within the scope of the whole machine.
    names = Counter(name for name, _ in states(json.loads(text_of(file))))
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("file", FILES)
def test_state_names_are_short_enough(file: str) -> None:
    assert [name for name, _ in states(json.loads(text_of(file))) if len(name) > 80] == []


def test_definitions_are_found() -> None:
    assert FILES == ["backfill.asl.json", "classify_image.asl.json", "record_decision.asl.json"]
