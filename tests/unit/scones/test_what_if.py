"""`scones what-if`: other thresholds over stored verdicts, and a candidate over stored images."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from scones.doctor.endpoint_answer import draw_probe
from scones.index import shard_of
from scones.what_if import patience
from scones.what_if.candidate import ServedFile
from scones.what_if.learned_images import LearnedImages
from scones.what_if.stored_verdicts import StoredVerdict
from tests.fakes.models import stated
from tests.unit.scones.fake_stack import REGION, FakeCloudFormation, FakeWorkflow, Scones

if TYPE_CHECKING:
    from pathlib import Path

MODEL_SAYS = {"outcome": "review", "label": "motorcycle", "confidence": 0.61}


def decide(key: str, etag: str, label: str, *, said: dict[str, Any] | None = None, **more: Any) -> None:
    """Put a person's decision into a claim, as "Record decision" leaves it where `said` is given."""
    entry: dict[str, Any] = {
        "id": {"S": "a" * 32},
        "label": {"S": label},
        "by": {"S": "arn:aws:sts::1:assumed-role/r/ann"},
        "at": {"S": "2026-11-21T11:00:00.000Z"},
        "took_ms": {"N": "900"},
    }
    values: dict[str, Any] = {"decision": {"S": "a" * 32}, **more}
    if said is not None:
        fields = {
            "outcome": {"S": said["outcome"]},
            "label": {"S": said["label"]},
            "confidence": {"N": str(said["confidence"])},
        }
        entry["model_said"] = {"M": fields}
        values |= {
            "outcome": {"S": "reviewed"},
            "outcome_shard": {"S": f"reviewed#{shard_of(key, etag)}"},
            "label": {"S": label},
            "confidence": fields["confidence"],
        }
    values["decisions"] = {"L": [{"M": entry}]}
    boto3.client("dynamodb", region_name=REGION).update_item(
        TableName="claims",
        Key={"image_key": {"S": key}, "etag": {"S": etag}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


@pytest.fixture
def stored(workflow: FakeWorkflow) -> FakeWorkflow:
    """Passed at 0.97, 0.85 and 0.82; in review at 0.61 and 0.75; decided at 0.61."""
    workflow.write("passed", "incoming/sure.jpg", "e1")
    workflow.write("passed", "incoming/p85.jpg", "e2", confidence=0.85)
    workflow.write("passed", "incoming/p82.jpg", "e3", confidence=0.82)
    workflow.write("review", "incoming/r61.jpg", "e4")
    workflow.write("review", "incoming/r75.jpg", "e5", label="bicycle", confidence=0.75)
    workflow.write("review", "incoming/decided.jpg", "e6")
    workflow.write("rejected", "incoming/text.jpg", "e7")
    workflow.write("passed", "incoming/scones-verify/run/a.png", "e8", confidence=0.81)
    decide("incoming/decided.jpg", "e6", "bicycle", said=MODEL_SAYS)
    decide("incoming/p85.jpg", "e2", "bicycle")
    return workflow


def effect(scones: Scones, *arguments: str) -> dict[str, Any]:
    result = scones("what-if", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_a_higher_threshold_sends_more_to_review(scones: Scones, stored: FakeWorkflow) -> None:
    found = effect(scones, "--threshold", "0.9")
    assert (found["images"], found["reviews"]) == (6, {"then": 3, "now": 5})
    assert found["to_review"] == {"images": 2, "labelled": 1, "right": 1}
    assert found["to_passed"] == {"images": 0, "labelled": 0, "right": 0}
    assert {one["key"]: one["person"] for one in found["changes"]} == {
        "incoming/p85.jpg": "bicycle",
        "incoming/p82.jpg": None,
    }


def test_a_lower_threshold_saves_reviews_and_says_how_right_the_model_was(
    scones: Scones, stored: FakeWorkflow
) -> None:
    found = effect(scones, "--threshold", "0.6")
    assert found["reviews"] == {"then": 3, "now": 0}
    assert found["to_passed"] == {"images": 3, "labelled": 1, "right": 0}


def test_thresholds_by_label_apply_to_the_label_that_the_model_gave(
    scones: Scones, stored: FakeWorkflow
) -> None:
    # The person said bicycle, the model motorcycle: at 0.61 it passes only by the number for motorcycles.
    keys = {one["key"] for one in effect(scones, "--threshold", "bicycle=0.8,motorcycle=0.6")["changes"]}
    assert keys == {"incoming/r61.jpg", "incoming/decided.jpg"}
    keys = {one["key"] for one in effect(scones, "--threshold", "bicycle=0.7,default=0.8")["changes"]}
    assert keys == {"incoming/r75.jpg"}


def test_the_threshold_that_was_in_force_changes_nothing(scones: Scones, stored: FakeWorkflow) -> None:
    found = effect(scones, "--threshold", "0.8")
    assert (found["changes"], found["reviews"]) == ([], {"then": 3, "now": 3})


def test_an_image_that_waits_for_another_reason_stays_in_review(scones: Scones, stored: FakeWorkflow) -> None:
    stored.write("review", "incoming/held.jpg", "e9", confidence=0.99, label="bicycle")
    boto3.client("dynamodb", region_name=REGION).update_item(
        TableName="claims",
        Key={"image_key": {"S": "incoming/held.jpg"}, "etag": {"S": "e9"}},
        UpdateExpression="SET reason = :reason",
        ExpressionAttributeValues={":reason": {"S": "no certificate covers model 3f2a"}},
    )
    assert effect(scones, "--threshold", "0.8")["changes"] == []


@pytest.mark.parametrize("label", ["cannot_tell", "gone"])
def test_what_nobody_could_tell_is_no_label(scones: Scones, stored: FakeWorkflow, label: str) -> None:
    decide("incoming/decided.jpg", "e6", label, said=MODEL_SAYS)
    assert effect(scones, "--threshold", "0.6")["to_passed"] == {"images": 3, "labelled": 0, "right": 0}


def test_an_image_without_a_verdict_for_the_labels_is_counted(scones: Scones, stored: FakeWorkflow) -> None:
    stored.write("passed", "incoming/tram.jpg", "e9", label="tram")
    found = effect(scones, "--threshold", "0.9")
    assert (found["without_verdict"], found["images"]) == (1, 6)


def test_a_person_gets_the_newest_changes_and_a_hint_to_all(scones: Scones, workflow: FakeWorkflow) -> None:
    for number in range(60):
        workflow.write("passed", f"incoming/{number}.jpg", "e1", confidence=0.85)
    shown = scones("what-if", "--threshold", "0.9")
    assert "reviews: 0 -> 60, 60 more" in shown.stdout
    assert shown.stdout.count(".jpg") == 50
    assert "the newest 50 of 60 images" in shown.stderr
    assert scones("what-if", "--threshold", "0.9", "--all").stdout.count(".jpg") == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--threshold, --model or --endpoint"),
        (("--threshold", "1.2"), "number from 0 to 1"),
        (("--threshold", "tram=0.9,default=0.8"), "not a label"),
        (("--model", "a.onnx", "--endpoint", "b"), "exclude each other"),
        (("--threshold", "0.9", "--output", "x.json"), "for a candidate"),
        (("--model", "nowhere.onnx"), "cannot read nowhere.onnx"),
    ],
)
def test_a_usage_error_says_what_to_give(
    scones: Scones, stored: FakeWorkflow, arguments: tuple[str, ...], said: str
) -> None:
    result = scones("what-if", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


# A candidate.


@dataclass
class FakeSerialize:
    """Lambda with Serialize: an image's key is its bytes; those named in `errors` raise, as often as it says."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (AWS's names)
        assert FunctionName == "scones-Serialize-1"
        request = json.loads(Payload)
        self.requests.append(request)
        if waiting := self.errors.get(request["key"]):
            kind = waiting.pop(0)
            if kind == "TooManyRequestsException":
                raise ClientError({"Error": {"Code": kind, "Message": "slow down"}}, "Invoke")
            error = {"errorType": kind, "errorMessage": f"{kind} of {request['key']}"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(error).encode())}
        image = {
            "image_data": base64.b64encode(request["key"].encode()).decode(),
            "content_type": "image/png",
        }
        return {"Payload": io.BytesIO(json.dumps(image).encode())}


@dataclass
class FakeEndpoint:
    """An endpoint that answers by the image's key: for each, the probability of a bicycle; others 0.97."""

    bicycle: dict[str, float] = field(default_factory=dict)
    attributes: str = "model_version=cand00000001;model_labels=bicycle,motorcycle"
    failures: list[Exception] = field(default_factory=list)
    interrupts_at: int | None = None
    asked: int = 0

    def invoke_endpoint(self, *, Body: bytes, **named: Any) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        assert named == {
            "EndpointName": "candidate",
            "ContentType": "image/png",
            "Accept": "application/json",
        }
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        if self.asked == self.interrupts_at:
            raise KeyboardInterrupt
        probability = self.bicycle.get(Body.decode(), 0.97)
        body = json.dumps([probability, 1 - probability]).encode()
        return {"Body": io.BytesIO(body), "CustomAttributes": self.attributes}


@pytest.fixture
def serialize(cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> FakeSerialize:
    detail = {"StackResourceDetail": {"PhysicalResourceId": "scones-Serialize-1"}}
    monkeypatch.setattr(cloudformation, "describe_stack_resource", lambda **_named: detail, raising=False)
    fake = FakeSerialize()
    monkeypatch.setattr("scones.connection.Connection.lambda_", lambda _connection, _longest: fake)
    monkeypatch.setattr(patience, "_FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(patience, "_LONGEST_PAUSE_S", 0.0)
    return fake


@pytest.fixture
def endpoint(serialize: FakeSerialize, monkeypatch: pytest.MonkeyPatch) -> FakeEndpoint:
    fake = FakeEndpoint()
    monkeypatch.setattr("scones.connection.Connection.sagemaker_runtime", lambda *_arguments: fake)
    return fake


def compared(scones: Scones, *arguments: str, code: int = 0) -> dict[str, Any]:
    result = scones("what-if", "--json", "--endpoint", "candidate", *arguments)
    assert result.exit_code == code, result.stderr
    return dict(json.loads(result.stdout))


def test_a_candidate_is_compared_with_what_the_deployed_model_said(
    scones: Scones, stored: FakeWorkflow, serialize: FakeSerialize, endpoint: FakeEndpoint
) -> None:
    endpoint.bicycle = {"incoming/sure.jpg": 0.7, "incoming/p82.jpg": 0.1, "incoming/decided.jpg": 0.9}
    found = compared(scones)
    assert found["candidate"]["version"] == "cand00000001"
    assert found["images"]["compared"] == 6
    assert found["changed"] == {"label": 3, "to_review": 1, "to_passed": 3}
    labelled = found["labelled"]
    assert (labelled["images"], labelled["baseline"]["wrong"], labelled["candidate"]["wrong"]) == (2, 1, 0)
    assert (labelled["only_baseline_wrong"], labelled["p_value"]) == (1, 1)
    assert found["verdict"] == "not shown"
    assert not found["knows_what_was_learned"]
    assert all("execution" not in request for request in serialize.requests)
    changed = {one["key"]: one["candidate"]["label"] for one in found["changes"]}
    assert changed["incoming/p82.jpg"] == "motorcycle"


def test_only_the_audit_can_show_that_a_candidate_is_better(
    scones: Scones, workflow: FakeWorkflow, endpoint: FakeEndpoint
) -> None:
    for number in range(12):
        workflow.write("passed", f"incoming/{number}.jpg", "e1", label="motorcycle", confidence=0.9)
        decide(f"incoming/{number}.jpg", "e1", "bicycle")
    assert compared(scones)["verdict"] == "not shown"
    for number in range(12):  # of u, the 32nd digit says who may use it: 0 compares, 2**-32 may be learned
        u = "0" if number < 6 else str(2**-32)
        decide(f"incoming/{number}.jpg", "e1", "bicycle", draw={"M": {"u": {"N": u}}})
    found = compared(scones)
    assert (found["labelled"]["images"], found["audited"]["images"], found["verdict"]) == (12, 6, "better")


def test_a_candidate_that_errs_more_often_is_worse(
    scones: Scones, workflow: FakeWorkflow, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    for number in range(6):
        workflow.write("passed", f"incoming/{number}.jpg", "e1")
        decide(f"incoming/{number}.jpg", "e1", "bicycle")
        endpoint.bicycle[f"incoming/{number}.jpg"] = 0.2
    file = tmp_path / "comparison.json"
    result = scones("what-if", "--endpoint", "candidate", "--output", str(file))
    assert "The candidate is worse" in result.stdout
    document = json.loads(file.read_text())
    assert document["verdict"] == "worse"
    assert "incoming/" not in file.read_text()


def test_what_cannot_be_compared_is_left_out_and_counted(
    scones: Scones, stored: FakeWorkflow, serialize: FakeSerialize, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    serialize.errors = {
        "incoming/sure.jpg": ["ImageNotFoundError"],
        "incoming/r61.jpg": ["CorruptImageError"],
        "incoming/r75.jpg": ["TooManyRequestsException", "StorageUnavailableError"],  # sent again
    }
    manifest = tmp_path / "manifest.jsonl"
    sources = ["s3://the-image-bucket/incoming/p85.jpg", "s3://the-image-bucket/incoming/p82.jpg"]
    splits = ["train", "test"]
    manifest.write_text(
        "".join(
            json.dumps({"source": one, "split": split}) + "\n"
            for one, split in zip(sources, splits, strict=True)
        )
    )
    found = compared(scones, "--trained-on", str(manifest), code=1)
    assert found["images"]["left_out"] == {"gone": 1, "not_classified": 1, "learned": 1, "other_version": 0}
    assert found["images"]["compared"] == 3
    assert found["knows_what_was_learned"]
    shown = scones("what-if", "--endpoint", "candidate").stderr
    assert "only the audit's half" in shown


def test_images_of_an_older_deployed_model_are_left_out(
    scones: Scones, stored: FakeWorkflow, endpoint: FakeEndpoint
) -> None:
    stored.write("passed", "incoming/new.jpg", "e9", endpoint={"name": "e", "model_version": "new"})
    found = compared(scones)
    assert found["baseline"]["version"] == "new"
    assert (found["images"]["compared"], found["images"]["left_out"]["other_version"]) == (1, 6)


@pytest.mark.parametrize(
    ("attributes", "failure", "said"),
    [
        ("model_version=x;model_labels=cat,dog", None, "has the labels cat, dog"),
        (
            "",
            ClientError(
                {"Error": {"Code": "ValidationError", "Message": "Endpoint candidate not found."}}, "I"
            ),
            "check --endpoint",
        ),
        (
            "",
            ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "InvokeEndpoint"),
            "not allowed to call InvokeEndpoint",
        ),
    ],
)
def test_what_no_image_can_be_compared_for_ends_the_command(
    scones: Scones,
    stored: FakeWorkflow,
    endpoint: FakeEndpoint,
    attributes: str,
    failure: Exception | None,
    said: str,
) -> None:
    endpoint.attributes, endpoint.failures = attributes, [failure] * 20 if failure else []
    result = scones("what-if", "--endpoint", "candidate")
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_endpoint_that_names_its_labels_is_read_in_the_order_of_the_stack(
    scones: Scones, stored: FakeWorkflow, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = b'[{"label": "motorcycle", "score": 0.9}, {"label": "bicycle", "score": 0.1}]'
    monkeypatch.setattr(endpoint, "invoke_endpoint", lambda **_named: {"Body": io.BytesIO(answer)})
    found = compared(scones)
    assert {one["candidate"]["label"] for one in found["changes"]} == {"motorcycle"}
    assert found["candidate"]["version"] is None


def test_a_throttled_endpoint_is_asked_again(
    scones: Scones, stored: FakeWorkflow, endpoint: FakeEndpoint
) -> None:
    busy = [
        ClientError({"Error": {"Code": "ThrottlingException"}}, "InvokeEndpoint"),
        ClientError({"Error": {"Code": "ModelError"}, "OriginalStatusCode": 503}, "InvokeEndpoint"),  # type: ignore[typeddict-unknown-key]
    ]
    endpoint.failures = list(busy)
    assert compared(scones)["images"]["compared"] == 6
    assert endpoint.asked == 8


def test_ctrl_c_reports_what_was_compared(
    scones: Scones, stored: FakeWorkflow, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    endpoint.interrupts_at = 4
    file = tmp_path / "comparison.json"
    found = compared(scones, "--concurrency", "1", "--output", str(file), code=130)
    assert found["is_interrupted"]
    assert found["images"]["compared"] == 3
    assert json.loads(file.read_text())["is_interrupted"]


def test_a_candidate_that_changes_meanwhile_is_refused(
    scones: Scones, stored: FakeWorkflow, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(**named: Any) -> dict[str, Any]:
        endpoint.attributes = f"model_version=v{endpoint.asked // 3}"
        return FakeEndpoint.invoke_endpoint(endpoint, **named)

    monkeypatch.setattr(endpoint, "invoke_endpoint", answer)
    result = scones("what-if", "--endpoint", "candidate", "--concurrency", "1")
    assert result.exit_code == 2
    assert "the candidate changed" in result.stderr


def test_a_period_without_images_says_so(
    scones: Scones, stored: FakeWorkflow, endpoint: FakeEndpoint
) -> None:
    result = scones("what-if", "--endpoint", "candidate", "--until", "2d")
    assert result.exit_code == 2
    assert "give an earlier --since" in result.stderr


def test_the_manifest_beside_a_model_file_names_what_it_has_learned(tmp_path: Path) -> None:
    file = ServedFile(tmp_path / "model.onnx", "", "", ())
    assert file.manifests == []
    manifest = tmp_path / "images" / "manifest.jsonl"
    manifest.parent.mkdir()
    sources = ("s3://photos/incoming/a.jpg?versionId=v1", "s3://photos/incoming/b.jpg")
    manifest.write_text("".join(json.dumps({"source": one, "split": "train"}) + "\n" for one in sources))
    learned = LearnedImages("photos", file.manifests)
    known = [
        ("incoming/a.jpg", "v1"),
        ("incoming/a.jpg", "v2"),
        ("incoming/b.jpg", "v9"),
        ("incoming/c.jpg", "v1"),
    ]
    verdicts = [
        StoredVerdict(
            key,
            "e",
            "",
            "bicycle",
            0.9,
            passed=True,
            is_held=False,
            model_version=None,
            version_id=version,
            size=1,
        )
        for key, version in known
    ]
    assert [learned.has(one) for one in verdicts] == [True, False, True, False]


@pytest.mark.parametrize("text", ["no json", "[]", '{"split": "train"}'])
def test_another_file_than_a_manifest_is_refused(
    scones: Scones, stored: FakeWorkflow, endpoint: FakeEndpoint, tmp_path: Path, text: str
) -> None:
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(text)
    result = scones("what-if", "--endpoint", "candidate", "--trained-on", str(manifest))
    assert result.exit_code == 2
    assert "is not a manifest of training.data" in result.stderr


def test_a_broken_model_file_is_named(
    scones: Scones, stored: FakeWorkflow, serialize: FakeSerialize, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    result = scones("what-if", "--model", str(broken))
    assert result.exit_code == 2
    assert "cannot serve this model: " in result.stderr
    assert "broken.onnx" in result.stderr


def test_a_model_file_of_other_classes_is_refused(
    scones: Scones,
    stored: FakeWorkflow,
    serialize: FakeSerialize,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    picture = _png()
    monkeypatch.setattr(
        serialize,
        "invoke",
        lambda **_named: {"Payload": io.BytesIO(json.dumps(picture).encode())},
    )
    model = stated(tmp_path / "cats.onnx", labels="cat,dog")
    result = scones("what-if", "--model", str(model))
    assert result.exit_code == 2
    assert "cats.onnx has the labels cat, dog, and the stack has bicycle, motorcycle" in result.stderr


def _png() -> dict[str, str]:
    return {"image_data": base64.b64encode(draw_probe()).decode(), "content_type": "image/png"}
