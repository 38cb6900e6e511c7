"""The model decides the labels and the input size of the local stack; nothing starts with others."""

import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scones.cli import main
from scones.local import commands, model
from scones.local.up import Plan
from scones.running_cloud import state_dir
from tests.fakes.models import stated


@pytest.fixture(autouse=True)
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """What `scones up` would have started."""
    monkeypatch.setenv("SCONES_STATE_DIR", str(tmp_path / "state"))
    started: list[Plan] = []
    monkeypatch.setattr(commands, "run", started.append)
    monkeypatch.setattr(commands, "_run_detached", started.append)
    return started


def up(*options: Any) -> Result:
    return CliRunner().invoke(main, ["up", *map(str, options)])


def test_labels_and_input_size_come_from_the_shipped_model(plans: list[Plan]) -> None:
    assert up().exit_code == 0
    assert plans[0].parameters == {"Labels": "bicycle,motorcycle", "ModelInputSize": "64"}


def test_labels_come_from_the_model_that_is_named(plans: list[Plan], tmp_path: Path) -> None:
    named = stated(tmp_path / "model.onnx", labels="cat,dog")
    assert up("--model", named, "-p", "ConfidenceThreshold=cat=0.9,default=0.8").exit_code == 0
    assert plans[0].parameters["Labels"] == "cat,dog"
    assert plans[0].parameters["ConfidenceThreshold"] == "cat=0.9,default=0.8"


def test_labels_that_agree_may_be_given(plans: list[Plan], tmp_path: Path) -> None:
    named = stated(tmp_path / "model.onnx", labels="cat,dog")
    assert up("--model", named, "-p", "Labels=cat,dog").exit_code == 0
    assert len(plans) == 1


@pytest.mark.parametrize("detach", [[], ["--detach"]])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "Labels=cat,dog",
            "parameter Labels=cat,dog contradicts the model, which has Labels=bicycle,motorcycle",
        ),
        ("Labels=motorcycle,bicycle", "contradicts the model"),
        ("ModelInputSize=32", "which has ModelInputSize=64"),
        ("Lables=cat,dog", "Did you mean Labels?"),
        ("ConfidenceThreshold=2", "from 0 to 1"),
        ("ConfidenceThreshold=bycicle=0.9,default=1", "names 'bycicle', which is not a label"),
        ("ConfidenceThreshold=bicycle=0.9", "has no number for motorcycle"),
    ],
)
def test_a_contradiction_or_a_wrong_value_is_refused_before_anything_starts(
    plans: list[Plan], given: str, words: str, detach: list[str]
) -> None:
    started = time.monotonic()
    refused = up("-p", given, *detach)
    assert refused.exit_code == 2
    assert words in refused.output
    assert refused.output.count("\n") == 1
    assert plans == []
    assert time.monotonic() - started < 60  # 2 s on an idle machine; a cloud's start takes longer than both


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (None, "not a usable ONNX model"),
        ({"labels": "a,b,c"}, "3 labels but an output of shape"),
        ({"labels": "a,b/c"}, "parameter Labels must be two or more different names"),
        ({"labels": "a,a"}, "parameter Labels must be two or more different names"),
        ({"input_size": "big"}, "bad metadata"),
    ],
)
def test_a_model_that_would_fail_every_image_is_refused(
    plans: list[Plan], tmp_path: Path, facts: dict[str, str] | None, words: str
) -> None:
    named = tmp_path / "model.onnx"
    named.write_bytes(b"not a model") if facts is None else stated(named, **facts)
    refused = up("--model", named)
    assert refused.exit_code == 2
    assert words in refused.output
    assert refused.output.count("\n") == 1
    assert plans == []


def test_a_parameter_given_twice_is_refused(plans: list[Plan]) -> None:
    refused = up("-p", "SweepDays=1", "-p", "SweepDays=2")
    assert refused.exit_code == 2
    assert "SweepDays is given twice, as '1' and '2'" in refused.output


def test_a_cloud_that_persists_keeps_its_model(plans: list[Plan], tmp_path: Path) -> None:
    named = stated(tmp_path / "model.onnx", labels="cat,dog")
    model.remember(named, state_dir())

    again = up("--persist")
    assert again.exit_code == 0
    assert f"Serving {named}" in " ".join(again.output.split("\n"))
    assert plans[-1].model == named
    assert plans[-1].parameters["Labels"] == "cat,dog"

    assert up().exit_code == 0
    assert plans[-1].model is None

    named.unlink()
    gone = up("--persist")
    assert gone.exit_code == 2
    assert "name another with --model" in gone.output


def test_nothing_remembered_is_the_shipped_model(tmp_path: Path) -> None:
    assert model.remembered(tmp_path) is None
    model.remember(None, tmp_path)
    assert model.remembered(tmp_path) is None
    (tmp_path / "aws" / "model.json").write_text("{")
    assert model.remembered(tmp_path) is None
