"""`scones console` as a command: the address that it prints, the browser that it opens, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import pytest

from tests.support import free_address
from tests.unit.scones.fake_stack import FakeCloudFormation, Scones

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def port() -> int:
    return free_address().aws_port


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    addresses: list[str] = []

    def opens(address: str) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", opens)
    return addresses


class Visitor(threading.Thread):
    """Opens the live page's stream as soon as the console answers, and presses Ctrl-C while it is open."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.origin = f"http://127.0.0.1:{port}"
        self.refused = self.lines = 0
        self.left_at = 0.0

    def run(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.refused:
            try:
                self.refused = httpx.get(self.origin, trust_env=False).status_code
            except httpx.ConnectError:
                time.sleep(0.05)
        self.left_at = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def visitor(port: int) -> Iterator[Visitor]:
    visitor = Visitor(port)
    visitor.start()
    yield visitor
    visitor.join()


def test_it_prints_its_address_and_stops_cleanly_at_ctrl_c(
    scones: Scones, s3: S3Client, port: int, opened: list[str], visitor: Visitor
) -> None:
    done = scones("console", "--port", str(port), "--no-browser")
    assert done.exit_code == 0
    (address,) = done.stdout.splitlines()
    assert address.startswith(f"http://127.0.0.1:{port}/?token=")
    assert len(address) > 60
    assert done.stderr.splitlines()[-1] == "Stopped."
    assert visitor.refused == 403
    assert time.monotonic() - visitor.left_at < 30
    assert opened == []


def test_no_other_user_sees_the_token_among_the_arguments_of_the_browser(
    scones: Scones, s3: S3Client, port: int, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def opens(address: str) -> bool:
        file = Path(url2pathname(urlsplit(address).path))
        seen.update(address=address, file=file, mode=stat.S_IMODE(file.stat().st_mode), page=file.read_text())
        return True

    monkeypatch.setattr("webbrowser.open", opens)
    address = scones("console", "--port", str(port)).stdout.strip()
    token = address.partition("token=")[2]
    assert token not in str(seen["address"])
    assert token in str(seen["page"])
    assert seen["mode"] == 0o600
    assert not Path(str(seen["file"])).exists()


def test_a_browser_of_the_terminal_is_not_opened(
    scones: Scones,
    s3: S3Client,
    port: int,
    opened: list[str],
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would wait for a console that waits for it."""
    monkeypatch.setattr("webbrowser.get", lambda: webbrowser.GenericBrowser("w3m"))
    assert "token=" in scones("console", "--port", str(port)).stdout
    assert opened == []


def test_it_does_not_wait_long_for_an_aws_that_does_not_answer(
    scones: Scones, s3: S3Client, port: int, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = threading.Event()
    monkeypatch.setattr("scones.console.command._ENDS_S", 0.2)
    monkeypatch.setattr("scones.console.desk.ReviewDesk.close", lambda _desk: silence.wait(60))
    done = scones("console", "--port", str(port), "--no-browser")
    silence.set()
    assert "stay held for ten minutes: AWS does not answer" in done.stderr
    assert time.monotonic() - visitor.left_at < 30


def test_a_machine_without_a_browser_still_has_the_address(
    scones: Scones, s3: S3Client, port: int, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _address: False)
    assert "token=" in scones("console", "--port", str(port)).stdout


def test_a_port_that_is_taken_is_said_with_the_next_step(
    scones: Scones, s3: S3Client, opened: list[str]
) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = scones("console", "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2
    assert "--port" in done.stderr
    assert (done.stdout, opened) == ("", [])


def test_a_stack_that_is_not_there_is_said_before_anything_listens(
    scones: Scones, s3: S3Client, cloudformation: FakeCloudFormation, opened: list[str]
) -> None:
    done = scones("console", stack="another")
    assert done.exit_code == 2
    assert "no stack named another" in done.stderr
    assert (done.stdout, opened) == ("", [])
