"""From labels to a candidate on a small archive. Skips where PyTorch is not installed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: training has an environment of its own"
)

from botocore.session import get_session  # noqa: E402
from botocore.stub import Stubber  # noqa: E402

from endpoint.predictor import SHIPPED_MODEL, Predictor  # noqa: E402
from training import improve, train  # noqa: E402
from training.errors import AwsError, OptionError  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = {"bicycle": (30, 200, 30), "motorcycle": (30, 30, 200), "neither": (200, 30, 30)}


def reviewed(folder: Path, count: int) -> Path:
    """Write photographs with labels, in the archive's colours, and two that must not be learned from."""
    folder.mkdir()
    rng, lines = np.random.default_rng(0), []
    for number in range(count):
        label = tuple(COLOURS)[number % 3]
        noise = rng.integers(-25, 26, (5, 7, 3))
        pixels = np.clip(np.array(COLOURS[label]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).resize((140, 100), Image.Resampling.NEAREST).save(folder / f"{number}.png")
        lines.append(
            {"image": f"{number}.png", "label": label, "reviewer": "kim", "time": "2026-08-01T10:00Z"}
        )
    lines.append({**lines[0], "label": "motorcycle", "reviewer": "lee"})
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def options(archive: Path, model: Path, output: Path) -> list[str]:
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice
    given = {
        "--archive": archive,
        "--md5": md5,
        "--model": model,
        "--output": output,
        "--threads": 1,
        "--epochs": 1,
    }
    return [str(word) for pair in given.items() for word in pair]


@pytest.fixture
def model(archive_path: Path, tmp_path: Path) -> Path:
    md5 = hashlib.md5(archive_path.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice
    few = ["--epochs-pretrain", "1", "--epochs", "1", "--members", "1", "--threads", "1"]
    output = tmp_path / "trained"
    assert train.main(["--archive", str(archive_path), "--md5", md5, "--output", str(output), *few]) == 0
    return output / "model.onnx"


def test_from_labels_to_a_candidate_its_card_and_a_comparison(
    archive_path: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = reviewed(tmp_path / "reviews", 45), tmp_path / "out"
    capsys.readouterr()
    assert improve.main([*options(archive_path, model, output), "--reviewed", str(folder)]) == 0
    assert "is the candidate" in capsys.readouterr().out
    found: dict[str, Any] = json.loads((output / "comparison.json").read_text())
    assert found["trained_on"] + found["compared_on"] == 44
    assert len(found["reviewed"]["conflicts"]) == 1
    before, after = Predictor(model), Predictor(output / "model.onnx")
    assert [found[name]["model"]["version"] for name in ("before", "after")] == [
        before.version,
        after.version,
    ]
    assert before.version != after.version
    known = found["after"]["photos"]
    assert known["images"] + known["strangers"] == found["compared_on"]
    assert known["accuracy"] >= 0.9
    assert after.version in (output / "card.md").read_text()
    started = json.loads((output / "train.log").read_text().splitlines()[0].split(" started ")[1])
    assert len(started["pictures"]) == found["trained_on"]
    assert started["seed"] == 1


def test_too_few_labels_are_refused_before_anything_is_trained(
    archive_path: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = reviewed(tmp_path / "reviews", 6), tmp_path / "out"
    assert improve.main([*options(archive_path, model, output), "--reviewed", str(folder)]) == 1
    assert "of 20 that are needed: review more" in capsys.readouterr().err
    assert not (output / "model.onnx").exists()


def test_an_archive_of_other_classes_is_refused(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = reviewed(tmp_path / "reviews", 45)
    given = options(archive_path, SHIPPED_MODEL, tmp_path / "out")
    assert improve.main([*given, "--reviewed", str(folder)]) == 1
    assert "was trained on 100 classes" in capsys.readouterr().err


def test_the_labels_of_a_stack_are_in_its_bucket_of_results(monkeypatch: pytest.MonkeyPatch) -> None:
    client = get_session().create_client("cloudformation", region_name="eu-central-1")
    monkeypatch.setattr(improve, "open_session", lambda: SimpleNamespace(client=lambda _service: client))
    stack = {
        "StackName": "scones",
        "CreationTime": datetime(2026, 8, 1, tzinfo=UTC),
        "StackStatus": "CREATE_COMPLETE",
    }
    outputs = [{"OutputKey": "ResultsBucketName", "OutputValue": "results"}]
    with Stubber(client) as stubbed:
        stubbed.add_response(
            "describe_stacks", {"Stacks": [{**stack, "Outputs": outputs}]}, {"StackName": "scones"}
        )
        stubbed.add_response("describe_stacks", {"Stacks": [stack]})
        stubbed.add_client_error("describe_stacks", "ValidationError", "Stack with id absent does not exist")
        assert improve._bucket_of("scones") == "results"
        with pytest.raises(
            OptionError, match="other has no output ResultsBucketName: it is not a stack of scones"
        ):
            improve._bucket_of("other")
        with pytest.raises(AwsError, match=r"stack absent: .*does not exist"):
            improve._bucket_of("absent")
