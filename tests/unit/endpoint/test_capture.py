"""Data Capture: the files, when they appear, and that nothing about them can hurt an inference."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from endpoint.app import create_app
from endpoint.capture import DataCapture
from endpoint.exchange import Exchange
from endpoint.server import main

if TYPE_CHECKING:
    from endpoint.predictor import Predictor

ROOT = Path(__file__).parents[3]
MOMENT = datetime(2026, 11, 21, 8, 5, 9, 123456, tzinfo=UTC)
FILE_NAME = re.compile(r"\d\d-\d\d-\d{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def exchange(image: bytes = b"png", endpoint: str = "vehicles", moment: datetime = MOMENT) -> Exchange:
    return Exchange(endpoint, "AllTraffic", "image/png", image, "[0.25,0.75]", moment)


def lines(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.rglob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def test_the_record_is_sagemakers(tmp_path: Path) -> None:
    with DataCapture(tmp_path) as capture:
        capture.add(exchange(b"\x89PNG\r\n"))
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path.parent.relative_to(tmp_path).as_posix() == "vehicles/AllTraffic/2026/11/21/08"
    assert FILE_NAME.fullmatch(path.name)
    assert path.name.startswith("05-09-123-")
    (record,) = lines(tmp_path)
    assert UUID.fullmatch(record["eventMetadata"].pop("eventId"))
    assert record == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "image/png",
                "mode": "INPUT",
                "data": base64.b64encode(b"\x89PNG\r\n").decode(),
                "encoding": "BASE64",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": "[0.25,0.75]",
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"inferenceTime": "2026-11-21T08:05:09Z"},
        "eventVersion": "0",
    }


def test_requests_of_a_moment_share_a_file_and_hours_do_not(tmp_path: Path) -> None:
    with DataCapture(tmp_path, batch_s=60) as capture:
        for hour in (8, 9, 8, 9, 9):
            capture.add(exchange(moment=MOMENT.replace(hour=hour)))
    counts = {path.parent.name: len(path.read_text().splitlines()) for path in tmp_path.rglob("*.jsonl")}
    assert counts == {"08": 2, "09": 3}


def test_everything_is_written_in_order_however_much_there_is(tmp_path: Path) -> None:
    with DataCapture(tmp_path, batch_s=0) as capture:
        for index in range(500):
            capture.add(exchange(str(index).encode()))
    inputs = [record["captureData"]["endpointInput"]["data"] for record in lines(tmp_path)]
    assert sorted(int(base64.b64decode(data)) for data in inputs) == list(range(500))


def test_the_share_that_is_kept(tmp_path: Path) -> None:
    with DataCapture(tmp_path, percent=20) as capture:
        for _ in range(2000):
            capture.add(exchange())
    assert 300 < len(lines(tmp_path)) < 500


@pytest.mark.parametrize("name", ["..", ".", "", "a b", "-x", "x-", "é", "a/../../b"])
def test_a_name_that_is_no_endpoints_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with DataCapture(tmp_path) as capture:
        capture.add(exchange(endpoint=name))
    (path,) = (path for path in tmp_path.rglob("*.jsonl"))
    assert path.relative_to(tmp_path).parts[:2] == ("endpoint", "AllTraffic")


def test_a_disk_that_takes_nothing_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "vehicles").write_text("a file where a folder should be")
    with DataCapture(tmp_path, batch_s=0) as capture:
        for _ in range(50):
            capture.add(exchange())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "inference continues" in caplog.text


def test_a_disk_that_fills_leaves_no_half_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with DataCapture(tmp_path) as capture:
            capture.add(exchange())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert "No space left on device" in caplog.text


def test_a_disk_that_hangs_costs_neither_time_nor_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, hanging = threading.Event(), threading.Event()

    def hang(self: Path, target: Path) -> None:
        hanging.set()
        released.wait(30)

    monkeypatch.setattr(Path, "replace", hang)
    capture = DataCapture(tmp_path, batch_s=0, max_held_bytes=1000)
    capture.add(exchange(bytes(900)))
    assert hanging.wait(30)
    started = time.monotonic()
    for _ in range(1000):
        capture.add(exchange(bytes(900)))
    capture.close(timeout_s=0)
    assert time.monotonic() - started < 20  # one that waits for the disk takes 30 s
    assert [record.getMessage() for record in caplog.records] == [
        "data capture drops requests, inference continues: more requests than can be written"
    ]
    released.set()


def post(app: Any, path: str, content: bytes, content_type: str = "image/png") -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client:
            return await client.post(path, content=content, headers={"content-type": content_type})

    return asyncio.run(send())


def test_what_is_captured_is_what_was_asked_and_answered(
    tmp_path: Path, predictor: Predictor, png: bytes
) -> None:
    with DataCapture(tmp_path) as capture:
        app = create_app(predictor, None, capture)
        answer = post(app, "/endpoints/vehicles/invocations", png)
        post(app, "/invocations", png)
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.jsonl")} == {
        "vehicles",
        "endpoint",
    }
    for record in lines(tmp_path):
        assert base64.b64decode(record["captureData"]["endpointInput"]["data"]) == png
        assert json.loads(record["captureData"]["endpointOutput"]["data"]) == answer.json()


def test_what_was_refused_is_not_captured(tmp_path: Path, predictor: Predictor, png: bytes) -> None:
    with DataCapture(tmp_path) as capture:
        app = create_app(predictor, "vehicles", capture)
        assert post(app, "/invocations", b"nonsense").status_code == 400
        assert post(app, "/endpoints/vehicles/invocations", b"nonsense").status_code == 424
        assert post(app, "/endpoints/others/invocations", png).status_code == 400
        assert post(app, "/invocations", png, "text/csv").status_code == 415
    assert lines(tmp_path) == []


def test_a_running_server_writes_all_before_it_stops(tmp_path: Path, png: bytes) -> None:
    command = [sys.executable, "-m", "endpoint.server", "--port", "0", "--endpoint-name", "vehicles"]
    command += ["--capture", str(tmp_path / "new" / "captures")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        found = re.search(r"on (http://127\.0\.0\.1:\d+)$", process.stderr.readline().strip())
        assert found
        with httpx.Client(base_url=found[1], timeout=30, trust_env=False) as client:
            for _ in range(5):
                client.post(
                    "/endpoints/vehicles/invocations", content=png, headers={"content-type": "image/png"}
                )
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(lines(tmp_path / "new" / "captures" / "vehicles" / "AllTraffic")) == 5


def test_a_folder_that_cannot_be_made_ends_it_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--port", "0", "--capture", str(tmp_path / "file" / "captures")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"endpoint: cannot capture to {tmp_path}/file/captures: Not a directory"


@pytest.mark.parametrize("percent", ["0", "101", "-5", "many"])
def test_a_percentage_is_one(percent: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--capture", "x", "--capture-percent", percent])
