"""The command line: a whole folder of images, or one line that says why there is none."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from training import data
from training.dataset import manifest, prepare
from training.dataset.archive import read_archive
from training.dataset.splits import hold_out
from training.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[4]
DATA = Path(os.environ.get("SCONES_TEST_DATA", ROOT.parent / "shared" / "data"))
REAL = DATA / "cifar-100-python.tar.gz"


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out" / "images"


def run(archive: Path, output: Path, *more: str) -> int:
    return data.main(["--archive", str(archive), "--md5", md5(archive), "--output", str(output), *more])


def left_beside(output: Path) -> list[str]:
    return [path.name for path in output.parent.iterdir()] if output.parent.exists() else []


def test_it_writes_every_image_and_a_manifest(archive_path: Path, output: Path) -> None:
    assert run(archive_path, output) == 0
    entries = manifest.read(output)
    files = {path.relative_to(output).as_posix() for path in output.rglob("*.png")}
    assert {entry.path for entry in entries} == files
    assert len(entries) == len(files) == 46
    for entry in entries:
        assert hashlib.sha256((output / entry.path).read_bytes()).hexdigest() == entry.sha256
        assert entry.path.startswith(f"{entry.split}/{entry.label}/")
        assert entry.source == "x.png"
    assert left_beside(output) == ["images"]


def test_the_pixels_and_the_validation_split_are_those_of_training(archive_path: Path, output: Path) -> None:
    assert run(archive_path, output, "--classes", "motorcycle", "--seed", "7") == 0
    _, held = hold_out(read_archive(archive_path, None).train, 7)
    expected = {pixels.tobytes() for pixels in held.pixels[held.labels == 3]}
    found = {np.asarray(Image.open(path)).tobytes() for path in output.glob("validation/*/*.png")}
    assert found == expected


def test_json_is_one_document(archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(archive_path, output, "--classes", "all", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["images"]["test"] == {"apple": 3, "bicycle": 3, "cloud": 3, "motorcycle": 3}
    assert summary["images"]["validation"]["cloud"] == 2
    assert summary["classes"] == ["apple", "bicycle", "cloud", "motorcycle"]
    assert "there are 4 classes, not 100" in summary["notices"][0]
    assert json.loads((output / manifest.SUMMARY).read_text())["seed"] == 1


def test_a_second_run_replaces_the_first(archive_path: Path, output: Path) -> None:
    assert run(archive_path, output) == 0
    assert run(archive_path, output, "--classes", "cloud") == 0
    assert {path.name for path in (output / "test").iterdir()} == {"cloud"}
    assert left_beside(output) == ["images"]


def test_a_folder_with_anything_else_is_left_alone(
    archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(archive_path, output) == 0
    (output / "test" / "mine.txt").write_text("mine")
    assert run(archive_path, output) == 1
    assert "test/mine.txt, which is not of an earlier run" in capsys.readouterr().err
    assert run(archive_path, output.parent) == 1


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ("bicicle", "unknown class: bicicle (near: bicycle)"),
        ("Bicycle,motorcycle", "near: bicycle"),
        ("zzz", "unknown class: zzz; the archive has apple, bicycle, cloud, motorcycle"),
        ("apple,apple", "once each"),
        (",", "none given"),
    ],
)
def test_a_wrong_class_is_one_line(
    archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str], classes: str, reason: str
) -> None:
    assert run(archive_path, output, "--classes", classes) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert left_beside(output) == []


def test_a_wrong_checksum_is_one_line(
    archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data.main(["--archive", str(archive_path), "--output", str(output)]) == 1
    assert "expected eb9058c3" in capsys.readouterr().err


def test_a_truncated_archive_is_one_line(
    archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive_path.write_bytes(archive_path.read_bytes()[:2000])
    assert run(archive_path, output) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert left_beside(output) == []


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Let the disk fail at the writing of the first file of this name or kind."""
    real = Path.write_bytes

    def write(path: Path, content: bytes) -> int:
        if path.match(name):
            raise error
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", write)


@pytest.mark.parametrize("name", ["test/*/x-3.png", "manifest.jsonl", "dataset.json"])
def test_a_full_disk_leaves_what_was_there(
    archive_path: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    assert run(archive_path, output, "--classes", "cloud") == 0
    before = sorted(path.as_posix() for path in output.rglob("*"))
    fail_at(monkeypatch, name, OSError(errno.ENOSPC, "No space left on device", name))
    capsys.readouterr()
    assert run(archive_path, output) == 1
    error = capsys.readouterr().err
    assert "No space left on device; free some space" in error
    assert error.count("\n") == 1
    assert sorted(path.as_posix() for path in output.rglob("*")) == before
    assert left_beside(output) == ["images"]


def test_a_failed_swap_puts_the_old_folder_back(
    archive_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(archive_path, output, "--classes", "cloud") == 0
    real = Path.rename

    def rename(path: Path, to: Path) -> Path:
        if path.name == "new":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, to)

    monkeypatch.setattr(Path, "rename", rename)
    assert run(archive_path, output) == 1
    assert (output / "test" / "cloud").is_dir()
    assert left_beside(output) == ["images"]


def test_ctrl_c_leaves_nothing(archive_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, "test/*/x-3.png", KeyboardInterrupt())
    assert run(archive_path, output) == 130
    assert left_beside(output) == []


def test_a_folder_that_cannot_be_made_is_one_line(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(archive_path, tmp_path / "file") == 1
    assert "is a file" in capsys.readouterr().err
    assert run(archive_path, tmp_path / "file" / "images") == 1
    assert "give another --output" in capsys.readouterr().err


def test_an_unwritable_folder_is_known_before_anything_is_fetched(
    output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.dataset.prepared_folder.os.access", lambda *_: False)
    assert data.main(["--output", str(output)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_class_that_cannot_be_a_folder_is_refused(
    make_archive: Callable[..., Path], output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meta = pickle.dumps({b"fine_label_names": [b"apple", b"../../evil", b"cloud", b"motorcycle"]}, protocol=2)
    assert run(make_archive(meta=meta), output, "--classes", "all") == 1
    assert "cannot be a folder's name" in capsys.readouterr().err
    assert left_beside(output) == []


@pytest.mark.parametrize("name", ["neither", "cannot_tell", "gone", "undone"])
def test_a_class_with_a_name_that_reviewers_say_is_refused(
    make_archive: Callable[..., Path], output: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    meta = pickle.dumps({b"fine_label_names": [b"apple", name.encode(), b"cloud", b"motorcycle"]}, protocol=2)
    assert run(make_archive(meta=meta), output, "--classes", f"apple,{name}") == 1
    assert f"no class can be named {name}" in capsys.readouterr().err
    assert left_beside(output) == []


def test_without_an_archive_it_is_fetched_into_the_cache(
    archive_path: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str, target: Path, expected: str) -> Path:
        assert url.startswith("https://www.cs.toronto.edu/")
        assert target == tmp_path / "cache" / "cifar-100-python.tar.gz"
        assert expected == md5(archive_path)
        return archive_path

    monkeypatch.setattr(data, "fetch", fetch)
    where = ["--cache", str(tmp_path / "cache"), "--md5", md5(archive_path), "--output", str(output)]
    assert data.main(where) == 0


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason=f"no archive at {REAL}: set SCONES_TEST_DATA")
def test_the_real_archive(tmp_path: Path) -> None:
    checksum = "e22190e3a2eef0a8d425db9b6a28954f"
    plan = prepare.Plan(REAL, checksum, "bicycle,motorcycle", 1, tmp_path / "images")
    summary: dict[str, Any] = prepare.prepare(plan)
    assert summary["images"] == {
        "train": {"bicycle": 450, "motorcycle": 450},
        "validation": {"bicycle": 50, "motorcycle": 50},
        "test": {"bicycle": 100, "motorcycle": 100},
    }
    assert summary["duplicates"] == []
    assert "98 of 100 classes" in summary["notices"][0]


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"path": "x"}', '{"path": "../x", "label": "a", "split": "b", "source": "", "sha256": ""}'],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / manifest.NAME).write_text(f"{line}\n")
    with pytest.raises(ManifestError, match=r"manifest.jsonl:1"):
        manifest.read(tmp_path)
