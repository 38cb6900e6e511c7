"""Plots of an evaluation; whether they are good, a person has to see."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.unit.training.evaluation.made_scores import made_up
from training.evaluate import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("classes", [2, 5, 100])
def test_every_plot_is_a_picture(classes: int, tmp_path: Path) -> None:
    pytest.importorskip(
        "matplotlib", reason="matplotlib is not installed: plots are of training's environment"
    )
    from training.evaluation import plots as evaluation_plots

    paths = evaluation_plots.write(tmp_path, "test", made_up(classes))
    assert [path.name for path in paths] == [
        "test-reliability.png",
        "test-risk-coverage.png",
        "test-confidence.png",
        "test-confusion.png",
    ]
    for path in paths:
        with Image.open(path) as image:
            assert min(image.size) > 300
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 10


def test_without_matplotlib_plots_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ordinary = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return ordinary(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["--photos", str(tmp_path), "--plots", str(tmp_path / "plots")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install -r training/requirements.txt" in line
