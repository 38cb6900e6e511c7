"""The Charts page: what is counted, what a threshold would do, and pages of a stack with little or too much."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones.console import pages
from scones.console.bar_chart import BarChart, draw, nice_top
from scones.console.chart_data import (
    PERIODS,
    EndedImages,
    at_thresholds,
    binned,
    confidences,
    quantile,
    throughput,
    wilson,
)
from scones.console.drift import read_drift
from scones.console.pages import charts
from scones.index import Ended, shard_of, time_text
from scones.live_precision import Precision
from scones.result_documents import Outcome
from tests.fakes.aws_clients import client_error
from tests.support import ROOT
from tests.unit.scones.console.served import Browser
from tests.unit.scones.fake_stack import REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
_, DAY, WEEK, _ = PERIODS


def image(
    outcome: Outcome, confidence: float | None = None, ago: timedelta = timedelta(minutes=5), **more: Any
) -> Ended:
    return Ended("incoming/a.png", "e", outcome, time_text(NOW - ago), "bicycle", confidence, **more)


def found(*images: Ended) -> EndedImages:
    return EndedImages(images, NOW - DAY.length, NOW, 1.0, is_cut_short=False)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    # E. Wilson's interval for 8 of 10, 0 of 10 and 10 of 10, as in statistics texts: 0.490-0.943, 0-0.278, 0.722-1.
    [(8, 10, 0.490, 0.943), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0)],
)
def test_the_interval_is_wilsons(right: int, of: int, low: float, high: float) -> None:
    assert wilson(right, of) == pytest.approx((low, high), abs=5e-4)


@given(st.integers(1, 2000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_has_the_share_in_it(counts: tuple[int, int]) -> None:
    right, of = counts
    low, high = wilson(right, of)
    assert 0 <= low <= right / of <= high <= 1


def test_a_threshold_passes_what_reaches_it_and_counts_the_decided_among_those() -> None:
    images = found(*(image(Outcome.PASSED, one) for one in (0.5, 0.8, 0.80001, 1.0)), image(Outcome.REJECTED))
    rows = at_thresholds(images, [(0.8, True), (0.9, False), (0.79, True)])
    at = {row.threshold: row for row in rows}
    assert len(rows) == 101
    assert (at[0.0].passes, at[0.8].passes, at[0.81].passes, at[1.0].passes) == (4, 3, 1, 1)
    assert (at[0.8].decided, at[0.8].right) == (2, 1)
    assert (at[0.95].decided, at[0.95].low) == (0, None)


def test_the_last_step_of_a_period_is_the_one_that_is_not_over() -> None:
    starts, counts = throughput(
        found(
            image(Outcome.PASSED),
            image(Outcome.FAILED, ago=timedelta(hours=2)),
            image(Outcome.PASSED, ago=timedelta(days=3)),
        ),
        DAY,
    )
    assert (len(starts), starts[-1]) == (24, datetime(2026, 11, 27, 12, 0, tzinfo=UTC))
    assert counts[Outcome.PASSED] == [0] * 23 + [1]
    assert counts[Outcome.FAILED][-3] == 1


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    counts = confidences(
        found(image(Outcome.PASSED, 1.0), image(Outcome.REVIEW, 0.0), image(Outcome.FAILED)), 50
    )
    assert (counts[Outcome.PASSED][-1], counts[Outcome.REVIEW][0]) == (1, 1)
    assert sum(map(sum, counts.values())) == 2


def test_what_is_on_an_edge_is_above_it() -> None:
    assert binned([0.4, 0.5, 1, 7], (0.5, 1)) == [1, 1, 2]


def test_quantiles_are_values_that_were_measured() -> None:
    assert [quantile([1.0, 2.0, 3.0, 4.0], share) for share in (0.5, 0.9, 0.99, 0.0)] == [2.0, 4.0, 4.0, 1.0]


@given(st.integers(0, 10**9))
def test_the_grid_has_whole_numbers_and_room_for_all(most: int) -> None:
    top = nice_top(most)
    assert top >= most
    assert top % 4 == 0
    assert top <= max(4, 2.6 * most)


def test_a_bar_is_as_high_as_its_count() -> None:
    picture = draw(BarChart("title", ["a", "b"], {"passed": [4, 2], "failed": [0, 1]}))
    heights = [float(one) for one in re.findall(r'height="([\d.]+)"><title>', picture)]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.02)
    assert heights[1] == pytest.approx(2 * heights[2], abs=0.02)
    assert "<title>b: 1 failed</title>" in picture


def test_texts_of_a_chart_are_escaped() -> None:
    assert "<script>" not in draw(BarChart("<script>", ["<script>"], {"<script>": [1]}))


@pytest.fixture
def table(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(ROOT)  # the baseline is the checkout's
    return boto3.client("dynamodb", region_name=REGION)


def add(table: Any, number: int, outcome: str, confidence: float, **more: Any) -> None:
    key, etag = f"incoming/{number}.png", f"etag{number}"
    item = {
        "image_key": {"S": key},
        "etag": {"S": etag},
        "finished_at": {"S": time_text(datetime.now(UTC) - timedelta(minutes=number))},
        "outcome": {"S": outcome},
        "outcome_shard": {"S": f"{outcome}#{shard_of(key, etag)}"},
        "label": {"S": "bicycle"},
        "confidence": {"N": str(confidence)},
    }
    if outcome == "review":
        since = {"S": time_text(datetime.now(UTC) - timedelta(hours=5))}
        item |= {"state_shard": {"S": f"person#{shard_of(key, etag)}"}, "state_since": since}
    table.put_item(TableName="claims", Item=item | more)


def decided(label: str, confidence: float) -> dict[str, Any]:
    said = {"outcome": {"S": "review"}, "label": {"S": "bicycle"}, "confidence": {"N": str(confidence)}}
    decision = {
        "id": {"S": "d"},
        "label": {"S": label},
        "by": {"S": "me"},
        "at": {"S": "2026-11-27T09:00:00.000Z"},
        "took_ms": {"N": "1"},
        "model_said": {"M": said},
    }
    return {"label": {"S": label}, "decision": {"S": "d"}, "decisions": {"L": [{"M": decision}]}}


def test_the_page_counts_outcomes_and_what_people_say_of_a_threshold(table: Any) -> None:
    for number, (outcome, confidence, more) in enumerate(
        [
            ("passed", 0.97, {}),
            ("review", 0.6, {}),
            ("reviewed", 0.7, decided("bicycle", 0.7)),
            ("reviewed", 0.65, decided("neither", 0.65)),
            ("reviewed", 0.5, decided("cannot_tell", 0.5)),
        ],
        1,
    ):
        add(table, number, outcome, confidence, **more)
    browser = Browser()
    page = browser.get("/charts", period="day")
    assert page.status_code == 200, page.text
    assert "5 images with an outcome" in page.text
    assert "the oldest for 5.0 hours" in page.text
    text = " ".join(page.text.split())
    assert "4 images with a confidence; 2 of them were decided" in text
    assert "Images that wait for a person are not among them" in text
    data = page.text.split('id="data">')[1].split("</script>")[0]
    assert '"threshold": 0.6, "passes": 3, "decided": 2, "right": 1' in data
    assert '"threshold": 0.7, "passes": 2, "decided": 1, "right": 1' in data
    assert "style=" not in page.text


@pytest.mark.usefixtures("table")
def test_a_stack_without_an_image_says_what_to_do() -> None:
    page = Browser().get("/charts", period="month").text
    assert "No image got an outcome in the last month" in page
    assert "Nothing waits." in page
    assert "<svg class" not in page


def test_a_budget_that_ends_before_the_period_is_said(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "READ_BUDGET", 0.0)
    add(table, 1, "passed", 0.9)
    page = Browser().get("/charts", period="week").text
    assert "The read budget ended before the period did" in page
    assert "/charts?period=week&amp;more" in page
    everything = Browser().get("/charts?period=week&more").text
    assert "1 images with an outcome" in everything
    assert "The read budget ended" not in everything


def test_images_of_a_verification_are_not_counted(table: Any) -> None:
    add(table, 1, "passed", 0.9, image_key={"S": "incoming/scones-verify/run/a.png"})
    assert "No image got an outcome" in Browser().get("/charts").text


def test_the_audits_say_how_right_what_passes_is(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "audits-title" not in Browser().get("/charts").text
    monkeypatch.setattr(charts, "read_precision", lambda *_: Precision.of(2000, 1999))
    assert "99.9 % right of 2,000 audited passes (99.3 to 100.0 %)" in Browser().get("/charts").text


def test_a_threshold_that_may_not_be_read_is_named_and_the_deployed_one_is_shown(table: Any) -> None:
    class Denied:
        def get_parameter(self, **_named: str) -> Any:
            raise client_error(
                "AccessDeniedException", message="is not authorized to perform: ssm:GetParameter on x"
            )

    add(table, 1, "passed", 0.9)
    page = Browser({"ssm": Denied()}).get("/charts").text
    assert "not allowed to call ssm:GetParameter" in page
    assert "live: 0.8" in page


def test_drift_follows_the_rule_of_the_monitoring(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numpy", reason="drift is computed with NumPy")
    monkeypatch.chdir(ROOT)
    like_evaluation = [image(Outcome.PASSED, 0.999)] * 190 + [image(Outcome.REVIEW, 0.6)] * 10
    shifted = [image(Outcome.REVIEW, 0.6)] * 200
    assert "drift: confidence" in read_drift(found(*shifted)).verdict
    assert not any(
        row.is_drifted for row in read_drift(found(*like_evaluation)).rows if row.feature == "review"
    )
    assert "not judged: 3 predictions" in read_drift(found(*shifted[:3])).verdict
    assert "another" in read_drift(found(image(Outcome.PASSED, 0.9, model_version="other"))).verdict


def test_without_a_checkout_drift_is_not_compared() -> None:
    assert "run the console in a checkout" in read_drift(found(image(Outcome.PASSED, 0.9))).verdict


def test_the_page_is_in_the_menu() -> None:
    assert charts.PAGE in pages.PAGES
