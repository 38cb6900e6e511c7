"""Let a stream of photographs pass through a running local cloud, certify by its audit, and improve the model.

    scones up --detach -p AuditShare=1
    python benchmarks/loop.py --photos FOLDER --archive cifar-100-python.tar.gz

FOLDER has a folder of images for each class and one named `neither`; its `manifest.json` may be a list of objects with
`file` and `order`. The first two thirds are uploaded one after another, and a scripted reviewer decides about each by
its folder's name. Two certificates are asked for, one of which 300 photographs cannot give. Then the model is improved
by the labels of the part that does not certify (`training.improve`, in the environment of `make setup-training`), and
both models are measured on the last third. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endpoint.predictor import SHIPPED_MODEL, Predictor
from scones.connection import Connection, Target, connect
from scones.decisions.decision import NEITHER
from scones.decisions.reviewer import Reviewer
from scones.decisions.slips import COUNTS_AFTER
from scones.index import in_state
from scones.stack import Stack, read_stack

ROOT = Path(__file__).parents[1]
SCONES, TRAINING = ROOT / ".venv" / "bin" / "scones", ROOT / ".venv-training" / "bin" / "python"
CERTIFICATES = (0.01, 0.10)
DEADLINE_S = 600
THRESHOLD = 0.8


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph, and what it shows."""

    path: Path
    label: str


def read_photos(folder: Path) -> list[Photo]:
    """Return the photographs in the order in which they arrive."""
    manifest = folder / "manifest.json"
    if manifest.exists():
        entries = sorted(json.loads(manifest.read_text()), key=lambda entry: entry["order"])
        paths = [folder / entry["file"] for entry in entries]
    else:
        paths = sorted((path for path in folder.glob("*/*") if path.is_file()), key=_order)
    return [Photo(path, path.parent.name) for path in paths]


def _order(path: Path) -> str:
    return hashlib.sha256(path.name.encode()).hexdigest()


def upload(connection: Connection, stack: Stack, photos: list[Photo]) -> dict[str, str]:
    """Upload photographs in their order; return what each shows, by its key."""
    truth = {}
    for number, photo in enumerate(photos):
        key = f"{stack.incoming_prefix}stream/{number:04}-{photo.path.name}"
        connection.s3().put_object(Bucket=stack.image_bucket, Key=key, Body=photo.path.read_bytes())
        truth[key] = photo.label
    return truth


def review(connection: Connection, stack: Stack, truth: dict[str, str]) -> int:
    """Decide about every photograph when it waits; return how many decisions there were."""
    reviewer, decided = Reviewer(connection, stack), 0
    deadline = time.monotonic() + DEADLINE_S
    while decided < len(truth) and time.monotonic() < deadline:
        for image in reviewer.take(10):
            label = truth[image.key]
            reviewer.decide(image, label if label in stack.labels else NEITHER, 1000)
            decided += 1
    while list(in_state(connection.dynamodb(), stack.claims_table, "record")):
        time.sleep(0.5)
    time.sleep(COUNTS_AFTER.total_seconds())  # a younger decision may be taken back: it does not count yet
    return decided


def certificate(error: float) -> dict[str, Any]:
    """Ask for a certificate, and apply it if it is given."""
    command = [str(SCONES), "certify", "--error", str(error), "--json", "--apply"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode not in {0, 1}:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout))


def improve(options: argparse.Namespace, connection: Connection, stack: Stack) -> str:
    """Improve the shipped model by the labels of the stack; return what the command says."""
    command = [
        str(TRAINING),
        "-m",
        "training.improve",
        "--stack",
        stack.name,
        "--archive",
        str(options.archive),
    ]
    command += ["--output", str(options.output), *(["--md5", options.md5] if options.md5 else [])]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    place = {"AWS_ENDPOINT_URL": str(connection.endpoint_url)}
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **keys, **place}
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def answers(model: Path, photos: list[Photo]) -> list[tuple[str, str, float]]:
    """Return what each photograph shows, what a model says, and how confident it is."""
    predictor, found = Predictor(model), []
    for photo in photos:
        probabilities = list(predictor.predict(photo.path.read_bytes()))
        confidence = float(max(probabilities))
        shown = photo.label if photo.label in predictor.labels else NEITHER
        found.append((shown, predictor.labels[probabilities.index(confidence)], confidence))
    return found


def measure(said: list[tuple[str, str, float]], threshold: float) -> dict[str, Any]:
    """Count what passes a threshold, and what of it is right."""
    known = [answer for answer in said if answer[0] != NEITHER]
    passed = [answer for answer in known if answer[2] >= threshold]
    return {
        "photographs": len(known),
        "strangers": len(said) - len(known),
        "right": sum(shown == label for shown, label, _ in known),
        "threshold": threshold,
        "passed": len(passed),
        "right_of_passed": sum(shown == label for shown, label, _ in passed),
        "strangers_passed": sum(confidence >= threshold for shown, _, confidence in said if shown == NEITHER),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--archive", type=Path, required=True, help="cifar-100-python.tar.gz")
    parser.add_argument("--md5", help="of the archive, if it is not the official one")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "loop", metavar="FOLDER")
    options = parser.parse_args()
    connection = connect(Target())
    stack = read_stack(connection)
    if float(stack.parameters.get("AuditShare", "0")) < 1:
        sys.exit("start the local cloud with every image in the audit: scones up --detach -p AuditShare=1")
    photos = read_photos(options.photos)
    split = len(photos) * 2 // 3
    began = time.monotonic()
    truth = upload(connection, stack, photos[:split])
    report: dict[str, Any] = {"uploaded": len(truth), "decided": review(connection, stack, truth)}
    report["stream_s"] = round(time.monotonic() - began, 1)
    report["certificates"] = {str(error): certificate(error) for error in CERTIFICATES}
    began = time.monotonic()
    report["improve"] = improve(options, connection, stack).splitlines()
    report["improve_s"] = round(time.monotonic() - began, 1)
    models = {"before": SHIPPED_MODEL, "after": options.output / "model.onnx"}
    said = {name: answers(model, photos[split:]) for name, model in models.items()}
    report["last_third"] = {name: measure(some, THRESHOLD) for name, some in said.items()}
    report["answers"] = said  # for benchmarks/loop_plot.py
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
