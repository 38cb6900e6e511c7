r"""Run training.train as a SageMaker training job.

    python -m training.launch --archive s3://bucket/cifar-100-python.tar.gz --output s3://bucket/training \
        --role ROLE_ARN --set epochs=12 --wait

--dry-run prints what ModelTrainer would be given, makes no call and needs no credentials.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from training.aws import SessionError, aws_errors, open_session
from training.errors import StorageError
from training.release.launch_options import LaunchError, job_of, parser
from training.release.training_job import METRICS, TrainingJob
from training.release.waiting import Waiter

if TYPE_CHECKING:
    import argparse

ENDED = ("Completed", "Failed", "Stopped")


def _show(job: TrainingJob) -> None:
    print(f"ModelTrainer {json.dumps(job.trainer(), indent=2)}\n")
    print(f"with_metric_definitions {json.dumps(METRICS, indent=2)}\n")
    print(f"train {json.dumps(job.inputs(), indent=2)}")


def wait_for(job: Any, waiter: Waiter) -> None:  # noqa: ANN401 - sagemaker-core's TrainingJob
    """Wait until the job has ended, and print what it measured.

    Raises
    ------
    LaunchError
        It failed or was stopped.
    """

    def status() -> str:
        job.refresh()
        return f"{job.training_job_status}/{job.secondary_status}"

    waiter.until(job.training_job_name, status, lambda answer: answer.partition("/")[0] in ENDED)
    if job.training_job_status != "Completed":
        raise LaunchError(f"{job.training_job_name} {job.training_job_status}: {job.failure_reason}")
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


def main(arguments: list[str] | None = None, waiter: Waiter | None = None) -> int:
    """Run the command line."""
    options = parser(__doc__).parse_args(arguments)
    try:
        _launch(options, waiter or Waiter(timeout_s=options.max_hours * 4 * 3600, poll_s=30))
    except (
        LaunchError,
        StorageError,
        SessionError,
        TimeoutError,
        ValueError,
        ImportError,
        *aws_errors(),
    ) as error:
        print(f"training.launch: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training.launch: stopped waiting; a job that was started goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
