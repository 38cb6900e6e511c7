"""`scones certify`: what it says, what it sets, whom it asks, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones.audits import SecondLook
from scones.index import time_text
from tests.unit.scones.certify.drawn_images import both_halves, draw, spread

if TYPE_CHECKING:
    from scones.audits import Draw
    from tests.unit.scones.certify.fake_audit import FakeAudit
    from tests.unit.scones.fake_stack import FakeCloudFormation, Scones

NAME = "ConfidenceThreshold-scones"
PROMISE = ("--error", "0.1")
CERTIFICATE = {
    "model_version": "v1",
    "labels": ["bicycle", "motorcycle"],
    "serialize": "s1-32",
    "until": "2099-01-01T00:00:00Z",
}


def recent(draws: list[Draw]) -> list[Draw]:
    """The same draws, half an hour apart, the last of them now."""
    now = datetime.now(UTC)
    count = len(draws)
    return [
        replace(one, at=time_text(now - timedelta(minutes=30 * (count - n)))) for n, one in enumerate(draws)
    ]


def good(count: int = 200) -> list[Draw]:
    """Draws of a model that is right from 0.62 on."""
    return recent(both_halves(count, spread, lambda n: "bicycle" if spread(n) > 0.62 else "neither"))


def live_value() -> Any:
    value = boto3.client("ssm", region_name="us-east-1").get_parameter(Name=NAME)["Parameter"]["Value"]
    return json.loads(value)


def test_a_certificate_says_what_it_rests_on(scones: Scones, audit: FakeAudit) -> None:
    audit.draws, audit.missed = good(), 2
    result = scones("certify", *PROMISE)
    assert result.exit_code == 0, result.stderr
    assert "Certified from threshold 0.6" in result.stdout
    assert (
        "at most 10 % wrong among what passes, with 95 % confidence, as your reviewers see it"
        in result.stdout
    )
    for part in (
        "of the 200 classified images that were drawn",
        "model v1",
        "assumed-role/Reviewer/anna",
        "SHA-256",
    ):
        assert part in result.stdout
    assert "missed draws        2" in result.stdout
    document = json.loads(scones("certify", *PROMISE, "--json").stdout)
    assert (document["given"], document["counted"], document["missed"]) == (True, 200, 2)
    assert document["certificates"][0]["tried"][-1]["certified"] is False


@pytest.mark.parametrize("other", [{"serialize": "s2-32"}, {"serialize": None}, {"endpoint": "another"}])
def test_draws_of_another_release_are_no_evidence_for_this_one(
    scones: Scones, audit: FakeAudit, other: dict[str, Any]
) -> None:
    """The certificate binds the present Serialize and endpoint, whose images only the later draws are of."""
    audit.draws = [replace(one, **other) if n < 390 else one for n, one in enumerate(good())]
    result = scones("certify", *PROMISE, "--apply")
    assert result.exit_code == 1, result.stdout
    assert live_value() == 0.8
    assert (
        "left out            390 draws of another release's Serialize, of another endpoint\n" in result.stdout
    )
    document = json.loads(scones("certify", *PROMISE, "--json").stdout)
    assert (document["counted"], document["left_out"]) == (5, 390)


def test_draws_from_before_audits_were_off_are_no_evidence(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = good()
    audit.off = audit.draws[389].at
    result = scones("certify", *PROMISE)
    assert result.exit_code == 1
    assert f"of another endpoint, or before {audit.off}, when audits were off" in result.stdout
    document = json.loads(scones("certify", *PROMISE, "--json").stdout)
    assert (document["counted"], document["left_out"], document["off_until"]) == (5, 390, audit.off)


@pytest.mark.parametrize(
    ("live", "done"),
    [
        ({"stopped": "too many errors"}, "stopped passing (too many errors)"),
        (
            {"certificate": CERTIFICATE | {"raised": {"at": "2026-11-26T10:00:00Z", "why": "errors"}}},
            "raised the thresholds at 2026-11-26T10:00:00Z (errors)",
        ),
    ],
)
def test_what_the_watch_has_done_is_not_lifted_without_force(
    scones: Scones, audit: FakeAudit, live: dict[str, Any], done: str
) -> None:
    audit.draws = good()
    value = json.dumps({"thresholds": {"default": 0.99}, **live})
    boto3.client("ssm", region_name="us-east-1").put_parameter(Name=NAME, Value=value, Overwrite=True)
    refused = scones("certify", *PROMISE, "--apply")
    assert refused.exit_code == 2
    assert f"the watch has {done}" in refused.stderr
    assert "`scones certify --apply --force`" in refused.stderr
    assert live_value()["thresholds"] == {"default": 0.99}
    assert scones("certify", *PROMISE, "--apply", "--force").exit_code == 0
    assert live_value()["thresholds"]["default"] < 0.7


def test_what_cannot_be_certified_says_what_is_missing(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = good()
    result = scones("certify")
    assert result.exit_code == 1
    assert "Not certified: at most 1 % wrong among what passes" in result.stdout
    assert "600 more draws in the half that chooses thresholds" in result.stdout
    assert "393 audited passes with none wrong in the other; about 25 days" in result.stdout


def test_nothing_is_applied_where_nothing_is_certified(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = good()
    result = scones("certify", "--apply")
    assert result.exit_code == 1
    assert "nothing is certified, so that nothing was applied" in result.stderr
    assert live_value() == 0.8


def test_apply_sets_threshold_and_certificate(
    scones: Scones, audit: FakeAudit, outputs: dict[str, str]
) -> None:
    audit.draws = good()
    result = scones("certify", *PROMISE, "--apply", "--days", "10", "--json")
    assert result.exit_code == 0, result.stderr
    document, live = json.loads(result.stdout), live_value()
    certificate = live["certificate"]
    given = document["certificates"][0]["threshold"]
    assert live["thresholds"] == {"default": given}
    assert (certificate["model_version"], certificate["labels"]) == ("v1", ["bicycle", "motorcycle"])
    assert certificate["covers"] == ["bicycle", "motorcycle"]
    assert certificate["serialize"] == outputs["SerializeDigest"]
    assert (certificate["error"], certificate["confidence"]) == (0.1, 0.95)
    assert certificate["until"] == document["until"]
    days = datetime.fromisoformat(certificate["until"]) - datetime.now(UTC)
    assert timedelta(days=9.9) < days < timedelta(days=10)
    higher = [one["default"] for one in certificate["next"]]
    assert given < higher[0]
    assert higher == sorted(higher)
    assert len(higher) <= 5
    assert "endpoint_config" not in certificate


def test_a_dry_run_applies_nothing(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = good()
    result = scones("certify", *PROMISE, "--apply", "--dry-run")
    assert result.exit_code == 2
    assert "--apply sets the live thresholds and --dry-run changes nothing" in result.stderr
    assert live_value() == 0.8


def test_a_certificate_is_applied_for_ninety_days_at_most(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = good()
    result = scones("certify", *PROMISE, "--apply", "--days", "91")
    assert result.exit_code == 2
    assert "91 is not in the range 1<=x<=90" in result.stderr
    assert live_value() == 0.8
    assert scones("certify", *PROMISE, "--apply", "--days", "90").exit_code == 0


def test_a_label_that_is_not_certified_keeps_its_threshold(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = good()
    result = scones("certify", *PROMISE, "--per-label", "--apply")
    assert result.exit_code == 1
    assert "Not certified: at most 10 % wrong among what passes as motorcycle" in result.stdout
    assert "for each label by itself" in result.stdout
    assert "counts within 30 s" in result.stderr
    live = live_value()
    assert live["thresholds"]["motorcycle"] == 0.8
    assert 0.6 <= live["thresholds"]["bicycle"] < 0.7
    assert live["certificate"]["covers"] == ["bicycle"]
    assert all(one["motorcycle"] == 0.8 for one in live["certificate"]["next"])


def test_all_labels_divide_what_may_go_wrong(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = good()
    document = json.loads(scones("certify", *PROMISE, "--all-labels", "--json").stdout)
    assert [one["confidence"] for one in document["certificates"]] == [0.975, 0.975]
    assert [one["label"] for one in document["certificates"]] == ["bicycle", "motorcycle"]
    assert scones("certify", "--all-labels", "--per-label").exit_code == 2


def test_it_asks_a_second_person_about_what_was_wrong_and_as_much_else(
    scones: Scones, audit: FakeAudit
) -> None:
    audit.draws = recent(both_halves(200, spread, lambda n: "neither" if n == 1 else "bicycle"))
    wrong = next(one.key for one in audit.draws if one.decision == "neither")
    assert json.loads(scones("certify", *PROMISE, "--json").stdout)["second_looks"]["missing"] == 2
    assert scones("certify", *PROMISE, "--dry-run").exit_code == 0
    assert audit.asked == []
    result = scones("certify", *PROMISE)
    assert len(audit.asked) == 2
    assert wrong in audit.asked
    assert "2 images were put into the queue for a second look" in result.stderr


def test_second_looks_are_counted(scones: Scones, audit: FakeAudit) -> None:
    look = SecondLook("bicycle", "berta", "2026-11-27T11:00:00.000Z")
    draws = both_halves(200, spread, lambda n: "neither" if n == 1 else "bicycle")
    audit.draws = [replace(one, second=(look,)) for one in recent(draws)]
    result = scones("certify", *PROMISE)
    assert "1 of 2 differ from the first decision (1 of 1 called wrong, 0 of 1 called right)" in result.stdout
    assert audit.asked == []


def test_another_version_and_other_labels_are_another_sample(scones: Scones, audit: FakeAudit) -> None:
    old = [replace(one, model_version="v0") for one in good()]
    audit.draws = recent([*old, *both_halves(30, spread, lambda _: "bicycle")])
    document = json.loads(scones("certify", *PROMISE, "--json").stdout)
    assert (document["model_version"], document["counted"]) == ("v1", 30)
    assert json.loads(scones("certify", *PROMISE, "--json", "--model-version", "v0").stdout)["counted"] == 200
    unknown = scones("certify", "--model-version", "v7")
    assert unknown.exit_code == 2
    assert "no draw is of model v7: there are v0, v1" in unknown.stderr
    audit.draws = [replace(one, labels="bicycle,tandem") for one in audit.draws]
    assert scones("certify").exit_code == 2


def test_images_of_verify_are_not_counted(scones: Scones, audit: FakeAudit) -> None:
    audit.draws = [*good(), replace(recent([draw(1)])[0], key="incoming/scones-verify/run/1.png")]
    assert json.loads(scones("certify", *PROMISE, "--json").stdout)["counted"] == 200


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ("0", "because AuditShare is 0"),
        ("0.02", "about 0.02 of them are"),
        (None, "has no parameter AuditShare"),
    ],
)
def test_a_stack_without_a_draw_says_why(
    scones: Scones, audit: FakeAudit, cloudformation: FakeCloudFormation, share: str | None, said: str
) -> None:
    if share is None:
        del cloudformation.parameters["AuditShare"]
    else:
        cloudformation.parameters["AuditShare"] = share
    result = scones("certify")
    assert result.exit_code == 2
    assert said in result.stderr


def test_status_shows_how_right_what_passes_is(scones: Scones, audit: FakeAudit) -> None:
    assert "audits                    none" in scones("status").stdout
    draws = [replace(one, passed=one.confidence >= 0.8) for one in good()]
    audit.draws = [*(replace(one, model_version="v0") for one in draws[:50]), *draws[50:]]
    found = json.loads(scones("status", "--json").stdout)["audited_precision"]
    passes = sum(one.passed for one in draws[50:])
    assert (found["passes"], found["right"]) == (passes, passes)
    assert 0.9 < found["low"] < 1 == found["high"]
    assert f"100.0 % right of {passes} audited passes" in scones("status").stdout


def test_what_people_decide_first_does_not_enter_the_live_precision(scones: Scones, audit: FakeAudit) -> None:
    draws = [replace(one, passed=True) for one in good()]
    audit.draws = [*draws[:100], replace(draws[100], decision=None, by=None), *draws[101:]]
    assert json.loads(scones("status", "--json").stdout)["audited_precision"]["passes"] == 100


def test_on_a_local_cloud_a_model_without_a_version_cannot_be_certified(
    scones: Scones, audit: FakeAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.draws = [replace(one, model_version=None) for one in good()]
    monkeypatch.setattr("scones.connection.Connection.is_local", True)
    result = scones("certify", *PROMISE)
    assert result.exit_code == 2
    assert "endpoint the-endpoint reports no model version" in result.stderr
    assert "custom attribute model_version=NAME" in " ".join(result.stderr.split())


def test_an_endpoint_without_a_version_is_known_by_its_configuration(
    scones: Scones, audit: FakeAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.draws = [replace(one, model_version=None) for one in good()]
    changed = datetime.fromisoformat(audit.draws[100].at)
    sagemaker = SimpleNamespace(
        describe_endpoint=lambda **_: {"EndpointConfigName": "config-7", "LastModifiedTime": changed},
        describe_endpoint_config=lambda **_: {"CreationTime": changed - timedelta(minutes=5)},
    )
    monkeypatch.setattr("scones.connection.Connection.sagemaker", lambda _connection: sagemaker)
    result = scones("certify", *PROMISE, "--apply", "--json")
    document = json.loads(result.stdout)
    assert document["model_version"] is None
    assert document["endpoint_config"]["name"] == "config-7"
    assert document["counted"] == 150
    assert live_value()["certificate"]["endpoint_config"] == document["endpoint_config"]
