"""A decision is recorded once, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scones.audits import certifying_half
from scones.result_documents import result_key
from tests.static.definitions import filled
from tests.unit.workflow.decided import (
    AT,
    CLAIMED_AT,
    ETAG,
    FINISHED_AT,
    FIRST,
    IMAGES,
    KEY,
    KIM,
    LAST,
    LATER,
    LEE,
    NAME,
    SECOND,
    THIRD,
    Review,
    reviews,
)

pytestmark = pytest.mark.usefixtures("expressions_without_a_clock")

type MakeReview = Callable[..., Review]
TASKS = [name for name, state in filled("RecordDecision")["States"].items() if state["Type"] == "Task"]
INDEXED = ("state_shard", "state_since", "lease_by", "lease_until")


@pytest.fixture
def review() -> Iterator[MakeReview]:
    with reviews() as make:
        yield make


def decided(make: MakeReview, outcome: str, *labels: str, expired: bool = False) -> Review:
    """Return an image with decisions by two people, of which all but the last are recorded."""
    image: Review = make(outcome)
    ids, times, people = (FIRST, SECOND, THIRD), (AT, LATER, LAST), (KIM, LEE, KIM)
    for label, id_, at, by in zip(labels, ids, times, people, strict=False):
        if image.field("state_shard") == "record#0":
            image.record()
        image.decide(label, id_, at=at, by=by)
    if expired:
        for name in image.objects():
            if not name.startswith("labels/"):
                image.delete(name)
    return image


def expired_between(make: MakeReview, *labels: str) -> Review:
    """Return a review whose document had expired when a person decided, which was undone."""
    image = decided(make, "review", labels[0], expired=True)
    image.record()
    image.decide(labels[1], SECOND, at=LATER)
    return image


def without_verdict(make: MakeReview, *labels: str) -> Review:
    """Return a review that entered the index when its document had expired: nobody knows what the model said."""
    image: Review = make("review")
    image.delete(image.model_key)
    for name in ("label", "confidence", "reason"):
        image.remove(name)
    for label, id_, at in zip(labels, (FIRST, SECOND, THIRD), (AT, LATER, LAST), strict=False):
        if image.field("state_shard") == "record#0":
            image.record()
        image.decide(label, id_, at=at)
    return image


def audited(make: MakeReview, *labels: str, expired: bool = False, u: str = "0.0125") -> Review:
    """Return a passed image that the audit has drawn, with decisions as in `decided`."""
    image: Review = make("passed")
    image.set_("draw", {"M": {"u": {"N": u}, "passed": {"BOOL": True}}})
    image.set_("draw_shard", {"S": "drawn#0"})
    image.set_("state_shard", {"S": "person#0"})
    image.set_("state_since", {"S": CLAIMED_AT})
    if labels:
        return decided(lambda _: image, "passed", *labels, expired=expired)
    return image


WAYS: dict[str, Callable[[MakeReview], Review]] = {
    "a review": lambda make: decided(make, "review", "motorcycle"),
    "none of the classes": lambda make: decided(make, "review", "neither"),
    "an image that is gone": lambda make: decided(make, "review", "gone"),
    "a passed image corrected": lambda make: decided(make, "passed", "motorcycle"),
    "a correction": lambda make: decided(make, "review", "motorcycle", "cannot_tell"),
    "the same label by another person": lambda make: decided(make, "review", "bicycle", "bicycle"),
    "a review undone": lambda make: decided(make, "review", "motorcycle", "undone"),
    "a passed image's correction undone": lambda make: decided(make, "passed", "motorcycle", "undone"),
    "a correction undone": lambda make: decided(make, "passed", "motorcycle", "neither", "undone"),
    "decided again": lambda make: decided(make, "review", "motorcycle", "undone", "bicycle"),
    "a document that has expired": lambda make: decided(make, "review", "motorcycle", expired=True),
    "undone after it expired": lambda make: decided(make, "passed", "neither", "undone", expired=True),
    "without a verdict": lambda make: without_verdict(make, "motorcycle"),
    "undone without the model's probabilities": lambda make: expired_between(make, "motorcycle", "undone"),
    "without a verdict and undone": lambda make: without_verdict(make, "motorcycle", "undone"),
    "an audit that agrees": lambda make: audited(make, "bicycle"),
    "an audit that disagrees": lambda make: audited(make, "motorcycle"),
    "an audit of none of the classes": lambda make: audited(make, "neither"),
    "an audit of which nobody can tell": lambda make: audited(make, "cannot_tell"),
    "an audit of an image that is gone": lambda make: audited(make, "gone"),
    "an audit that first agreed": lambda make: audited(make, "bicycle", "motorcycle"),
    "an audit that first disagreed": lambda make: audited(make, "motorcycle", "bicycle"),
    "an audit undone": lambda make: audited(make, "bicycle", "undone"),
    "an audit's disagreement undone": lambda make: audited(make, "motorcycle", "undone"),
    "an audit decided again": lambda make: audited(make, "motorcycle", "undone", "bicycle"),
    "an audit that agrees after the document expired": lambda make: audited(make, "bicycle", expired=True),
}
WITHOUT_DOCUMENT = {
    "an audit that agrees after the document expired",
    "undone after it expired",
    "undone without the model's probabilities",
    "without a verdict and undone",
}
every_way = pytest.mark.parametrize("way", WAYS)


def end(image: Review) -> tuple[dict[str, Any], dict[str, Any]]:
    return image.objects(), image.claim()


def test_a_decision_moves_the_document_and_stores_a_label(review: MakeReview) -> None:
    image = decided(review, "review", "motorcycle")
    assert image.record()["status"] == "SUCCEEDED"
    model = {"outcome": "review", "label": "bicycle", "confidence": 0.61}
    document = image.document | {
        "outcome": "reviewed",
        "label": "motorcycle",
        "confidence": None,
        "reason": "A person decided motorcycle; the model said bicycle at 0.61.",
        "finished_at": AT,
        "decision": {
            "id": FIRST, "by": KIM, "at": AT, "took_ms": 1800, "replaces": None, "label": "motorcycle",
        },
        "model_said": model | {"reason": image.document["reason"], "finished_at": FINISHED_AT},
    }  # fmt: skip
    label = {
        "image": {"bucket": IMAGES, "key": KEY, "version_id": "v1", "etag": ETAG},
        "label": "motorcycle",
        "reviewer": KIM,
        "time": AT,
        "id": FIRST,
        "replaces": None,
        "took_ms": 1800,
        "model_said": model,
        "held_out": False,
    }
    assert image.objects() == {
        f"reviewed/motorcycle/{NAME}": document,
        f"labels/2026-11-27/{FIRST}.json": label,
    }


def test_a_recorded_claim_has_the_decision_and_what_the_model_said(review: MakeReview) -> None:
    image = decided(review, "review", "motorcycle")
    before = image.claim()
    image.record()
    claim = image.claim()
    (decision,) = claim["decisions"]["L"]
    said = {"outcome": {"S": "review"}, "label": {"S": "bicycle"}, "confidence": {"N": "0.61"}}
    assert decision["M"]["model_said"] == {"M": said}
    assert claim == {name: value for name, value in before.items() if name not in INDEXED} | {
        "finished_at": {"S": AT},
        "outcome": {"S": "reviewed"},
        "outcome_shard": {"S": "reviewed#0"},
        "label": {"S": "motorcycle"},
        "reason": {"S": "A person decided motorcycle; the model said bicycle at 0.61."},
        "decisions": claim["decisions"],
    }


def test_a_correction_names_what_it_replaces_and_keeps_what_the_model_said(review: MakeReview) -> None:
    image = decided(review, "review", "motorcycle", "cannot_tell")
    image.record()
    (document,) = image.objects("reviewed/").values()
    assert (document["label"], document["decision"]["id"], document["decision"]["by"]) == (
        "cannot_tell", SECOND, LEE,
    )  # fmt: skip
    assert document["decision"]["replaces"] == FIRST
    assert document["model_said"]["reason"] == image.document["reason"]
    labels = image.objects("labels/").values()
    assert [(one["id"], one["replaces"], one["model_said"]["outcome"]) for one in labels] == [
        (FIRST, None, "review"),
        (SECOND, FIRST, "review"),
    ]


@pytest.mark.parametrize("outcome", ["review", "passed"])
def test_undoing_brings_the_models_document_and_claim_back(review: MakeReview, outcome: str) -> None:
    image = review(outcome)
    before = image.claim()
    image.decide("motorcycle", FIRST, at=AT)
    image.record()
    image.decide("undone", SECOND, at=LATER)
    image.record()
    claim = image.claim()
    assert image.objects()[image.model_key] == image.document
    assert [one["label"] for one in image.objects("labels/").values()] == ["motorcycle", "undone"]
    assert claim == before | {"decisions": claim["decisions"]}  # a review waits again, since it arrived


@pytest.mark.parametrize(
    ("labels", "outcome"),
    [
        (["bicycle"], "passed"),
        (["cannot_tell"], "passed"),
        (["gone"], "passed"),
        (["motorcycle"], "reviewed"),
        (["neither"], "reviewed"),
        (["bicycle", "motorcycle"], "reviewed"),
        (["motorcycle", "bicycle"], "passed"),
        (["motorcycle", "cannot_tell"], "passed"),
        (["motorcycle", "undone"], "passed"),
    ],
)
@pytest.mark.parametrize("expired", [False, True])
def test_an_audit_changes_what_passed_only_if_the_model_was_wrong(
    review: MakeReview, labels: list[str], outcome: str, expired: bool
) -> None:
    image = audited(review, *labels, expired=expired)
    before = image.claim()
    assert image.record()["status"] == "SUCCEEDED"
    documents = {name: one for name, one in image.objects().items() if not name.startswith("labels/")}
    if outcome == "passed":
        assert documents == ({} if expired else {image.model_key: image.document})
        assert (image.field("outcome"), image.field("label")) == ("passed", "bicycle")
        if len(labels) == 1:
            assert image.field("finished_at") == before["finished_at"]["S"]
            assert image.field("reason") == before["reason"]["S"]
    else:
        assert [one["label"] for one in documents.values()] == [labels[-1]]
        assert (image.field("outcome"), image.field("label")) == ("reviewed", labels[-1])
    waits = labels[-1] == "undone"
    assert image.field("state_shard") == ("person#0" if waits else None)
    assert ("decision" in image.claim()) == (labels[-1] not in {"undone", "gone"})
    assert image.claim()["draw"] == before["draw"]


@pytest.mark.parametrize("label", ["bicycle", "cannot_tell", "gone"])
def test_a_document_that_stays_is_not_written_again(review: MakeReview, label: str) -> None:
    """Whoever reacts to new results would see the image twice."""
    image = audited(review, label)
    image.calls.clear()
    image.record()
    written = [arguments["Key"] for action, arguments in image.calls if action.endswith("putObject")]
    assert [key for key in written if not key.startswith("labels/")] == []


@pytest.mark.parametrize(
    "u", ["0.0125000000000000", "0.0012345678901234", "0.0199999999999999", "0.0000000001"]
)
def test_the_label_of_an_image_that_certifies_is_held_out_of_training(review: MakeReview, u: str) -> None:
    image = audited(review, "bicycle", u=u)
    image.record()
    (label,) = image.objects("labels/").values()
    assert label["held_out"] is certifying_half(float(u))


def test_an_image_that_is_gone_is_no_label(review: MakeReview) -> None:
    image = decided(review, "review", "gone")
    image.record()
    assert list(image.objects()) == [f"reviewed/gone/{NAME}"]
    assert image.field("outcome") == "reviewed"
    assert "decision" not in image.claim()  # nobody saw it: uploaded again, it is classified again


def test_what_has_expired_is_described_by_the_claim(review: MakeReview) -> None:
    image = decided(review, "review", "motorcycle", expired=True)
    image.record()
    (document,) = image.objects("reviewed/").values()
    assert document["model_said"] == {
        "outcome": "review",
        "label": "bicycle",
        "confidence": 0.61,
        "reason": image.document["reason"],
        "finished_at": FINISHED_AT,
    }
    assert (document["image"], document["inferences"]) == (image.document["image"], None)


def test_what_an_image_without_a_verdict_shows_is_still_decided(review: MakeReview) -> None:
    image = without_verdict(review, "motorcycle")
    assert image.record()["status"] == "SUCCEEDED"
    (document,) = image.objects("reviewed/").values()
    assert document["reason"] == "A person decided motorcycle."
    assert (document["model_said"]["outcome"], document["model_said"]["label"]) == ("review", None)
    assert image.field("label") == "motorcycle"
    image.decide("undone", SECOND, at=LATER)
    assert image.record()["status"] == "SUCCEEDED"
    assert image.field("state_shard") == "person#0"
    assert "label" not in image.claim()


def test_a_claim_does_not_expire_before_its_decision_is_recorded(review: MakeReview) -> None:
    image = review("passed")
    image.set_("expires_at", {"N": "1790000000"})
    image.decide("motorcycle", FIRST, at=AT)
    image.fails = {"Store document": "S3.S3Exception"}
    assert image.record()["status"] == "FAILED"
    assert "expires_at" not in image.claim()


@pytest.mark.parametrize("draw", ["drawn", "missed", "off", None])
def test_a_recorded_claim_expires_only_outside_the_audit(review: MakeReview, draw: str | None) -> None:
    """A certificate counts the draws and the missed draws of a period, however long ago it was."""
    image = audited(review) if draw == "drawn" else review("review")
    image.expire_claims_after(30)
    if draw in {"missed", "off"}:
        image.set_("draw_shard", {"S": f"{draw}#0"})
    image.decide("motorcycle", FIRST, at=AT)
    assert image.record()["status"] == "SUCCEEDED"
    assert ("expires_at" in image.claim()) == (draw in {"off", None})


def test_undoing_after_the_document_expired_returns_to_the_models_outcome(review: MakeReview) -> None:
    image = decided(review, "review", "neither", "undone", expired=True)
    image.record()
    assert image.objects("review") == {}
    assert (image.field("state_shard"), image.field("state_since")) == ("person#0", CLAIMED_AT)
    assert (image.field("outcome"), image.field("label"), image.field("decision")) == (
        "review", "bicycle", None,
    )  # fmt: skip


@every_way
def test_there_is_one_document_and_one_label_for_each_decision(review: MakeReview, way: str) -> None:
    image = WAYS[way](review)
    assert image.record()["status"] == "SUCCEEDED"
    decisions = [one["M"] for one in image.claim()["decisions"]["L"]]
    documents = [name for name in image.objects() if not name.startswith("labels/")]
    assert len(documents) == (way not in WITHOUT_DOCUMENT)
    assert [one["id"] for one in image.objects("labels/").values()] == [
        one["id"]["S"] for one in decisions if one["label"]["S"] != "gone"
    ]
    assert all("model_said" in one for one in decisions)
    assert (image.field("state_shard") or "person#").startswith("person#")


@every_way
def test_documents_and_claims_are_those_of_the_schemas(review: MakeReview, way: str, root: Path) -> None:
    result, claim = (
        json.loads((root / "docs" / "contracts" / f"{name}.schema.json").read_text())
        for name in ("result", "claim")
    )
    image = WAYS[way](review)
    jsonschema.validate(image.claim(), claim)
    image.record()
    jsonschema.validate(image.claim(), claim)
    for name, document in image.objects().items():
        if not name.startswith("labels/"):
            jsonschema.validate(document, result, format_checker=jsonschema.FormatChecker())
            filed = result_key(document["outcome"], document["label"], KEY, ETAG)
            assert filed == name == result_key(str(image.field("outcome")), image.field("label"), KEY, ETAG)


@every_way
def test_killed_after_any_call_and_started_again_it_comes_to_the_same_end(
    review: MakeReview, way: str
) -> None:
    image = WAYS[way](review)
    start_over = image.keep()
    image.calls.clear()
    image.record()
    expected, calls = end(image), len(image.calls)
    assert calls >= 3
    for call in range(calls):
        start_over()
        image.kill(after=call)
        image.wait_for_the_lease_to_end()
        image.record(repeated=True)
        assert end(image) == expected, f"killed after call {call}"


@every_way
def test_another_run_of_the_same_decision_changes_nothing(review: MakeReview, way: str) -> None:
    image = WAYS[way](review)
    start_over = image.keep()
    image.calls.clear()
    image.record()
    expected, calls = end(image), len(image.calls)
    for call in range(1, calls):
        start_over()
        image.meanwhile = (call, image.record)
        image.record()
        assert image.meanwhile is None
        assert end(image) == expected, f"another run before call {call}"
    image.calls.clear()
    image.record()
    assert end(image) == expected
    assert [resource.rpartition(":")[2] for resource, _ in image.calls] == ["updateItem"]


@pytest.mark.parametrize("state", [state for state in TASKS if state != "Raise alert"])
def test_a_failure_is_told_once_and_the_next_run_ends_it(review: MakeReview, state: str) -> None:
    image = review("review")
    if state == "Read moved document":
        image.delete(image.model_key)
    image.decide("motorcycle", FIRST, at=AT)
    image.fails = {state: "S3.S3Exception"}
    for repeated in (False, True):
        image.wait_for_the_lease_to_end()
        ended = image.record(repeated=repeated)
        assert (ended["status"], ended["error"]) == ("FAILED", "S3.S3Exception")
    (alert,) = image.alerts()
    assert f'"reason": "{state} failed: because"' in alert["Message"]
    assert image.field("state_shard") == "record#0"
    image.fails = {}
    image.wait_for_the_lease_to_end()
    assert image.record(repeated=True)["status"] == "SUCCEEDED"
    assert image.field("outcome") == "reviewed"


def test_an_alert_that_cannot_be_sent_is_seen_in_the_execution(review: MakeReview) -> None:
    image = decided(review, "review", "motorcycle")
    image.fails = {"Store document": "S3.S3Exception", "Raise alert": "SNS.Fault"}
    ended = image.record()
    assert (ended["status"], ended["error"]) == ("FAILED", "SNS.Fault")


@pytest.mark.parametrize("document", ["not a document", {"not": "one"}, [1, 2]])
def test_an_object_that_is_not_a_document_is_an_alert_and_stays(review: MakeReview, document: Any) -> None:
    image = review("review")
    image.store(image.model_key, document)
    image.decide("motorcycle", FIRST, at=AT)
    assert image.record()["status"] == "FAILED"
    assert list(image.objects()) == [image.model_key]
    assert len(image.alerts()) == 1


def test_a_claim_without_a_label_is_an_alert_that_says_what_to_do(review: MakeReview) -> None:
    """One that was closed before claims had labels."""
    image = review("passed")
    image.remove("label")
    image.decide("motorcycle", FIRST, at=AT)
    assert image.record()["status"] == "FAILED"
    (alert,) = image.alerts()
    assert "`scones reindex`" in alert["Message"]
    assert list(image.objects()) == [image.model_key]


def test_it_names_results_as_the_workflow_does() -> None:
    ours = filled("RecordDecision")["States"]["Name this run"]["Assign"]["result_name"]
    workflow = filled("ClassifyImage")["States"]["Claim image"]["Assign"]["result_name"]
    assert ours == workflow.replace("detail.object.key", "image_key").replace("detail.object.etag", "etag")
