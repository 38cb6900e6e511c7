"""Train the default model: pretrain on every class, then fine-tune to distinguish the wanted ones from all others.

Fine-tuning runs several times from the same start; the model is the mean of these networks, calibrated on the
validation images. The test images of the archive are never used here; see training.evaluate. What is printed is kept in
train.log beside the model. A SageMaker training job runs the same.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from endpoint.predictor import Predictor
from training.command_line import command, start
from training.dataset.archive import read_archive
from training.dataset.prepared_folder import read_reviewed
from training.dataset.splits import parse_classes
from training.errors import TrainingError
from training.evaluation.metrics import accuracy, coverage
from training.learning.calibrate import THRESHOLD, answer, calibrate, summary
from training.learning.curriculum import Curriculum
from training.learning.export import Trained, export
from training.learning.fit import Fitting, Machine, Phase, logits_of
from training.learning.model import Network, average
from training.learning.run_log import RunLog
from training.learning.train_options import find_archive, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.dataset.archive import Images


class ResumeError(TrainingError):
    """The checkpoint is damaged or was written with other settings."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that determine the result, apart from the data."""

    classes: tuple[str, ...]
    epochs_pretrain: int
    epochs: int
    members: int
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
        """Return the last state that the phase saved; None if it has not begun.

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
    """One run: its images, its checkpoints and its device."""

    def __init__(
        self, images: Curriculum, settings: Settings, checkpoints: Checkpoints, machine: Machine, log: RunLog
    ) -> None:
        self.images, self.settings, self.checkpoints, self.machine = images, settings, checkpoints, machine
        self.log = log
        self.known, self.strangers = images.known_validation(), images.strange_validation()

    def run(self) -> Trained:
        """Pretrain, fine-tune each member, average, calibrate."""
        start = self._pretrained()
        members = [self._finetuned(member, start) for member in range(1, self.settings.members + 1)]
        network, exactly = average(members), Machine(self.machine.device, half=False)
        known, strangers = (
            logits_of(network, images.pixels, exactly) for images in (self.known, self.strangers)
        )
        calibration = calibrate(known, self.known.labels, strangers, self.images.wanted)
        with torch.no_grad():
            network.head.bias[self.images.wanted :] += calibration.caution
        return Trained(network, self.settings.classes, calibration.temperature)

    def _pretrained(self) -> Network:
        phase = Phase("pretrain", self.settings.epochs_pretrain, 0.15, smoothing=0.1)
        images, watched = self.images.train, self.images.validation
        torch.manual_seed(self.settings.seed)
        network = Network(self.images.outputs)

        def report() -> str:
            scores = logits_of(network, watched.pixels, self.machine)
            return f"validation accuracy {accuracy(scores, watched.labels):.3f}"

        return self._fit(network, phase, lambda _: images, report, self.settings.seed)

    def _finetuned(self, member: int, start: Network) -> Network:
        network = Network(self.images.outputs)
        network.load_state_dict(start.state_dict())
        strange = self.images.outputs > self.images.wanted
        phase = Phase(
            f"member-{member}", self.settings.epochs, 0.03, wanted=self.images.wanted if strange else 0
        )

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

        def images(epoch: int) -> Images:
            return self.images.finetuning(epoch, member)

        return self._fit(network, phase, images, report, self.settings.seed + member)

    def _fit(
        self,
        network: Network,
        phase: Phase,
        images: Callable[[int], Images],
        report: Callable[[], str],
        seed: int,
    ) -> Network:
        fitting = Fitting(network, phase, images, self.machine, seed)
        if saved := self.checkpoints.load(phase.name):
            fitting.restore(saved)
        while fitting.epoch < phase.epochs:
            started = time.monotonic()
            loss = fitting.run_epoch()
            self.checkpoints.save(phase.name, fitting.state())
            title, seconds = f"{phase.name} {fitting.epoch}/{phase.epochs}", time.monotonic() - started
            self.log.line(f"{title}: loss {loss:.3f}, {report()}, {seconds:.0f} s")
        return network


def validated(model: Path, images: Curriculum) -> dict[str, Any]:
    """Return the metrics of the finished file on the validation images."""
    predictor, (known, strangers) = Predictor(model), (images.known_validation(), images.strange_validation())
    answers = (
        np.concatenate(
            [predictor.probabilities(batch) for batch in np.array_split(part.pixels, 32) if len(batch)]
        )
        if len(part)
        else np.empty((0, images.wanted))
        for part in (known, strangers)
    )
    return summary(known.labels, *answers)


@command("train", stopped="stopped; --resume continues after the last completed epoch")
def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    options = parse(arguments, os.environ, __doc__ or "")
    torch.set_num_threads(options.threads)
    archive = read_archive(find_archive(options.archive), options.md5)
    classes = parse_classes(options.classes, archive.class_names)
    reviewed = read_reviewed(options.reviewed, archive.class_names) if options.reviewed else None
    settings = Settings(classes, options.epochs_pretrain, options.epochs, options.members, options.seed)
    images = Curriculum(archive, classes, options.seed, reviewed)
    options.output.mkdir(parents=True, exist_ok=True)
    checkpoints = Checkpoints(options.checkpoints, settings, resume=options.resume)
    machine = Machine.detect()
    facts = {"md5": options.md5, "threads": options.threads, "torch": torch.__version__, "half": machine.half}
    log = RunLog(options.output, {**asdict(settings), **facts}, resumed=options.resume)
    trained = Training(images, settings, checkpoints, machine, log).run()
    trained.save(options.output / "model.pt")
    export(trained, options.output / "model.onnx", images.examples())
    result = {"version": trained.version(), "temperature": trained.temperature, **asdict(settings)}
    document = json.dumps({**result, "validation": validated(options.output / "model.onnx", images)})
    (options.output / "metrics.json").write_text(document + "\n")
    log.line(document)
    return 0


if __name__ == "__main__":
    start(main)
