"""Faults on order: who is hit, for how long, and what the Classify function makes of each."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config

from classify.prediction import parse_probabilities
from classify.sagemaker import invoke
from endpoint.faults import MEANING, Faults, Kind
from endpoint.server import main
from tests.support import free_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE_S = 30
ROOT = Path(__file__).parents[3]
# What the workflow must hear: the first two are retried, the others end the image as failed.
HEARD = {
    Kind.THROTTLE: "EndpointThrottledError",
    Kind.INTERNAL: "EndpointUnavailableError",
    Kind.UNAVAILABLE: "EndpointUnavailableError",
    Kind.NOT_READY: "EndpointUnavailableError",
    Kind.HANG: "EndpointUnavailableError",
    Kind.CUT: "EndpointUnavailableError",
    Kind.GONE: "EndpointUnavailableError",
    Kind.DELETED: "EndpointNotFoundError",
    Kind.GARBAGE: "InvalidPredictionError",
    Kind.WRONG_LENGTH: "InvalidPredictionError",
    Kind.NAN: "InvalidPredictionError",
}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drawn(faults: Faults, requests: int = 2000) -> Counter[Kind | None]:
    return Counter(faults.draw() for _ in range(requests))


def test_a_fault_hits_its_share_of_the_requests_and_counts_them() -> None:
    faults = Faults(seed=1)
    assert drawn(faults) == {None: 2000}
    faults.set("throttle", 0.2)
    fates = drawn(faults)
    assert 340 < fates[Kind.THROTTLE] < 460
    assert faults.status()["injected"] == {"throttle": fates[Kind.THROTTLE]}


def test_the_same_seed_draws_the_same_fates() -> None:
    one, other, third = Faults(seed=1), Faults(seed=1), Faults(seed=2)
    fates = []
    for faults in (one, other, third):
        faults.set("cut", 0.5)
        fates.append([faults.draw() for _ in range(50)])
    assert fates[0] == fates[1] != fates[2]


def test_several_faults_act_at_once_and_the_same_one_is_replaced() -> None:
    faults = Faults()
    faults.set("nan", 0.5)
    faults.set("cut", 0.5)
    fates = drawn(faults)
    assert set(fates) == {None, Kind.NAN, Kind.CUT}
    assert 400 < fates[None] < 600
    faults.set("nan", 0)
    faults.set("cut", 1)
    assert drawn(faults) == {Kind.CUT: 2000}


def test_a_fault_ends_by_itself_or_when_all_are_cleared() -> None:
    clock = Clock()
    faults = Faults(clock=clock)
    faults.set("gone", seconds=10)
    faults.set("throttle")
    clock.now += 9.9
    assert faults.is_gone()
    assert faults.status()["active"][0]["seconds_left"] == pytest.approx(0.1)
    clock.now += 0.1
    assert not faults.is_gone()
    assert faults.draw() is Kind.THROTTLE
    faults.clear()
    assert faults.draw() is None
    assert faults.status() == {"kinds": MEANING, "active": [], "injected": {}}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (("slow", 1, None), "there are throttle, internal"),
        (("cut", 1.1, None), "from 0 to 1"),
        (("cut", float("nan"), None), "from 0 to 1"),
        (("cut", 1, 0), "more than 0 seconds"),
        (("gone", 0.5, None), "affects every request"),
    ],
)
def test_what_is_no_fault_is_refused_with_a_sentence(
    order: tuple[str, float, float | None], said: str
) -> None:
    faults = Faults()
    with pytest.raises(ValueError, match=said):
        faults.set(*order)
    assert faults.status()["active"] == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The endpoint as the local cloud starts it: its address, and where it takes orders."""
    file, port = tmp_path_factory.mktemp("faults") / "faults", free_address().endpoint_port
    command = [sys.executable, "-m", "endpoint.server", "--port", str(port), "--faults", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        assert "model" in process.stderr.readline()
        wait_until(file.exists)
        yield f"http://127.0.0.1:{port}", file.read_text().strip()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
        assert "Traceback" not in log
        assert "ERROR" not in log


@pytest.fixture
def control(server: tuple[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client
        client.delete(server[1]).raise_for_status()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ping", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def runtime(address: str, read_timeout_s: int = DEADLINE_S) -> Any:
    config = Config(
        read_timeout=read_timeout_s,
        connect_timeout=DEADLINE_S,
        retries={"total_max_attempts": 1},
        proxies={},
    )
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=address,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


@pytest.mark.parametrize("kind", Kind)
def test_classify_says_what_the_workflow_expects_and_it_passes(
    server: tuple[str, str], control: httpx.Client, png: bytes, kind: Kind
) -> None:
    address, orders = server
    labels = ("bicycle", "motorcycle")
    control.put(orders, json={"kind": kind}).raise_for_status()
    wait_until(lambda: is_up(address) != (kind is Kind.GONE))

    with pytest.raises(Exception, match="endpoint") as caught:
        answer = invoke(runtime(address, 1 if kind is Kind.HANG else DEADLINE_S), "any", png, "image/png")
        parse_probabilities(answer.body, labels)

    assert type(caught.value).__name__ == HEARD[kind]
    expected = {} if kind is Kind.GONE else {kind: 1}
    wait_until(
        lambda: control.get(orders).json()["injected"] == expected
    )  # a busy server counts a hung one later
    control.delete(orders).raise_for_status()
    wait_until(lambda: is_up(address))
    answer = invoke(runtime(address), "any", png, "image/png")
    assert len(parse_probabilities(answer.body, labels)) == 2


def test_a_connection_that_was_open_before_does_not_outlive_the_endpoint(
    server: tuple[str, str], control: httpx.Client, png: bytes
) -> None:
    address, orders = server
    with httpx.Client(base_url=address, trust_env=False) as client:
        assert client.get("/ping").status_code == 200
        control.put(orders, json={"kind": "gone", "seconds": 0.5}).raise_for_status()
        wait_until(lambda: not is_up(address))
        with pytest.raises(httpx.TransportError):
            client.post("/endpoints/any/invocations", content=png)
    wait_until(lambda: is_up(address))


def test_a_containers_own_address_stays_healthy(
    server: tuple[str, str], control: httpx.Client, png: bytes
) -> None:
    address, orders = server
    control.put(orders, json={"kind": "internal"}).raise_for_status()
    answer = httpx.post(
        f"{address}/invocations", content=png, headers={"content-type": "image/png"}, trust_env=False
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("order", [b"{", b"[]", b"{}", b'{"kind": "slow"}', b'{"kind": "cut", "rate": "x"}'])
def test_an_order_that_makes_no_sense_is_refused(
    server: tuple[str, str], control: httpx.Client, order: bytes
) -> None:
    answer = control.put(server[1], content=order)
    assert answer.status_code == 400
    assert answer.text.startswith("not a fault: ")
    assert control.get(server[1]).json()["active"] == []


def test_without_the_switch_nothing_takes_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn

    servers: list[type[uvicorn.Server]] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, **_: servers.append(type(self)))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(["--port", "0"]) == 0
    assert servers == [uvicorn.Server]
