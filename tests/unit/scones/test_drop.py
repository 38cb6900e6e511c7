"""`scones drop` against a stack in moto, whose workflow is a fake that can delay, lose and double."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, NoReturn

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from scones.connection import Target, connect
from scones.drop.uploads import Image, Uploads
from scones.result_documents import Listed, list_results
from scones.running_cloud import RunningCloud

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeWorkflow, MakeImages, Scones

IMAGES = "the-image-bucket"
RESULTS = "the-results-bucket"


def uploaded_keys(s3: S3Client) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=IMAGES).get("Contents", [])]


def test_every_outcome_is_reported(scones: Scones, workflow: FakeWorkflow, images: MakeImages) -> None:
    images("one.png", "review-two.png", "rejected-three.png", "failed-four.png")
    result = scones("drop", "photos")
    assert result.exit_code == 0, result.stderr
    assert "4 images in" in result.stdout
    assert "1 passed, 1 review, 1 rejected, 1 failed" in result.stdout
    assert "motorcycle at 0.61 is below the threshold of 0.8" in result.stdout
    assert "bicycle at 0.97 reaches the threshold of 0.8" in result.stdout
    assert "it is cut off" in result.stdout
    assert "EndpointNotFoundError" in result.stdout  # an empty message leaves the name
    assert len(workflow.written) == 4


def test_json_is_one_document_and_nothing_else(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("one.png", "review-two.png")
    result = scones("drop", "photos", "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert document["counts"] == {"passed": 1, "review": 1, "reviewed": 0, "rejected": 0, "failed": 0}
    assert document["without_outcome"] == 0
    one = document["images"][0]
    assert one["path"] == "photos/one.png"
    assert one["key"] in uploaded_keys(s3)
    assert one["key"].endswith("/photos/one.png")
    assert (one["outcome"], one["label"], one["confidence"]) == ("passed", "bicycle", 0.97)
    assert one["result"] == f"passed/bicycle/{one['key'].removeprefix('incoming/')}/{one['etag']}.json"
    assert one["result"] in workflow.written
    assert one["seconds"] >= 0
    assert document["images"][1]["reason"] == "motorcycle at 0.61 is below the threshold of 0.8"


def test_delayed_and_doubled_results_count_once(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    images("one.png", "slow.png")
    workflow.delay, workflow.double = {"slow": 5}, "one"
    document = json.loads(scones("drop", "photos", "--json").stdout)
    assert document["counts"]["passed"] == 2
    assert document["images"][1]["seconds"] >= 5
    assert len(workflow.written) == 3


def test_a_lost_image_is_named_and_fails_the_command(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    images("one.png", "lost.png")
    workflow.lose = "lost"
    result = scones("drop", "photos", "--timeout", "10")
    assert result.exit_code == 1
    assert "got no outcome within 10 s: photos/lost.png" in result.stderr
    assert "scones status --stack scones" in result.stderr
    assert "1 passed, 1 without outcome" in result.stdout
    assert workflow.now <= 12


def test_the_hint_about_an_image_without_outcome_is_read_back_by_a_shell(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("lost at 9.41\u202fAM it's $(touch x).png")
    workflow.lose = "lost"
    result = scones("drop", "photos", "--timeout", "0")
    assert result.exit_code == 1
    hint = result.stderr.partition("of one image: ")[2].strip()
    done = subprocess.run(
        ["bash", "-c", rf"printf '%s\n' {hint}"], capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().splitlines()[-1:] == uploaded_keys(s3)


def test_timeout_counts_from_the_last_upload(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    images("one.png")
    workflow.delay = {"one": 8}
    assert scones("drop", "photos", "--timeout", "10").exit_code == 0
    assert scones("drop", "photos", "--timeout", "0").exit_code == 1


def test_ctrl_c_says_what_is_known(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("one.png", "slow.png")
    workflow.delay, workflow.interrupt_at = {"slow": 9}, 4
    result = scones("drop", "photos")
    assert result.exit_code == 130
    assert "1 passed, 1 without outcome" in result.stdout
    assert "2 images stay uploaded and will still be classified" in result.stderr
    assert len(uploaded_keys(s3)) == 2


def test_ctrl_c_keeps_json_one_document(scones: Scones, workflow: FakeWorkflow, images: MakeImages) -> None:
    images("one.png")
    workflow.interrupt_at = 1
    result = scones("drop", "photos", "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)["without_outcome"] == 1


def test_no_wait_uploads_only(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("one.png")
    result = scones("drop", "photos/one.png", "--no-wait", "--prefix", "batch-7")
    assert result.exit_code == 0
    assert uploaded_keys(s3) == ["incoming/batch-7/photos/one.png"]
    assert workflow.now == 0
    assert "scones results --stack scones --region us-east-1 --key 'batch-7/*'" in result.stderr


@pytest.mark.usefixtures("workflow")
def test_no_wait_without_an_upload_points_to_no_results(scones: Scones, images: MakeImages) -> None:
    (images("empty.png") / "empty.png").write_bytes(b"")
    result = scones("drop", "photos", "--no-wait")
    assert result.exit_code == 1
    assert "photos/empty.png" in result.stderr
    assert "uploaded to" not in result.stderr
    assert "scones results" not in result.stderr


def test_each_drop_has_a_folder_of_its_own(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("one.png")
    assert scones("drop", "photos").exit_code == scones("drop", "photos").exit_code == 0
    assert len({key.split("/")[1] for key in uploaded_keys(s3)}) == 2


def test_an_old_result_under_the_same_prefix_is_no_answer(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    images("one.png")
    assert scones("drop", "photos", "--prefix", "batch").exit_code == 0
    workflow.lose = "one"
    result = scones("drop", "photos", "--prefix", "batch", "--timeout", "5", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["images"][0]["outcome"] is None


def test_the_same_image_again_under_the_same_prefix_gets_its_new_result(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    images("one.png")
    assert scones("drop", "photos", "--prefix", "batch").exit_code == 0
    workflow.seen.clear()  # the second upload is another object version
    workflow.delay = {"one": 2}
    document = json.loads(scones("drop", "photos", "--prefix", "batch", "--json").stdout)
    assert document["images"][0]["outcome"] == "passed"
    assert len(workflow.written) == 2


def test_results_of_other_bytes_under_the_same_key_do_not_match(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    images("one.png")
    workflow.lose = "one"
    workflow.write("passed", "incoming/batch/photos/one.png", "0" * 32)
    result = scones("drop", "photos", "--prefix", "batch", "--timeout", "3")
    assert result.exit_code == 1


def test_unreadable_result_documents_are_passed_over(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("one.png")
    for body in (b"", b"[]", b'{"outcome": "passed"}', b'{"outcome": "lost", "image": {}}', b"\xff"):
        s3.put_object(Bucket=RESULTS, Key=f"review/batch/{len(body)}.json", Body=body)
    workflow.delay = {"one": 2}
    assert scones("drop", "photos", "--prefix", "batch").exit_code == 0


def test_losing_the_network_midway_still_says_what_is_known(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    images("one.png", "two.png")

    def lose_network(_seconds: float) -> NoReturn:
        raise EndpointConnectionError(endpoint_url="https://s3.example.com/x")

    monkeypatch.setattr(workflow, "round", lose_network)
    result = scones("drop", "photos")
    assert result.exit_code == 2
    assert "2 without outcome" in result.stdout
    assert "cannot reach s3.example.com" in result.stderr
    assert "images already uploaded will still be classified" in result.stderr


def test_uploads_to_a_local_cloud_that_died_are_not_promised_an_outcome(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    images("one.png")
    running: list[RunningCloud | None] = [
        RunningCloud("http://127.0.0.1:9", "us-east-1", "scones", 1, ready=True)
    ]

    def die(_seconds: float) -> NoReturn:
        running[0] = None
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9/x")

    deployed = connect(Target("scones", None, "us-east-1"))
    monkeypatch.setattr("scones.drop.command.connect", lambda _target: deployed)
    monkeypatch.setattr("scones.connection.read_cloud", lambda: running[0])
    monkeypatch.setattr(workflow, "round", die)
    result = scones("drop", "photos", stack=None)
    assert result.exit_code == 2
    assert "the uploaded images are gone with the local cloud" in result.stderr
    assert "will still be classified" not in result.stderr


def test_an_upload_that_no_file_could_make_ends_the_drop(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("one.png")
    s3.delete_bucket(Bucket=IMAGES)
    result = scones("drop", "photos")
    assert result.exit_code == 2
    assert result.stderr == "Error: the stack's bucket is gone: deploy the stack again\n"
    assert result.stdout == ""


def test_a_file_that_went_away_fails_alone(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = images("one.png", "two.png")
    start = Uploads.start

    def start_late(self: Uploads, planned: Sequence[Image]) -> None:
        (folder / "two.png").unlink()
        start(self, planned)

    monkeypatch.setattr(Uploads, "start", start_late)
    result = scones("drop", "photos", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["images"][1]["reason"] == "not uploaded: No such file or directory"


def test_many_images_cost_few_listings(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(*(f"{number}.png" for number in range(60)))
    calls: list[str] = []

    def counted(s3: S3Client, bucket: str, prefix: str) -> Iterator[Listed]:
        calls.append(prefix)
        return list_results(s3, bucket, prefix)

    monkeypatch.setattr("scones.drop.run.list_results", counted)
    assert scones("drop", "photos").exit_code == 0
    assert len(set(calls)) == 5  # two labels and three other outcomes
    assert len(calls) < 60


def test_an_image_that_a_person_has_decided_about_has_its_outcome_already(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    """No execution takes such bytes over, so no result is ever new."""
    images("review-one.png", "two.png")
    first = json.loads(scones("drop", "photos", "--prefix", "d", "--json").stdout)["images"]
    waiting = next(one for one in first if one["outcome"] == "review")
    workflow.write("reviewed", waiting["key"], waiting["etag"])
    boto3.client("dynamodb", region_name="us-east-1").update_item(
        TableName="claims",
        Key={"image_key": {"S": waiting["key"]}, "etag": {"S": waiting["etag"]}},
        UpdateExpression="SET decision = :id",
        ExpressionAttributeValues={":id": {"S": "4f" * 16}},
    )
    workflow.lose = "review-one"
    workflow.seen.clear()
    again = scones("drop", "photos", "--prefix", "d", "--json", "--timeout", "60")
    assert again.exit_code == 0, again.stderr
    document = json.loads(again.stdout)
    assert document["counts"] == {"passed": 1, "review": 0, "reviewed": 1, "rejected": 0, "failed": 0}
    assert workflow.now < 60
