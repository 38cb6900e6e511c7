"""A SageMaker training job that runs training.train."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import AwsError

if TYPE_CHECKING:
    import boto3

    from training.storage import Address

ROOT = Path(__file__).parents[2]
CHANNEL = "training"  # SM_CHANNEL_TRAINING in the job
REQUIREMENTS = "training/requirements.txt"
LOCAL_CHECKPOINTS = "/opt/ml/checkpoints"
FRAMEWORK = "pytorch-amzn2023"
_DISK_GB = 30
_SPOT_PATIENCE = 3  # a spot job may wait and restart for up to this multiple of its time limit

# From the line that training.train prints after each epoch.
METRICS = {
    "train:loss": r": loss ([0-9.]+)",
    "validation:accuracy": r"validation accuracy ([0-9.]+)",
    "validation:coverage": r"coverage ([0-9.]+)",
    "validation:strangers_passing": r"strangers passing ([0-9.]+)",
}


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """The training job.

    Parameters
    ----------
    archive
        s3:// address of the CIFAR-100 archive.
    output
        Where the model, its code and checkpoints are stored.
    hyperparameters
        Options of training.train, without the dashes.
    checkpoints
        s3:// address from which SageMaker resumes an interrupted spot job; None for other jobs.
    """

    image: str
    role: str
    archive: str
    output: Address
    instance_type: str
    hyperparameters: dict[str, str] = field(default_factory=dict)
    max_hours: float = 4.0
    checkpoints: str | None = None
    name: str = "scones-training"

    def trainer(self, source_dir: str = ".") -> dict[str, Any]:
        """Return the arguments of ModelTrainer."""
        limit_s = int(self.max_hours * 3600)
        arguments: dict[str, Any] = {
            "training_image": self.image,
            "role": self.role,
            "base_job_name": self.name,
            # ModelTrainer's start script changes into source_dir, installs the requirements and evaluates the
            # command there; hyperparameters arrive in SM_HPS only (sagemaker-train 1.27.0, templates.py).
            "source_code": {
                "source_dir": source_dir,
                "command": "python3 -m training.train",
                "requirements": REQUIREMENTS,
            },
            "compute": {
                "instance_type": self.instance_type,
                "instance_count": 1,
                "volume_size_in_gb": _DISK_GB,
            },
            "stopping_condition": {"max_runtime_in_seconds": limit_s},
            "output_data_config": {"s3_output_path": str(self.output).rstrip("/")},
            "hyperparameters": self.hyperparameters,
        }
        if self.checkpoints:
            arguments["compute"]["enable_managed_spot_training"] = True
            arguments["stopping_condition"]["max_wait_time_in_seconds"] = _SPOT_PATIENCE * limit_s
            arguments["checkpoint_config"] = {"s3_uri": self.checkpoints, "local_path": LOCAL_CHECKPOINTS}
        return arguments

    def inputs(self) -> list[dict[str, str]]:
        """Return the channels of the job."""
        return [{"channel_name": CHANNEL, "data_source": self.archive}]

    def start(self, session: boto3.Session) -> Any:  # noqa: ANN401 - sagemaker-core's TrainingJob
        """Start the job and return sagemaker-core's view of it."""
        from sagemaker.core.helper.session_helper import Session  # noqa: PLC0415 - seconds, and large
        from sagemaker.core.shapes import MetricDefinition  # noqa: PLC0415 - as above
        from sagemaker.core.training.configs import InputData  # noqa: PLC0415 - as above
        from sagemaker.train import ModelTrainer  # noqa: PLC0415 - as above

        logging.getLogger("sagemaker").setLevel(logging.WARNING)
        studio = Session(
            boto_session=session,
            default_bucket=self.output.bucket,  # otherwise it would create a bucket
            default_bucket_prefix=self.output.prefix.rstrip("/") or None,
            sagemaker_config=_NO_TELEMETRY,
        )
        with tempfile.TemporaryDirectory() as folder:
            copy_code(Path(folder))
            trainer = ModelTrainer(**self.trainer(folder), sagemaker_session=studio)
            metrics = [MetricDefinition(name=name, regex=regex) for name, regex in METRICS.items()]
            trainer.with_metric_definitions(metrics).train(
                input_data_config=[InputData(**channel) for channel in self.inputs()], wait=False, logs=False
            )
        return trainer._latest_training_job  # noqa: SLF001 - as its documentation does


_NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


def copy_code(folder: Path) -> None:
    """Copy the code and the requirements of the job, without data, model and environment.

    PyTorch is not among the requirements: the image brings its own, built for the instance.
    """
    for package in ("training", "endpoint"):
        for path in (ROOT / package).rglob("*.py"):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    wanted = (ROOT / REQUIREMENTS).read_text().splitlines()
    brought = [line for line in wanted if not re.match(r"torch\b", line)]
    (folder / REQUIREMENTS).write_text("\n".join(brought) + "\n")


def default_image(region: str, instance_type: str) -> str:
    """Return AWS's PyTorch training image for this region and instance type; makes no call."""
    try:
        from sagemaker.core import image_uris  # noqa: PLC0415 - seconds, and large
    except ImportError as error:
        raise AwsError("looking the image up needs sagemaker-core: pip install sagemaker-core") from error
    image: str = image_uris.retrieve(
        FRAMEWORK, region=region, version="latest", instance_type=instance_type, image_scope="training"
    )
    return image
