"""`scones backfill`: what a run is reported as."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import pytest
from botocore.exceptions import EndpointConnectionError

from scones.backfill.run import Counts, Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeCloudFormation, Scones


@pytest.fixture
def ended(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> list[Counts]:
    """The counts with which the run ends; the first one counts."""
    counts = [Counts(3, 3, 0)]
    run = Run(None, "arn:aws:states:us-east-1:123456789012:execution:backfill:one")  # type: ignore[arg-type]
    monkeypatch.setattr("scones.backfill.command.find_running", lambda *_: None)
    monkeypatch.setattr("scones.backfill.command.start", lambda *_: run)
    monkeypatch.setattr(Run, "wait", lambda _run, _on_progress: (counts[0], "SUCCEEDED"))
    return counts


def test_images_that_have_their_outcome_are_done(scones: Scones, ended: list[Counts]) -> None:
    result = scones("backfill", "old/")
    assert result.exit_code == 0
    assert "3 objects, 3 done, 0 failed, 0 left; succeeded" in result.stdout


@pytest.mark.parametrize("prefix", ["incoming/thumbs/", "thumbs/2026/"])
def test_a_prefix_of_which_no_image_is_taken_is_refused(
    scones: Scones, ended: list[Counts], cloudformation: FakeCloudFormation, prefix: str
) -> None:
    cloudformation.parameters |= {"ImagePattern": "incoming/*", "ExcludePrefixes": "incoming/thumbs/"}
    result = scones("backfill", prefix)
    assert result.exit_code == 2
    assert "no image has a key that begins with incoming/thumbs/" in result.stderr
    assert "this stack takes incoming/* without incoming/thumbs/" in result.stderr
    assert scones("backfill", "thumbs").exit_code == 0, "thumbs.jpg may be there"


def test_an_empty_prefix_is_no_success(scones: Scones, ended: list[Counts]) -> None:
    ended[0] = Counts()
    result = scones("backfill", "odl/")
    assert result.exit_code == 1
    assert "There is nothing at s3://the-image-bucket/incoming/odl/: check the prefix." in result.stderr
    assert json.loads(scones("backfill", "odl/", "--json").stdout)["objects"] == 0


@pytest.mark.parametrize(
    "how", [KeyboardInterrupt(), EndpointConnectionError(endpoint_url="http://127.0.0.1:9/x")]
)
@pytest.mark.parametrize("is_gone", [True, False])
def test_a_backfill_that_is_not_watched_any_more_continues_unless_its_cloud_is_gone(
    scones: Scones, ended: list[Counts], monkeypatch: pytest.MonkeyPatch, how: BaseException, is_gone: bool
) -> None:
    def fail(*_: object) -> NoReturn:
        raise how

    monkeypatch.setattr(Run, "wait", fail)
    monkeypatch.setattr("scones.backfill.command.is_gone", lambda _target: is_gone)
    result = scones("backfill", "old/")
    assert result.exit_code in {2, 130}
    assert ("gone with the local cloud" in result.stderr) == is_gone
    assert ("the backfill continues" in result.stderr) != is_gone
    assert "Traceback" not in result.stderr
