"""The command line, as SageMaker and `scones up` start it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from endpoint.server import listen, main

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 30


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python -m endpoint.server serve` on a free port, and its address."""
    command = [sys.executable, "-m", "endpoint.server", "serve", "--port", "0", "--endpoint-name", "vehicles"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.search(r"on (http://127\.0\.0\.1:\d+)$", first.strip())
        assert found, first
        yield process, found[1]
        process.kill()


def test_it_serves_says_so_and_stops_on_sigterm(
    server: tuple[subprocess.Popen[str], str], png: bytes
) -> None:
    process, address = server
    with httpx.Client(base_url=address, timeout=DEADLINE_S, trust_env=False) as client:
        assert client.get("/ping").status_code == 200
        answer = client.post("/invocations", content=png, headers={"content-type": "image/png"})
        assert len(answer.json()) == 2
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert [re.sub(r"^.* - ", "", line) for line in log.splitlines()] == [
        '"GET /ping HTTP/1.1" 200',
        '"POST /invocations HTTP/1.1" 200',
    ]


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_a_bad_model_ends_it_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "model.onnx"
    if content:
        path.write_bytes(content)
    assert main(["--model", str(path), "--port", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"endpoint: {path}: ")


def test_a_taken_port_ends_it_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"endpoint: cannot listen on 127.0.0.1:{port}: Address already in use"


def test_an_answer_does_not_wait_for_nagles_algorithm() -> None:
    """asyncio switches it off only for sockets that name their protocol; otherwise an answer takes 40 ms."""
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
