"""Train the default model: learn to see with the other classes, then the wanted ones beside them.

Fine-tuning runs once with each fold of the wanted images left out, which cross-validates the recipe, and once
on all of them; the model is the mean of these networks, calibrated on the validation images. The test images
of the archive are never looked at here; see training.evaluate. A SageMaker training job runs the same.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training.data_errors import DataError
from training.dataset.archive import read_archive
from training.dataset.subsets import parse_classes
from training.evaluation.metrics import accuracy, coverage
from training.learning.calibrate import THRESHOLD, answer, calibrate, summary
from training.learning.curriculum import Curriculum
from training.learning.export import ExportError, Trained, export
from training.learning.fit import Fitting, Machine, Phase, logits_of
from training.learning.model import Network, average
from training.learning.train_options import OptionError, find_archive, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.dataset.archive import Archive, Images

FINAL = "final"


class ResumeError(Exception):
    """The checkpoint is damaged or was written under other settings."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the result, apart from the data."""

    classes: tuple[str, ...]
    epochs_pretrain: int
    epochs: int
    folds: int
    seed: int


class Checkpoints:
    """A file per phase, written after each of its epochs."""

    def __init__(self, folder: Path, settings: Settings, *, resume: bool) -> None:
        self.folder, self.settings = folder, {**asdict(settings), "classes": list(settings.classes)}
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, phase: str, state: dict[str, Any]) -> None:
        """Replace the phase's file."""
        unfinished = self.folder / f"{phase}.partial"
        torch.save({**state, "settings": self.settings}, unfinished)
        unfinished.replace(self.folder / f"{phase}.pt")

    def load(self, phase: str) -> dict[str, Any] | None:
        """Return what the phase saved last; None where it has not begun.

        Raises
        ------
        ResumeError
            The file is damaged, or from a run with other settings.
        """
        path = self.folder / f"{phase}.pt"
        if not path.exists():
            return None
        try:
            saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise ResumeError(f"{path} is damaged; remove it to repeat its phase") from error
        if saved["settings"] != self.settings:
            raise ResumeError(
                f"{path} was written with {saved['settings']}; give the same options or other --checkpoints"
            )
        return saved


class Training:
    """One run: its images, its checkpoints and where it computes."""

    def __init__(
        self, archive: Archive, settings: Settings, checkpoints: Checkpoints, machine: Machine
    ) -> None:
        self.settings, self.checkpoints, self.machine = settings, checkpoints, machine
        self.images = Curriculum(archive, settings.classes, settings.seed, settings.folds)
        self.known, self.strangers = self.images.known_validation(), self.images.strange_validation()

    def run(self) -> tuple[Trained, dict[str, Any]]:
        """Pretrain, fine-tune with each fold left out and with none, average, calibrate; metrics too."""
        start = self._pretrained()
        networks, left_out, strange = [], [], []
        for fold in range(self.images.folds):
            networks.append(self._finetuned(f"fold-{fold + 1}", start, fold))
            left_out.append(self._exact_logits(networks[-1], self.images.of_fold(fold)))
            strange.append(self._exact_logits(networks[-1], self.strangers))
        network = average([*networks, self._finetuned(FINAL, start, None)])
        wanted, known = self.images.wanted, self._exact_logits(network, self.known)
        strangers = self._exact_logits(network, self.strangers)
        calibration = calibrate(known, self.known.labels, strangers, wanted)
        with torch.no_grad():
            network.head.bias[wanted:] += calibration.caution
        labels = np.concatenate([self.images.of_fold(fold).labels for fold in range(self.images.folds)])
        folds = (answer(np.concatenate(found), wanted, calibration) for found in (left_out, strange))
        ours = (answer(found, wanted, calibration) for found in (known, strangers))
        return Trained(network, self.settings.classes, calibration.temperature), {
            "caution": calibration.caution,
            "cross_validation": summary(labels, *folds),
            "validation": summary(self.known.labels, *ours),
        }

    def _pretrained(self) -> Network:
        phase = Phase("pretrain", self.settings.epochs_pretrain, 0.15, smoothing=0.1)
        images = self.images.pretraining()
        watched = self.strangers if self.images.pretrains_on_others else self.images.validation
        torch.manual_seed(self.settings.seed)
        network = Network(self.images.outputs)

        def report() -> str:
            scores = logits_of(network, watched.pixels, self.machine)
            return f"validation accuracy {accuracy(scores, watched.labels):.3f}"

        return self._fit(network, phase, lambda _: images, report)

    def _finetuned(self, name: str, start: Network, fold: int | None) -> Network:
        network = Network(self.images.outputs)
        network.load_state_dict(start.state_dict())
        strange = self.images.outputs > self.images.wanted
        phase = Phase(name, self.settings.epochs, 0.03, wanted=self.images.wanted if strange else 0)

        def report() -> str:
            known, strangers = (
                answer(logits_of(network, images.pixels, self.machine), self.images.wanted)
                for images in (self.known, self.strangers)
            )
            line = (
                f"validation accuracy {accuracy(known, self.known.labels):.3f}, "
                f"coverage {coverage(known, THRESHOLD):.3f}"
            )
            passing = f", strangers passing {coverage(strangers, THRESHOLD):.4f}"
            return line + passing if len(strangers) else line

        return self._fit(network, phase, lambda epoch: self.images.finetuning(epoch, fold), report)

    def _fit(
        self, network: Network, phase: Phase, images: Callable[[int], Images], report: Callable[[], str]
    ) -> Network:
        fitting = Fitting(network, phase, images, self.machine, self.settings.seed)
        if saved := self.checkpoints.load(phase.name):
            fitting.restore(saved)
        while fitting.epoch < phase.epochs:
            started = time.monotonic()
            loss = fitting.run_epoch()
            self.checkpoints.save(phase.name, fitting.state())
            title, seconds = f"{phase.name} {fitting.epoch}/{phase.epochs}", time.monotonic() - started
            print(f"{title}: loss {loss:.3f}, {report()}, {seconds:.0f} s", flush=True)
        return network

    def _exact_logits(self, network: Network, images: Images) -> np.ndarray:
        return logits_of(network, images.pixels, Machine(self.machine.device, half=False))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    try:
        options = parse(arguments, os.environ, __doc__)
        torch.set_num_threads(options.threads)
        archive = read_archive(find_archive(options.archive), options.md5)
        classes = parse_classes(options.classes, archive.class_names)
        settings = Settings(classes, options.epochs_pretrain, options.epochs, options.folds, options.seed)
        options.output.mkdir(parents=True, exist_ok=True)
        checkpoints = Checkpoints(options.checkpoints, settings, resume=options.resume)
        trained, metrics = Training(archive, settings, checkpoints, Machine.detect()).run()
        trained.save(options.output / "model.pt")
        export(trained, options.output / "model.onnx")
        facts = {"version": trained.version(), "temperature": trained.temperature, **asdict(settings)}
        document = json.dumps({**facts, "metrics": metrics})
        (options.output / "metrics.json").write_text(document + "\n")
    except (DataError, OptionError, ResumeError, ExportError, OSError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training.train: stopped; --resume continues after the last whole epoch", file=sys.stderr)
        return 130
    print(document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
