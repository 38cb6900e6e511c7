"""Packing a model for release, and writing it to S3 once."""

from __future__ import annotations

import functools
import io
import json
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from endpoint.predictor import SHIPPED_MODEL, Predictor
from training.package import main
from training.release.model_archive import build, facts_in

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "models"


@functools.cache
def version() -> str:
    return Predictor(SHIPPED_MODEL).version


def document(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def entries(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def test_the_archive_is_what_the_container_unpacks(tmp_path: Path) -> None:
    metrics = document(
        tmp_path / "metrics.json", {"model": {"version": version()}, "test": {"accuracy": 0.9}}
    )
    baseline = document(tmp_path / "baseline.json", {"confidence": [0.9]})
    output = tmp_path / "build" / "model.tar.gz"
    assert main(["--output", str(output), "--metrics", str(metrics), "--baseline", str(baseline)]) == 0
    content = entries(output)
    assert sorted(content) == ["baseline.json", "model.json", "model.onnx"]
    assert content["model.onnx"] == SHIPPED_MODEL.read_bytes()
    assert json.loads(content["baseline.json"]) == {"confidence": [0.9]}
    facts = json.loads(content["model.json"])
    assert facts["labels"] == ["bicycle", "motorcycle"]
    assert facts["version"] == version()
    assert facts["input_size"] == 32
    assert facts["temperature"] > 0
    assert facts["metrics"]["test"] == {"accuracy": 0.9}
    assert facts["created_from"]["file"] == "model.onnx"


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    moved = tmp_path / "model.onnx"
    moved.write_bytes(SHIPPED_MODEL.read_bytes())
    os.utime(moved, (0, 0))
    assert build(SHIPPED_MODEL) == build(moved)


def test_nothing_in_the_archive_tells_who_packed_it(tmp_path: Path) -> None:
    archive, _ = build(SHIPPED_MODEL)
    assert archive[4:8] == b"\0\0\0\0"  # gzip's time
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.mode) == (0, 0, 0, "", 0o644)
    assert facts_in(archive)["metrics"] is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ('{"model": {"version": "0123456789ab"}}', "is about model 0123456789ab"),
    ],
)
@pytest.mark.parametrize("option", ["--metrics", "--baseline"])
def test_a_document_that_does_not_belong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, content: str, reason: str
) -> None:
    (tmp_path / "x.json").write_text(content)
    assert main(["--output", str(tmp_path / "m.tar.gz"), option, str(tmp_path / "x.json")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert not (tmp_path / "m.tar.gz").exists()


@pytest.mark.parametrize("content", [None, b"not a model", SHIPPED_MODEL.read_bytes()[:100_000]])
def test_a_model_that_does_not_answer_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    model = tmp_path / "model.onnx"
    if content is not None:
        model.write_bytes(content)
    assert main(["--model", str(model), "--output", str(tmp_path / "m.tar.gz")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "model.onnx" in line
    assert [path.name for path in tmp_path.iterdir()] == (["model.onnx"] if content else [])


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    moto = pytest.importorskip("moto", reason="moto is not installed")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


def upload(tmp_path: Path, *more: str, prefix: str = f"s3://{BUCKET}/triage") -> int:
    return main(["--output", str(tmp_path / "m.tar.gz"), "--upload", prefix, *more])


def test_an_upload_lies_under_its_version(
    s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upload(tmp_path) == 0
    key = f"triage/{version()}/model.tar.gz"
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == (tmp_path / "m.tar.gz").read_bytes()
    assert f"--model-data s3://{BUCKET}/{key}" in capsys.readouterr().out


def test_the_same_upload_again_is_no_error(
    s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [upload(tmp_path), upload(tmp_path)] == [0, 0]
    assert "already there, identical" in capsys.readouterr().out


def test_a_release_is_never_overwritten(s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upload(tmp_path)
    metrics = document(tmp_path / "metrics.json", {"test": {}})
    before = s3.list_objects_v2(Bucket=BUCKET)["Contents"][0]["ETag"]
    assert upload(tmp_path, "--metrics", str(metrics)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "never overwritten" in line
    assert s3.list_objects_v2(Bucket=BUCKET)["Contents"][0]["ETag"] == before


@pytest.mark.parametrize("prefix", ["s3://absent/x", "https://x/y", "s3://"])
def test_an_upload_that_fails_is_one_line(
    s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    assert upload(tmp_path, prefix=prefix) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_model_that_answers_no_probabilities_is_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = Predictor.probabilities

    def only_blank_images(self: Predictor, images: Any) -> Any:
        return blank(self, images) * (float("nan") if images.any() else 1)

    monkeypatch.setattr(Predictor, "probabilities", only_blank_images)
    output = tmp_path / "model.tar.gz"
    assert main(["--output", str(output)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "training.package: the model returned nan, nan, which are not probabilities"
    assert not output.exists()
