"""Improve a model with what people decided: from the labels of a stack to a candidate, its card and a comparison.

Reads the labels and the images, trains the model further on three quarters of them while it rehearses the archive, and
compares both models on the rest. Images that certify and compare models (`"held_out": true`) are not read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from endpoint.predictor import SHIPPED_MODEL, Predictor
from training import evaluate
from training.aws import aws_errors, open_session, s3_client
from training.command_line import command, share, start
from training.dataset.archive import OFFICIAL_MD5, read_archive
from training.dataset.prepare import Plan, Reviews, prepare
from training.dataset.prepared_folder import UNSURE, check_replaceable
from training.dataset.reviewed_images import FolderImages, S3Images
from training.dataset.reviewed_pictures import Picture, Pictures, divide, read_pictures
from training.errors import AwsError, OptionError, ReviewError
from training.evaluation import model_card
from training.evaluation.scoring import Scored, score_archive
from training.learning.curriculum import EXAMPLES, Curriculum
from training.learning.export import export
from training.learning.refine import refine
from training.learning.restore import restore
from training.learning.run_log import RunLog
from training.storage import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST = 20  # pictures to train on; with fewer, a candidate says nothing
_BEFORE, _AFTER = "before", "after"
_BUCKET = "ResultsBucketName"


@command("improve")
def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    old = Predictor(options.model)
    options.output.mkdir(parents=True, exist_ok=True)
    summary = _prepared(options, old.labels)
    pictures = divide(read_pictures(options.output / "images", old.labels))
    if len(pictures.train) < FEWEST:
        raise ReviewError(
            f"{len(pictures.train)} reviewed images to train on, of {FEWEST} that are needed: review more"
        )
    new = Predictor(_candidate(options, pictures))
    found = {
        "reviewed": summary["reviewed"],
        "trained_on": len(pictures.train),
        "compared_on": len(pictures.validation),
        "conflicts": pictures.conflicts,
        **_compared(options, {_BEFORE: old, _AFTER: new}, pictures.validation),
    }
    (options.output / "comparison.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(_text(found, options.output))
    return 0


def _prepared(options: argparse.Namespace, classes: Sequence[str]) -> dict[str, Any]:
    """Write the reviewed images to images/ in the output, and return its summary."""
    folder = options.output / "images"
    check_replaceable(folder)
    if options.stack:
        s3 = s3_client()
        reviews = Reviews(Address(_bucket_of(options.stack), "labels/"), s3, S3Images(s3))
    else:
        reviews = Reviews(options.reviewed, None, FolderImages(options.reviewed_images or options.reviewed))
    return prepare(Plan(options.archive, options.md5, ",".join(classes), options.seed, folder, reviews))


def _bucket_of(stack: str) -> str:
    """Return the bucket of a stack's results, where its labels are."""
    try:
        (found,) = open_session().client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except aws_errors() as error:
        raise AwsError(f"stack {stack}: {' '.join(str(error).split())}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    if _BUCKET not in outputs:
        raise OptionError(f"stack {stack} has no output {_BUCKET}: it is not a stack of scones")
    return str(outputs[_BUCKET])


def _candidate(options: argparse.Namespace, pictures: Pictures) -> Path:
    """Train the model further, write it to model.onnx, and return its path."""
    archive = read_archive(options.archive, options.md5)
    labels = Predictor(options.model).labels
    curriculum = Curriculum(archive, labels, options.seed)
    typical = curriculum.examples()
    trained = restore(options.model, typical)
    if (outputs := trained.network.head.out_features) != curriculum.outputs:
        raise OptionError(
            f"{options.model} was trained on {outputs} classes, and {options.archive} has {curriculum.outputs}: "
            "give the archive that it was trained on"
        )
    facts = {
        "model": hashlib.sha256(options.model.read_bytes()).hexdigest(),
        "md5": options.md5,
        "pictures": sorted(picture.path.stem for picture in pictures.train),
        **{name: getattr(options, name) for name in ("seed", "epochs", "threads")},
        "torch": torch.__version__,
    }
    log = RunLog(options.output, facts, resumed=False)
    trained = refine(trained, curriculum, pictures, options.epochs, log)
    views = np.concatenate([picture.views for picture in pictures.train])
    path: Path = options.output / "model.onnx"
    export(
        trained,
        path,
        np.concatenate([typical, views[np.random.default_rng(0).permutation(len(views))[:EXAMPLES]]]),
    )
    trained.save(options.output / "model.pt")
    log.line(f"model {trained.version()}, temperature {trained.temperature:.3f}")
    return path


def _compared(
    options: argparse.Namespace, predictors: dict[str, Predictor], pictures: Sequence[Picture]
) -> dict[str, Any]:
    """Return both models' numbers, on pictures that neither learned from and on the archive's test images."""
    archive, found = read_archive(options.archive, options.md5), {}
    for name, predictor in predictors.items():
        parts = {evaluate.TEST: score_archive(predictor, archive)}
        if any(picture.label != UNSURE for picture in pictures):
            parts[evaluate.PHOTOS] = _scored(predictor, pictures)
        found[name] = evaluate.document(predictor, parts, options.threshold)
    card = options.output / "card.md"
    card.write_text(model_card.render(found[_AFTER], [], card), encoding="utf-8")
    return found


def _scored(predictor: Predictor, pictures: Sequence[Picture]) -> Scored:
    answers = np.array([predictor.predict(picture.path.read_bytes()) for picture in pictures])
    labels = np.array([picture.label for picture in pictures])
    known = labels != UNSURE
    return Scored(answers[known], labels[known], answers[~known], [])


def _text(found: dict[str, Any], output: Path) -> str:
    left_out = found["reviewed"].get("held_out", 0)
    first = (
        f"trained on {found['trained_on']} reviewed images, compared on {found['compared_on']} others; "
        f"left out: {len(found['conflicts'])} that nearly equal one with another label, "
        f"{left_out} that certify models"
    )
    lines = [first]
    for name in (_BEFORE, _AFTER):
        lines.append(f"{name}: model {found[name]['model']['version']}")
        for part, title in (
            (evaluate.PHOTOS, "reviewed images"),
            (evaluate.TEST, "the archive's test images"),
        ):
            if report := found[name].get(part):
                right, passed = report["passed_right"]
                lines.append(
                    f"  {title}: accuracy {report['accuracy']:.3f}, coverage {report['coverage']:.3f}, "
                    f"right among passed {right} of {passed}"
                )
    lines.append(f"{output}/model.onnx is the candidate, {output}/card.md its card")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.improve", description=__doc__)
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--stack", metavar="NAME", help="read the labels and images of this stack")
    source.add_argument("--reviewed", type=Path, metavar="DIR", help="or of a folder of .jsonl files")
    add("--reviewed-images", type=Path, metavar="DIR", help="with --reviewed: where the images are")
    add("--archive", type=Path, required=True, help="cifar-100-python.tar.gz, which is rehearsed")
    add("--md5", default=OFFICIAL_MD5, help="its checksum (default: the official archive's)")
    add("--model", type=Path, default=SHIPPED_MODEL, help="to improve (default: %(default)s)")
    add("--output", type=Path, default=Path("build/improved"), metavar="DIR", help="default: %(default)s")
    add("--epochs", type=int, default=4, help="default: %(default)s")
    add("--seed", type=int, default=1, help="default: %(default)s")
    add("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    add("--threshold", type=share, default=0.8, help="of the comparison (default: %(default)s)")
    return parser


if __name__ == "__main__":
    start(main)
