"""Who may talk to the console: this machine's user alone, from the console's own pages."""

import secrets
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scones.console.peer import is_another_users

CSRF_HEADER: Final = "x-csrf-token"
_READS: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = {
    # Nothing inline, nothing from elsewhere; blob: is for pictures that the page itself makes.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_LANDING: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>scones console</title>
<link rel="icon" href="/static/icon.svg"><meta http-equiv="refresh" content="0; url=/">
<p><a href="/">Continue to the console</a></p></html>"""
_NOT_YOURS: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>scones console</title>
<h1>Open the address that the command printed</h1>
<p>This console belongs to the person who started it. Open the whole address that <code>scones console</code> printed,
with its token: the browser then keeps the permission until the console stops.</p></html>"""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only this console and its user know: the token of the printed address, the cookie, the token of writes."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


class Guard:
    """Refuses every request that is not of the user's own browser and pages, and adds the headers that limit a page.

    Parameters
    ----------
    port
        Where the console listens; other names and ports in the Host header are another site's (DNS rebinding).
    read_only
        Refuse every request that may change something.
    """

    def __init__(self, app: ASGIApp, known: Secrets, port: int, *, read_only: bool) -> None:
        self.app = app
        self._known = known
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        # Browsers share cookies between the ports of a host: two consoles must not overwrite each other's.
        self._cookie_name = f"scones_console_{port}"
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no WebSockets here
        request = Request(scope)
        answer = self._answer(request)
        await (answer or self.app)(scope, receive, _with_headers(send))

    def _answer(self, request: Request) -> Response | None:
        """Return the answer of a request that the app must not see."""
        headers = request.headers
        if is_another_users(request.scope.get("client")):
            return _refusal(403, "this console belongs to another user of this machine")
        if headers.get("host") not in self._hosts:
            return _refusal(421, "this console answers only on 127.0.0.1, at the address that it printed")
        if "token" in request.query_params and request.url.path == "/" and request.method == "GET":
            return self._landing(request.query_params["token"])
        if problem := self._foreign(request):
            return _refusal(403, problem)
        if not _same(request.cookies.get(self._cookie_name), self._known.cookie):
            return HTMLResponse(_NOT_YOURS, 403)
        problem = None if request.method in _READS else self._not_written(request)
        return _refusal(403, problem) if problem else None

    def _not_written(self, request: Request) -> str | None:
        """Say why a request may not change anything."""
        if not _same(request.headers.get(CSRF_HEADER), self._known.csrf):
            return "this page is from before the console was restarted: load it again"
        return "this console only shows: it was started with --read-only" if self._read_only else None

    def _landing(self, token: str) -> Response:
        if not _same(token, self._known.token):
            return HTMLResponse(_NOT_YOURS, 403)
        # Not a redirect: after a link in another program, browsers send a Strict cookie only from a page of this site.
        landing = HTMLResponse(_LANDING)
        landing.set_cookie(self._cookie_name, self._known.cookie, httponly=True, samesite="strict", path="/")
        return landing

    def _foreign(self, request: Request) -> str | None:
        """Say why a request comes from another site's page."""
        headers = request.headers
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") != headers["host"]:
            return "a page of another site made this request"
        if origin is None and request.method not in _READS:
            return "the request does not say which page made it"
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return "a page of another site made this request"
        return None


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return with_headers


def _refusal(status: int, problem: str) -> Response:
    return JSONResponse({"problem": problem}, status)


def _same(given: str | None, known: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), known.encode())
