"""Measure the pages of `scones console` in a browser, against a running local cloud.

    scones up --detach
    python -m benchmarks.console_pages                      # a dropped image, the next picture of a review
    python benchmarks/index.py --images 1000000
    python -m benchmarks.console_pages --first-paint        # of each page, with that many images in the index

Prints one JSON document. Needs Chromium and `make setup-browser`. The claims of ``benchmarks/index.py`` have no objects
behind them, so pictures are reviewed without them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from scones.connection import Target, connect
from scones.index import in_state
from scones.stack import read_stack
from tests.browser.chromium import QUIET, executable
from tests.browser.visit import drop
from tests.local_cloud.review_queue import sample, scone

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = {"/": "live", "/review": "review", "/charts": "charts", "/operations": "operations"}
RUNS = 10
PICTURES = 20
TIMEOUT_MS = 120_000
_FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
# From the press of the key to the first frame with another picture, seen by the page itself.
_NEXT_PICTURE = """(key) => new Promise((done) => {
  const caption = document.getElementById("caption-name");
  const before = caption.textContent;
  const started = performance.now();
  const look = () => {
    const image = document.querySelector("#stage:not([aria-busy]) img");
    if (caption.textContent !== before && image?.complete) done(performance.now() - started);
    else requestAnimationFrame(look);
  };
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  requestAnimationFrame(look);
})"""


@contextmanager
def console() -> Iterator[str]:
    """Start a console; give the address with its token."""
    command = [str(Path(sys.executable).with_name("scones")), "console", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (its own command)
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def summary(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return the median, the largest and the number."""
    return {
        "median_ms": round(statistics.median(milliseconds), 1),
        "max_ms": round(max(milliseconds), 1),
        "runs": len(milliseconds),
    }


def first_paints(page: Page, origin: str) -> dict[str, Any]:
    """Load each page again and again; return when something was painted first."""
    found = {}
    for path, name in PAGES.items():
        took = []
        for _ in range(RUNS):
            page.goto(f"{origin}{path}")
            page.wait_for_function(_FIRST_PAINT)
            took.append(float(page.evaluate(_FIRST_PAINT)))
        found[name] = summary(took)
    return found


def dropped_images(page: Page, origin: str) -> dict[str, float]:
    """Drop one image after the other; return how long each took until its outcome was shown."""
    page.goto(f"{origin}/")
    page.locator("#pulse.is-live").wait_for()
    took = []
    for number in range(RUNS + 1):
        name = f"bicycle {time.monotonic_ns()}.jpg"
        started = time.monotonic()
        drop(page, {name: sample("bicycle.jpg") + number.to_bytes(4)})
        card = page.locator(".card", has=page.locator(".name", has_text=name))
        card.locator(".outcome", has_text="passed").wait_for(timeout=TIMEOUT_MS)
        took.append(1000 * (time.monotonic() - started))
    return summary(took[1:])  # the first starts the functions


def next_pictures(page: Page, origin: str, waiting: Callable[[], int]) -> dict[str, float]:
    """Review pictures with a key each; return how long the next one took."""
    page.goto(f"{origin}/")
    page.locator("#pulse.is-live").wait_for()
    drop(page, {f"scone {number:02}.jpg": scone(number) for number in range(PICTURES)})
    ends = time.monotonic() + TIMEOUT_MS / 1000
    while waiting() < PICTURES:
        if time.monotonic() > ends:
            message = f"only {waiting()} of {PICTURES} pictures wait for a person"
            raise TimeoutError(message)
        time.sleep(0.5)
    page.goto(f"{origin}/review")
    page.locator("#stage:not([aria-busy]) img").wait_for()
    took = []
    for _ in range(PICTURES - 1):
        page.wait_for_timeout(1000)  # a person looks
        took.append(float(page.evaluate(_NEXT_PICTURE, "n")))
    return summary(took)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--first-paint", action="store_true", help="measure the first paint of each page only"
    )
    options = parser.parse_args()
    connection = connect(Target())
    table = read_stack(connection).claims_table

    def waiting() -> int:
        return sum(1 for _ in in_state(connection.dynamodb(), table, "person"))

    with console() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(QUIET))
        page = browser.new_context(viewport={"width": 1360, "height": 850}).new_page()
        page.goto(address)
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}"
        if options.first_paint:
            report: dict[str, Any] = {"first_paint": first_paints(page, origin)}
        elif waiting():
            sys.exit("images wait for a person already: start the local cloud anew")
        else:
            report = {
                "dropped_image": dropped_images(page, origin),
                "next_picture": next_pictures(page, origin, waiting),
            }
        browser.close()
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
