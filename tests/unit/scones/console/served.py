"""The console that these tests ask: where it is, and browsers without a screen that its guard lets in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.testclient import TestClient

from scones.connection import Connection, Target
from scones.console.previews import ImageRef
from scones.console.state import ConsoleState, OpenCloud, open_cloud
from scones.console.web import make_web_console
from tests.unit.scones.fake_stack import REGION

if TYPE_CHECKING:
    import httpx

PORT: Final = 8765
ADDRESS: Final = f"http://127.0.0.1:{PORT}"

type AddImage = Callable[..., ImageRef]


def let_in(client: TestClient, state: ConsoleState) -> TestClient:
    """Open the printed address; the client's writes come from a page of the console from then on."""
    assert client.get("/", params={"token": state.secrets.token}).status_code < 400
    client.headers.update({"origin": ADDRESS, "x-csrf-token": state.secrets.csrf})
    return client


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
        guard = make_web_console(self.state, PORT).guard
        self.client = let_in(TestClient(guard, base_url=ADDRESS, follow_redirects=False), self.state)

    def _open(self, target: Target) -> OpenCloud:
        cloud = open_cloud(target)
        return _Faked(cloud.connection, cloud.stack, self.fakes) if self.fakes else cloud

    def get(self, path: str, **query: str) -> httpx.Response:
        answer: httpx.Response = self.client.get(path, params=query or None, headers={"accept": "text/html"})
        return answer

    def post(self, path: str, content: object = None) -> httpx.Response:
        answer: httpx.Response = self.client.post(path, json=content)
        return answer


class _Faked(OpenCloud):
    def __init__(self, connection: Connection, stack: Any, fakes: dict[str, Any]) -> None:
        super().__init__(connection, stack)
        self._fakes = fakes

    def client[T](self, make: Callable[[Connection], T]) -> T:
        name = make.__name__
        return self._fakes[name] if name in self._fakes else super().client(make)
