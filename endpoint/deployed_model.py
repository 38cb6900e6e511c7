"""Find the model that a container serves, and check that it is the one that was deployed.

SageMaker unpacks a release's model.tar.gz into /opt/ml/model and starts the container with `serve`. A faulty archive
must never make it serve the model that is in the image: the container refuses to start instead, and the deployment
fails or rolls back.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from endpoint.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

SAGEMAKER_MODEL_DIR = "/opt/ml/model"
MODEL_FILE = "model.onnx"
# Set by training.deploy for the model's container; the ONNX file's metadata contain the model's version.
VERSION_VARIABLE = "SCONES_MODEL_VERSION"


def default_model(environment: Mapping[str, str], shipped: Path, *, is_serving: bool) -> Path:
    """Return the model that SageMaker unpacked, or the shipped one where no model was deployed.

    Parameters
    ----------
    environment
        SM_MODEL_DIR overrides the model folder; SCONES_MODEL_VERSION says that a model was deployed.
    shipped
        The model in the image.
    is_serving
        Whether the container was started with `serve`, as by SageMaker.

    Raises
    ------
    ModelFileError
        A model was deployed, and the model folder does not contain it.
    """
    folder = Path(environment.get("SM_MODEL_DIR", SAGEMAKER_MODEL_DIR))
    model = folder / MODEL_FILE
    if model.is_file():
        return model
    is_deployed = folder.exists() or not environment.keys().isdisjoint(("SM_MODEL_DIR", VERSION_VARIABLE))
    if is_serving and is_deployed:
        raise ModelFileError(
            f"{folder} has no {MODEL_FILE}: deploy an archive that training.package made, or give --model"
        )
    return shipped


def check_version(found: str, environment: Mapping[str, str]) -> None:
    """Raise ModelFileError if the model's version is not the deployed one; without a deployed version, any is valid."""
    deployed = environment.get(VERSION_VARIABLE)
    if deployed and found != deployed:
        raise ModelFileError(
            f"the model folder holds model {found}, but {deployed} was deployed: give training.deploy the archive "
            f"of {deployed}, or --version {found}"
        )
