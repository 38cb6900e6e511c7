r"""Run training.train as a SageMaker training job.

    python -m training.launch --archive s3://bucket/cifar-100-python.tar.gz --output s3://bucket/training \
        --role ROLE_ARN --set epochs=12 --wait

--dry-run prints ModelTrainer's arguments; it makes no call and needs no credentials.
"""

from __future__ import annotations

import argparse
import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from training.aws import is_role_arn, open_session
from training.command_line import command, start
from training.errors import OptionError, ReleaseError
from training.learning import train_options
from training.release.training_job import METRICS, TrainingJob, default_image
from training.release.waiting import Waiter
from training.storage import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDED = ("Completed", "Failed", "Stopped")


# sagemaker-train is imported late, and rejects arguments with pydantic's ValueErrors.
@command(
    "launch", stopped="stopped waiting; a job that was started continues", also=(ValueError, ImportError)
)
def main(arguments: list[str] | None = None, waiter: Waiter | None = None) -> int:
    """Run the command line."""
    options = parser(__doc__).parse_args(arguments)
    _launch(options, waiter or Waiter(timeout_s=options.max_hours * 4 * 3600, poll_s=30))
    return 0


def _show(job: TrainingJob) -> None:
    print(f"ModelTrainer {json.dumps(job.trainer(), indent=2)}\n")
    print(f"with_metric_definitions {json.dumps(METRICS, indent=2)}\n")
    print(f"train {json.dumps(job.inputs(), indent=2)}")


def wait_for(job: Any, waiter: Waiter) -> None:  # noqa: ANN401 - sagemaker-core's TrainingJob
    """Wait until the job has ended, and print its metrics.

    Raises
    ------
    ReleaseError
        It failed or was stopped.
    """

    def status() -> str:
        job.refresh()
        return f"{job.training_job_status}/{job.secondary_status}"

    waiter.until(job.training_job_name, status, lambda answer: answer.partition("/")[0] in ENDED)
    if job.training_job_status != "Completed":
        raise ReleaseError(f"{job.training_job_name} {job.training_job_status}: {job.failure_reason}")
    for metric in job.final_metric_data_list or []:
        print(f"{metric.metric_name}: {metric.value:g}")


def _launch(options: argparse.Namespace, waiter: Waiter) -> None:
    job = job_of(options, datetime.now(UTC))
    if options.dry_run:
        _show(job)
        return
    started = job.start(open_session(options.region))
    name = started.training_job_name
    print(f"training job {name}")
    if options.wait:
        wait_for(started, waiter)
    print(f"model: {str(job.output).rstrip('/')}/{name}/output/model.tar.gz")


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.launch",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--archive", required=True, metavar="S3_URI", help="the CIFAR-100 archive")
    parser.add_argument("--output", required=True, metavar="S3_URI", help="for model, code and checkpoints")
    parser.add_argument("--role", required=True, help="ARN of the role that the job runs as")
    parser.add_argument(
        "--instance-type", default="ml.c5.2xlarge", help="with or without a GPU (default: %(default)s)"
    )
    parser.add_argument("--image", help="default: AWS's newest PyTorch image for training")
    parser.add_argument("--region", help="default: the one that boto3 finds")
    parser.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE", help="an option of training.train"
    )
    parser.add_argument("--max-hours", type=float, default=4, help="default: %(default)s")
    parser.add_argument("--spot", action="store_true", help="spare capacity: cheaper, may be interrupted")
    parser.add_argument(
        "--checkpoints", metavar="S3_URI", help="of a spot job (default: new, below --output)"
    )
    parser.add_argument("--wait", action="store_true", help="wait until the job has ended")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, without doing it")
    return parser


def hyperparameters(pairs: Sequence[str]) -> dict[str, str]:
    """Parse OPTION=VALUE pairs as training.train will read them in the job.

    Raises
    ------
    OptionError
        One is not a pair, or training.train has no such option; detected before a paid job starts.
    """
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise OptionError(f"--set {wrong[0]} is not OPTION=VALUE")
    chosen = dict(pair.split("=", 1) for pair in pairs)
    job = {"SM_MODEL_DIR": ".", "SM_CHANNEL_TRAINING": ".", "SM_HPS": json.dumps(chosen)}
    train_options.parse([], job, "")
    return chosen


def job_of(options: argparse.Namespace, now: datetime) -> TrainingJob:
    """Return the job that the options describe."""
    output = Address.parse(options.output)
    for address in filter(None, (options.archive, options.checkpoints)):
        Address.parse(address)
    if not is_role_arn(options.role):
        raise OptionError(
            f"role {options.role!r} is not the ARN of a role, arn:aws:iam::<account>:role/<name>"
        )
    if not 1 <= options.max_hours * 3600 < math.inf:
        raise OptionError("--max-hours must be a second or more")
    if not options.instance_type.startswith("ml."):
        raise OptionError(
            f"instance type {options.instance_type!r}: SageMaker's begin with ml., as ml.c5.2xlarge"
        )
    checkpoints = options.checkpoints or f"{str(output).rstrip('/')}/checkpoints/{now:%Y%m%d-%H%M%S}"
    image = options.image or default_image(open_session(options.region).region_name, options.instance_type)
    return TrainingJob(
        image,
        options.role,
        options.archive,
        output,
        options.instance_type,
        hyperparameters(options.set),
        options.max_hours,
        checkpoints if options.spot else None,
    )


if __name__ == "__main__":
    start(main)
