"""A lock, not the content of a file, shows whether a local cloud is running."""

import subprocess
import sys
from pathlib import Path

import pytest

from scones.running_cloud import RunningCloud, hold_cloud, read_cloud, state_dir, write_cloud

CLOUD = RunningCloud("http://127.0.0.1:4566", "us-east-1", "scones", 4711, ready=True)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCONES_STATE_DIR", str(tmp_path / "state"))


def test_a_held_cloud_is_read_back_and_forgotten_at_the_end() -> None:
    with hold_cloud() as held:
        assert held
        assert read_cloud() is None
        write_cloud(CLOUD)
        assert read_cloud() == CLOUD
    assert read_cloud() is None
    assert not (state_dir() / "cloud.json").exists()


def test_a_file_that_a_killed_process_left_means_nothing() -> None:
    state_dir().mkdir()
    write_cloud(CLOUD)
    (state_dir() / "lock").touch()

    assert read_cloud() is None


def test_only_one_process_holds_the_cloud() -> None:
    script = "from scones.running_cloud import hold_cloud\nwith hold_cloud() as held: print(held)"
    with hold_cloud():
        write_cloud(CLOUD)
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert other.stdout == "False\n"
        assert read_cloud() == CLOUD


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"endpoint_url": 1}', "\x00"])
def test_an_unreadable_file_is_no_cloud(content: str) -> None:
    with hold_cloud():
        (state_dir() / "cloud.json").write_text(content)
        assert read_cloud() is None
