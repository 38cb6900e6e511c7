"""The options of training.train: from the command line, or from the environment of a SageMaker training job."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from training.dataset.archive import OFFICIAL_MD5
from training.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# SageMaker copies this folder to S3, and back after a restart
SAGEMAKER_CHECKPOINTS = Path("/opt/ml/checkpoints")
_SAGEMAKERS_OWN = "sagemaker_"


def parse(
    arguments: Sequence[str] | None, environment: Mapping[str, str], description: str
) -> argparse.Namespace:
    """Return the options; the command line overrides SM_HPS, which overrides the defaults.

    In a training job (SM_MODEL_DIR is set) the archive is the one in the channel "training", the model goes
    to SM_MODEL_DIR, and a restarted job resumes.

    Raises
    ------
    OptionError
        SM_HPS names an option that does not exist.
    """
    in_job = "SM_MODEL_DIR" in environment
    parser = argparse.ArgumentParser(prog="python -m training.train", description=description)
    channel = environment.get("SM_CHANNEL_TRAINING")
    add = parser.add_argument
    add(
        "--archive",
        type=Path,
        default=channel,
        required=channel is None,
        help="cifar-100-python.tar.gz, or the folder it is in (default: SM_CHANNEL_TRAINING)",
    )
    add("--md5", default=OFFICIAL_MD5, help="its checksum (default: the official archive's)")
    add("--classes", default="bicycle,motorcycle", help='in the order of the output, or "all"')
    add(
        "--output",
        type=Path,
        default=Path(environment.get("SM_MODEL_DIR", "build/training")),
        help="folder for the model (default: SM_MODEL_DIR, else %(default)s)",
    )
    add("--checkpoints", type=Path, help="default: checkpoints/ in --output; in a job /opt/ml/checkpoints")
    add("--epochs-pretrain", type=int, default=30, help="on all classes (default: %(default)s)")
    add("--epochs", type=int, default=14, help="then on the wanted ones (default: %(default)s)")
    add("--members", type=int, default=3, help="fine-tuned networks to average (default: %(default)s)")
    add("--reviewed", type=Path, help="folder that `training.data --reviewed` wrote: train on its images too")
    add("--seed", type=int, default=1, help="default: %(default)s")
    add("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    add(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=in_job,
        help="continue from the checkpoints (default: only in a job)",
    )
    parser.set_defaults(**_hyperparameters(environment, parser))
    options = parser.parse_args(arguments)
    if options.members < 1:
        parser.error("--members must be 1 or more")
    if options.checkpoints is None:
        options.checkpoints = SAGEMAKER_CHECKPOINTS if in_job else options.output / "checkpoints"
    return options


def find_archive(place: Path) -> Path:
    """Return the archive, given its path or the folder that contains only it.

    Raises
    ------
    OptionError
        The folder contains none, or several.
    """
    if not place.is_dir():
        return place
    found = sorted(place.glob("*.tar.gz"))
    if len(found) != 1:
        raise OptionError(f"{place} holds {len(found)} .tar.gz files, expected the CIFAR-100 archive alone")
    return found[0]


def _hyperparameters(environment: Mapping[str, str], parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return SM_HPS as defaults: text, which argparse converts like arguments of the command line."""
    try:
        given = json.loads(environment.get("SM_HPS", "{}"))
        chosen = {name.replace("-", "_"): str(value) for name, value in given.items()}
    except (json.JSONDecodeError, AttributeError) as error:
        raise OptionError(f"SM_HPS is not a JSON object: {error}") from error
    chosen = {name: value for name, value in chosen.items() if not name.startswith(_SAGEMAKERS_OWN)}
    known = {action.dest for action in parser._actions} - {"help", "resume"}  # noqa: SLF001 - no public list
    if unknown := sorted(set(chosen) - known):
        raise OptionError(f"unknown hyperparameter: {', '.join(unknown)}")
    return chosen
