"""Options from the command line and from a SageMaker training job; it needs no PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import OptionError
from training.learning import train_options
from training.learning.train_options import find_archive, parse

JOB = {"SM_CHANNEL_TRAINING": "/in", "SM_MODEL_DIR": "/model"}


def test_a_laptop_names_its_archive(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse(["--archive", "a.tar.gz"], {}, "")
    assert (options.archive, options.output) == (Path("a.tar.gz"), Path("build/training"))
    assert options.checkpoints == Path("build/training/checkpoints")
    assert not options.resume
    with pytest.raises(SystemExit):
        parse([], {}, "")
    assert "--archive" in capsys.readouterr().err


def test_a_job_is_told_by_its_environment() -> None:
    given = {**JOB, "SM_HPS": '{"epochs": 3, "epochs-pretrain": "4", "sagemaker_program": "x"}'}
    options = parse(["--epochs", "5"], given, "")
    assert (options.archive, options.output) == (Path("/in"), Path("/model"))
    assert (options.epochs, options.epochs_pretrain) == (5, 4)
    assert options.checkpoints == train_options.SAGEMAKER_CHECKPOINTS
    assert options.resume


@pytest.mark.parametrize("given", ['{"epoch": 3}', "[1]", "{"])
def test_hyperparameters_not_understood_are_refused(given: str) -> None:
    with pytest.raises(OptionError):
        parse([], {**JOB, "SM_HPS": given}, "")


def test_one_fold_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--members", "0"], JOB, "")
    assert "--members" in capsys.readouterr().err


def test_the_archive_is_found_in_its_channel(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="holds 0"):
        find_archive(tmp_path)
    (tmp_path / "cifar.tar.gz").touch()
    assert find_archive(tmp_path) == tmp_path / "cifar.tar.gz"
    assert find_archive(tmp_path / "cifar.tar.gz") == tmp_path / "cifar.tar.gz"
    (tmp_path / "other.tar.gz").touch()
    with pytest.raises(OptionError, match="holds 2"):
        find_archive(tmp_path)
