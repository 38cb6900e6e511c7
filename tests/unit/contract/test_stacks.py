"""What is stored, and whoever is subscribed, stays where it is when the template is split or joined."""

from __future__ import annotations

from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from scones.local.sam import SOURCES
from scones.result_documents import Outcome

# A resource that moves between stacks is deleted and made anew: these would lose what they hold, or who follows them.
HOLDS_SOMETHING = {
    "AWS::S3::Bucket": {"ImageBucket", "ResultsBucket"},
    "AWS::DynamoDB::Table": {"ImageClaims"},
    "AWS::SQS::Queue": {"FailedImages", "HeldImages"},
    "AWS::SNS::Topic": {"ReviewTopic", "AlertTopic"},
    "AWS::SNS::Subscription": {"ReviewSubscription", "AlertSubscription"},
    "AWS::SSM::Parameter": {"LiveThreshold", "CertificateCheck", "PauseState"},
    # Its executions, its history and its alias.
    "AWS::Serverless::StateMachine": {"ClassifyImage"},
    # Versions that executions of the release before still call.
    "AWS::Serverless::Function": {"Serialize", "Classify", "Filter"},
    # Of people outside the stack.
    "AWS::IAM::ManagedPolicy": {"UploaderPolicy"},
    # The release's number continues.
    "AWS::AppConfig::Application": {"ReleaseSettingsStore"},
    "AWS::AppConfig::ConfigurationProfile": {"ReleaseSettingsProfile"},
}
# It began there, and people outside the stack have it: it must not move either.
STAYS_IN = {"review": {"ReviewerPolicy"}}
NAMES = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SecretsManager::Secret": "Name",
}
WITHOUT_A_NAME = {"AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig", "AWS::IAM::Policy"}


def test_what_holds_something_is_in_the_root_by_the_name_that_it_always_had(root: Path) -> None:
    found: dict[str, set[str]] = {}
    for name, resource in yaml_parse((root / "template.yaml").read_text())["Resources"].items():
        found.setdefault(resource["Type"], set()).add(name)

    assert {kind: found.get(kind) for kind in HOLDS_SOMETHING} == HOLDS_SOMETHING


@pytest.mark.parametrize("stack", ["intake", "review", "recovery", "monitoring"])
def test_a_nested_stack_holds_nothing(root: Path, stack: str) -> None:
    resources = yaml_parse((root / stack / "template.yaml").read_text())["Resources"]

    held = {name for name, one in resources.items() if one["Type"] in HOLDS_SOMETHING}
    assert held == STAYS_IN.get(stack, set())


@pytest.mark.parametrize("stack", ["intake", "review", "recovery"])
def test_what_a_nested_stack_makes_has_no_fixed_name(root: Path, stack: str) -> None:
    """CloudFormation makes what moved before it deletes what was there."""
    resources = yaml_parse((root / stack / "template.yaml").read_text())["Resources"].items()

    made = {one["Type"] for name, one in resources if name not in STAYS_IN.get(stack, set())}
    assert made <= NAMES.keys() | WITHOUT_A_NAME
    assert [name for name, one in resources if NAMES.get(one["Type"]) in one["Properties"]] == []


def test_a_change_of_any_nested_template_is_built_again(root: Path) -> None:
    resources = yaml_parse((root / "template.yaml").read_text())["Resources"].values()
    urls = [
        one["Properties"]["TemplateURL"] for one in resources if one["Type"] == "AWS::CloudFormation::Stack"
    ]

    assert len(urls) == 4
    assert {Path(url).parts[0] for url in urls} <= set(SOURCES)


def test_the_root_can_be_read_in_one_sitting(root: Path) -> None:
    assert len((root / "template.yaml").read_text().splitlines()) <= 750


def test_results_expire_and_the_labels_of_people_do_not(root: Path) -> None:
    """Training reads all of labels/, of every year."""
    bucket = yaml_parse((root / "template.yaml").read_text())["Resources"]["ResultsBucket"]
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]

    expiring = {rule.get("Prefix", "") for rule in rules if "ExpirationInDays" in rule}

    assert expiring >= {f"{outcome}/" for outcome in Outcome}
    assert not [prefix for prefix in expiring if "labels/".startswith(prefix)]
