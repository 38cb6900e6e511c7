"""Images that were in the bucket before the workflow: each gets its outcome once, from a prefix or an inventory."""

import csv
import gzip
import io
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults, set_wait_scale
from tests.local_cloud.pictures import picture

pytestmark = pytest.mark.local_cloud

KEYS = ["a b+c%25d.png", "ünï/日本語.jpg", "/leading.png", "plain.png", "deep/er/x.png"]


@pytest.fixture
def silent(cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The cloud with its rule switched off: uploads start nothing."""
    with cloud.rule_disabled():
        yield cloud


def backfill(cloud: LocalCloud, *arguments: str) -> dict[str, Any]:
    ended = cloud.shell.run("backfill", "--json", *arguments)
    assert ended.stdout, ended.stderr
    return dict(json.loads(ended.stdout)) | {"exit": ended.returncode}


def reasons(cloud: LocalCloud) -> list[Any]:
    """Return why images failed and executions died, for the message of an assertion."""
    documents = cloud.documents()
    failed = [document["error"] for key, document in documents.items() if key.startswith("failed/")]
    return failed + [documents[key] for key in documents if key.startswith("backfill/")]


def attempts(cloud: LocalCloud, key: str, etag: str) -> str:
    found = cloud.client("dynamodb").get_item(
        TableName=cloud.outputs["ClaimsTableName"], Key={"image_key": {"S": key}, "etag": {"S": etag}}
    )
    return str(found["Item"]["attempts"]["N"])


def test_a_backfill_gives_each_image_its_outcome_and_passes_over_them_next_time(silent: LocalCloud) -> None:
    tags = {f"incoming/old/{key}": silent.put(f"incoming/old/{key}", picture(key)) for key in KEYS}
    silent.put("incoming/old/none.jpg", b"no image at all")
    silent.put("incoming/old/folder/", b"")
    silent.put("incoming/older/elsewhere.png", picture("elsewhere"))

    first = backfill(silent, "old/", "--max-concurrency", "3")

    assert (first["exit"], first["status"], first["objects"]) == (
        0,
        "SUCCEEDED",
        len(KEYS) + 2,
    ), reasons(silent)
    found = silent.outcomes("old/")
    assert found.pop("incoming/old/none.jpg") == "rejected"
    assert found.keys() == tags.keys()
    assert set(found.values()) <= {"passed", "review"}
    assert silent.outcomes("older/") == {}
    place = first["summary"].removeprefix(f"s3://{silent.outputs['ResultsBucketName']}/")
    summary = silent.documents()[place]
    assert (summary["items"]["Total"], summary["items"]["Succeeded"]) == (len(KEYS) + 2, len(KEYS) + 2)

    silent.put("incoming/old/late.png", picture("late"))
    again = backfill(silent, "incoming/old/")

    assert (again["exit"], again["objects"], again["failed"]) == (0, len(KEYS) + 3, 0)
    assert "incoming/old/late.png" in silent.outcomes("old/")
    assert {key: attempts(silent, key, tag) for key, tag in tags.items()} == dict.fromkeys(tags, "1")


def test_an_inventory_names_the_images(silent: LocalCloud) -> None:
    tags = {f"incoming/listed/{key}": silent.put(f"incoming/listed/{key}", picture(key)) for key in KEYS}
    silent.put("incoming/listed/not in it.png", picture("not in it"))
    rows = io.StringIO()
    for key, tag in tags.items():
        csv.writer(rows).writerow(
            [silent.outputs["ImageBucketName"], urllib.parse.quote_plus(key, safe="/"), 100, tag]
        )
    s3, results = silent.client("s3"), silent.outputs["ResultsBucketName"]
    manifest = {
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, ETag",
        "files": [{"key": "inventory/data/1.csv.gz"}],
    }
    s3.put_object(Bucket=results, Key="inventory/data/1.csv.gz", Body=gzip.compress(rows.getvalue().encode()))
    s3.put_object(Bucket=results, Key="inventory/2026/manifest.json", Body=json.dumps(manifest).encode())
    try:
        ended = backfill(silent, "--manifest", f"s3://{results}/inventory/2026/manifest.json")
    finally:
        s3.delete_object(Bucket=results, Key="inventory/data/1.csv.gz")

    assert (ended["exit"], ended["objects"]) == (0, len(KEYS))
    assert silent.outcomes("listed/").keys() == tags.keys()


def test_an_endpoint_that_is_not_there_stops_the_backfill(silent: LocalCloud) -> None:
    # The minute that EXPRESS waits for an endpoint, in a twentieth of the time.
    set_wait_scale(silent, 0.05)
    try:
        with endpoint_faults(silent, "deleted"):
            for number in range(4):
                silent.put(f"incoming/broken/{number}.png", picture(str(number)))
            ended = backfill(silent, "broken/")
    finally:
        set_wait_scale(silent, 1)

    assert (ended["exit"], ended["status"], ended["failed"]) == (1, "FAILED", 4)
    assert set(silent.outcomes("broken/").values()) == {"failed"}


def test_nothing_to_stop_is_said(cloud: LocalCloud) -> None:
    ended = cloud.shell.run("backfill", "elsewhere/", "--stop")
    assert ended.returncode == 2
    assert "no backfill of s3://" in ended.stderr
