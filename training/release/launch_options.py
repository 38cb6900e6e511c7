"""The options of training.launch, and the job they ask for."""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING

from training.aws import is_role_arn, open_session
from training.learning import train_options
from training.release.training_job import TrainingJob, default_image
from training.storage import Address

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class LaunchError(Exception):
    """The job cannot be launched or did not succeed; the message is one line for a person."""


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
    parser.add_argument("--region", help="default: as boto3 finds it")
    parser.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE", help="an option of training.train"
    )
    parser.add_argument("--max-hours", type=float, default=4, help="default: %(default)s")
    parser.add_argument("--spot", action="store_true", help="spare capacity: cheaper, may be interrupted")
    parser.add_argument(
        "--checkpoints", metavar="S3_URI", help="of a spot job (default: new, below --output)"
    )
    parser.add_argument("--wait", action="store_true", help="until the job has ended")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done")
    return parser


def hyperparameters(pairs: Sequence[str]) -> dict[str, str]:
    """Return OPTION=VALUE pairs as training.train will read them in the job.

    Raises
    ------
    LaunchError
        One is not a pair, or training.train has no such option; found here rather than in a paid job.
    """
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise LaunchError(f"--set {wrong[0]} is not OPTION=VALUE")
    chosen = dict(pair.split("=", 1) for pair in pairs)
    job = {"SM_MODEL_DIR": ".", "SM_CHANNEL_TRAINING": ".", "SM_HPS": json.dumps(chosen)}
    try:
        train_options.parse([], job, "")
    except train_options.OptionError as error:
        raise LaunchError(str(error)) from error
    return chosen


def job_of(options: argparse.Namespace, now: datetime) -> TrainingJob:
    """Return the job that the options ask for."""
    output = Address.parse(options.output)
    for address in filter(None, (options.archive, options.checkpoints)):
        Address.parse(address)
    if not is_role_arn(options.role):
        raise LaunchError(
            f"role {options.role!r} is not the ARN of a role, arn:aws:iam::<account>:role/<name>"
        )
    if not 1 <= options.max_hours * 3600 < math.inf:
        raise LaunchError("--max-hours must be a second or more")
    if not options.instance_type.startswith("ml."):
        raise LaunchError(
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
