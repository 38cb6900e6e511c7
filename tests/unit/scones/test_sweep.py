"""`scones sweep`: what it asks of the deployed function, what it prints, how it exits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from scones.connection import Connection

if TYPE_CHECKING:
    from tests.unit.scones.fake_stack import FakeCloudFormation, Scones

KINDS = ("waiting", "too_old", "finished", "running", "started", "reported", "exhausted", "errors")


def answer(
    stopped_by: str | None = None, after: str | None = None, dry_run: bool = False, **images: list[str]
) -> dict[str, Any]:
    named = {kind: images.get(kind, []) for kind in KINDS}
    return {
        "dry_run": dry_run,
        "looked_at": sum(map(len, named.values())),
        "counts": {kind: len(keys) for kind, keys in named.items()},
        "images": {
            kind: [{"key": key, "etag": "e", "why": f"{key} is {kind}"} for key in keys[:100]]
            for kind, keys in named.items()
        },
        "continue_after": {"key": after, "version_id": None} if after else None,
        "decisions": {"started": 0, "errors": 0},
        "stopped_by": stopped_by,
    }


@dataclass
class FakeLambda:
    """Answers one invocation after the other."""

    answers: list[dict[str, Any]]
    error: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (AWS's names)
        self.functions.add(FunctionName)
        self.requests.append(json.loads(Payload))
        if self.error:
            return {"FunctionError": "Unhandled", "Payload": BytesIO(self.error.encode())}
        return {"Payload": BytesIO(json.dumps(self.answers.pop(0)).encode())}


@pytest.fixture
def function(
    cloudformation: FakeCloudFormation, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> FakeLambda:
    outputs["SweepFunctionName"] = "the-sweep"
    fake = FakeLambda([])
    monkeypatch.setattr(Connection, "lambda_", lambda _connection, _longest_run_s: fake)
    return fake


def test_what_was_started_is_named_with_the_reason(scones: Scones, function: FakeLambda) -> None:
    function.answers = [answer(started=["incoming/a"], running=["b"], finished=["c", "d"], waiting=["e"])]
    result = scones("sweep")
    assert result.exit_code == 0, result.stderr
    assert function.requests == [{"dry_run": False, "start_after": None}]
    assert function.functions == {"the-sweep"}
    assert "incoming/a" in result.stdout
    assert "incoming/a is started" in result.stdout
    assert "looked at 5 images: 1 started, 1 running, 2 with an outcome, 1 too young to tell" in result.stdout


@pytest.mark.parametrize("kind", ["reported", "exhausted", "errors"])
def test_what_was_given_up_fails_the_command(scones: Scones, function: FakeLambda, kind: str) -> None:
    images: dict[str, Any] = {"started": ["a"], kind: ["incoming/b"]}
    function.answers = [answer(**images)]
    result = scones("sweep")
    assert result.exit_code == 1
    assert "incoming/b" in result.stdout
    assert ("scones redrive --stack scones" in result.stderr) == (kind != "errors")


def test_a_dry_run_says_what_would_be(scones: Scones, function: FakeLambda) -> None:
    function.answers = [answer(started=["a"], dry_run=True)]
    result = scones("sweep", "--dry-run", "--older-than", "2.5")
    assert function.requests == [{"dry_run": True, "start_after": None, "older_than_minutes": 2.5}]
    assert "looked at 1 image: 1 would start" in result.stdout


def test_it_goes_on_when_one_invocations_time_was_over(scones: Scones, function: FakeLambda) -> None:
    function.answers = [
        answer("time", "k1", started=["a"]),
        answer("time", "k2", finished=["b"]),
        answer(None, None, started=["c"]),
    ]
    document = json.loads(scones("sweep", "--json").stdout)
    assert [request["start_after"] for request in function.requests] == [
        None,
        {"key": "k1", "version_id": None},
        {"key": "k2", "version_id": None},
    ]
    assert document["counts"]["started"] == 2
    assert [image["key"] for image in document["images"]["started"]] == ["a", "c"]
    assert document["looked_at"] == 3


def test_it_stops_at_the_bound_of_one_run(scones: Scones, function: FakeLambda) -> None:
    function.answers = [answer("starts", "k1", started=[f"{number}" for number in range(120)])]
    result = scones("sweep")
    assert result.exit_code == 0
    assert "and 20 more: started" in result.stderr
    assert "as many as one run may start: repeat the command" in result.stderr


def test_it_does_not_turn_in_circles(scones: Scones, function: FakeLambda) -> None:
    function.answers = [answer("time", "k1"), answer("time", "k1"), answer()]
    assert scones("sweep").exit_code == 0
    assert len(function.requests) == 2


def test_the_watch_is_restarted_by_a_run_of_the_schedule(scones: Scones, function: FakeLambda) -> None:
    function.answers = [answer()]
    assert scones("sweep", "--restart-watch").exit_code == 0
    assert function.requests == [{"restart_watch": True}]
    assert scones("sweep", "--restart-watch", "--dry-run").exit_code == 2


def test_a_function_that_fails_is_one_line(scones: Scones, function: FakeLambda) -> None:
    function.error = json.dumps({"errorMessage": "none of 2 images\ncould be handled", "errorType": "X"})
    result = scones("sweep")
    assert result.exit_code == 2
    assert "Error: the sweep failed: none of 2 images could be handled" in result.stderr


def test_a_stack_without_a_sweep(
    scones: Scones, cloudformation: FakeCloudFormation, outputs: dict[str, str]
) -> None:
    outputs.pop("SweepFunctionName", None)
    result = scones("sweep")
    assert result.exit_code == 2
    assert "no output SweepFunctionName" in result.stderr
