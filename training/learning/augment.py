"""Random augmentation of a batch, modelled on how photographs differ: framing, light, focus, occlusion."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

MAX_SHIFT = 4  # pixels of 32
ZOOM = (0.55, 1.25)  # side of the view relative to the image's: < 1 zooms in, > 1 zooms out
MAX_STRETCH = 1.15  # of the view's width against its height
MAX_TILT = 10.0  # degrees
CONTRAST = (0.7, 1.3)
SATURATION = (0.5, 1.3)
BRIGHTNESS = 30.0  # of 255
FOCUS = (-0.6, 1.0)  # from sharpened to blurred
HIDDEN_SIDE = 12  # pixels: largest side of a grey square in the image
ZOOMED, COLOURED, REFOCUSED, HIDDEN = 0.6, 0.7, 0.3, 0.3  # shares of images


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn uint8 [N, H, W, 3] into float [N, 3, H, W], values 0..255, each image its own random view."""
    x = images.permute(0, 3, 1, 2).float()
    x = _focus(_colour(_move(x, generator), generator), generator)
    return _hide(x, generator).clamp(0, 255)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) * (high - low) + low


def _chance(n: int, share: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) < share


def _move(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half the images; shift all by whole pixels; zoom, stretch and tilt some without resampling the rest."""
    n, side = len(x), x.shape[-1]
    moved = _chance(n, ZOOMED, generator)

    def chosen(low: float, high: float) -> Tensor:
        return torch.where(moved, _uniform(n, low, high, generator), torch.zeros(n))

    zoom = torch.exp(chosen(math.log(ZOOM[0]), math.log(ZOOM[1])))
    stretch = torch.exp(chosen(-math.log(MAX_STRETCH) / 2, math.log(MAX_STRETCH) / 2))
    tilt = torch.deg2rad(chosen(-MAX_TILT, MAX_TILT))
    mirror = 1.0 - 2.0 * _chance(n, 0.5, generator).float()
    shift = torch.randint(-MAX_SHIFT, MAX_SHIFT + 1, (n, 2), generator=generator) * (2.0 / side)
    width, height = zoom * stretch, zoom / stretch
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = mirror * width * torch.cos(tilt), -height * torch.sin(tilt)
    theta[:, 1, 0], theta[:, 1, 1] = mirror * width * torch.sin(tilt), height * torch.cos(tilt)
    theta[:, :, 2] = shift
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False).to(x.device)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _colour(x: Tensor, generator: torch.Generator) -> Tensor:
    n = len(x)
    touched = _chance(n, COLOURED, generator)

    def factor(low: float, high: float, neutral: float) -> Tensor:
        value = torch.where(touched, _uniform(n, low, high, generator), torch.full((n,), neutral))
        return value.reshape(n, 1, 1, 1).to(x.device)

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * factor(*SATURATION, 1.0)
    level = x.mean((1, 2, 3), keepdim=True)
    return level + (x - level) * factor(*CONTRAST, 1.0) + factor(-BRIGHTNESS, BRIGHTNESS, 0.0)


def _focus(x: Tensor, generator: torch.Generator) -> Tensor:
    """Blur some images and sharpen others, like photographs that other software has resized."""
    row = torch.tensor([1.0, 2.0, 1.0], device=x.device) / 4
    kernel = (row[:, None] * row).expand(3, 1, 3, 3)
    blurred = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    n = len(x)
    strength = torch.where(_chance(n, REFOCUSED, generator), _uniform(n, *FOCUS, generator), torch.zeros(n))
    return x + (blurred - x) * strength.reshape(-1, 1, 1, 1).to(x.device)


def _hide(x: Tensor, generator: torch.Generator) -> Tensor:
    """Cover a square of some images with their mean colour, like an object in front of a vehicle.

    DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
    """
    n, side = len(x), x.shape[-1]
    length = torch.where(
        _chance(n, HIDDEN, generator), _uniform(n, 4, HIDDEN_SIDE, generator), torch.zeros(n)
    )
    corner = torch.rand(n, 2, generator=generator) * side - length[:, None] / 2
    pixels = torch.arange(side)
    rows, columns = (
        (pixels >= corner[:, axis, None]) & (pixels < corner[:, axis, None] + length[:, None])
        for axis in (0, 1)
    )
    covered = (rows[:, None, :, None] & columns[:, None, None, :]).to(x.device)
    return torch.where(covered, x.mean((2, 3), keepdim=True), x)
