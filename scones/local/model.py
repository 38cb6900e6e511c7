"""The model that the local endpoint serves: what it says about itself decides the stack's labels and input size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scones.errors import SconesError

_REMEMBERED: Final = Path("aws", "model.json")


def parameters_of(model: Path | None) -> dict[str, str]:
    """Load a model, the shipped one for None, and return the template's parameters that describe it.

    Raises
    ------
    SconesError
        When the file is not a usable model.
    """
    from endpoint.errors import ModelFileError  # noqa: PLC0415  slow: ONNX runtime
    from endpoint.predictor import SHIPPED_MODEL, Predictor  # noqa: PLC0415

    try:
        predictor = Predictor(model or SHIPPED_MODEL)
    except ModelFileError as error:
        message = f"cannot serve this model: {error}"
        raise SconesError(message) from error
    return {"Labels": ",".join(predictor.labels), "ModelInputSize": str(predictor.picture_size)}


def agreed_parameters(given: Mapping[str, str], described: Mapping[str, str]) -> dict[str, str]:
    """Return the given parameters, completed by those that describe the model.

    Raises
    ------
    SconesError
        When a given one contradicts the model: it would file images under wrong labels, or fail each of them.
    """
    for name, of_model in described.items():
        if name in given and given[name] != of_model:
            message = (
                f"parameter {name}={given[name]} contradicts the model, which has {name}={of_model}: leave "
                f"-p {name} out, or serve a model that has {given[name]} with --model"
            )
            raise SconesError(message)
    return dict(described) | dict(given)


def remember(model: Path | None, state: Path) -> None:
    """Write down which model a cloud that persists serves."""
    file = state / _REMEMBERED
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"model": str(model) if model else None}) + "\n", encoding="utf-8")
    draft.replace(file)


def remembered(state: Path) -> Path | None:
    """Return the model that the last `scones up --persist` served; None for the shipped one.

    Raises
    ------
    SconesError
        When the file is gone.
    """
    file = state / _REMEMBERED
    try:
        named = json.loads(file.read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if named is None:
        return None
    model = Path(str(named))
    if not model.is_file():
        message = f"the model of this persisted cloud is gone ({model}): name another with --model"
        raise SconesError(message)
    return model
