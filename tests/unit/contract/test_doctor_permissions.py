"""What `scones doctor` calls, the actions that it names, and the policy in docs/first-deploy.md are the same."""

import ast
import itertools
import json
import re
from pathlib import Path

import botocore.session
from botocore import xform_name
from samcli.yamlhelper import yaml_parse

from classify.errors import InvalidPredictionError
from classify.prediction import parse_probabilities
from scones.doctor.account import DEPLOYED_CONCURRENCY
from scones.doctor.endpoint_answer import ANSWER_S, SLOW_S, find_problem, probabilities_of
from scones.doctor.examination import ACTIONS, NEEDS_NONE

SERVICES = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "events",
    "lambda",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "service-quotas",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
SHARED = ("stack.py",)
FUNCTIONS = (("live_threshold.py", "_read"), ("index.py", "query"))
"""What it calls of modules that call more."""


def operations_by_method() -> dict[str, str]:
    session = botocore.session.Session()
    return {
        xform_name(operation): operation
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
    }


def called(tree: ast.AST, methods: dict[str, str]) -> set[str]:
    """Return the operations whose method, or paginator, a piece of code names."""
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    paginators = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get_paginator"
        and isinstance(node.args[0], ast.Constant)
    }
    not_aws = {"search"}  # of a regular expression; SageMaker has an operation of that name
    return {methods[name] for name in (names | paginators) - not_aws if name in methods}


def test_every_operation_that_it_calls_is_named_with_its_action(root: Path) -> None:
    methods = operations_by_method()
    files = [*(root / "scones" / "doctor").glob("*.py"), *(root / "scones" / name for name in SHARED)]
    found = set().union(*(called(ast.parse(file.read_text()), methods) for file in files))
    bodies = [
        node
        for name, function in FUNCTIONS
        for node in ast.parse((root / "scones" / name).read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    assert len(bodies) == len(FUNCTIONS)
    assert found.union(*(called(body, methods) for body in bodies)) == set(ACTIONS) | NEEDS_NONE


def policy(root: Path) -> list[dict[str, object]]:
    page = (root / "docs" / "first-deploy.md").read_text()
    (block,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    return list(json.loads(block)["Statement"])


def test_the_policy_in_the_docs_has_these_actions_and_no_other(root: Path) -> None:
    granted = [action for statement in policy(root) for action in list(statement["Action"])]  # type: ignore[call-overload]
    assert sorted(granted) == sorted(ACTIONS.values())
    assert all(statement["Effect"] == "Allow" for statement in policy(root))


def test_the_policy_changes_nothing_and_asks_one_endpoint(root: Path) -> None:
    for statement in policy(root):
        actions = list(statement["Action"])  # type: ignore[call-overload]
        reading = [
            action.split(":")[1].startswith(("Describe", "Get", "List", "Query")) for action in actions
        ]
        assert all(reading) or actions == ["sagemaker:InvokeEndpoint"]
        assert statement["Resource"] != "*" or all(reading)


def test_it_believes_the_answers_that_classify_believes() -> None:
    answers = [
        b"[0.5, 0.5]",
        b"[1, 0]",
        b"[1.0004, 0]",
        b"[0.4, 0.5]",
        b"[true, false]",
        b"[0.5, NaN]",
        b"[]",
    ]
    answers += [b"[0.5, 0.5, 0]", b"[-0.5, 1.5]", b'["1", "0"]', b"null", b"", b"\xff", b"[0.5, Infinity]"]
    answers += [b"[0.5004, 0.5004]", b"[0.5009, 0.5009]", b"[[0.5], 0.5]"]
    answers += [b"[1.0000053, 1e-05]", b"[-1.2e-07, 1]", b"[1.002, -0.002]"]
    answers += [
        b"[[0.9, 0.1]]",
        b"0.9,0.1",
        b"0.9,0.1,0",
        b"0.9;0.1",
        b'{"predictions": [[0.9, 0.1]]}',
        b"{}",
    ]
    answers += [b'{"prediction": [0.9, 0.1]}', b'{"probabilities": [0.9, 0.1], "labels": ["b", "a"]}']
    answers += [b'{"probabilities": [0.9, 0.1], "labels": ["b"]}', b"4.2,-1.3"]
    answers += [b'{"probabilities": [0.9, 0.1], "predictions": [0.9, 0.1]}']
    answers += [
        b'[{"label": "b", "score": 0.9}, {"label": "%b", "score": 0.1}]' % name for name in (b"a", b"c")
    ]
    questions: list[tuple[bytes, tuple[str, ...]]] = [(answer, ("a", "b")) for answer in answers]
    for classes, missing in itertools.product((3, 10, 100, 1000), (0.0009, 0.003, 0.0051, 0.049, 0.051)):
        labels = tuple(str(number) for number in range(classes))
        questions.append((json.dumps([1 - missing, *[0.0] * (classes - 1)]).encode(), labels))
    for answer, labels in questions:
        try:
            read = parse_probabilities(answer, labels)
        except InvalidPredictionError:
            assert find_problem(answer, labels) is not None, answer[:40]
            continue
        assert find_problem(answer, labels) is None, answer[:40]
        assert probabilities_of(answer, labels) == read, answer[:40]


def test_it_waits_as_long_as_classify(root: Path) -> None:
    (app,) = (root / "functions" / "classify").rglob("app.py")
    client = re.search(r"read_timeout=(\d+), retries=\{[^}]*\"total_max_attempts\": (\d)\}", app.read_text())
    assert client
    assert (int(client[1]), int(client[2])) == (ANSWER_S, 2)


def test_its_defaults_are_the_template_s_and_the_deploy_command_s(root: Path) -> None:
    parameters = yaml_parse((root / "template.yaml").read_text())["Parameters"]
    options = (root / "training" / "deploy.py").read_text()
    concurrency = re.search(r'"--max-concurrency", type=int, default=(\d+)', options)
    assert concurrency
    assert parameters["EndpointSlowMilliseconds"]["Default"] == SLOW_S * 1000
    assert int(concurrency[1]) == DEPLOYED_CONCURRENCY
