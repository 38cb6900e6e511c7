"""The webhook: which events it gets, and that Slack and Teams understand what it sends."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ministack.services import eventbridge

from tests.static.alarms import alarms
from tests.static.policies import named
from tools.transformed import MONITORING_TEMPLATE, template

MONITORING = template(MONITORING_TEMPLATE)["Resources"]
NAMES = {"AWS::StackName": "triage-Monitoring-1A2B", "RootStack": "triage", "ResultsBucket": "results"}
REASON = (
    "Threshold Crossed: 1 out of the last 1 datapoints [0.06 (27/11/26 16:00:00)] "
    "was greater than the threshold (0.05)."
)
ALARM = {
    "source": "aws.cloudwatch",
    "detail-type": "CloudWatch Alarm State Change",
    "time": "2026-11-27T16:01:00Z",
    "detail": {
        "alarmName": "triage-Monitoring-1A2B-EndpointFails-3C4D",
        "state": {"value": "ALARM", "reason": REASON},
        "previousState": {"value": "OK"},
        "configuration": {"description": "More than 10 % fail. Look: `scones doctor --stack triage`."},
    },
}
FAILED = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "time": "2026-11-27T16:01:00Z",
    "detail": {"bucket": {"name": "results"}, "object": {"key": 'failed/a "quoted" name.jpg/e1.json'}},
}


def resolved(value: Any, format_: str) -> Any:
    """A value of the template, as CloudFormation makes it of these names and this format."""
    match value:
        case {"Fn::If": ["IsSlack", slack, teams]}:
            return resolved(slack if format_ == "slack" else teams, format_)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([\w:]+)\}", lambda name: NAMES[name[1]], text)
        case {"Ref": name}:
            return NAMES[name]
        case dict():
            return {key: resolved(part, format_) for key, part in value.items()}
        case list():
            return [resolved(part, format_) for part in value]
    return value


def matches(rule: str, event: dict[str, Any]) -> bool:
    pattern = json.dumps(resolved(MONITORING[rule]["Properties"]["EventPattern"], "slack"))
    return bool(eventbridge._matches_pattern(pattern, _stored(event)))


def _stored(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
    }


def sent(rule: str, event: dict[str, Any], format_: str) -> dict[str, Any]:
    """What the webhook gets: EventBridge escapes nothing that it inserts."""
    (target,) = MONITORING[rule]["Properties"]["Targets"]
    transformer = resolved(target["InputTransformer"], format_)
    values = {}
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        values[name] = value
    return dict(json.loads(eventbridge._render_input_template(transformer["InputTemplate"], values)))


def alarm(**changed: Any) -> dict[str, Any]:
    return ALARM | {"detail": ALARM["detail"] | changed}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, True),
        ({"alarmName": "triage-RulesFail-5E6F"}, True),
        ({"state": {"value": "OK"}, "previousState": {"value": "ALARM"}}, True),
        ({"previousState": {"value": "INSUFFICIENT_DATA"}}, True),
        ({"state": {"value": "OK"}, "previousState": {"value": "INSUFFICIENT_DATA"}}, False),
        ({"alarmName": "triage-of-others-Monitoring-1A2B-EndpointFails-3C4D"}, False),
        ({"alarmName": "triage-Review-1"}, False),
    ],
)
def test_it_gets_alarms_of_this_stack_that_fire_or_end(changed: dict[str, Any], wanted: bool) -> None:
    assert matches("AlarmsToWebhook", alarm(**changed)) is wanted


@pytest.mark.parametrize(
    ("bucket", "key", "wanted"),
    [
        ("results", "failed/a.jpg/e1.json", True),
        ("results", "passed/b/a.jpg", False),
        ("x", "failed/a", False),
    ],
)
def test_it_gets_images_that_failed(bucket: str, key: str, wanted: bool) -> None:
    event = FAILED | {"detail": {"bucket": {"name": bucket}, "object": {"key": key}}}
    assert matches("FailuresToWebhook", event) is wanted


@pytest.mark.parametrize(
    ("rule", "event", "title"),
    [
        ("AlarmsToWebhook", ALARM, "ALARM: triage-Monitoring-1A2B-EndpointFails-3C4D"),
        ("FailuresToWebhook", FAILED, "An image failed at 2026-11-27T16:01:00Z"),
    ],
)
def test_slack_and_teams_get_what_they_can_show(rule: str, event: dict[str, Any], title: str) -> None:
    slack = sent(rule, event, "slack")
    assert slack["text"] == title, "what a notification shows; Slack requires it beside blocks"
    texts = [block.get("text") or block["elements"][0] for block in slack["blocks"]]
    assert all(text["type"] in {"mrkdwn", "plain_text"} and 0 < len(text["text"]) <= 3000 for text in texts)
    teams = sent(rule, event, "teams")
    assert teams["type"] == "message"
    (attachment,) = teams["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [block["type"] for block in card["body"]] == ["TextBlock"] * len(card["body"])
    for said in (slack, teams):
        assert title in json.dumps(said)
        assert "Look: `scones " in json.dumps(said)


def test_what_is_inserted_has_no_quotes() -> None:
    """An alarm's description is inserted as it is: a quote would make the message no JSON, and lose it."""
    for name, one in alarms().items():
        assert not re.search(r'["\\]', one["AlarmDescription"]["Fn::Sub"]), name
    assert "<key>" not in json.dumps(MONITORING["FailuresToWebhook"])


def test_the_address_is_in_a_secret_alone() -> None:
    resources = (MONITORING["WebhookConnection"], MONITORING["Webhook"])
    addresses = re.findall(
        r"\{\{resolve:secretsmanager:\$\{WebhookSecret\}:SecretString:(\w+)\}\}", str(resources)
    )
    assert sorted(addresses) == ["header", "url", "value"]
    assert {one["Condition"] for one in resources} == {"HasWebhook"}


def test_eventbridge_may_ask_the_webhook_and_nothing_else() -> None:
    (role,) = [one for one in MONITORING.values() if one["Type"] == "AWS::IAM::Role"]
    (policy,) = role["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], named(statement["Resource"])) == ("events:InvokeApiDestination", "Webhook")
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}


def test_the_page_has_the_schema_that_awss_chat_integration_demands(root: Path) -> None:
    """Amazon Q Developer in chat applications, "Custom notifications": what else is there is dropped without a sign."""
    (block,) = re.findall(r"```json\n(.*?)```", (root / "docs" / "alerts.md").read_text(), re.DOTALL)
    message = json.loads(block)
    assert (message["version"], message["source"]) == ("1.0", "custom")
    assert message["content"]["textType"] == "client-markdown"
    assert message["content"]["description"]
    assert message.keys() <= {"version", "source", "id", "content", "metadata"}
    assert message["content"].keys() <= {"textType", "title", "description", "nextSteps", "keywords"}
    known = {"threadId", "summary", "eventType", "relatedResources", "additionalContext"}
    assert message["metadata"].keys() <= known
