"""Images that a release before the index has closed: the sweep's listing counts them, `scones status` names them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3

from scones import sweep_findings
from sweep import cycle

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import Scones


def test_status_names_the_command_that_repairs_what_the_listing_found(scones: Scones, s3: S3Client) -> None:
    assert sweep_findings.CURSOR == cycle.CURSOR
    assert "reindex" not in scones("status").stderr
    began = cycle.Cursor(unlisted=3).begun(datetime(2026, 11, 27, tzinfo=UTC))
    assert began
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    cycle.write_cursor(dynamodb, "claims", cycle.Cursor(unlisted_before=3))
    result = scones("status")
    assert "3 images with an outcome, closed by a release before the index: `scones reindex`" in " ".join(
        result.stderr.split()
    )
    assert json.loads(scones("status", "--json").stdout)["not_in_the_index"] == 3
