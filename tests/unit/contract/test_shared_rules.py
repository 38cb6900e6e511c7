"""What several sides know has one definition in docs/contracts, and every side is held to it.

The workflow, the functions, the command and training do not import each other, so each has its own copy of a rule.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from botocore.exceptions import ClientError
from ministack.services import stepfunctions

from scones.claims import read_claim, read_claims
from scones.redrive.executions import begin
from scones.redrive.images import ImageVersion, Redriven, RedriveState
from scones.result_documents import (
    LITERAL_CHARACTERS,
    Document,
    is_verification_result,
    outcome_prefixes,
    result_key,
)
from scones.verify.verification import object_event
from sweep import claims as of_sweep
from sweep.decision import Kind, Limits, by_claim
from sweep.images import Image, event_of

pytestmark = pytest.mark.usefixtures("expressions_without_a_clock")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = {"result_key"}
"""What only items of earlier releases have."""
IMAGE = ImageVersion("images", "incoming/a.jpg", "e1", 1234, "v1", "0A", "request")


def read(root: Path, name: str) -> Any:
    return json.loads((root / "docs" / "contracts" / name).read_text(encoding="utf-8"))


def states(root: Path, name: str = "classify_image") -> dict[str, Any]:
    return dict(
        json.loads((root / "statemachine" / f"{name}.asl.json").read_text(encoding="utf-8"))["States"]
    )


def evaluate(expression: str, given: dict[str, Any]) -> Any:
    text = expression.removeprefix("{%").removesuffix("%}").strip()
    return stepfunctions._evaluate_jsonata(text, given, {"Execution": {"Id": "arn"}})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test each example of docs/contracts/examples.json."""
    examples = read(metafunc.config.rootpath, "examples.json")
    for fixture, part, name in (("example", "result_keys", "result_key"), ("case", "claims", "what")):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, examples[part], ids=[one[name][:60] for one in examples[part]])


def test_the_workflow_stores_a_result_under_its_key(root: Path, example: dict[str, Any]) -> None:
    claim, filter_ = (states(root)[name] for name in ("Claim image", "Filter"))
    event = {"detail": {"object": {"key": example["image_key"], "etag": example["etag"]}}}
    names = {evaluate(one["Assign"]["result_name"], event) for one in (claim, claim["Catch"][1])}

    assert (
        "'passed/' & $states.result.Payload.label : 'review') & '/' & $result_name"
        in filter_["Assign"]["result_key"]
    )
    assert states(root)["Describe failure"]["Assign"]["result_key"] == "{% $outcome & '/' & $result_name %}"
    by_label = example["outcome"] in {"passed", "reviewed"}
    folder = f"{example['outcome']}/{example['label']}" if by_label else example["outcome"]
    assert {f"{folder}/{name}" for name in names} == {example["result_key"]}


def test_the_command_finds_a_result_by_its_key(example: dict[str, Any]) -> None:
    content = {**example, "image": {"key": example["image_key"], "etag": example["etag"]}}
    document = Document.parse(example["result_key"], json.dumps(content).encode())
    below = example["image_key"].removeprefix("incoming/")

    prefixes = outcome_prefixes(("bicycle", "motorcycle"), below[:LITERAL_CHARACTERS])
    found = sum(example["result_key"].startswith(prefix) for prefix in prefixes)
    assert found == (example["outcome"] != "reviewed")
    assert is_verification_result(example["result_key"]) == below.startswith("scones-verify/")
    stored = result_key(example["outcome"], example["label"], example["image_key"], example["etag"])
    assert stored == document.result_key
    assert len(example["result_key"].encode()) <= 1024


def test_sweep_and_redrive_decide_by_the_same_rules(
    root: Path, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = read(root, "examples.json")["now"]
    key = {"image_key": {"S": IMAGE.key}, "etag": {"S": IMAGE.etag}}
    item = key | {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in case["claim"].items()
    }
    limits = Limits(timedelta(minutes=15), timedelta(days=7), 3)

    decision = by_claim(
        of_sweep.Claim.from_item(item), case["owner"], datetime.fromtimestamp(now, UTC), limits
    )

    assert decision.kind == Kind(case["sweep"])
    assert of_redrive(item, case["owner"], now, monkeypatch) == case["redrive"]


def of_redrive(item: dict[str, Any], owner: str | None, now: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what `scones redrive` does about the image of a claim."""
    started: list[dict[str, Any]] = []

    def describe(**_: object) -> dict[str, str | None]:
        if owner == "GONE":
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return {"status": owner}

    def start(**request: Any) -> dict[str, str]:
        started.append(request)
        return {"executionArn": "new"}

    table = SimpleNamespace(batch_get_item=lambda **_: {"Responses": {"claims": [item]}})
    monkeypatch.setattr("scones.redrive.executions.time", SimpleNamespace(time=lambda: now))
    claim = read_claims(table, "claims", [IMAGE.name])[IMAGE.name]  # type: ignore[arg-type]
    entry = Redriven(IMAGE, "it failed")
    begin(
        SimpleNamespace(describe_execution=describe, start_execution=start),  # type: ignore[arg-type]
        "workflow",
        entry,
        claim,
        dry_run=False,
    )
    if started:
        return "started"
    return {RedriveState.ALREADY: "left", RedriveState.WAITING: "watched"}[entry.state]


def assigned(update: str, values: str) -> Iterator[tuple[str, str | None]]:
    """Yield each attribute of an update expression with its type; None where the expression removes it."""
    types = dict(re.findall(r"(:\w+)['\"]: \{ ?['\"]([SNM]|BOOL)['\"]", values))
    for name, value in re.findall(r"(#?\w+) = (?:if_not_exists\(#?\w+, )?(:\w+)", update):
        yield name.removeprefix("#"), types[value]
    yield from ((name, "N") for name in re.findall(r"ADD (\w+) :", update))
    for names in re.findall(r"REMOVE ([\w, ]+)", update):
        yield from ((name, None) for name in re.findall(r"\w+", names) if name not in {"ADD", "SET"})


def updates_of_workflow(root: Path, file: str = "classify_image") -> list[tuple[str, str]]:
    tasks = [state["Arguments"] for state in states(root, file).values() if "UpdateExpression" in str(state)]
    return [(task["UpdateExpression"], task["ExpressionAttributeValues"]) for task in tasks]


def updates_of_recording(root: Path) -> list[tuple[str, str]]:
    """Return those of "Record decision" without what it writes into a decision, which has a test of its own."""
    return [
        (re.sub(r"decisions\[.*?\]\.model_said = :said", "", update), values)
        for update, values in updates_of_workflow(root, "record_decision")
    ]


def updates_of_sweep() -> list[tuple[str, str]]:
    sent: list[tuple[str, str]] = []

    def update(**request: Any) -> None:
        sent.append((request["UpdateExpression"], json.dumps(request.get("ExpressionAttributeValues", {}))))

    client, now = SimpleNamespace(update_item=update), datetime(2026, 11, 26, tzinfo=UTC)
    image = Image("images", IMAGE.key, IMAGE.etag, "v1", 1234, now, "0A")
    seen = of_sweep.Claim(execution="arn", sweeps=1, swept_at=now, reported_at=now)
    of_sweep.enter_index(client, "claims", image, seen)
    of_sweep.leave_index(client, "claims", image, seen)
    of_sweep.leave_finished(client, "claims", image)
    of_sweep.count_sweep(client, "claims", image, seen, now)
    of_sweep.undo_sweep(client, "claims", image, seen, now)
    of_sweep.mark_reported(client, "claims", image, seen, now)
    of_sweep.unmark_reported(client, "claims", image, now)
    return sent


def test_a_claim_has_what_the_schema_says_and_nothing_else(root: Path) -> None:
    properties = read(root, "claim.schema.json")["properties"]
    updates = [*updates_of_workflow(root), *updates_of_recording(root), *updates_of_sweep()]
    assert len(updates) == 3 + 2 + 7

    kinds = {"S": "#/$defs/text", "N": "#/$defs/number", "M": "#/$defs/draw", "BOOL": "#/$defs/flag"}
    written = {(name, kind) for update, values in updates for name, kind in assigned(update, values) if kind}
    removed = {name for update, values in updates for name, kind in assigned(update, values) if not kind}
    assert {name: properties.get(name, {}).get("$ref") for name, _ in written} == {
        name: kinds[kind] for name, kind in written
    }
    assert removed <= properties.keys()
    of_people = {"decision", "decisions", "second_look", "second_not", "second_looks"}
    assert {name for name, _ in written} == properties.keys() - {"image_key", "etag"} - of_people - OLD
    assert removed >= OLD


def test_every_reader_of_a_claim_reads_the_same(root: Path) -> None:
    item = {
        name: {"S": f"2026-11-26T10:00:0{number % 10}Z"} if "text" in rule["$ref"] else {"N": str(number)}
        for number, (name, rule) in enumerate(read(root, "claim.schema.json")["properties"].items())
        if rule["$ref"] in {"#/$defs/text", "#/$defs/number"}
    }
    item |= {"outcome": {"S": "review"}, "image_key": {"S": IMAGE.key}, "etag": {"S": IMAGE.etag}}
    jsonschema.validate(item, read(root, "claim.schema.json"))
    client: Any = SimpleNamespace(
        get_item=lambda **_: {"Item": item}, batch_get_item=lambda **_: {"Responses": {"claims": [item]}}
    )

    swept = of_sweep.Claim.from_item(item)
    redriven = read_claims(client, "claims", [IMAGE.name])[IMAGE.name]
    whole = read_claim(client, "claims", *IMAGE.name)

    assert swept.execution == redriven.execution == whole["execution"]
    assert swept.claim_ends == redriven.claim_ends == int(whole["claim_ends"])
    assert (swept.finished, redriven.finished_at, redriven.outcome) == (
        True,
        whole["finished_at"],
        whole["outcome"],
    )
    assert redriven.result_key == whole["result_key"]
    assert of_sweep._image_of(item, "images").name == IMAGE.name


def inputs(root: Path) -> dict[str, dict[str, Any]]:
    """Return an input of each of those that start the workflow."""
    swept = Image("images", IMAGE.key, IMAGE.etag, "v1", 1234, datetime(2026, 11, 26, tzinfo=UTC), "0A")
    document = {"key": IMAGE.key, "etag": IMAGE.etag, "size": 1234, "version_id": None, "sequencer": None}
    listed = {"Key": IMAGE.key, "ETag": '"e1"', "Size": 1234}
    given = {"bucket": "images", "encoded": False, "object": listed}
    expressions = re.findall(
        r'"Input": ("\{% .*?%\}")', json.dumps(states(root, "backfill"), ensure_ascii=False)
    )
    backfilled = [evaluate(json.loads(one), given) for one in expressions if "scones.backfill" in one]
    return {
        "S3": json.loads((root / "events" / "s3_object_created.json").read_text()),
        "sweep": event_of(swept),
        "redrive": IMAGE.event(),
        "verify": object_event("images", document, "request"),
        **{f"backfill {number}": json.loads(one) for number, one in enumerate(backfilled)},
    }


def test_everybody_starts_the_workflow_with_an_input_of_the_schema(root: Path) -> None:
    schema, given = read(root, "workflow_input.schema.json"), inputs(root)
    assert len(given) >= 5
    for event in given.values():
        jsonschema.validate(event, schema, format_checker=jsonschema.FormatChecker())
    assert {event["source"] for event in given.values()} == set(schema["properties"]["source"]["enum"])
    read_again = [ImageVersion.of_event(event).name for name, event in given.items() if name != "S3"]
    assert set(read_again) == {IMAGE.name}


def test_the_workflow_reads_nothing_that_the_schema_leaves_out(root: Path) -> None:
    schema = read(root, "workflow_input.schema.json")
    text = json.dumps(states(root)["Claim image"])
    paths = {path.replace("`", "") for path in re.findall(r"\$states\.input\.([\w.`-]+)", text)}
    paths |= {f"detail.object.{name.replace('`', '')}" for name in re.findall(r"\$object\.([\w`-]+)", text)}
    assert {"detail.object.key", "detail.object.version-id", "detail.request-id", "redrive"} <= paths
    for path in paths:
        part = schema
        for name in path.split("."):
            assert name in part["properties"], path
            part = part["properties"][name]
