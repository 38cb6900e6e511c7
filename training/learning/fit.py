"""The training loop: one-cycle SGD over epochs whose images a function supplies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from training.dataset.prepared_folder import UNSURE
from training.learning.augment import augment
from training.learning.model import mirrored_logits

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.dataset.archive import Images
    from training.learning.model import Network

_IGNORED = -100
_EVALUATION_BATCH = 256
_SHORTEST_CYCLE = 8  # steps; with fewer, OneCycleLR divides by zero


@dataclass(frozen=True, slots=True)
class Phase:
    """One one-cycle schedule and its loss.

    Attributes
    ----------
    wanted
        This many first classes are distinguished from each other and from all others as one class; with 0, the loss
        is only that of distinguishing every class from every other.
    auxiliary
        Weight of the loss over all classes relative to the other.
    """

    name: str
    epochs: int
    peak_rate: float
    smoothing: float = 0.0
    wanted: int = 0
    auxiliary: float = 0.3
    batch: int = 128
    weight_decay: float = 5e-4


@dataclass(frozen=True, slots=True)
class Machine:
    """Device and precision of the computation."""

    device: torch.device
    half: bool

    @classmethod
    def detect(cls) -> Machine:
        """Use a GPU if there is one; bfloat16 if the hardware computes it faster."""
        if torch.cuda.is_available():
            return cls(torch.device("cuda"), torch.cuda.is_bf16_supported())
        able = torch.cpu.get_capabilities()
        return cls(torch.device("cpu"), any(able.get(unit, False) for unit in ("amx_bf16", "avx512_bf16")))

    def autocast(self) -> torch.autocast:
        """Return the context in which the network runs."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)


def objective(logits: Tensor, labels: Tensor, phase: Phase) -> Tensor:
    """Return the mean cross-entropy over all classes, and over the wanted ones and "none of them".

    An image labelled UNSURE is of no wanted class, but its class is unknown: it counts only in the latter.
    """
    named = torch.where(labels == UNSURE, _IGNORED, labels)
    smoothing = phase.smoothing
    every = functional.cross_entropy(
        logits, named, ignore_index=_IGNORED, label_smoothing=smoothing, reduction="none"
    ).mean()
    if not phase.wanted:
        return every
    none = torch.logsumexp(logits[:, phase.wanted :], 1, keepdim=True)
    merged = torch.cat([logits[:, : phase.wanted], none], 1)
    group = torch.where(labels == UNSURE, phase.wanted, labels.clamp(max=phase.wanted))
    return functional.cross_entropy(merged, group) + phase.auxiliary * every


def logits_of(network: Network, pixels: np.ndarray, machine: Machine) -> np.ndarray:
    """Return the mirror-averaged logits of uint8 [N, H, W, 3] images."""
    network.eval()
    answers = []
    with torch.inference_mode(), machine.autocast():
        for start in range(0, len(pixels), _EVALUATION_BATCH):
            batch = torch.from_numpy(pixels[start : start + _EVALUATION_BATCH]).to(machine.device)
            x = batch.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
            answers.append(mirrored_logits(network, x).float().cpu())
    return torch.cat(answers).numpy() if answers else np.empty((0, network.head.out_features), np.float32)


class Fitting:
    """A network during a phase; its `state` is sufficient to resume.

    Parameters
    ----------
    network
        Fitted in place.
    phase
        The schedule.
    epoch_images
        Returns the images of an epoch by its number; the count is the same every epoch.
    seed
        With the epoch's number, determines order and augmentation, so a resumed run equals an uninterrupted one.
    """

    def __init__(
        self,
        network: nn.Module,
        phase: Phase,
        epoch_images: Callable[[int], Images],
        machine: Machine,
        seed: int,
    ) -> None:
        self.network = network.to(machine.device, memory_format=torch.channels_last)
        self.phase, self.epoch_images, self.machine, self.seed = phase, epoch_images, machine, seed
        self.epoch = 0
        self.optimizer = torch.optim.SGD(
            network.parameters(),
            phase.peak_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=phase.weight_decay,
        )
        self.steps = -(-len(epoch_images(0)) // phase.batch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, phase.peak_rate, max(_SHORTEST_CYCLE, self.steps * phase.epochs), pct_start=0.25
        )

    def state(self) -> dict[str, Any]:
        """Return the state for `restore`."""
        return {
            "phase": self.phase.name,
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state` of the same phase."""
        self.epoch = state["epoch"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])

    def run_epoch(self) -> float:
        """Fit one epoch, with a progress bar; return its mean loss."""
        images = self.epoch_images(self.epoch)
        generator = torch.Generator().manual_seed(self.seed * 1000 + self.epoch)
        order = torch.randperm(len(images), generator=generator).numpy()
        # Full batches, the last filled up from the first: a batch of few images would disturb the normalisation.
        batches = np.resize(order, (self.steps, self.phase.batch))
        self.network.train()
        total = 0.0
        title = f"{self.phase.name} {self.epoch + 1}/{self.phase.epochs}"
        # Silent if the output is not a terminal, as in training.progress.
        with tqdm(total=self.steps, desc=title, unit="batch", mininterval=1.0, disable=None) as bar:
            for batch in batches:
                loss = self._step(images.take(batch), generator)
                total += loss
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()
        self.epoch += 1
        return total / self.steps

    def _step(self, images: Images, generator: torch.Generator) -> float:
        x = augment(torch.from_numpy(images.pixels).to(self.machine.device), generator)
        labels = torch.from_numpy(images.labels).to(self.machine.device)
        with self.machine.autocast():
            logits = self.network(x.contiguous(memory_format=torch.channels_last)).float()
        loss = objective(logits, labels, self.phase)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return float(loss.detach())
