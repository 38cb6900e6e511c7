"""A browser without a screen: it is let in by the console's guard, and asks its pages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.testclient import TestClient

from scones.connection import Connection, Target
from scones.console.state import ConsoleState, OpenCloud, open_cloud
from scones.console.web import make_web_console
from tests.unit.scones.fake_stack import REGION

PORT = 8123
_ADDRESS = f"http://127.0.0.1:{PORT}"


@dataclass
class Browser:
    """One browser of one console; `fakes` replace the clients that moto cannot stand in for, by the name of the method
    of `Connection` or of the function that makes them."""

    fakes: dict[str, Any] = field(default_factory=dict)
    read_only: bool = False
    state: ConsoleState = field(init=False)
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.state = ConsoleState(Target("scones", region=REGION), self.read_only, opener=self._open)
        self.client = TestClient(
            make_web_console(self.state, PORT).guard, base_url=_ADDRESS, follow_redirects=False
        )
        self.client.get("/", params={"token": self.state.secrets.token})

    def _open(self, target: Target) -> OpenCloud:
        cloud = open_cloud(target)
        return _Faked(cloud.connection, cloud.stack, self.fakes) if self.fakes else cloud

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.client.get(path, params=query or None, headers={"accept": "text/html"})

    def post(self, path: str, content: object = None) -> httpx.Response:
        headers = {"origin": _ADDRESS, "x-csrf-token": self.state.secrets.csrf}
        return self.client.post(path, json=content, headers=headers)


class _Faked(OpenCloud):
    def __init__(self, connection: Connection, stack: Any, fakes: dict[str, Any]) -> None:
        super().__init__(connection, stack)
        self._fakes = fakes

    def client[T](self, make: Callable[[Connection], T]) -> T:
        name = make.__name__
        return self._fakes[name] if name in self._fakes else super().client(make)
