"""The network: a pre-activation residual net of 1.5 million parameters for 32-pixel images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTHS = (32, 96, 192)
BLOCKS = (1, 2, 2)
PIXEL_MEAN = (129.3, 124.1, 112.4)
PIXEL_STD = (68.2, 65.4, 70.4)


class Block(nn.Module):  # type: ignore[misc]  # PyTorch is not in the environment of the type check
    """Two 3x3 convolutions, each after normalisation and ReLU, around a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        changes = stride > 1 or inputs != outputs
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H/stride, W/stride]."""
        y = functional.relu(self.norm1(x))
        kept = x if self.shortcut is None else self.shortcut(y)
        return kept + self.conv2(functional.relu(self.norm2(self.conv1(y))))


class Network(nn.Module):  # type: ignore[misc]  # PyTorch is not in the environment of the type check
    """Pixels in, logits out.

    Takes float [N, 3, H, W] with values 0..255 and normalises them itself, so that callers cannot forget it.
    """

    def __init__(self, classes: int, widths: Sequence[int] = WIDTHS, blocks: Sequence[int] = BLOCKS) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(PIXEL_STD).reshape(1, 3, 1, 1))
        channels = widths[0]
        self.stem = nn.Conv2d(3, channels, 3, 1, 1, bias=False)
        body: list[nn.Module] = []
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for position in range(count):
                body.append(Block(channels, width, 2 if stage and not position else 1))
                channels = width
        self.body = nn.Sequential(*body)
        self.norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes]."""
        x = self.body(self.stem((x - self.mean) / self.std))
        return self.head(functional.relu(self.norm(x)).mean((2, 3)))


def mirrored_logits(network: nn.Module, x: Tensor) -> Tensor:
    """Return the logits averaged over each image and its mirror image, in one pass of 2N."""
    straight, mirrored = network(torch.cat([x, x.flip(3)])).chunk(2)
    return (straight + mirrored) / 2


def average(networks: Sequence[Network]) -> Network:
    """Return the network whose weights are the mean of these, which must have started from the same weights.

    Wortsman et al., "Model soups", 2022.
    """
    states = [network.state_dict() for network in networks]
    mean = {name: sum(state[name].double() for state in states) / len(states) for name in states[0]}
    result: Network = Network(networks[0].head.out_features).to(networks[0].head.weight.device)
    result.load_state_dict(mean)
    return result
