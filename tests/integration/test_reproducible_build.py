"""The same sources make the same package, and no other package gets in. `make reproducible` builds all functions."""

import re
import subprocess
from pathlib import Path

import pytest

from tools.reproducible import build_twice, copy_sources, differing_files, sam_build

pytestmark = pytest.mark.slow


def test_two_machines_build_the_same(tmp_path: Path) -> None:
    one, other = build_twice(tmp_path, "Filter")

    assert (one / "Filter" / "filter" / "app.py").is_file()
    assert differing_files(one, other) == []


def test_a_difference_is_seen(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        (folder / "Filter").mkdir(parents=True)
        (folder / "Filter" / "app.py").write_text("same")
        (folder / "Filter" / "stamp.txt").write_text(folder.name)
    (other / "Filter" / "app.pyc").touch()

    assert differing_files(one, other) == ["Filter/app.pyc", "Filter/stamp.txt"]


def test_a_package_of_another_hash_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy_sources(copy)
    requirements = copy / "functions" / "filter" / "requirements.txt"
    requirements.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", requirements.read_text()))

    with pytest.raises(subprocess.CalledProcessError) as failure:
        sam_build(copy, "Filter", {})

    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in failure.value.output
