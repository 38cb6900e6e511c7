"""Injects faults into a running endpoint: in front of the application and at its listener, set by a control address.

PUT /faults      {"kind": "throttle", "rate": 0.2, "seconds": 60}
GET /faults      the available kinds, the active faults, how many requests each has affected
DELETE /faults   ends all faults
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from endpoint.faults import Faults, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

HANG_S = 120  # longer than the timeout of a Lambda function that waits here
ENDPOINTS = "/endpoints/"  # where boto3 looks for SageMaker; a container's own address stays healthy
ERRORS: dict[Kind, tuple[int, str, dict[str, str | None]]] = {
    Kind.THROTTLE: (400, "ThrottlingException", {"message": None}),
    Kind.INTERNAL: (500, "InternalFailure", {"Message": "An internal failure occurred."}),
    Kind.UNAVAILABLE: (503, "ServiceUnavailable", {"Message": "The service is unavailable. Try again."}),
    Kind.NOT_READY: (429, "ModelNotReadyException", {"Message": "The model is not ready for inference."}),
    Kind.DELETED: (400, "ValidationError", {"message": "Endpoint not found."}),
}
ANSWERS = {
    Kind.GARBAGE: b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    Kind.WRONG_LENGTH: b"[1.0]",
    Kind.NAN: b"[NaN, NaN]",
}


class FaultInjection:
    """Wraps the application, and responds in its place when a request is selected for a fault.

    Parameters
    ----------
    reset
        Resets the connection of a request.
    """

    def __init__(self, app: ASGIApp, faults: Faults, reset: Callable[[Scope], None]) -> None:
        self._app, self._faults, self._reset = app, faults, reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or make it fail."""
        meant = scope["type"] == "http" and scope["path"].startswith(ENDPOINTS)
        kind = self._faults.draw() if meant else None
        if kind is None:
            await self._app(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass  # a client that is still sending would not read the response
        await self._spoil(kind, scope, receive, send)

    async def _spoil(self, kind: Kind, scope: Scope, receive: Receive, send: Send) -> None:
        match kind:
            case Kind.HANG:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HANG_S):
                        await receive()  # returns when the client has given up
            case Kind.CUT | Kind.GONE:  # gone: the connection was accepted before the listener closed
                headers = [(b"content-type", b"application/json"), (b"content-length", b"40")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": b"[0.7", "more_body": True})
                self._reset(scope)
                await asyncio.sleep(0)  # the event loop reports the lost connection in its next iteration
            case _ if kind in ANSWERS:
                await Response(ANSWERS[kind], media_type="application/json")(scope, receive, send)
            case _:
                status, code, content = ERRORS[kind]
                error = JSONResponse(content, status, headers={"x-amzn-ErrorType": code})
                await error(scope, receive, send)


class FaultyServer(uvicorn.Server):
    """Serves an application with faults in front of it; while the endpoint is gone, it does not listen.

    Parameters
    ----------
    listen
        Reopens the listener when the endpoint comes back.
    """

    def __init__(self, config: uvicorn.Config, faults: Faults, listen: Callable[[], socket.socket]) -> None:
        super().__init__(config)
        config.app = FaultInjection(config.app, faults, self._reset)  # type: ignore[arg-type]
        self._faults, self._listen, self._away = faults, listen, False

    async def on_tick(self, counter: int) -> bool:
        """Close or open the listener, ten times a second."""
        if self._faults.is_gone() and not self._away:
            self._away = True
            for server in self.servers:
                server.close()
                server.abort_clients()
        elif self._away and not self._faults.is_gone():
            with suppress(OSError):  # another process has the port: try again in the next tick
                await self.startup([self._listen()])
                self._away = False
        return await super().on_tick(counter)

    def _reset(self, scope: Scope) -> None:
        for connection in list(self.server_state.connections):
            if getattr(connection, "client", None) == tuple(scope["client"] or ()):
                transport = connection.transport
                # With a linger time of 0, close sends a reset instead of a regular end of the connection.
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                transport.abort()


def control_app(faults: Faults) -> Starlette:
    """Return the application at the control address."""

    async def show(_request: Request) -> Response:
        return JSONResponse(faults.status())

    async def put(request: Request) -> Response:
        try:
            wanted = await request.json()
            seconds = wanted.get("seconds")
            faults.set(str(wanted["kind"]), float(wanted.get("rate", 1)), seconds and float(seconds))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return PlainTextResponse(f"not a fault: {error}", 400)
        return await show(request)

    async def clear(request: Request) -> Response:
        faults.clear()
        return await show(request)

    routes = [Route("/faults", put, methods=["PUT"]), Route("/faults", clear, methods=["DELETE"])]
    return Starlette(routes=[Route("/faults", show), *routes])


def serve_control(faults: Faults, file: Path) -> None:
    """Serve the control address on a free port of the loopback, from a thread, and write it to a file."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(control_app(faults), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listener],), name="faults", daemon=True).start()
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(f"http://127.0.0.1:{listener.getsockname()[1]}/faults\n", encoding="utf-8")
    draft.replace(file)
