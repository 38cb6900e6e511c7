"""Alarms and dashboard use metrics that are emitted; every alarm notifies, is on the dashboard, and is explained."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from scones.cli import main
from tests.fakes.emitted_metrics import ALL, EMITTED, LABEL, REASON, RELEASE
from tests.static.alarms import alarms
from tools.transformed import MONITORING_TEMPLATE, template

type Metric = tuple[str, str, frozenset[tuple[str, str]]]

# What AWS emits: the metrics of a namespace that the project uses, and their dimension.
AWS = {
    "AWS/States": (
        "StateMachineArn",
        {
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsFailed",
            "ExecutionsTimedOut",
            "ExecutionsAborted",
            "ExecutionTime",
        },
    ),
    "AWS/Lambda": ("FunctionName", {"Errors", "Throttles", "Duration"}),
    "AWS/SQS": ("QueueName", {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}),
    "AWS/Events": ("RuleName", {"TriggeredRules", "FailedInvocations"}),
    "AWS/SageMaker": ("EndpointName", {"Invocations"}),
    "/aws/sagemaker/Endpoints": ("EndpointName", {"CPUUtilization"}),
}
OF_DIMENSION = {
    "StateMachineArn": {"WorkflowArn"},
    "FunctionName": {"SerializeName", "ClassifyName", "FilterName", "SweepName", "Breaker"},
    "QueueName": {"FailedImagesName", "HeldImagesName"},
    "EndpointName": {"EndpointName"},
    "RuleName": {
        "ReleaseExecutionDied",
        "ImageDropped",
        "ImageHeld",
        "BreakerSchedule",
        "ExecutionDied",
        "SweepSchedule",
    },
}

MONITORING = template(MONITORING_TEMPLATE)
ALARMS = alarms()


def text(value: Any) -> str:
    """A reference to a parameter as its name, and so a part of one."""
    match value:
        case {"Ref": name}:
            return str(name)
        case {"Fn::Select": [_, {"Fn::Split": [_, whole]}]}:
            return text(whole)
    return str(value)


def watched(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics of an alarm, of its expressions too."""
    if "Metrics" not in alarm:
        return [alarm]
    return [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]


@pytest.fixture(scope="module")
def own(root: Path) -> set[Metric]:
    """The metrics of the functions, by the names that the template gives them, and of the workflow."""
    resources = template()["Resources"]
    states = json.loads((root / "statemachine" / "classify_image.asl.json").read_text())["States"]
    found = set()
    for function, by_dimensions in EMITTED.items():
        variables = resources[function.capitalize()]["Properties"]["Environment"]["Variables"]
        for dimensions, names in by_dimensions.items():
            known = {"service": variables["POWERTOOLS_SERVICE_NAME"], "release": "Release"}
            pairs = frozenset((name, known.get(name, "*")) for name in dimensions)
            found |= {("Namespace", name, pairs) for name in names}
    for datum in states["Count failure"]["Arguments"]["MetricData"]:
        pairs = frozenset((one["Name"], one["Value"].strip("${}")) for one in datum["Dimensions"])
        found.add(("Namespace", datum["MetricName"], pairs))
    return found


def dashboard(*, all_alarms: bool) -> dict[str, Any]:
    """The dashboard, a parameter that is a number as 1 and every other reference as its name."""
    body, variables = MONITORING["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, value in variables.items():
        _, then, otherwise = value["Fn::If"]
        body = body.replace(f"${{{name}}}", then["Fn::Sub"] if all_alarms else otherwise)
    parameters = MONITORING["Parameters"]

    def reference(found: re.Match[str]) -> str:
        return "1" if parameters.get(found[1], {}).get("Type") == "Number" else found[1]

    return dict(json.loads(re.sub(r"\$\{([\w.:]+)\}", reference, body)))


def shown() -> set[Metric]:
    found = set()
    for widget in dashboard(all_alarms=False)["widgets"]:
        for row in widget["properties"].get("metrics", []):
            match [part for part in row if isinstance(part, str)]:
                case []:
                    searched = re.fullmatch(
                        r"SEARCH\('\{\"(\w+)\",([\w,]+)\} MetricName=\"(\w+)\"', 'Sum', 300\)",
                        row[0]["expression"],
                    )
                    assert searched, row
                    found.add((searched[1], searched[3], frozenset(searched[2].split(","))))
                case [namespace, name, *pairs]:
                    dimensions = frozenset(zip(pairs[::2], pairs[1::2], strict=True))
                    found.add((namespace, name, dimensions))
    return found


def exists(metric: Any, own: set[Metric]) -> bool:
    namespace, name, dimensions = metric
    if namespace in AWS:
        dimension, names = AWS[namespace]
        # Of executions that a version started ("Monitoring Step Functions metrics using Amazon CloudWatch").
        pairs = dict(dimensions - {("Version", "WorkflowVersionArn"), ("VariantName", "EndpointVariant")})
        return name in names and pairs.keys() == {dimension} and pairs[dimension] in OF_DIMENSION[dimension]
    if all(isinstance(one, str) for one in dimensions):  # a search names dimensions and no values
        return any(
            (namespace, name, dimensions) == (one[0], one[1], frozenset(key for key, _ in one[2]))
            for one in own
        )
    return metric in own


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_a_metric_that_is_emitted(own: set[Metric], name: str) -> None:
    metrics = watched(ALARMS[name])
    assert metrics
    for metric in metrics:
        dimensions = frozenset((one["Name"], text(one["Value"])) for one in metric["Dimensions"])
        assert exists((text(metric["Namespace"]), metric["MetricName"], dimensions), own), metric


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_alert_topic_and_says_what_silence_means(name: str) -> None:
    alarm = ALARMS[name]
    topic = "AlertTopicArn" if name in MONITORING["Resources"] else "AlertTopic"
    assert alarm["AlarmActions"] == [{"Ref": topic}]
    assert alarm.get("OKActions", alarm["AlarmActions"]) == alarm["AlarmActions"]
    assert alarm["TreatMissingData"] in {"breaching", "notBreaching", "ignore"}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_to_look_with_and_where_the_runbook_says_what_to_do(name: str) -> None:
    said = ALARMS[name]["AlarmDescription"]["Fn::Sub"]
    found = re.fullmatch(r"[^\"]+\. Look: `([^`]+)`\. Do: docs/runbook\.md#([\w-]+)\.", said, re.DOTALL)
    assert found
    look, do = found.groups()
    command, *arguments = shlex.split(look)[1:]
    stack = "AWS::StackName" if name in template()["Resources"] else "RootStack"
    assert arguments[-2:] == ["--stack", f"${{{stack}}}"]
    context = main.make_context("scones", [command, "--help"], resilient_parsing=True)
    parser = main.get_command(context, command)
    assert parser is not None
    parser.make_context(command, arguments)
    assert do == f"alarm-{name.lower()}"


def test_the_dashboard_shows_metrics_that_are_emitted(own: set[Metric]) -> None:
    metrics = shown()
    assert len(metrics) > 20
    assert [metric for metric in metrics if not exists(metric, own)] == []


@pytest.mark.parametrize("all_alarms", [True, False])
def test_every_alarm_is_on_the_dashboard(all_alarms: bool) -> None:
    (widget,) = [one for one in dashboard(all_alarms=all_alarms)["widgets"] if one["type"] == "alarm"]
    elsewhere = set() if all_alarms else {"NoTraffic", "OldestReview", "EndpointIdle"}
    elsewhere |= ALARMS.keys() - MONITORING["Resources"].keys()  # made after the dashboard
    assert {arn.removesuffix(".Arn") for arn in widget["properties"]["alarms"]} == ALARMS.keys() - elsewhere


def test_no_widget_covers_another_or_leaves_the_page() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard(all_alarms=True)["widgets"]:
        x, y, width, height = (widget[name] for name in ("x", "y", "width", "height"))
        cells = {(x + right, y + down) for right in range(width) for down in range(height)}
        assert not cells & taken, widget["properties"]["title"]
        assert x + width <= 24
        taken |= cells


def test_functions_and_workflows_emit_into_the_namespace_that_is_watched() -> None:
    root_template = template()
    resources = root_template["Resources"]
    namespace = resources["Monitoring"]["Properties"]["Parameters"]["Namespace"]
    everywhere = root_template["Globals"]["Function"]["Environment"]["Variables"]
    assert everywhere["POWERTOOLS_METRICS_NAMESPACE"] == namespace
    sweep = resources["Sweep"]["Properties"]["Environment"]["Variables"]
    assert {name: sweep[name] for name in everywhere} == everywhere
    for machine in ("ClassifyImage", "ClassifyImageExpress"):
        assert resources[machine]["Properties"]["DefinitionSubstitutions"]["MetricsNamespace"] == namespace


@pytest.mark.parametrize("name", ALARMS)
def test_the_runbook_says_what_to_do(root: Path, name: str) -> None:
    page = (root / "docs" / "runbook.md").read_text()
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    (section,) = [one for one in sections if re.match(rf"Alarm {name}\n", one)]
    assert re.search(r"^- Look: .*`", section, re.MULTILINE), "a command to look with"
    assert re.search(r"^- Do: ", section, re.MULTILINE)
    assert re.search(r"^- Over: ", section, re.MULTILINE)


def test_the_capacity_page_counts_what_cloudwatch_bills(root: Path) -> None:
    (row,) = [
        line for line in (root / "docs" / "capacity.md").read_text().splitlines() if "CloudWatch:" in line
    ]
    values = {ALL: 1, LABEL: 2, REASON: 4, RELEASE: 1}
    metrics = sum(len(names) * values[by] for one in EMITTED.values() for by, names in one.items())
    metrics += len(EMITTED) + 2  # a cold start of each function; the workflow's failures, of the release too
    alarms = sum(len(watched(alarm)) for alarm in ALARMS.values())  # billed by the metrics that they look at
    assert (
        f" {metrics} metrics with two labels, {alarms} metrics of {len(ALARMS)} alarms, a dashboard " in row
    )
    assert f"${(metrics * 0.3 + alarms * 0.1 + 3) / 30:.2f} " in row
