"""The Review page in a browser: one key for each decision, which is written once, whatever happens meanwhile."""

from __future__ import annotations

import re
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from scones.connection import Connection
from scones.decisions.reviewer import Reviewer
from scones.stack import read_stack
from tests.browser.visit import Visit
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.console_process import ConsoleProcess
from tests.local_cloud.review_queue import decisions, etag_of, fill_queue, recorded, result_keys, waiting
from tests.local_cloud.shell import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.local_cloud

_WIDTH = "() => document.querySelector('#stage img').getBoundingClientRect().width"


def shown(page: Page) -> str:
    """Return the name of the picture, which is loaded."""
    page.locator("#stage:not([aria-busy]) img").wait_for()
    return str(page.locator("#caption-name").inner_text())


def press(page: Page, key: str) -> float:
    """Press a key, and wait until another picture is shown; return the seconds that took."""
    before = shown(page)
    started = time.monotonic()
    page.keyboard.press(key)
    another_than(page, before)
    return time.monotonic() - started


def another_than(page: Page, name: str) -> None:
    """Wait until another picture is shown, or none."""
    other = page.locator("#caption-name").filter(has_not_text=re.compile(f"^{re.escape(name)}$"))
    other.wait_for(state="attached")  # it is empty, and so not visible, at the end of the queue


def other_reviewer(cloud: LocalCloud) -> Reviewer:
    connection = Connection(cloud._session, "scones", "", cloud.url)
    return Reviewer(connection, read_stack(connection))


def test_twenty_images_are_reviewed_with_a_key_each(visit: Visit, cloud: LocalCloud) -> None:
    keys = fill_queue(cloud, 20)
    page = visit("/review")
    page.locator("#left", has_text="20").wait_for()
    assert not re.search(r"0\.\d\d|the model (said|agrees)", page.content())
    took = [press(page, "nbmc12"[number % 6]) for number in range(20)]
    print(f"the next picture after {statistics.median(took) * 1000:.0f} ms")
    assert (
        statistics.median(took) < 0.3
    )  # 0.05 s on a quiet machine, the test's own way to the browser included
    page.locator("#stage", has_text="Nothing waits for a person").wait_for()
    assert page.locator("#decided").inner_text() == "20"
    wait_until(lambda: len(recorded(cloud)) == 20, lambda: f"recorded: {recorded(cloud)}")
    labels = {
        "n": "neither",
        "b": "bicycle",
        "m": "motorcycle",
        "c": "cannot_tell",
        "1": "bicycle",
        "2": "motorcycle",
    }
    expected = {
        key.removeprefix("incoming/"): labels["nbmc12"[number % 6]] for number, key in enumerate(keys)
    }
    assert recorded(cloud) == expected
    assert all(len(labels) == 1 for labels in decisions(cloud).values())
    page.locator("#past li.agrees, #past li.differs").first.wait_for(
        timeout=60_000
    )  # half a minute is the rule


def test_images_that_come_while_the_page_waits_are_shown(visit: Visit, cloud: LocalCloud) -> None:
    page = visit("/review")
    page.locator("#stage", has_text="Nothing waits").wait_for()
    keys = fill_queue(cloud, 2)
    assert f"incoming/{shown(page)}" in keys


def test_an_undone_decision_is_made_anew(visit: Visit, cloud: LocalCloud) -> None:
    (first, _) = fill_queue(cloud, 2)
    page = visit("/review")
    name = shown(page)
    press(page, "b")
    page.locator("#past li[data-written]").wait_for()
    page.keyboard.press("u")
    page.locator("#note", has_text="Undone").wait_for()
    assert shown(page) == name
    assert page.locator("#decided").inner_text() == "0"
    press(page, "n")
    page.locator("#past li[data-written]").wait_for()
    assert decisions(cloud)[first] == ["bicycle", "undone", "neither"]
    wait_until(lambda: recorded(cloud) == {name: "neither"}, lambda: str(recorded(cloud)))


def test_two_browsers_share_a_queue_and_each_image_is_decided_once(visit: Visit, cloud: LocalCloud) -> None:
    fill_queue(cloud, 12)
    pages = [visit("/review"), visit("/review")]
    seen: list[str] = []
    deadline = time.monotonic() + 90
    while len(seen) < 12 and time.monotonic() < deadline:
        for page in pages:  # which of them gets the last images is a matter of who asks first
            page.locator("#stage:not([aria-busy]) img, #stage .message").first.wait_for()
            if page.locator("#caption-name").inner_text():
                seen.append(
                    shown(page)
                )  # it may have been named before it was loaded, and no key counts until then
                page.keyboard.press("n")
                another_than(page, seen[-1])
    assert len(set(seen)) == 12
    wait_until(lambda: len(decisions(cloud)) == 12, "not all decisions were written")
    assert all(labels == ["neither"] for labels in decisions(cloud).values())


def test_a_skipped_image_goes_to_another_page(visit: Visit, cloud: LocalCloud) -> None:
    fill_queue(cloud, 1)
    first = visit("/review")
    name = shown(first)
    first.keyboard.press("s")
    first.locator("#stage", has_text="Nothing").wait_for()
    second = visit("/review")
    assert shown(second) == name


def test_what_another_reviewer_decides_meanwhile_stands(visit: Visit, cloud: LocalCloud) -> None:
    (key,) = fill_queue(cloud, 1)
    page = visit("/review")
    shown(page)
    other = other_reviewer(cloud)
    other.decide(replace(other.image(key, etag_of(cloud, key)), waits=True), "bicycle")
    page.keyboard.press("n")
    page.locator("#note.is-problem", has_text="was decided by").wait_for()
    assert page.locator("#decided").inner_text() == "0"
    assert decisions(cloud) == {key: ["bicycle"]}


def test_an_image_whose_lease_ended_while_the_lid_was_closed_is_left_to_the_other_reviewer(
    visit: Visit, cloud: LocalCloud
) -> None:
    key, _ = fill_queue(cloud, 2)
    page = visit("/review")
    name = shown(page)
    give_to_another(cloud, key, page)
    assert shown(page) != name
    assert decisions(cloud) == {}


def give_to_another(cloud: LocalCloud, key: str, page: Page) -> None:
    """Let another reviewer have the image on the page, which finds out when it is looked at again."""
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["ClaimsTableName"],
        Key={"image_key": {"S": key}, "etag": {"S": etag_of(cloud, key)}},
        UpdateExpression="SET lease_by = :other",
        ExpressionAttributeValues={":other": {"S": "another session"}},
    )
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#note.is-problem", has_text="another reviewer has it now").wait_for()


@pytest.mark.parametrize("lost", [True, False])
def test_the_rest_of_a_burst_that_is_not_decided_together_comes_one_after_the_other(
    visit: Visit, cloud: LocalCloud, *, lost: bool
) -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    keys = fill_queue(cloud, 8)  # more than a page holds without a burst
    page = visit("/review")
    shown(page)
    page.keyboard.press("a")
    page.locator("#burst", has_text="7 alike").wait_for()
    if lost:
        give_to_another(cloud, keys[0], page)
    else:
        page.keyboard.press("a")
        page.locator("#burst").wait_for(state="hidden")
    for _ in keys[lost:]:
        press(page, "n")
    wait_until(lambda: len(decisions(cloud)) == len(keys) - lost, lambda: str(decisions(cloud)))


def test_an_image_deleted_while_it_is_shown_leaves_the_queue_without_a_label(
    visit: Visit, cloud: LocalCloud
) -> None:
    (key,) = fill_queue(cloud, 1)
    page = visit("/review")
    shown(page)
    cloud.client("s3").delete_object(Bucket=cloud.outputs["ImageBucketName"], Key=key)
    page.keyboard.press("b")
    page.locator("#past li", has_text="gone").wait_for()
    assert decisions(cloud) == {key: ["gone"]}
    wait_until(lambda: waiting(cloud) == [], "it still waits")
    wait_until(
        lambda: recorded(cloud) == {key.removeprefix("incoming/"): "gone"}, "it is not recorded as gone"
    )
    assert result_keys(cloud, "labels/") == []


def test_a_decision_that_is_not_written_is_kept_and_sent_again(visit: Visit, cloud: LocalCloud) -> None:
    (key, _) = fill_queue(cloud, 2)
    page = visit("/review")
    shown(page)
    refused = []

    def refuse(route: object) -> None:
        refused.append(route)
        if len(refused) == 1:
            route.fulfill(status=503, json={"problem": "the AWS session has expired: sign in again"})  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route("**/review/decide", refuse)
    press(page, "m")
    both = re.compile("(?=.*not written yet)(?=.*the AWS session has expired)", re.DOTALL)
    page.locator("#trouble", has_text=both).wait_for()  # at once: it is sent again soon
    assert decisions(cloud) == {}
    page.locator("#past li[data-written]").wait_for()
    page.locator("#trouble").wait_for(state="hidden")
    assert decisions(cloud) == {key: ["motorcycle"]}


def test_a_picture_that_did_not_load_is_asked_for_again(
    visit: Visit, cloud: LocalCloud, console: ConsoleProcess
) -> None:
    fill_queue(cloud, 1)
    page = visit("/")
    refused = {"status": 503, "content_type": "application/json", "body": '{"problem": "AWS is throttling"}'}
    page.route("**/preview?*", lambda route: route.fulfill(**refused))
    page.goto(f"{console.origin}/review")
    page.locator("#stage", has_text="AWS is throttling").wait_for()
    page.keyboard.press("n")
    assert page.locator("#decided").inner_text() == "0"
    page.unroute("**/preview?*")
    page.locator("#stage img").wait_for()
    assert shown(page)


def test_leaving_the_page_frees_what_it_held(visit: Visit, cloud: LocalCloud) -> None:
    fill_queue(cloud, 3)
    page = visit("/review")
    name = shown(page)
    page.get_by_role("link", name="Live").click()
    page.locator(".card").first.wait_for()
    assert shown(visit("/review")) == name


def test_a_held_key_and_a_picture_that_is_not_there_yet_decide_nothing(
    visit: Visit, cloud: LocalCloud
) -> None:
    fill_queue(cloud, 3)
    page = visit("/review")
    shown(page)
    for _ in range(3):
        page.keyboard.down("b")  # the second and the third are repetitions
    page.keyboard.up("b")
    page.keyboard.press("Control+n")
    page.locator("#past li[data-written]").wait_for()
    assert page.locator("#decided").inner_text() == "1"


def test_the_next_three_are_loaded_and_a_picture_can_be_zoomed(visit: Visit, cloud: LocalCloud) -> None:
    fill_queue(cloud, 6)
    page = visit("/review")
    name = shown(page)
    page.wait_for_function(
        """() => new Set(performance.getEntriesByType("resource")
          .map((one) => one.name).filter((name) => name.includes("/preview?"))).size === 4"""
    )
    width = page.evaluate(_WIDTH)
    page.keyboard.press("z")
    page.locator("#stage.is-zoomed").wait_for()
    assert page.locator("#zoom").get_attribute("aria-pressed") == "true"
    assert page.evaluate(_WIDTH) > 1.4 * width
    page.keyboard.press("z")
    page.locator("#stage:not(.is-zoomed)").wait_for()
    assert shown(page) == name
    for _ in range(3):
        press(page, "n")
    assert int(page.locator("#pace").inner_text().replace(",", "")) > 0
