"""Read a served ONNX file back into a network, to train it further."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from training.errors import TrainingError
from training.learning.export import Trained
from training.learning.model import Block, Network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BATCH = 256
_QUANTIZED = "_quantized"


class RestoreError(TrainingError):
    """The file was not written by training.train, or its network is another one."""


def restore(path: Path, examples: np.ndarray) -> Trained:
    """Return the network of a file that `training.learning.export.export` wrote, as exact as its 8-bit weights.

    Export folds a block's second normalisation into the convolution before it. Its statistics are measured
    again on the examples, and its scale and shift chosen so that the network answers the same.

    Parameters
    ----------
    path
        The .onnx file.
    examples
        Typical images, uint8 [N, S, S, 3].

    Raises
    ------
    RestoreError
        The file contains another network.
    """
    model = onnx.load(path)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    stored = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    try:
        network = Network(len(stored["network.head.bias"]))
        state = {
            name: torch.tensor(stored[f"network.{name}"])
            for name in network.state_dict()
            if f"network.{name}" in stored
        }
        folded = {}
        for node in model.graph.node:
            if node.op_type == "Conv":
                module = node.name.removeprefix("/network/").removesuffix("/Conv").split("/")[-2:]
                name = ".".join(module) if module[0].startswith("body") else module[-1]
                state[f"{name}.weight"] = _exact(stored, node.input[1])
                if node.input[2:]:  # the bias
                    folded[name.removesuffix(".conv1")] = _exact(stored, node.input[2])
        network.load_state_dict(state, strict=False)
    except (KeyError, RuntimeError) as error:
        raise RestoreError(f"{path}: not a network of training.train ({error})") from error
    _unfold(network, folded, examples)
    return Trained(network, tuple(facts["labels"].split(",")), float(facts["temperature"]))


def _exact(stored: Mapping[str, np.ndarray], given: str) -> torch.Tensor:
    """Return a convolution's weights or bias as 32-bit numbers."""
    name = given.removesuffix("_DequantizeLinear_Output")
    values = stored[f"{name}{_QUANTIZED}"].astype(np.float32)
    scale = stored.get(f"{name}_scale", stored.get(f"{name}{_QUANTIZED}_scale"))
    if scale is None:
        raise KeyError(f"{name}_scale")
    return torch.tensor(values * scale.reshape(-1, *[1] * (values.ndim - 1)))


def _unfold(network: Network, folded: Mapping[str, torch.Tensor], examples: np.ndarray) -> None:
    """Give every block's second normalisation the statistics of the examples, without changing its result."""
    blocks = {f"body.{index}": block for index, block in enumerate(network.body)}
    if folded.keys() != blocks.keys():
        raise RestoreError("the file's blocks are not those of training.learning.model")
    network.eval()
    with torch.inference_mode():
        x = torch.from_numpy(examples[:_BATCH]).permute(0, 3, 1, 2).float()
        x = network.stem((x - network.mean) / network.std)
        for name, block in blocks.items():
            y = block.conv1(torch.relu(block.norm1(x)))
            _settle(block, y, folded[name])
            x = block(x)


def _settle(block: Block, y: torch.Tensor, bias: torch.Tensor) -> None:
    """Make norm2(y) equal to y + bias, with y's own mean and variance as its statistics."""
    mean, variance = y.mean((0, 2, 3)), y.var((0, 2, 3))
    block.norm2.running_mean.copy_(mean)
    block.norm2.running_var.copy_(variance)
    block.norm2.weight.data.copy_(torch.sqrt(variance + block.norm2.eps))
    block.norm2.bias.data.copy_(bias + mean)
