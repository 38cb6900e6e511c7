"""Targets of the Makefile that must not do half of what they say."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    shutil.copy(root / "Makefile", tmp_path)
    for folder in ("build", ".scones", ".aws-sam", ".hypothesis"):
        (tmp_path / folder).mkdir()
    return tmp_path


def clean(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "clean"], cwd=checkout, capture_output=True, text=True, check=False)


def command(checkout: Path, script: str) -> None:
    file = checkout / ".venv" / "bin" / "scones"
    file.parent.mkdir(parents=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_clean_stops_the_local_cloud_before_it_deletes_what_stops_it(checkout: Path) -> None:
    command(checkout, 'echo "$@" > called')
    assert clean(checkout).returncode == 0
    assert (checkout / "called").read_text() == "down\n"
    assert {path.name for path in checkout.iterdir()} == {"Makefile", "called"}


def test_clean_deletes_nothing_while_the_cloud_does_not_stop(checkout: Path) -> None:
    command(checkout, "exit 2")
    assert clean(checkout).returncode != 0
    assert (checkout / ".venv").exists()
    assert (checkout / ".scones").exists()


def test_clean_without_an_environment(checkout: Path) -> None:
    (checkout / ".scones" / "cloud.json").touch()
    refused = clean(checkout)
    assert refused.returncode != 0
    assert "make setup" in refused.stderr
    (checkout / ".scones" / "cloud.json").unlink()
    assert clean(checkout).returncode == 0
