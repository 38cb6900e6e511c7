"""Write a trained network as the ONNX file the endpoint serves."""

from __future__ import annotations

import argparse
import hashlib
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from training.dataset.archive import SIDE
from training.learning.model import Network, mirrored_logits

MAX_BYTES = 4_000_000
MAX_DIFFERENCE = 1e-4
OPSET = 17


class ExportError(Exception):
    """The exported file does not do what the network does, or is too large."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with all that its file must say about it."""

    network: Network
    labels: tuple[str, ...]
    temperature: float

    def save(self, path: Path) -> None:
        """Write the weights and the facts as a PyTorch file."""
        facts = {"labels": self.labels, "temperature": self.temperature}
        torch.save({"network": self.network.state_dict(), **facts}, path)

    @classmethod
    def load(cls, path: Path) -> Trained:
        """Read what `save` wrote."""
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network = Network(len(content["network"]["head.bias"]))
        network.load_state_dict(content["network"])
        return cls(network, tuple(content["labels"]), float(content["temperature"]))

    def version(self) -> str:
        """Return a name that changes with any weight or the temperature, and with nothing else."""
        digest = hashlib.sha256(repr(self.temperature).encode())
        for tensor in self.network.state_dict().values():
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()[:12]


class Served(nn.Module):
    """The whole of what is served: uint8 [N, S, S, 3] in, calibrated probabilities [N, C] out.

    The graph of training.learning.calibrate's `answer`.
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.network, self.temperature = trained.network, trained.temperature
        self.wanted = len(trained.labels)

    def forward(self, image: Tensor) -> Tensor:
        """Average over the mirrored image, divide by the temperature, softmax, spread what is of no class."""
        x = image.permute(0, 3, 1, 2).float()
        every = torch.softmax(mirrored_logits(self.network, x) / self.temperature, 1)
        named = every[:, : self.wanted]
        return named + (1 - named.sum(1, keepdim=True)) / self.wanted


def export(trained: Trained, path: Path) -> None:
    """Write the ONNX file and prove that it answers as the network does.

    Raises
    ------
    ExportError
        Where it does not, or where the file exceeds 4 MB.
    """
    trained.network.cpu().float()
    served = Served(trained).eval()
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8))
    unfinished = path.with_suffix(".partial")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is called legacy
        torch.onnx.export(
            served,
            (example,),
            unfinished,
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["probabilities"],
            dynamic_axes={"image": {0: "N"}, "probabilities": {0: "N"}},
        )
    try:
        _describe(unfinished, trained)
        _check(unfinished, served, example)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _describe(path: Path, trained: Trained) -> None:
    model = onnx.load(path)
    facts = {
        "labels": ",".join(trained.labels),
        "input_size": str(SIDE),
        "temperature": repr(trained.temperature),
        "version": trained.version(),
    }
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _check(path: Path, served: nn.Module, example: Tensor) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for images in (example, example[:1]):
        with torch.inference_mode():
            expected = served(images).numpy()
        (answered,) = session.run(["probabilities"], {"image": images.numpy()})
        if (difference := float(np.abs(answered - expected).max())) > MAX_DIFFERENCE:
            raise ExportError(f"ONNX Runtime and PyTorch differ by {difference:.2g}")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ExportError(f"the file has {size} bytes, more than {MAX_BYTES}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.learning.export", description=__doc__)
    parser.add_argument("--trained", type=Path, required=True, help="model.pt as training.train writes it")
    parser.add_argument("--output", type=Path, required=True, help="the .onnx file to write")
    options = parser.parse_args(arguments)
    try:
        export(Trained.load(options.trained), options.output)
    except (ExportError, OSError) as error:
        print(f"training.learning.export: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
