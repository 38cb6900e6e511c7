"""Targets of the Makefile that must not do half of what they say."""

import os
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


def make(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make as a user does, also where make runs these tests and would hand its own flags down."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", *words], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


def clean(checkout: Path) -> subprocess.CompletedProcess[str]:
    return make(checkout, "clean")


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


def setup(checkout: Path, uv: str) -> subprocess.CompletedProcess[str]:
    """Run `make setup` with a uv that does as a script says."""
    for name in ("pyproject.toml", "uv.lock"):
        (checkout / name).touch()
    (checkout / ".python-version").write_text("3.13\n")
    (checkout / ".venv").mkdir()
    (checkout / "uv").write_text(f'#!/bin/sh\necho "$@" >> calls\n{uv}\n')
    (checkout / "uv").chmod(0o755)
    return make(checkout, "setup", "UV=./uv")


def test_setup_without_a_python_says_so_in_a_line_with_the_next_step(checkout: Path) -> None:
    failed = setup(checkout, '[ "$1" != python ]')
    assert failed.returncode != 0
    first, *make_s_own = failed.stderr.splitlines()
    assert first == (
        "Python 3.13 is missing and could not be downloaded: install it (python.org/downloads), then repeat make"
    )
    assert all(line.startswith("make: ***") for line in make_s_own)
    assert "sync" not in (checkout / "calls").read_text()
    assert not (checkout / ".venv" / ".ready").exists()


def test_setup_says_what_takes_long_and_is_done_once(checkout: Path) -> None:
    done = setup(checkout, "exit 0")
    assert (done.returncode, done.stdout) == (0, "Installing packages into .venv (560 MB on disk) ...\n")
    (sync,) = [line for line in (checkout / "calls").read_text().splitlines() if line.startswith("sync")]
    assert sync.startswith("sync --locked --all-extras ")
    assert sync.endswith(" --quiet"), "a log gets no progress bar"
    again = make(checkout, "setup", "UV=./uv")
    assert again.returncode == 0
    assert "Installing" not in again.stdout
