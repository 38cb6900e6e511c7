"""Train the default model: learn all classes, then the wanted ones against the rest.

The test images of the archive are never looked at here; see training.evaluate.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training import metrics
from training.archive import OFFICIAL_MD5, Archive, ArchiveError, Images, read_archive
from training.data import UnknownClassError, class_indices, hold_out, others, select
from training.export import ExportError, Trained, export
from training.fit import UNSURE, Fitting, Machine, Phase, logits_of
from training.model import Network

if TYPE_CHECKING:
    from collections.abc import Callable

THRESHOLD = 0.8
REPEATS = 5  # how often a fine-tuning epoch shows each image of the wanted classes
STRANGERS = 6000  # and how many images of other classes, drawn anew each epoch


class ResumeError(Exception):
    """The checkpoint is damaged or was written under other settings."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the result, apart from the data."""

    classes: tuple[str, ...]
    epochs_pretrain: int
    epochs: int
    seed: int


class Training:
    """One run: its data, its network and its checkpoint."""

    def __init__(self, archive: Archive, settings: Settings, output: Path, machine: Machine) -> None:
        self.settings, self.machine, self.output = settings, machine, output
        self.wanted = class_indices(settings.classes, archive.class_names)
        self.train, validation = hold_out(archive.train, settings.seed)
        self.everything = validation
        self.validation = select(validation, self.wanted)
        self.strangers = others(validation, self.wanted)
        torch.manual_seed(settings.seed)
        self.network = Network(len(archive.class_names))

    def run(self, *, resume: bool) -> Trained:
        """Pretrain, fine-tune, calibrate."""
        saved = self._checkpoint() if resume else None
        pretrain = Phase("pretrain", self.settings.epochs_pretrain, 0.15, smoothing=0.1)
        finetune = Phase("finetune", self.settings.epochs, 0.03)
        if saved is None or saved["phase"] == pretrain.name:
            self._fit(pretrain, lambda _: self.train, saved, self._report_all)
            saved = None
        self.network.keep_classes(self.wanted)
        self._fit(finetune, self._finetuning_images, saved, self._report_wanted)
        return Trained(self.network, self.settings.classes, self._temperature())

    def _temperature(self) -> float:
        exactly = Machine(self.machine.device, half=False)
        known = logits_of(self.network, self.validation.pixels, exactly)
        strangers = (
            logits_of(self.network, self.strangers.pixels, exactly) if len(self.strangers) else known[:0]
        )
        return metrics.fit_temperature(known, self.validation.labels, strangers)

    def _fit(
        self,
        phase: Phase,
        images: Callable[[int], Images],
        saved: dict[str, Any] | None,
        report: Callable[[], str],
    ) -> None:
        fitting = Fitting(self.network, phase, images, self.machine, self.settings.seed)
        if saved is not None:
            fitting.restore(saved)
        while fitting.epoch < phase.epochs:
            started = time.monotonic()
            loss = fitting.run_epoch()
            self._save({**fitting.state(), "settings": asdict(self.settings)})
            title = f"{phase.name} {fitting.epoch}/{phase.epochs}"
            seconds = time.monotonic() - started
            print(f"{title}: loss {loss:.3f}, {report()}, {seconds:.0f} s", flush=True)

    def _finetuning_images(self, epoch: int) -> Images:
        known = select(self.train, self.wanted)
        strangers = others(self.train, self.wanted)
        rng = np.random.default_rng([self.settings.seed, epoch])
        drawn = rng.permutation(len(strangers))[:STRANGERS]
        pixels = np.concatenate([*[known.pixels] * REPEATS, strangers.pixels[drawn]])
        labels = np.concatenate([*[known.labels] * REPEATS, np.full(len(drawn), UNSURE)])
        return Images(pixels, labels)

    def _report_all(self) -> str:
        scores = logits_of(self.network, self.everything.pixels, self.machine)
        return f"validation accuracy {metrics.accuracy(scores, self.everything.labels):.3f}"

    def _report_wanted(self) -> str:
        known = metrics.softmax(logits_of(self.network, self.validation.pixels, self.machine))
        line = (
            f"validation accuracy {metrics.accuracy(known, self.validation.labels):.3f}, "
            f"coverage {metrics.coverage(known, THRESHOLD):.3f}"
        )
        if len(self.strangers):
            strange = metrics.softmax(logits_of(self.network, self.strangers.pixels, self.machine))
            line += f", strangers passing {metrics.coverage(strange, THRESHOLD):.4f}"
        return line

    def _save(self, state: dict[str, Any]) -> None:
        unfinished = self.output / "checkpoint.partial"
        torch.save(state, unfinished)
        unfinished.replace(self.output / "checkpoint.pt")

    def _checkpoint(self) -> dict[str, Any] | None:
        path = self.output / "checkpoint.pt"
        if not path.exists():
            return None
        try:
            saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise ResumeError(f"{path} is damaged; remove it to start anew") from error
        if saved["settings"] != asdict(self.settings):
            raise ResumeError(
                f"{path} was written with {saved['settings']}; give the same options or another --output"
            )
        return saved


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="cifar-100-python.tar.gz")
    parser.add_argument("--md5", default=OFFICIAL_MD5, help="checksum (default: the official archive's)")
    parser.add_argument("--classes", default="bicycle,motorcycle", help="in the order of the answer")
    parser.add_argument("--output", type=Path, default=Path("build/training"), help="default: %(default)s")
    parser.add_argument(
        "--epochs-pretrain", type=int, default=30, help="on all classes (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=14, help="on the wanted classes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --output")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    classes = tuple(name.strip() for name in options.classes.split(",") if name.strip())
    settings = Settings(classes, options.epochs_pretrain, options.epochs, options.seed)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        archive = read_archive(options.archive, options.md5)
        training = Training(archive, settings, options.output, Machine.detect())
        trained = training.run(resume=options.resume)
        trained.save(options.output / "model.pt")
        export(trained, options.output / "model.onnx")
    except (ArchiveError, UnknownClassError, ResumeError, ExportError, OSError) as error:
        print(f"training.train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training.train: stopped; --resume continues after the last whole epoch", file=sys.stderr)
        return 130
    print(json.dumps({"version": trained.version(), "temperature": trained.temperature, **asdict(settings)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
