"""A candidate over the images of a running cloud: the shipped model finds nothing to change in its own verdicts."""

import json
from pathlib import Path
from typing import Any

import pytest

from endpoint.predictor import SHIPPED_MODEL
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.pictures import picture

pytestmark = pytest.mark.local_cloud


def what_if(cloud: LocalCloud, *arguments: str) -> dict[str, Any]:
    ended = cloud.shell.run("what-if", "--json", *arguments)
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout))


def test_the_deployed_model_as_a_candidate_changes_nothing(cloud: LocalCloud, root: Path) -> None:
    photos = root / "events" / "images"
    images = {
        "incoming/bicycle.jpg": (photos / "bicycle.jpg").read_bytes(),
        "incoming/a b+c%25d.png": picture("one"),
        "incoming/ünï/日本語.png": picture("two"),
        "incoming/gone.png": picture("three"),
    }
    versions = {one.key: one for one in cloud.put_all(images)}
    cloud.wait_until_idle(len(images))
    gone = versions["incoming/gone.png"]
    version = {"VersionId": gone.version_id} if gone.version_id else {}
    cloud.client("s3").delete_object(Bucket=gone.bucket, Key=gone.key, **version)

    by_file = what_if(cloud, "--model", str(SHIPPED_MODEL))
    by_endpoint = what_if(cloud, "--endpoint", cloud.outputs["ModelEndpointName"])

    for found in (by_file, by_endpoint):
        assert found["images"]["compared"] == len(images) - 1
        assert found["images"]["left_out"]["gone"] == 1
        assert found["changed"] == {"label": 0, "to_review": 0, "to_passed": 0}
        assert found["changes"] == []
        assert found["candidate"]["version"] == found["baseline"]["version"] is not None
    higher = what_if(cloud, "--threshold", "1")
    assert higher["images"] == len(images)
    assert higher["reviews"]["now"] == len(images)
