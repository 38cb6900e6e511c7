"""Export a trained network as the ONNX file that the endpoint serves."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from endpoint.views import VIEWS
from training.dataset.archive import SIDE
from training.errors import TrainingError
from training.learning.model import Network, mirrored_logits
from training.learning.quantize import quantize

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4_000_000
MAX_TRACING_DIFFERENCE = 1e-5  # of a probability, on average
MAX_ROUNDING_DIFFERENCE = 0.03
OPSET = 17


class ExportError(TrainingError):
    """The exported file's outputs differ from the network's, or it is too large."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with the metadata that its file must contain."""

    network: Network
    labels: tuple[str, ...]
    temperature: float

    def save(self, path: Path) -> None:
        """Write the weights and the metadata as a PyTorch file."""
        facts = {"labels": self.labels, "temperature": self.temperature}
        torch.save({"network": self.network.state_dict(), **facts}, path)

    @classmethod
    def load(cls, path: Path) -> Trained:
        """Read a file written by `save`."""
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network = Network(len(content["network"]["head.bias"]))
        network.load_state_dict(content["network"])
        return cls(network, tuple(content["labels"]), float(content["temperature"]))

    def version(self) -> str:
        """Return a version that depends only on the weights, the calibration and the views."""
        digest = hashlib.sha256(repr(self.temperature).encode())
        for tensor in self.network.state_dict().values():
            digest.update(tensor.cpu().numpy().tobytes())
        seen = f"{digest.hexdigest()[:12]} {','.join(VIEWS)}"
        return hashlib.sha256(seen.encode()).hexdigest()[:12]


class Served(nn.Module):  # type: ignore[misc]  # PyTorch is not in the environment of the type check
    """The complete served model: uint8 [N, S, S, 3] in, calibrated probabilities [N, C] out.

    The graph of training.learning.calibrate's `answer`.
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.network, self.temperature = trained.network, trained.temperature
        self.wanted = len(trained.labels)

    def forward(self, image: Tensor) -> Tensor:
        """Average with the mirror image, divide by the temperature, softmax, spread the "none" probability."""
        x = image.permute(0, 3, 1, 2).float()
        every = torch.softmax(mirrored_logits(self.network, x) / self.temperature, 1)
        named = every[:, : self.wanted]
        return named + (1 - named.sum(1, keepdim=True)) / self.wanted


def export(trained: Trained, path: Path, examples: np.ndarray) -> None:
    """Write the ONNX file with 8-bit convolutions, and verify that its outputs match the network's.

    Parameters
    ----------
    examples
        Typical images, uint8 [N, S, S, 3]: their activations set the ranges of the 8-bit numbers.

    Raises
    ------
    ExportError
        They do not match, or the file exceeds 4 MB.
    """
    trained.network.cpu().float()
    served = Served(trained).eval()
    exact, unfinished = path.with_suffix(".exact"), path.with_suffix(".partial")
    try:
        _trace(served, torch.from_numpy(examples[:3]), exact)
        with torch.inference_mode():
            expected = served(torch.from_numpy(examples)).numpy()
        _compare(exact, examples, expected, MAX_TRACING_DIFFERENCE)
        quantize(exact, unfinished, examples)
        _compare(unfinished, examples, expected, MAX_ROUNDING_DIFFERENCE)
        _describe(unfinished, trained)
        if (size := unfinished.stat().st_size) > MAX_BYTES:
            raise ExportError(f"the file has {size} bytes, more than {MAX_BYTES}")
        unfinished.replace(path)
    finally:
        exact.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)


def _trace(served: nn.Module, example: Tensor, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the legacy exporter needs no further package
        torch.onnx.export(
            served,
            (example,),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["probabilities"],
            dynamic_axes={"image": {0: "N"}, "probabilities": {0: "N"}},
        )


def _describe(path: Path, trained: Trained) -> None:
    model = onnx.load(path)
    facts = {
        "labels": ",".join(trained.labels),
        "input_size": str(SIDE),
        "temperature": repr(trained.temperature),
        "version": trained.version(),
        "views": ",".join(VIEWS),
    }
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _compare(path: Path, images: np.ndarray, expected: np.ndarray, limit: float) -> None:
    """Compare the file's outputs with the expected ones, for a batch and for one image: the mean must match."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for part in (slice(None), slice(1)):
        (answered,) = session.run(["probabilities"], {"image": images[part]})
        if not (difference := float(np.abs(answered - expected[part]).mean())) <= limit:
            raise ExportError(f"ONNX Runtime and PyTorch differ by {difference:.2g} on average")
