"""Train the classifier as tutorials of this pipeline do, and measure it beside the shipped model on the test images.

    .venv-training/bin/python -m benchmarks.textbook.train_classifier ARCHIVE MD5 SEED

The tutorials use SageMaker's built-in image classification: a ResNet of 18 layers for 32 pixels, trained from nothing
on the images of the two classes alone, with the documented defaults of the algorithm (stochastic gradient descent with
momentum 0.9, rate 0.1, weight decay 0.0001, batches of 32, 30 epochs, no augmentation); of all epochs the one that is
best on the validation images is kept. Prints one JSON document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from endpoint.predictor import SHIPPED_MODEL, Predictor
from training.dataset.archive import read_archive
from training.dataset.splits import class_indices, others, select, splits_of
from training.evaluation.report import measure
from training.evaluation.scoring import score_archive
from training.learning.model import Network

if TYPE_CHECKING:
    from training.dataset.archive import Images

EPOCHS, BATCH, RATE, MOMENTUM, DECAY = 30, 32, 0.1, 0.9, 1e-4
WIDTHS, BLOCKS = (64, 128, 256, 512), (2, 2, 2, 2)  # with the stem and the last layer: 18 layers
THRESHOLD, SPLIT_SEED = 0.8, 1  # the seed of the shipped model's split
FIGURES = (
    "images",
    "accuracy",
    "coverage",
    "passed_right",
    "calibration_error",
    "strangers",
    "strangers_passed",
)


def tensor(pixels: np.ndarray) -> Tensor:
    """Return [N, 3, 32, 32] of floats from [N, 32, 32, 3] of bytes."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()


def probabilities(network: Network, pixels: np.ndarray) -> np.ndarray:
    """Return [N, classes], as the deployed endpoint answers."""
    network.eval()
    with torch.inference_mode():
        parts = [network(tensor(pixels[i : i + 256])).softmax(1) for i in range(0, len(pixels), 256)]
    return np.concatenate([part.double().numpy() for part in parts])


def shuffled(images: int) -> np.ndarray:
    """Return positions of images in random order, [batches, 32]; what does not fill a batch is left out."""
    order: np.ndarray = torch.randperm(images).numpy()
    return order[: images // BATCH * BATCH].reshape(-1, BATCH)


def train(images: Images, validation: Images, classes: int, seed: int, epochs: int = EPOCHS) -> Network:
    """Return the network of the epoch that is best on the validation images."""
    torch.manual_seed(seed)
    network = Network(classes, WIDTHS, BLOCKS)
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
    best, kept = -1.0, network.state_dict()
    for epoch in range(epochs):
        network.train()
        for batch in shuffled(len(images)):
            scores = network(tensor(images.pixels[batch]))
            loss = functional.cross_entropy(scores, torch.from_numpy(images.labels[batch]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        right = float((probabilities(network, validation.pixels).argmax(1) == validation.labels).mean())
        print(f"epoch {epoch + 1}/{epochs}: validation accuracy {right:.3f}", file=sys.stderr)
        if right > best:
            best, kept = right, {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(kept)
    return network


def main(archive_path: str, md5: str, seed: str) -> None:
    """Print what both models do with the test images, and how large they are."""
    archive, predictor = read_archive(Path(archive_path), md5), Predictor(SHIPPED_MODEL)
    wanted = class_indices(predictor.labels, archive.class_names)
    training, validation, _ = (select(part.images, wanted) for part in splits_of(archive, SPLIT_SEED))
    known, strange = select(archive.test, wanted), others(archive.test, wanted)
    network = train(training, validation, len(wanted), int(seed))
    scores, strangers = (probabilities(network, images.pixels) for images in (known, strange))
    textbook = measure(scores, known.labels, strangers, THRESHOLD)
    scored = score_archive(predictor, archive)
    ours = measure(scored.known, scored.labels, scored.strangers, THRESHOLD)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    found = {
        "textbook": {name: textbook[name] for name in FIGURES} | {"megabytes": 4 * parameters / 1e6},
        "ours": {name: ours[name] for name in FIGURES} | {"megabytes": SHIPPED_MODEL.stat().st_size / 1e6},
        "trained_on": len(training),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
