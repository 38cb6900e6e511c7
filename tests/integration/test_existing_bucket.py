"""A stack on a bucket that is there already, without versions, with its permissions enforced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_cloud.cloud import LocalCloud, open_cloud, parameters
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import Shell, wait_until

pytestmark = pytest.mark.local_cloud

BUCKET = "photos-of-another-team"
TAKEN = ("photos/a/front.png", "photos/front.png", "photos/b/two words+ö.front.png")
LEFT = ("photos/thumbs/front.png", "photos/side.png", "front.png", "incoming/photos/front.png")


@pytest.fixture(scope="module")
def existing(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    options = parameters(
        f"ExistingImageBucket={BUCKET}",
        "ImagePattern=photos/*front.png",
        "ExcludePrefixes=photos/thumbs/,photos/raw/",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTH", "true")
        with open_cloud(Shell(root, tmp_path_factory.mktemp("existing") / "state"), *options) as cloud:
            yield cloud


def test_only_its_images_are_claimed_and_each_once(existing: LocalCloud) -> None:
    cloud = existing
    assert cloud.outputs["ImageBucketName"] == BUCKET
    for key in (*TAKEN, *LEFT):
        cloud.put(key, picture(key))
    # The rule takes photos/thumbs/front.png too, and its execution ends without a claim.
    cloud.wait_until_idle(len(TAKEN) + 1)

    stored = cloud.documents()
    assert sorted(document["image"]["key"] for document in stored.values()) == sorted(TAKEN)
    assert all(f"/{document['image']['key']}/" in f"/{key}" for key, document in stored.items())
    claims = cloud.client("dynamodb").scan(TableName=cloud.outputs["ClaimsTableName"])["Items"]
    assert {claim["image_key"]["S"] for claim in claims if "outcome" in claim} == set(TAKEN)
    assert not {claim["image_key"]["S"] for claim in claims} & set(LEFT)
    states = cloud.client("stepfunctions")
    ends = [states.describe_execution(executionArn=arn)["output"] for arn in cloud.execution_arns()]
    assert sum('"excluded"' in end for end in ends) == 1


def test_the_sweep_and_a_backfill_take_the_same_images(existing: LocalCloud) -> None:
    cloud = existing
    missed = "photos/missed/front.png"
    with cloud.rule_disabled():
        for key in (missed, "photos/raw/front.png", "photos/missed/side.png"):
            cloud.put(key, picture(key))
    swept = cloud.shell.scones_json("sweep", "--older-than", "0")
    assert missed in str(swept)
    assert "photos/raw/front.png" not in str(swept)
    wait_until(lambda: missed in str(cloud.documents()), "the sweep's image has no result")

    filled = cloud.shell.run("backfill", "photos/", "--json")
    assert filled.returncode == 0, filled.stderr
    assert not any("raw" in key or "thumbs" in key for key in cloud.documents())
    refused = cloud.shell.run("backfill", "others/")
    assert (refused.returncode, "this stack takes photos/*front.png" in refused.stderr) == (2, True)


def test_the_commands_know_its_keys(existing: LocalCloud) -> None:
    cloud = existing
    why = cloud.shell.run("why", "photos/thumbs/front.png")
    assert "this stack takes only photos/*front.png without photos/thumbs/ and photos/raw/" in " ".join(
        why.stdout.split()
    )
    dropped = cloud.shell.run("drop", "events/images/bicycle.jpg")
    assert dropped.returncode == 1
    assert "would start nothing" in dropped.stdout + dropped.stderr
    verified = cloud.shell.run("verify")
    assert (verified.returncode, "cannot verify" in verified.stdout + verified.stderr) == (2, True)
    assert cloud.shell.run("doctor", "--no-invoke").returncode == 0
    adopted = cloud.shell.scones_json("adopt", BUCKET)
    assert (adopted["changed"], adopted["versioning"], adopted["image_bucket_of_stack"]) == (
        False,
        "Off",
        True,
    )


def test_destroy_leaves_the_bucket_as_it_is(existing: LocalCloud) -> None:
    cloud, s3 = existing, existing.client("s3")
    before = {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}

    destroyed = cloud.shell.run("destroy", "--yes")

    assert destroyed.returncode == 0, destroyed.stderr
    assert {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]} == before
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=BUCKET)
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket=cloud.outputs["ResultsBucketName"])
