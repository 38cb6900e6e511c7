"""Only the person who started the console may use it, from its own pages, and a page can load nothing else."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from scones.console.guard import Guard, Secrets
from scones.console.peer import is_another_users

PORT = 4711
HERE = f"http://127.0.0.1:{PORT}"
KNOWN = Secrets()


def with_token(path: str) -> Any:
    """Return a test's parameter: its id does not name the token, which differs between parallel workers."""
    return pytest.param(f"{path}?token={KNOWN.token}", id=f"{path} with the token")


def answered(request: Request) -> PlainTextResponse:
    if request.url.path == "/broken":
        message = "a bug"
        raise RuntimeError(message)
    return PlainTextResponse(request.method)


def visitor(*, read_only: bool = False) -> TestClient:
    routes = [Route(path, answered, methods=["GET", "POST"]) for path in ("/", "/broken")]
    guard = Guard(Starlette(routes=routes), KNOWN, PORT, read_only=read_only)
    return TestClient(guard, HERE, raise_server_exceptions=False)


@pytest.fixture
def user() -> TestClient:
    client = visitor()
    client.get(f"/?token={KNOWN.token}")
    return client


def test_the_printed_address_gives_a_cookie_that_scripts_and_other_sites_do_not_get() -> None:
    landing = visitor().get(f"/?token={KNOWN.token}", follow_redirects=False)
    cookie = landing.headers["set-cookie"].lower()
    assert landing.status_code == 200
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert KNOWN.token.lower() not in cookie
    assert 'content="0; url=/"' in landing.text


def test_two_consoles_of_one_machine_do_not_share_a_cookie() -> None:
    assert str(PORT) in visitor().get(f"/?token={KNOWN.token}").headers["set-cookie"].split("=")[0]


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", "/?token=%ff", "/broken", with_token("/broken")]
)
def test_whoever_has_no_cookie_is_refused(path: str) -> None:
    answer = visitor().get(path)
    assert answer.status_code == 403
    assert "token" in answer.text


def test_a_wrong_cookie_is_refused() -> None:
    client = visitor()
    client.cookies.set(f"scones_console_{PORT}", "wrong")
    assert client.get("/").status_code == 403


@pytest.mark.parametrize(
    "host",
    ["example.com", f"example.com:{PORT}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.example.com:{PORT}", ""],
)
def test_another_name_in_the_host_header_is_refused_with_the_cookie_too(user: TestClient, host: str) -> None:
    assert user.get("/", headers={"host": host}).status_code == 421
    assert user.get(f"/?token={KNOWN.token}", headers={"host": host}).status_code == 421


def test_both_names_of_this_machine_are_accepted(user: TestClient) -> None:
    assert user.get("/", headers={"host": f"localhost:{PORT}", "cookie": _cookie(user)}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://example.com"},
        {"origin": "null"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_site_is_refused(user: TestClient, headers: dict[str, str], method: str) -> None:
    sent = {"origin": HERE, "x-csrf-token": KNOWN.csrf} | headers
    assert user.request(method, "/", headers=sent).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": HERE, "x-csrf-token": KNOWN.csrf}, 200),
        ({"origin": HERE}, 403),
        ({"origin": HERE, "x-csrf-token": "wrong"}, 403),
        ({"x-csrf-token": KNOWN.csrf}, 403),
    ],
)
def test_a_write_needs_the_page_s_token_and_its_origin(
    user: TestClient, headers: dict[str, str], status: int
) -> None:
    assert user.post("/", headers=headers).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_read_only_refuses_everything_but_reading(method: str) -> None:
    client = visitor(read_only=True)
    client.get(f"/?token={KNOWN.token}")
    answer = client.request(method, "/", headers={"origin": HERE, "x-csrf-token": KNOWN.csrf})
    assert answer.status_code == 403
    assert "--read-only" in answer.json()["problem"]
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/none", "/broken", with_token("/"), "/?token=wrong"])
def test_every_answer_limits_what_a_page_may_do(user: TestClient, path: str) -> None:
    headers = user.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_secrets_are_not_in_what_is_logged() -> None:
    assert not {KNOWN.token, KNOWN.cookie, KNOWN.csrf} & set(re.findall(r"[\w-]{20,}", repr(KNOWN)))


def test_pages_have_nothing_inline_and_nothing_from_elsewhere(root: Path) -> None:
    """The policy would refuse it; a page must not ask for it either."""
    folder = root / "scones" / "console"
    faults = {
        str(file.relative_to(folder)): found
        for file in [*folder.glob("templates/*.html"), *folder.glob("static/*")]
        if (
            found := re.findall(
                r"\bstyle=|\bon[a-z]+=[\"']|<style|<script>|javascript:|innerHTML|insertAdjacentHTML|document\.write|"
                r"\beval\(|https?://(?!www\.w3\.org/2000/svg)|\burl\((?!\"/static/)|@import (?!url\()|\|\s*safe\b",
                file.read_text(encoding="utf-8"),
            )
        )
    }
    assert faults == {}


def _cookie(client: TestClient) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)


def test_another_user_of_the_machine_is_refused_with_the_cookie_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers send the cookie to every port of the host, also to one that another user listens on."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        client = connection.getsockname()
        assert not is_another_users(client)
        owner = os.getuid()
        monkeypatch.setattr("scones.console.peer._ROOT", -1)
        monkeypatch.setattr("scones.console.peer.os.getuid", lambda: owner + 1)
        if not Path("/proc/net/tcp").exists():
            pytest.skip("only Linux tells who owns a connection")
        assert is_another_users(client)

        guard = Guard(PlainTextResponse("theirs"), KNOWN, PORT, read_only=False)
        user = TestClient(guard, HERE, client=client, cookies={f"scones_console_{PORT}": KNOWN.cookie})
        assert user.get("/").status_code == 403
