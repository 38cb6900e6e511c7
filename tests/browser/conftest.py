"""A console on a local cloud in which nothing has happened yet, and a browser that notes every request and error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser.chromium import QUIET, executable, missing
from tests.browser.visit import Visit
from tests.local_cloud.cloud import LocalCloud, open_cloud
from tests.local_cloud.console_process import ConsoleProcess, serving
from tests.local_cloud.shell import Shell

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog

REASON = missing()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where there is no browser."""
    here = Path(__file__).parent
    for item in items:
        if REASON and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(scope="session")
def console_cloud(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with open_cloud(Shell(root, tmp_path_factory.mktemp("console") / "state")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def console(console_cloud: LocalCloud) -> Iterator[ConsoleProcess]:
    with serving(console_cloud.shell) as console:
        yield console


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def cloud(console_cloud: LocalCloud) -> LocalCloud:
    """The cloud, emptied."""
    return console_cloud.emptied()


@pytest.fixture
def visit(chromium: Browser, console: ConsoleProcess, cloud: LocalCloud) -> Iterator[Visit]:
    """Open pages of the console; what they ask of other hosts, and errors of their scripts, fail the test."""
    opened: list[Any] = []
    requests: list[str] = []
    errors: list[str] = []

    def refuse(dialog: Dialog) -> None:
        errors.append(f"a script ran: {dialog.message}")
        dialog.dismiss()

    def note(said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            errors.append(said.text)

    def open_page(path: str = "/", **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1360, "height": 850}} | options)
        context.set_default_timeout(30_000)
        opened.append(context)
        page = context.new_page()
        context.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", refuse)
        page.on("console", note)
        page.goto(console.address)
        page.wait_for_url(f"{console.origin}/")
        if path != "/":
            page.goto(console.origin + path)
        return page

    yield open_page
    for context in opened:
        context.close()
    hosts = {urlsplit(url).netloc for url in requests if not url.startswith(("blob:", "data:"))}
    assert hosts <= {urlsplit(console.origin).netloc}
    assert errors == []
