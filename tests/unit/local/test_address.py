"""The way to the local cloud leads past proxies and past the user's own AWS settings."""

import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from scones.cli import main
from scones.local import servers
from scones.local.address import Address, direct_variables, tool_environment
from scones.local.processes import Processes
from scones.running_cloud import RunningCloud, hold_cloud, write_cloud

DEAD_PROXY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCONES_STATE_DIR", str(tmp_path / "state"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, DEAD_PROXY)


@pytest.fixture
def healthy() -> Iterator[Address]:
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Address("127.0.0.1", server.server_port, server.server_port)
        server.shutdown()


def test_the_health_of_a_local_server_is_asked_directly(
    healthy: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "START_TIMEOUT_S", 5)
    processes = Processes(tmp_path / "logs")
    processes.start("aws", ["sleep", "60"], {"PATH": "/bin:/usr/bin"}, tmp_path)
    try:
        servers.wait_for_aws(processes, healthy)
    finally:
        processes.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "172.17.0.1"])
def test_tools_reach_the_local_cloud_directly_and_the_rest_through_the_proxy(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tool_environment(Address(host, 4566, 8080))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, environment[name])
    assert environment["https_proxy"] == DEAD_PROXY
    assert urllib.request.proxy_bypass(f"{host}:4566")
    assert not urllib.request.proxy_bypass("pypi.org:443")


def test_tools_keep_the_bytecode_that_they_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in tool_environment(Address("127.0.0.1", 4566, 8080))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "corp.example, localhost"}, "corp.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_exceptions_that_the_user_made_stay(given: dict[str, str], wanted: str) -> None:
    assert direct_variables("127.0.0.1", given) == {"no_proxy": wanted, "NO_PROXY": wanted}


def test_env_leads_past_proxies_profiles_and_endpoints_of_one_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "stale")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example")
    with hold_cloud():
        write_cloud(RunningCloud("http://127.0.0.1:4566", "us-east-1", "scones", 1, ready=True))
        printed = CliRunner().invoke(main, ["env"]).output
    shown = "echo $AWS_PROFILE-$AWS_SESSION_TOKEN-$AWS_ENDPOINT_URL_S3-$AWS_ENDPOINT_URL-$no_proxy"
    done = subprocess.run(["sh", "-c", f"{printed}\n{shown}"], capture_output=True, text=True, check=True)
    assert done.stdout == "---http://127.0.0.1:4566-127.0.0.1,localhost,::1\n"
