"""A local cloud that a scenario breaks: faults ordered, processes killed, its rule disabled, its time scaled."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from scones.chaos.injection import find_workers, kill
from scones.running_cloud import RunningCloud
from tests.chaos.stack import Stack
from tests.integration.conftest import Shell


@dataclass
class Cloud:
    """A running local cloud that a scenario starts, breaks and stops."""

    shell: Shell
    stack: Stack = field(init=False)

    def up(self, *options: str) -> None:
        """Start it, and listen to its topics."""
        self.scones("up", "--detach", *options)
        self.stack = Stack(self.state.endpoint_url)

    def up_again(self, *options: str) -> None:
        """Start it after its death; the stack and the queues that listened are those of before."""
        self.scones("up", "--detach", *options)

    def down(self) -> None:
        """Stop it; nothing of it may be left."""
        try:
            self.scones("down")
        finally:
            left = self.shell.processes()
            for process in left:
                process.kill()
        assert left == []

    def scones(self, *arguments: str) -> str:
        """Run a command that has to succeed; return what it prints."""
        done = self.shell.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def scones_json(self, *arguments: str) -> Any:
        """Run a command and return the document it prints."""
        return json.loads(self.scones(*arguments, "--json"))

    def chaos(self, *arguments: str) -> None:
        """Run `scones chaos`."""
        self.scones("chaos", *arguments)

    @property
    def state(self) -> RunningCloud:
        return RunningCloud(**json.loads((self.shell.state / "cloud.json").read_text()))

    def kill_workers(self, at_most: int | None = None) -> int:
        """Kill Lambda workers, chosen by chance, with SIGKILL; return how many."""
        workers = find_workers(self.state)
        random.shuffle(workers)
        return sum(kill(worker) for worker in workers[:at_most])

    def kill(self) -> None:
        """Kill the whole cloud with SIGKILL: no process of it has a word to say."""
        for process in self.shell.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait(10)

    def set_wait_scale(self, scale: float) -> None:
        """Let a second of the workflow's waits and retries take this many real ones."""
        answer = httpx.post(
            f"{self.state.endpoint_url}/_ministack/config",
            json={"stepfunctions._SFN_WAIT_SCALE": scale},
            trust_env=False,
        )
        assert answer.json()["applied"] == {"stepfunctions._SFN_WAIT_SCALE": scale}

    @contextmanager
    def faults(self, *kinds: str, rate: float = 1.0, seconds: float | None = None) -> Iterator[None]:
        """Let the endpoint fail in these ways for the length of the block, or of these seconds."""
        for kind in kinds:
            shares = [] if kind == "gone" else ["--rate", str(rate)]
            self.chaos("endpoint", "--kind", kind, *shares, *(["--for", str(seconds)] if seconds else []))
        try:
            yield
        finally:
            self.chaos("clear")

    def injected(self) -> dict[str, int]:
        """Return how many requests each kind of fault has hit."""
        return dict(self.scones_json("chaos", "status")["injected"])

    @contextmanager
    def rule_disabled(self) -> Iterator[None]:
        """Disable the rule that starts the workflow: what is uploaded meanwhile has no event."""
        events, workflow = self.stack.client("events"), self.stack.outputs["WorkflowAliasArn"]
        (name,) = events.list_rule_names_by_target(TargetArn=workflow)["RuleNames"]
        events.disable_rule(Name=name)
        try:
            yield
        finally:
            events.enable_rule(Name=name)
