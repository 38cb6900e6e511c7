"""Launching the training job: what it would be, without AWS, and what it is on an emulated account."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from training.errors import ReleaseError
from training.launch import hyperparameters, main, wait_for
from training.release.training_job import METRICS, ROOT, copy_code
from training.release.waiting import Waiter

OUTPUT = "s3://artifacts/training"
OPTIONS = ["--archive", "s3://data/cifar-100-python.tar.gz", "--output", OUTPUT, "--region", "eu-west-1"]
IMAGE = ["--image", "registry.example/pytorch:1"]
ROLE = ["--role", "arn:aws:iam::123456789012:role/training"]
QUIET = Waiter(lambda _: None, lambda _: None)

needs_sagemaker = pytest.mark.skipif(
    not (find_spec("sagemaker") and find_spec("sagemaker.train")),
    reason="sagemaker-train is not installed: releasing has an environment of its own",
)


def shown(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main([*OPTIONS, *ROLE, *IMAGE, "--dry-run", *options]) == 0
    parts = (part.split(" ", 1) for part in capsys.readouterr().out.split("\n\n"))
    return {name: json.loads(content) for name, content in parts}


def test_a_dry_run_shows_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    job = shown(capsys, "--set", "epochs=3", "--set", "classes=bicycle,tractor")
    trainer = job["ModelTrainer"]
    assert trainer["training_image"] == "registry.example/pytorch:1"
    assert trainer["source_code"]["command"] == "python3 -m training.train"
    assert trainer["hyperparameters"] == {"epochs": "3", "classes": "bicycle,tractor"}
    assert trainer["output_data_config"] == {"s3_output_path": OUTPUT}
    assert "checkpoint_config" not in trainer
    assert job["train"] == [{"channel_name": "training", "data_source": "s3://data/cifar-100-python.tar.gz"}]


def test_a_dry_run_with_an_image_needs_no_library_but_boto3s_configuration() -> None:
    program = (
        "import sys; from training.launch import main; code = main(sys.argv[1:]); "
        "print('sagemaker' in sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, *OPTIONS, *ROLE, *IMAGE, "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("False")


def test_spot_checkpoints_and_waits_longer(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = shown(capsys, "--spot", "--max-hours", "2")["ModelTrainer"]
    assert trainer["compute"]["enable_managed_spot_training"] is True
    assert trainer["checkpoint_config"]["local_path"] == "/opt/ml/checkpoints"
    assert trainer["checkpoint_config"]["s3_uri"].startswith(f"{OUTPUT}/checkpoints/")
    limits = trainer["stopping_condition"]
    assert limits["max_wait_time_in_seconds"] > limits["max_runtime_in_seconds"] == 7200
    again = shown(capsys, "--spot", "--checkpoints", "s3://artifacts/c/1")["ModelTrainer"]
    assert again["checkpoint_config"]["s3_uri"] == "s3://artifacts/c/1"


def test_metrics_are_read_from_the_lines_that_training_prints() -> None:
    line = (
        "finetune 3/14: loss 0.469, validation accuracy 0.950, coverage 0.930, strangers passing 0.0213, 41 s"
    )
    found = {name: re.findall(pattern, line) for name, pattern in METRICS.items()}
    assert found == {
        "train:loss": ["0.469"],
        "validation:accuracy": ["0.950"],
        "validation:coverage": ["0.930"],
        "validation:strangers_passing": ["0.0213"],
    }
    bar = "finetune 3/14:  40%|####      | 20/51 [00:10<00:16,  1.9batch/s, loss=0.512]"
    assert not any(re.search(pattern, bar) for pattern in METRICS.values())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--set", "epoks=3"], "epoks"),
        (["--set", "epochs"], "not OPTION=VALUE"),
        (["--archive", "cifar.tar.gz"], "s3://"),
        (["--output", "build"], "s3://"),
        (["--checkpoints", "build", "--spot"], "s3://"),
        (["--role", "training"], "ARN of a role"),
        (["--max-hours", "0"], "--max-hours"),
        (["--max-hours", "nan"], "--max-hours"),
        (["--instance-type", "c5.large"], "begin with ml."),
    ],
)
def test_what_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    assert main([*OPTIONS, *ROLE, *IMAGE, "--dry-run", *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line


def test_a_value_may_hold_an_equals_sign() -> None:
    assert hyperparameters(["classes=a=b,c"]) == {"classes": "a=b,c"}


def test_the_job_gets_the_code_and_nothing_else(tmp_path: Path) -> None:
    copy_code(tmp_path)
    copied = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {Path("training/train.py"), Path("training/requirements.txt"), Path("endpoint/image.py")} <= copied
    assert {path.suffix for path in copied} == {".py", ".txt"}
    requirements = (tmp_path / "training" / "requirements.txt").read_text()
    assert "numpy" in requirements
    assert not re.search(r"^torch\b", requirements, re.MULTILINE)  # the image brings it


@dataclass
class Metric:
    metric_name: str
    value: float


@dataclass
class Job:
    """A training job that goes through these statuses."""

    statuses: list[str]
    failure_reason: str = ""
    training_job_name: str = "job-1"
    secondary_status: str = "Training"
    final_metric_data_list: list[Metric] = field(
        default_factory=lambda: [Metric("validation:accuracy", 0.95)]
    )

    @property
    def training_job_status(self) -> str:
        return self.statuses[0]

    def refresh(self) -> None:
        if len(self.statuses) > 1:
            self.statuses.pop(0)


def test_waiting_ends_with_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    wait_for(Job(["Starting", "InProgress", "InProgress", "Completed"]), QUIET)
    assert "validation:accuracy: 0.95" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_job_that_does_not_complete_says_why(status: str) -> None:
    with pytest.raises(ReleaseError, match=f"job-1 {status}: no archive"):
        wait_for(Job(["InProgress", status], "no archive"), QUIET)


@needs_sagemaker
def test_the_default_image_is_awss_newest_pytorch(capsys: pytest.CaptureFixture[str]) -> None:
    for instance_type, kind in (("ml.c5.2xlarge", "cpu"), ("ml.g5.xlarge", r"cu\d+")):
        assert main([*OPTIONS, *ROLE, "--dry-run", "--instance-type", instance_type]) == 0
        assert re.search(rf"/pytorch:[\d.]+-{kind}-amzn2023-sagemaker", capsys.readouterr().out)


@needs_sagemaker
def test_a_launched_job_is_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("moto", reason="moto is not installed")
    import boto3

    from tests.fakes import sagemaker_control_plane as fake

    monkeypatch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")  # ModelTrainer asks IAM otherwise
    with fake.emulated_sagemaker() as (plane, session):
        monkeypatch.setattr(boto3, "Session", lambda **_: session)
        s3: Any = session.client("s3")  # its stubs know the regions by name
        s3.create_bucket(
            Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": session.region_name}
        )
        command = [*OPTIONS, "--role", fake.ROLE, *IMAGE, "--spot", "--set", "epochs=3", "--wait"]
        assert main(command, QUIET) == 0
        sagemaker = session.client("sagemaker")
        (summary,) = sagemaker.list_training_jobs()["TrainingJobSummaries"]
        job = sagemaker.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket="artifacts")["Contents"]]
        buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

    assert job["RoleArn"] == fake.ROLE
    assert job["HyperParameters"]["epochs"] == "3"
    assert job["EnableManagedSpotTraining"] is True
    assert job["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert job["AlgorithmSpecification"]["TrainingImage"] == "registry.example/pytorch:1"
    (request,) = plane.training_jobs
    metrics = request["AlgorithmSpecification"]["MetricDefinitions"]
    assert {entry["Name"]: entry["Regex"] for entry in metrics} == METRICS
    channels = {entry["ChannelName"]: entry for entry in job["InputDataConfig"]}
    data = channels["training"]["DataSource"]["S3DataSource"]
    assert data["S3Uri"] == "s3://data/cifar-100-python.tar.gz"
    for file in ("train.py", "learning/model.py", "dataset/archive.py"):
        assert any(key.endswith(f"/code/training/{file}") for key in keys)
    assert not any(key.endswith(".onnx") for key in keys)
    assert all(key.startswith("training/") for key in keys)
    assert buckets == ["artifacts"]
    expected = f"model: {OUTPUT}/{summary['TrainingJobName']}/output/model.tar.gz"
    assert expected in capsys.readouterr().out.splitlines()
