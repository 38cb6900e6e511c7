"""The comparison of `scones what-if` as the gate of a release."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

if sys.version_info < (3, 13):
    pytest.skip("scones needs Python 3.13, training's environment may have 3.11", allow_module_level=True)

from scones.what_if.candidate import ServedFile
from scones.what_if.comparison_file import as_document, write
from scones.what_if.paired_test import Labelled, Said
from scones.what_if.replay import Replay
from training.deploy import main

VERSION = "cb5df16abfe4"
OPTIONS = ["--endpoint-name", "scones-image-classifier", "--image", "registry.example/scones-endpoint:1"]
OPTIONS += ["--model-data", f"s3://models/triage/{VERSION}/model.tar.gz"]
OPTIONS += ["--role", "arn:aws:iam::123456789012:role/endpoint"]
RIGHT, WRONG = Said("bicycle", 0.9, passes=True), Said("motorcycle", 0.9, passes=True)

Compare = Callable[..., Path]


class _Stack:
    name, endpoint_name, labels = "scones", "deployed", ("bicycle", "motorcycle")


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Write a comparison as `scones what-if` does: images about which only the one, and only the other, is wrong."""

    def written(baseline: int, candidate: int, *, version: str | None = VERSION, **more: Any) -> Path:
        replay = Replay({"bicycle": 0.8, "motorcycle": 0.8})
        replay.versions.add(version)
        replay.compared, replay.newest = 100, "2026-11-27T10:00:00.000Z"
        pairs = [Labelled("bicycle", WRONG, RIGHT)] * baseline
        pairs += [Labelled("bicycle", RIGHT, WRONG)] * candidate
        replay._labelled, replay._audited = pairs, pairs
        for name, value in more.items():
            setattr(replay, name, value)
        served = ServedFile(
            tmp_path / "model.onnx", "0" * 64, "http://127.0.0.1:1", ("bicycle", "motorcycle")
        )
        file = tmp_path / "comparison.json"
        write(as_document(replay, served, _Stack()), file)  # type: ignore[arg-type]
        return file

    return written


def deploy(file: Path, *more: str) -> int:
    return main([*OPTIONS, "--dry-run", "--comparison", str(file), *more])


def test_a_candidate_that_is_surely_worse_is_not_released(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(compare(0, 6)) == 1
    printed = capsys.readouterr()
    assert "CreateModel" not in printed.out
    assert "the candidate is worse than the deployed model" in printed.err
    assert "labelled: 6 images, the deployed model 0 errors, the candidate 6 (p = 0.031)" in printed.err
    assert "--force releases it all the same" in printed.err
    assert deploy(compare(0, 6), "--force") == 0
    assert "released all the same (--force): the candidate is worse" in capsys.readouterr().out


def test_a_candidate_that_is_not_better_is_released_and_it_is_said(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(compare(0, 5)) == 0  # p = 0.0625
    printed = capsys.readouterr().out
    assert "the candidate is not shown to be better on 100 images until 2026-11-27" in printed
    assert "CreateModel" in printed
    assert deploy(compare(6, 0)) == 0
    assert "the candidate is better on 100 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("000000000000", "is about model 000000000000, and cb5df16abfe4 is to be released"),
        (None, "no version"),
    ],
)
def test_the_comparison_of_another_model_is_refused_even_by_force(
    compare: Compare, capsys: pytest.CaptureFixture[str], version: str | None, said: str
) -> None:
    assert deploy(compare(6, 0, version=version), "--force") == 1
    assert said in capsys.readouterr().err


def test_an_interrupted_comparison_is_refused(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy(compare(6, 0, is_interrupted=True)) == 1
    assert "the comparison was interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        json.dumps({"schema_version": "2"}),
        json.dumps({"schema_version": "1"}),
        json.dumps({"schema_version": "1", "candidate": {"version": VERSION}, "verdict": "fine"}),
    ],
)
def test_another_file_is_refused_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    assert deploy(file, "--force") == 1
    printed = capsys.readouterr().err
    assert "scones what-if --model FILE --output COMPARISON" in printed
    assert printed.count("\n") == 1


def test_a_verdict_that_is_not_known_is_refused(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    file = compare(6, 0)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"verdict": "fine"}))
    assert deploy(file) == 1
    assert "not a comparison" in capsys.readouterr().err


def test_force_without_a_comparison_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*OPTIONS, "--dry-run", "--force"]) == 1
    assert "--force is about --comparison" in capsys.readouterr().err
