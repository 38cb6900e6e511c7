"""docs/security.md prints every statement of the template's policies, no other, and says why each is there."""

import json
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

type Row = tuple[str, str, str, str]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def named(resource: Any) -> str:
    """Write an intrinsic function as a person would."""
    match resource:
        case {"Ref": name}:
            return str(name)
        case {"Fn::GetAtt": [name, "Arn"]} | {"Fn::GetAtt": [name, "Arn", *_]}:
            return str(name)
        case {"Fn::Sub": text}:
            short = text.replace("arn:${AWS::Partition}:", "").replace(
                "${AWS::Region}:${AWS::AccountId}:", ""
            )
            return str(short).replace(".Arn}", "}").replace(".Name}", "}").replace("${", "").replace("}", "")
    return str(resource)


def statements(properties: dict[str, Any]) -> list[dict[str, Any]]:
    inline = [policy.get("PolicyDocument", policy) for policy in as_list(properties.get("Policies", []))]
    documents = [*inline, properties.get("PolicyDocument", {})]
    found = [statement for document in documents for statement in as_list(document.get("Statement", []))]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in found]


@pytest.fixture(scope="module")
def resources(root: Path) -> dict[str, Any]:
    return dict(yaml_parse((root / "template.yaml").read_text())["Resources"])


def granted(resources: dict[str, Any]) -> list[Row]:
    return [
        (
            name,
            statement["Sid"],
            ", ".join(as_list(statement["Action"])),
            ", ".join(named(resource) for resource in as_list(statement["Resource"])),
        )
        for name, resource in resources.items()
        for statement in statements(resource.get("Properties", {}))
        if statement["Effect"] == "Allow"
    ]


def printed(page: str) -> list[tuple[Row, str]]:
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| `")
    ]
    return [((row[0], row[1], row[2], row[3]), row[4]) for row in rows if len(row) == 5]


def test_the_page_prints_what_the_template_grants(resources: dict[str, Any], root: Path) -> None:
    rows = printed((root / "docs" / "security.md").read_text())
    assert [row for row, _ in rows] == granted(resources)
    assert all(len(why.split()) >= 4 for _, why in rows)


def test_no_action_is_a_wildcard_and_no_resource_but_where_aws_has_none(resources: dict[str, Any]) -> None:
    rows = granted(resources)
    assert all("*" not in actions for _, _, actions, _ in rows)
    assert {sid for _, sid, _, resource in rows if resource == "*"} == {"DeliverLogs", "CountFailures"}


@pytest.mark.parametrize(
    ("kind", "policy", "attribute"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
    ],
)
def test_unencrypted_connections_are_refused(
    resources: dict[str, Any], kind: str, policy: str, attribute: str
) -> None:
    refused = set()
    for resource in resources.values():
        if resource["Type"] == policy:
            denies = [each for each in statements(resource["Properties"]) if each["Effect"] == "Deny"]
            insecure = {"Bool": {"aws:SecureTransport": "false"}}
            if any(deny["Principal"] == "*" and deny["Condition"] == insecure for deny in denies):
                refused |= {json.dumps(each) for each in as_list(resource["Properties"][attribute])}
    wanted = {json.dumps({"Ref": name}) for name, resource in resources.items() if resource["Type"] == kind}
    assert wanted
    assert refused == wanted


def test_what_is_stored_is_encrypted_with_the_key_of_the_account_when_it_gives_one(
    resources: dict[str, Any],
) -> None:
    stores = (
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SNS::Topic",
        "AWS::DynamoDB::Table",
        "AWS::Logs::LogGroup",
    )
    kept = {name: json.dumps(each) for name, each in resources.items() if each["Type"] in stores}
    assert len(kept) > 8
    assert [name for name, text in kept.items() if '{"Ref": "KmsKeyArn"}' not in text] == []


def test_who_starts_the_workflow_may_so_on_the_workflow_itself(resources: dict[str, Any]) -> None:
    """Step Functions asks for permission on the unqualified ARN, whichever alias or version is started."""
    starting = [row for row in granted(resources) if "states:StartExecution" in row[2].split(", ")]
    assert {(name, resource) for name, _, _, resource in starting} == {
        ("ImageDroppedRole", "ClassifyImage"),
        ("Sweep", "ClassifyImage"),
        ("BackfillChildren", "Backfill"),
    }
    assert resources["ImageDropped"]["Properties"]["Targets"][0]["Arn"] == {"Ref": "ClassifyImageAliaslive"}
