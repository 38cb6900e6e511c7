"""The folder that training.launch uploads holds all that the job imports, and runs as the job runs it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from hashlib import md5
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from training.release.training_job import CHANNEL, TrainingJob, copy_code
from training.storage import Address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS = ("training", "endpoint")
IMPORT = """
import sys
sys.path.insert(0, sys.argv[1])
import training.train
ours = [module for name, module in sys.modules.items() if name.split(".")[0] in ("training", "endpoint")]
print("\\n".join(module.__file__ for module in ours))
"""

needs_torch = pytest.mark.skipif(
    not find_spec("torch"), reason="PyTorch is not installed: training has an environment of its own"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    copy_code(folder)
    return folder


def file_of(folder: Path, module: str) -> Path | None:
    """Return the file of a module in the folder: module.py or the __init__.py of a package."""
    path = folder.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imported_by(folder: Path, file: Path) -> Iterator[str]:
    """Yield our modules that a file imports anywhere, functions included; each with the packages it is in."""
    for node in ast.walk(ast.parse(file.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [node.module, *(name for name in members if file_of(folder, name))]
        for name in names:
            parts = name.split(".")
            if parts[0] in OURS:
                yield from (".".join(parts[: count + 1]) for count in range(len(parts)))


def test_every_module_that_training_imports_is_in_the_folder(folder: Path) -> None:
    seen, open_ends, missing = set[str](), ["training.train"], set[str]()
    while open_ends:
        module = open_ends.pop()
        seen.add(module)
        file = file_of(folder, module)
        if file is None:
            missing.add(module)
            continue
        open_ends += [name for name in imported_by(folder, file) if name not in seen]
    assert not missing
    assert {"training.learning.fit", "training.dataset.archive", "endpoint.predictor"} <= seen


@needs_torch
def test_training_is_imported_from_the_folder_alone(folder: Path) -> None:
    command = [sys.executable, "-I", "-c", IMPORT, str(folder)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = done.stdout.split()
    assert len(files) > 10
    assert [file for file in files if not file.startswith(f"{folder}/")] == []


@needs_torch
def test_the_jobs_command_trains_from_the_folder(folder: Path, archive_path: Path, tmp_path: Path) -> None:
    job = TrainingJob("image", "role", "s3://data/a", Address.parse("s3://artifacts/x"), "ml.c5.2xlarge")
    model = tmp_path / "model"
    chosen = {
        "md5": md5(archive_path.read_bytes()).hexdigest(),  # noqa: S324 - the publisher's choice
        "epochs-pretrain": 1,
        "epochs": 1,
        "members": 1,
        "threads": 1,
        "checkpoints": str(tmp_path / "checkpoints"),
    }
    sagemaker = {
        "SM_MODEL_DIR": str(model),
        f"SM_CHANNEL_{CHANNEL.upper()}": str(archive_path.parent),
        "SM_HPS": json.dumps(chosen),
        "PATH": os.environ["PATH"],
    }
    python, *arguments = job.trainer()["source_code"]["command"].split()
    assert python == "python3"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=sagemaker, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in model.iterdir()} >= {"model.onnx", "model.pt", "metrics.json"}
