"""`scones console`: serve the console to this machine's browser until Ctrl-C."""

import asyncio
import os
import socket
import tempfile
import webbrowser
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Final, override

import click
import uvicorn

from scones.connection import Target, cloud_options
from scones.console.desk import ReviewDesk
from scones.console.feed import Feed
from scones.console.state import ConsoleState
from scones.console.web import make_web_console
from scones.errors import SconesError
from scones.terminal import notice

_HOST: Final = "127.0.0.1"
_ENDS_S: Final = 3


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help="Listen on this port. Default: a free one."
)
@click.option("--read-only", is_flag=True, help="Only show: no uploads, no decisions, no operations.")
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
@cloud_options
def console(target: Target, *, port: int | None, read_only: bool, no_browser: bool) -> None:
    """Look at images as they arrive, decide about those that wait for a person, and see how the stack does.

    The console is served to this machine alone, with your AWS credentials. Whoever has the printed address can use
    them through it: do not pass it on. Ctrl-C stops the console.
    """
    state = ConsoleState(target, read_only)
    state.cloud()  # what is wrong with the stack's name is said here, not in a browser
    with closing(_listen(port)) as listener, closing(state.previews):
        address = f"http://{_HOST}:{listener.getsockname()[1]}/?token={state.secrets.token}"
        click.echo(address)
        notice("The console is at this address, for you alone. Ctrl-C stops it.")
        web = make_web_console(state, listener.getsockname()[1])
        config = uvicorn.Config(
            web.guard,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=_ENDS_S,
            lifespan="off",
        )
        opened = None if no_browser or _is_text_browser() else _open_browser(address)
        try:
            with suppress(KeyboardInterrupt):
                _Server(config, web.feed).run([listener])
        finally:
            if opened:
                opened.unlink(missing_ok=True)
        notice("Stopped.")
        release(web.desk, state)


class _Server(uvicorn.Server):
    """A server that ends its streams at a signal, which would otherwise keep it waiting."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        asyncio.get_running_loop().call_soon_threadsafe(self._feed.close)


def release(desk: ReviewDesk, state: ConsoleState) -> None:
    """Let others have the images that open pages held; without AWS, their leases end in ten minutes."""
    problems = ["AWS does not answer"]

    def close() -> None:
        try:
            desk.close()
        except Exception as error:  # noqa: BLE001 (said, and nothing is lost)
            problems[:] = [state.trouble(error)]
        else:
            problems.clear()

    closing_desk = Thread(target=close, daemon=True)
    closing_desk.start()
    closing_desk.join(_ENDS_S)
    if problems:
        notice(f"images of the review page stay held for ten minutes: {problems[0]}")


def _listen(port: int | None) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port or 0))
        listener.listen()  # a browser that is quicker than the server waits
    except OSError as error:
        listener.close()
        message = f"cannot listen on port {port} of this machine ({error.strerror}): name another with --port"
        raise SconesError(message) from error
    return listener


def _is_text_browser() -> bool:
    """Tell whether the browser is one of a terminal: it would run in this one, and before the console answers."""
    try:
        return type(webbrowser.get()) is webbrowser.GenericBrowser
    except webbrowser.Error:
        return False


def _open_browser(address: str) -> Path | None:
    """Open the address by a file that only this user can read: everybody on the machine sees a program's arguments."""
    descriptor, name = tempfile.mkstemp(prefix="scones-console-", suffix=".html")
    page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}">'
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(page)
    path = Path(name)
    if not webbrowser.open(path.as_uri()):
        path.unlink()
        return None
    return path
