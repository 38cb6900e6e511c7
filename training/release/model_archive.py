"""model.tar.gz, which SageMaker unpacks into /opt/ml/model for the endpoint's container.

The same inputs give the same bytes: entries are sorted and contain no time and no owner.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from endpoint.errors import ModelFileError
from endpoint.predictor import Predictor
from training.errors import ReleaseError

MODEL, FACTS, BASELINE = "model.onnx", "model.json", "baseline.json"


def build(model: Path, metrics: Path | None = None, baseline: Path | None = None) -> tuple[bytes, str]:
    """Return the archive and the model's version, after a test prediction with the packed model.

    Parameters
    ----------
    model
        The .onnx file.
    metrics
        Output of `training.evaluate --json` for this model; it becomes part of model.json.
    baseline
        The JSON document of monitoring's baseline; packed unchanged.

    Raises
    ------
    ReleaseError
        A document is not JSON or is about another model, or the test prediction fails.
    """
    data = model.read_bytes()
    predictor = _load(data)
    facts: dict[str, Any] = {
        "labels": list(predictor.labels),
        "input_size": predictor.input_size,
        "temperature": predictor.temperature,
        "version": predictor.version,
        "metrics": _document(metrics, predictor.version) if metrics else None,
        "created_from": {"file": model.name, "sha256": hashlib.sha256(data).hexdigest()},
    }
    entries = {MODEL: data, FACTS: _json(facts)}
    if baseline:
        entries[BASELINE] = _json(_document(baseline, predictor.version))
    archive = _tar_gz(entries)
    _prove(archive)
    return archive, predictor.version


def facts_in(archive: bytes) -> dict[str, Any]:
    """Return the model.json of an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        member = tar.extractfile(FACTS)
        facts: dict[str, Any] = json.load(member) if member else {}
    return facts


def _load(data: bytes) -> Predictor:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MODEL
        path.write_bytes(data)
        try:
            return Predictor(path)
        except ModelFileError as error:
            raise ReleaseError(str(error).replace(folder + "/", "")) from error


def _prove(archive: bytes) -> None:
    """Load the model from the archive, not from its source file, and classify an image."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        member = tar.extractfile(MODEL)
        predictor = _load(member.read() if member else b"")
    noise = np.random.default_rng(0).integers(0, 256, (96, 64, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    try:
        predictor.predict(buffer.getvalue())
    except ModelFileError as error:
        raise ReleaseError(str(error)) from error


def _document(path: Path, version: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise ReleaseError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ReleaseError(f"{path} is not a JSON object")
    about = document.get("model")
    named = about.get("version") if isinstance(about, dict) else None
    if named not in (None, version):
        raise ReleaseError(f"{path} is about model {named}, not {version}")
    return document


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def _tar_gz(entries: dict[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(entries.items()):
            entry = tarfile.TarInfo(name)  # mode 0644, owner 0, time 0
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    packed = io.BytesIO()
    # Stored, not compressed: weights hardly compress, and deflate's output differs between zlib and zlib-ng.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=0, fileobj=packed, mtime=0) as file:
        file.write(plain.getvalue())
    return packed.getvalue()
