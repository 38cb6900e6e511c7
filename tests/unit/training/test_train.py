"""Training end to end on a small archive. Skips where PyTorch is not installed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: training has an environment of its own"
)

from endpoint.predictor import Predictor  # noqa: E402
from training.dataset.archive import Images, read_archive  # noqa: E402
from training.dataset.prepared_folder import UNSURE  # noqa: E402
from training.learning import export as exporting  # noqa: E402
from training.learning import train_options  # noqa: E402
from training.learning.augment import augment  # noqa: E402
from training.learning.export import ExportError, Trained, export  # noqa: E402
from training.learning.fit import Fitting, Machine, Phase, logits_of, objective  # noqa: E402
from training.learning.model import Network  # noqa: E402
from training.train import main  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

CPU = Machine(torch.device("cpu"), half=False)


def small_network(classes: int) -> Network:
    torch.manual_seed(0)
    return Network(classes, widths=(16, 16, 16), blocks=(1, 1, 1))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """For small networks, more threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every network small, where a test is about the run and not about the default network."""
    monkeypatch.setattr(Network.__init__, "__defaults__", ((16, 16, 16), (1, 1, 1)))


def options(archive: Path, output: Path, *more: str) -> list[str]:
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice
    sound = ["--archive", str(archive), "--md5", md5, "--output", str(output), "--threads", "1"]
    return [*sound, "--epochs-pretrain", "1", "--epochs", "1", "--members", "2", *more]


def test_the_default_network_fits_four_megabytes(tmp_path: Path) -> None:
    examples = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    export(Trained(Network(100), ("a", "b"), 1.0), tmp_path / "model.onnx", examples)
    assert (tmp_path / "model.onnx").stat().st_size < exporting.MAX_BYTES


def test_a_file_that_answers_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MAX_ROUNDING_DIFFERENCE", 0.0)
    examples = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    with pytest.raises(ExportError, match="differ by"):
        export(Trained(Network(4), ("a", "b"), 1.0), tmp_path / "model.onnx", examples)
    assert not list(tmp_path.iterdir())


def test_an_image_known_only_to_be_strange_counts_as_none_of_the_wanted() -> None:
    logits = torch.tensor([[5.0, 0.0, 1.0, 1.0]])
    phase = Phase("phase", 1, 0.1, wanted=2, auxiliary=0.0)
    none = torch.softmax(logits, 1)[0, 2:].sum()
    assert objective(logits, torch.tensor([UNSURE]), phase) == pytest.approx(-none.log().item())
    for label in (2, 3):
        assert objective(logits, torch.tensor([label]), phase) == pytest.approx(-none.log().item())


def test_augmented_images_stay_images() -> None:
    images = torch.randint(
        0, 256, (64, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    views = augment(images, torch.Generator().manual_seed(1))
    assert views.shape == (64, 3, 32, 32)
    assert 0 <= views.min() <= views.max() <= 255
    assert torch.equal(views, augment(images, torch.Generator().manual_seed(1)))
    assert not torch.equal(views, augment(images, torch.Generator().manual_seed(2)))


def test_resuming_equals_not_stopping(archive_path: Path) -> None:
    images = read_archive(archive_path, None).train
    phase = Phase("phase", 3, 0.05, batch=32)
    unbroken = Fitting(small_network(4), phase, lambda _: images, CPU, seed=1)
    losses = [unbroken.run_epoch() for _ in range(3)]
    first = Fitting(small_network(4), phase, lambda _: images, CPU, seed=1)
    first.run_epoch()
    resumed = Fitting(small_network(4), phase, lambda _: images, CPU, seed=1)
    resumed.restore(first.state())
    assert [resumed.run_epoch() for _ in range(2)] == pytest.approx(losses[1:], rel=1e-4)


def test_fitting_learns(archive_path: Path) -> None:
    archive = read_archive(archive_path, None)
    fitting = Fitting(
        small_network(4), Phase("phase", 6, 0.1, batch=16), lambda _: archive.train, CPU, seed=1
    )
    for _ in range(6):
        fitting.run_epoch()
    answers = logits_of(fitting.network, archive.test.pixels, CPU).argmax(1)
    assert (answers == archive.test.labels).mean() >= 0.9


def test_a_trained_model_serves(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(options(archive_path, output, "--classes", "motorcycle,apple,cloud")) == 0
    predictor = Predictor(output / "model.onnx")
    assert predictor.labels == ("motorcycle", "apple", "cloud")
    printed = capsys.readouterr()
    assert "%|" not in printed.err  # no progress bar: this is not a terminal
    summary = json.loads(printed.out.splitlines()[-1])
    assert predictor.version == summary["version"]
    assert predictor.temperature == summary["temperature"]
    assert json.loads((output / "metrics.json").read_text()) == summary
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    export(Trained.load(output / "model.pt"), tmp_path / "again.onnx", images)
    assert Predictor(tmp_path / "again.onnx").version == predictor.version
    assert sorted(path.name for path in output.iterdir()) == [
        "checkpoints",
        "metrics.json",
        "model.onnx",
        "model.pt",
        "train.log",
    ]


@pytest.mark.usefixtures("small")
def test_the_same_script_is_a_training_job(
    archive_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_options, "SAGEMAKER_CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setenv("SM_CHANNEL_TRAINING", str(archive_path.parent))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    md5 = hashlib.md5(archive_path.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice
    given = {
        "md5": md5,
        "classes": "cloud,apple",
        "epochs": 1,
        "epochs-pretrain": 1,
        "members": 2,
        "threads": 1,
    }
    monkeypatch.setenv("SM_HPS", json.dumps(given))
    assert main([]) == 0
    assert Predictor(tmp_path / "model" / "model.onnx").labels == ("cloud", "apple")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "metrics.json",
        "model.onnx",
        "model.pt",
        "train.log",
    ]
    written = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert written == ["member-1.pt", "member-2.pt", "pretrain.pt"]
    assert main([]) == 0  # the restarted job finds its checkpoints


@pytest.mark.usefixtures("small")
def test_every_class_wanted_leaves_no_strangers(archive_path: Path, tmp_path: Path) -> None:
    assert main(options(archive_path, tmp_path / "out", "--classes", "all")) == 0


@pytest.mark.usefixtures("small")
def test_a_finished_run_resumes_to_the_same_model(archive_path: Path, tmp_path: Path) -> None:
    assert main(options(archive_path, tmp_path / "out")) == 0
    first = Predictor(tmp_path / "out" / "model.onnx").version
    assert main(options(archive_path, tmp_path / "out", "--resume")) == 0
    assert Predictor(tmp_path / "out" / "model.onnx").version == first


@pytest.mark.usefixtures("small")
def test_the_log_has_what_a_repetition_needs_and_is_continued(archive_path: Path, tmp_path: Path) -> None:
    assert main(options(archive_path, tmp_path, "--seed", "7")) == 0
    first, *lines, last = (tmp_path / "train.log").read_text().splitlines()
    started = json.loads(first.split(" started ")[1])
    assert (started["seed"], started["members"], started["threads"]) == (7, 2, 1)
    assert started["md5"] == hashlib.md5(archive_path.read_bytes()).hexdigest()  # noqa: S324
    assert [line.split()[1] for line in lines] == ["pretrain", "member-1", "member-2"]
    assert json.loads(last.split(maxsplit=1)[1]) == json.loads((tmp_path / "metrics.json").read_text())
    assert main(options(archive_path, tmp_path, "--seed", "7", "--resume")) == 0
    assert (tmp_path / "train.log").read_text().count(" started ") == 1
    assert (tmp_path / "train.log").read_text().count(" resumed ") == 1


@pytest.mark.usefixtures("small")
def test_resuming_under_other_settings_is_refused(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(archive_path, tmp_path / "out")) == 0
    assert main(options(archive_path, tmp_path / "out", "--resume", "--seed", "9")) == 1
    assert "give the same options" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_one_line(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "pretrain.pt").write_bytes(b"PK damaged")
    assert main(options(archive_path, tmp_path, "--resume")) == 1
    assert "pretrain.pt is damaged" in capsys.readouterr().err


def test_an_unknown_class_is_one_line(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(archive_path, tmp_path / "out", "--classes", "tram")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("training.train: unknown class: tram")


def test_a_file_that_is_too_large_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MAX_BYTES", 1000)
    trained = Trained(Network(2), ("a", "b"), 1.0)
    with pytest.raises(ExportError, match="more than 1000"):
        export(trained, tmp_path / "model.onnx", np.zeros((4, 32, 32, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_the_images_of_an_epoch_are_all_seen() -> None:
    images = Images(np.zeros((70, 32, 32, 3), np.uint8), np.arange(70) % 2)
    fitting = Fitting(small_network(2), Phase("phase", 1, 0.01, batch=32), lambda _: images, CPU, seed=1)
    assert fitting.steps == 3
    fitting.run_epoch()
    assert fitting.epoch == 1
