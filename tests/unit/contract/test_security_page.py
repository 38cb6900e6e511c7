"""docs/security.md prints every statement of the template's policies, no other, and says why each is there."""

import copy
import json
from pathlib import Path

import pytest

from tests.static.policies import as_list, named, resources, statements
from tests.static.who_may import WORKFLOWS

type Row = tuple[str, str, str, str]


def granted() -> list[Row]:
    return [
        (
            name,
            statement.get("Sid", "by SAM"),
            ", ".join(as_list(statement["Action"])),
            ", ".join(named(resource) for resource in as_list(statement["Resource"])),
        )
        for name, resource in resources().items()
        for statement in statements(resource)
        if statement["Effect"] == "Allow"
    ]


def printed(page: str) -> list[tuple[Row, str]]:
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| `")
    ]
    return [((row[0], row[1], row[2], row[3]), row[4]) for row in rows if len(row) == 5]


def test_the_page_prints_what_the_template_grants(root: Path) -> None:
    rows = printed((root / "docs" / "security.md").read_text())
    assert sorted(row for row, _ in rows) == sorted(granted())
    assert all(len(why.split()) >= 4 for _, why in rows)


def test_no_role_has_a_policy_of_which_the_page_cannot_print_the_statements() -> None:
    assert [
        name for name, each in resources().items() if each.get("Properties", {}).get("ManagedPolicyArns")
    ] == []


def test_a_role_can_be_taken_by_one_service_and_by_nobody_else() -> None:
    trusted = {
        name: [
            (
                each["Effect"],
                as_list(each["Action"]),
                as_list(each["Principal"].pop("Service")),
                each["Principal"],
            )
            for each in copy.deepcopy(role["Properties"]["AssumeRolePolicyDocument"]["Statement"])
        ]
        for name, role in resources().items()
        if role["Type"] == "AWS::IAM::Role"
    }
    of = dict.fromkeys(WORKFLOWS, "states") | {"ImageDroppedRole": "events"}
    assert trusted == {
        name: [("Allow", ["sts:AssumeRole"], [f"{of.get(name, 'lambda')}.amazonaws.com"], {})]
        for name in trusted
    }


def test_a_schedule_may_invoke_its_own_function_and_no_other() -> None:
    permissions = [
        each["Properties"] for each in resources().values() if each["Type"] == "AWS::Lambda::Permission"
    ]
    assert [
        (named(each["FunctionName"]), named(each["SourceArn"]), each["Principal"]) for each in permissions
    ] == [
        ("Breaker", "BreakerSchedule", "events.amazonaws.com"),
        ("Sweep", "SweepSchedule", "events.amazonaws.com"),
    ]


def test_no_action_is_a_wildcard_and_no_resource_where_aws_has_one() -> None:
    """Actions on log delivery, X-Ray segments and metrics have no resource type in AWS's authorization reference."""
    rows = granted()
    assert all("*" not in actions for _, _, actions, _ in rows)
    assert {sid for _, sid, _, resource in rows if resource == "*"} == {
        "DeliverLogs",
        "Trace",
        "CountFailures",
        "ReadCallsOfEndpoint",
    }


@pytest.mark.parametrize("folder", [".", "intake", "review", "recovery"])
def test_a_wildcard_has_its_reason_beside_it_in_the_template(root: Path, folder: str) -> None:
    lines = (root / folder / "template.yaml").read_text().splitlines()
    wildcards = [number for number, line in enumerate(lines) if 'Resource: "*"' in line]
    starts = ("Sid:", "- Sid:", "- {", "- &")
    for number in wildcards:
        sid = max(above for above in range(number + 1) if lines[above].strip().startswith(starts))
        assert any("#" in line for line in lines[sid - 2 : sid]), f"line {number + 1} has no reason above it"
    assert wildcards


def test_execution_data_is_in_no_log() -> None:
    logging = [
        each["Properties"]["LoggingConfiguration"]
        for each in resources().values()
        if each["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    assert len(logging) >= 4
    assert {one["IncludeExecutionData"] for one in logging} == {False}


@pytest.mark.parametrize(
    ("kind", "policy", "attribute"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
    ],
)
def test_unencrypted_connections_are_refused(kind: str, policy: str, attribute: str) -> None:
    refused = set()
    for resource in resources().values():
        if resource["Type"] == policy:
            denies = [each for each in statements(resource) if each["Effect"] == "Deny"]
            insecure = {"Bool": {"aws:SecureTransport": "false"}}
            if any(deny["Principal"] == "*" and deny["Condition"] == insecure for deny in denies):
                refused |= {json.dumps(each) for each in as_list(resource["Properties"][attribute])}
    wanted = {json.dumps({"Ref": name}) for name, resource in resources().items() if resource["Type"] == kind}
    assert wanted
    assert refused == wanted


def test_what_is_stored_is_encrypted_with_the_key_of_the_account_when_it_gives_one() -> None:
    stores = (
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SNS::Topic",
        "AWS::DynamoDB::Table",
        "AWS::Logs::LogGroup",
    )
    kept = {name: json.dumps(each) for name, each in resources().items() if each["Type"] in stores}
    assert len(kept) > 8
    assert [name for name, text in kept.items() if '{"Ref": "KmsKeyArn"}' not in text] == []


def test_who_starts_the_workflow_may_so_on_the_workflow_itself() -> None:
    """Step Functions asks for permission on the unqualified ARN, whichever alias or version is started."""
    starting = [row for row in granted() if "states:StartExecution" in row[2].split(", ")]
    assert {(name, resource) for name, _, _, resource in starting} == {
        ("ImageDroppedRole", "ClassifyImage"),
        ("SweepRole", "ClassifyImage"),
        ("BreakerRole", "ClassifyImage"),
        ("SweepRole", "RecordDecision"),
        ("ReviewerPolicy", "RecordDecision"),
        ("BackfillChildren", "Backfill"),
    }
    assert resources()["ImageDropped"]["Properties"]["Targets"][0]["Arn"] == {"Ref": "ClassifyImageAliaslive"}
