"""Every JSONata expression of the definitions has the same value in the reference implementation as in MiniStack.

The scenarios run in MiniStack's engine, so that each expression gets the variables and the input it has in an
execution. Each evaluation is then repeated with the npm package `jsonata`, time and chance frozen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest

from tests.judges import decisions, hostile, paths
from tests.judges.canonical import canonical
from tests.judges.emulated import FROZEN, FROZEN_NOW, Ended, run
from tests.judges.node import needs_node, run_script
from tests.judges.scenario import Scenario, expressions, machines

pytestmark = [pytest.mark.judge, needs_node]


def with_paths() -> list[Scenario]:
    return [*paths.outcomes(), *paths.catches(), *decisions.outcomes(), *decisions.catches()]


def with_hostile_inputs() -> list[Scenario]:
    return [*hostile.uploads(), *hostile.causes(), *hostile.verdicts(), *hostile.rows()]


@pytest.fixture(scope="module")
def runs() -> dict[str, Ended]:
    return {one.name: run(one) for one in [*with_paths(), *with_hostile_inputs()]}


@pytest.fixture(scope="module")
def evaluations(runs: dict[str, Ended]) -> list[dict[str, Any]]:
    """Every evaluation of every scenario, with what the reference implementation makes of it beside it."""
    return judged([record for ended in runs.values() for record in ended.evaluated])


def test_every_expression_of_the_definitions_is_judged(evaluations: list[dict[str, Any]]) -> None:
    written = {expression for definition in machines().values() for expression in expressions(definition)}
    assert len(written) > 30
    assert written - {record["expression"] for record in evaluations} == set()


def test_no_hostile_input_leaves_an_expression_without_a_value(evaluations: list[dict[str, Any]]) -> None:
    failed = [record for record in evaluations if "error" in record["reference"]]
    assert told(failed) == []


def test_both_implementations_agree(evaluations: list[dict[str, Any]]) -> None:
    different = [record for record in evaluations if ours(record) != theirs(record)]
    assert told(different) == []


def test_scenarios_have_names_of_their_own() -> None:
    names = [one.name for one in [*with_paths(), *with_hostile_inputs()]]
    assert len(names) == len(set(names)) > 300


def test_every_upload_ends_with_an_outcome_and_a_key_that_s3_takes(runs: dict[str, Ended]) -> None:
    for one in [*hostile.uploads(), *hostile.causes(), *hostile.verdicts()]:
        ended = runs[one.name]
        stored = [arguments["Key"] for state, arguments in ended.asked if state == "Store result"]
        assert stored, one.name
        assert all(len(key.encode("utf-8", "surrogatepass")) <= 1024 for key in stored), one.name


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$range(0, 6, 3)", [0, 3, 6]),
        ("$hash('\U0001f6b2', 'MD5')", "688c0881b522504d64ae0fb0369294f8"),
        ("""$parse('{"a": [1, null]}')""", {"a": [1, None]}),
        ("$missing", None),
        ("$states.input.missing", None),
        ("1 / 0", None),
        ("$eval('1')", None),
    ],
)
def test_the_reference_has_the_functions_and_errors_of_step_functions(expression: str, value: Any) -> None:
    (answer,) = replayed([{"expression": expression, "bindings": {"states": {"input": {}}}}])
    assert ("error" in answer) if value is None else answer == {"value": value}


def test_frozen_time_looks_like_that_of_both_implementations() -> None:
    """What is frozen away above: both write UTC with milliseconds and a Z."""
    (answer,) = run_script("jsonata_now.cjs", {})
    from jsonata import Jsonata  # the port that MiniStack uses

    ours_ = Jsonata.jsonata("$now()").evaluate(None)
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now) for now in (answer, ours_, FROZEN_NOW)
    )


def judged(recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    distinct = {
        json.dumps([record["expression"], record["bindings"]], sort_keys=True): record for record in recorded
    }
    records = list(distinct.values())
    return [record | {"reference": answer} for record, answer in zip(records, replayed(records), strict=True)]


def replayed(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = [{name: record[name] for name in ("expression", "bindings")} for record in records]
    return list(run_script("jsonata_replay.cjs", {"frozen": FROZEN, "records": asked}))


def ours(record: dict[str, Any]) -> str:
    return "an error" if "error" in record else canonical(record["value"])


def theirs(record: dict[str, Any]) -> str:
    reference = record["reference"]
    return "an error" if "error" in reference else canonical(reference["value"])


def told(records: list[dict[str, Any]]) -> list[str]:
    """Say of some records what differs."""
    return [
        f"{record['scenario']}: {record['expression'][:80]} MiniStack: {record.get('error') or ours(record)[:300]} "
        f"reference: {record['reference'].get('error') or theirs(record)[:300]}"
        for record in records[:20]
    ]
