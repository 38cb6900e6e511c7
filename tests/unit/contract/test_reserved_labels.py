"""What a reviewer says instead of a class cannot be the name of one: in a stack, in training, in `scones doctor`."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from scones.cli import main
from scones.decisions.decision import RESERVED
from tools.transformed import template
from training.dataset import human_labels

PATTERN = re.compile(template()["Parameters"]["Labels"]["AllowedPattern"])


def test_training_reserves_the_same() -> None:
    assert human_labels.RESERVED == RESERVED == {"neither", "cannot_tell", "gone", "undone"}


@pytest.mark.parametrize("name", sorted(RESERVED))
@pytest.mark.parametrize("labels", ["{},b", "a,{}", "a,{},b"])
def test_a_stack_refuses_them(name: str, labels: str) -> None:
    assert not PATTERN.fullmatch(labels.format(name))
    assert PATTERN.fullmatch(labels.format(f"{name}x"))
    assert PATTERN.fullmatch(labels.format(f"un{name}"))
    assert name in template()["Parameters"]["Labels"]["ConstraintDescription"]


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_doctor_refuses_them(name: str) -> None:
    found = CliRunner().invoke(main, ["doctor", "--endpoint-name", "e", "--labels", f"a,{name}"])
    assert found.exit_code == 2
    assert f"{name} is what a reviewer says instead of a class" in " ".join(found.output.split())
