"""How the pages behave for everybody: contrast and names (axe), a phone's width, dark, less motion, and Ctrl-C."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visit import Visit, drop
from tests.judges.node import PACKAGES
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.console_process import ConsoleProcess, serving
from tests.local_cloud.review_queue import fill_queue, sample, scone

pytestmark = pytest.mark.local_cloud

AXE = PACKAGES / "axe-core" / "axe.min.js"
PAGES = ("/", "/review", "/charts", "/operations", "/image?key=incoming/bicycle.jpg")
NOT_THERE = "/image?key=incoming/nothing.jpg&etag=none"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def filled(cloud: LocalCloud) -> LocalCloud:
    """A few images of each kind."""
    fill_queue(cloud, 4)
    cloud.put_all(
        {"incoming/bicycle.jpg": sample("bicycle.jpg"), "incoming/cut-off.png": sample("cut-off.png")}
    )
    cloud.wait_until_idle(6)
    return cloud


def ready(page: Any, path: str) -> None:
    page.locator(
        {"/": ".card", "/review": "#stage img", NOT_THERE: "h1"}.get(path, ".panel")
    ).first.wait_for()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed; `make judges` installs it")
@pytest.mark.parametrize("path", [*PAGES, NOT_THERE])
def test_axe_finds_nothing_serious(visit: Visit, filled: LocalCloud, path: str) -> None:
    for scheme in ("light", "dark"):
        # bypass_csp: axe is a script that the page would rightly refuse.
        page = visit(path, bypass_csp=True, color_scheme=scheme)
        ready(page, path)
        if path == "/review":
            page.keyboard.press("n")
            page.locator("#past li[data-written]").wait_for()
        page.add_script_tag(path=AXE)
        found = page.evaluate("() => axe.run()")
        serious = [
            (fault["id"], node["html"], node["failureSummary"])
            for fault in found["violations"]
            if fault["impact"] in {"serious", "critical"}
            for node in fault["nodes"]
        ]
        assert serious == [], scheme
        assert len(found["passes"]) > 10
        page.goto("about:blank")  # others may have what it held


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_all_without_scrolling_sideways(visit: Visit, filled: LocalCloud, path: str) -> None:
    page = visit(path, **PHONE)
    ready(page, path)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for button in page.locator("button:visible, .button:visible").all():
        box = button.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_the_page_is_dark_where_the_system_is(visit: Visit, scheme: str, is_dark: bool) -> None:
    page = visit("/", color_scheme=scheme)
    colour = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    shades = [int(one) for one in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    assert (max(shades) < 128) is is_dark


def test_nothing_moves_for_those_who_want_less_motion(visit: Visit) -> None:
    page = visit("/", reduced_motion="reduce")
    drop(page, {"bicycle.jpg": sample("bicycle.jpg")})
    page.locator(".card.is-new").wait_for(timeout=90_000)
    assert page.evaluate("() => document.getAnimations().length") == 0


def test_the_first_paint_takes_less_than_a_second(visit: Visit) -> None:
    page = visit()
    page.reload()
    paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    print(f"first paint after {paint:.0f} ms")
    assert 0 < paint < 1000


def test_whoever_has_only_the_address_is_refused(chromium: Any, console: ConsoleProcess) -> None:
    context = chromium.new_context()
    page = context.new_page()
    assert page.goto(console.origin).status == 403
    page.get_by_text("Open the address that the command printed").wait_for()
    context.close()


def test_ctrl_c_stops_a_console_with_open_pages_and_they_say_so(chromium: Any, cloud: LocalCloud) -> None:
    with serving(cloud.shell) as console:
        page = chromium.new_context().new_page()
        page.goto(console.address)
        page.locator("#pulse.is-live").wait_for()
        assert console.stop() == 0
        page.locator("#pulse.is-broken").wait_for()
        page.context.close()


def test_what_aws_does_not_answer_is_said_and_goes_away_when_it_does(visit: Visit) -> None:
    page = visit()
    page.route(
        "**/live/rows*", lambda route: route.fulfill(status=503, json={"problem": "the stack is gone"})
    )
    page.locator(".segments label", has_text="Failed").click()
    page.locator("#trouble", has_text="the stack is gone").wait_for()
    page.unroute("**/live/rows*")
    page.locator(".segments label", has_text="All").click()
    page.locator("#trouble").wait_for(state="hidden")


@pytest.mark.skipif(
    "SCONES_PICTURES" not in os.environ, reason="SCONES_PICTURES names no folder for pictures"
)
def test_pictures_for_the_docs(visit: Visit, cloud: LocalCloud) -> None:
    from PIL import Image

    folder = Path(os.environ["SCONES_PICTURES"])
    folder.mkdir(parents=True, exist_ok=True)
    page = visit()
    files = {
        name: sample(name)
        for name in ("bicycle.jpg", "motorcycle.jpg", "rotated by a phone.jpg", "cut-off.png")
    }
    drop(page, files | {f"scone {number}.jpg": scone(number) for number in range(4)})
    page.locator("#uploads-summary", has_text="8 of 8 done").wait_for(timeout=90_000)
    page.locator("#uploads-clear").click()
    page.wait_for_timeout(800)
    page.screenshot(path=folder / "live.png")
    page.get_by_role("link", name="Review").click()
    page.locator("#stage img").wait_for()
    for key in "nnb":
        page.keyboard.press(key)
        page.wait_for_timeout(900)
    page.locator("#past .agrees, #past .differs").nth(2).wait_for(timeout=90_000)  # half a minute after each
    page.screenshot(path=folder / "review.png")
    for name in ("live.png", "review.png"):
        with Image.open(folder / name) as picture:
            picture.convert("RGB").quantize(128).save(folder / name, optimize=True)
        assert (folder / name).stat().st_size < 200_000
