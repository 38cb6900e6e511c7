"""CreateTrainingJob, as ModelTrainer makes it of every combination of options, fits SageMaker's service model."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

pytest.importorskip("moto", reason="moto is not installed")
pytest.importorskip(
    "sagemaker.train", reason="sagemaker-train is not installed: it has an environment of its own"
)

import boto3
from sagemaker.core.config.config_manager import SageMakerConfig

from tests.fakes.aws_model import violations
from tests.fakes.sagemaker_control_plane import ROLE, emulated_sagemaker
from training.launch import main
from training.release.training_job import METRICS
from training.release.waiting import Waiter

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.9-cpu-py312"
COMMON = ["--archive", "s3://data/cifar-100-python.tar.gz", "--role", ROLE, "--image", IMAGE]
OPTIONS: tuple[tuple[list[str], ...], ...] = (
    (["--output", "s3://artifacts"], ["--output", "s3://artifacts/training/"]),
    ([], ["--spot"], ["--spot", "--checkpoints", "s3://artifacts/c/1"]),
    (
        ["--max-hours", "0.001"],
        [
            "--max-hours",
            "120",
            "--instance-type",
            "ml.g5.xlarge",
            "--set",
            "epochs=3",
            "--set",
            "classes=bicycle,tractor",
        ],
    ),
)


def test_every_combination_of_options_makes_a_request_that_sagemaker_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")  # ModelTrainer asks IAM otherwise
    # ModelTrainer compares its settings, none here, with a schema that it checks anew each time: half of the test.
    monkeypatch.setattr(SageMakerConfig, "validate_sagemaker_config", staticmethod(lambda _settings: None))
    combinations = list(itertools.product(*OPTIONS))
    with emulated_sagemaker() as (plane, session):
        monkeypatch.setattr(boto3, "Session", lambda **_: session)
        where = {"LocationConstraint": session.region_name}
        s3: Any = session.client("s3")  # its stubs know the regions by name
        s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration=where)
        for groups in combinations:
            plane.training_jobs.clear()
            assert main([*COMMON, *itertools.chain(*groups)], Waiter(lambda _: None, lambda _: None)) == 0
            (request,) = plane.training_jobs
            assert violations("sagemaker", "CreateTrainingJob", request) == []
            stopping = request["StoppingCondition"]
            # Not in the model: a job on spare capacity may wait no shorter than it may run.
            assert stopping.get("MaxWaitTimeInSeconds", 10**9) >= stopping["MaxRuntimeInSeconds"] >= 1
            assert request.get("EnableManagedSpotTraining", False) == ("MaxWaitTimeInSeconds" in stopping)
            assert len(request["AlgorithmSpecification"]["MetricDefinitions"]) == len(METRICS)
