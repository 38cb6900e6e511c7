"""`scones doctor`: the order of its checks, what it prints, and its exit codes."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError, NoRegionError
from botocore.response import StreamingBody
from click.testing import CliRunner, Result

from scones.cli import main
from scones.doctor import command
from scones.doctor.attention import ALARM
from scones.doctor.command import format_finding
from scones.doctor.deployment import RULE
from scones.doctor.findings import Finding, Level, broken, ok, warning, worst
from tests.fakes.stubbed_clients import DENIED, Refusal, StubbedConnection, stubbed

NOW = datetime(2026, 11, 26, tzinfo=UTC)
IDENTITY = {
    "Account": "123456789012",
    "Arn": "arn:aws:sts::123456789012:assumed-role/Admin/anna",
    "UserId": "A:b",
}
LIMITS = {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}}
ENDPOINT = {
    "EndpointName": "the-endpoint",
    "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/the-endpoint",
    "EndpointStatus": "InService",
    "CreationTime": NOW,
    "LastModifiedTime": NOW,
    "ProductionVariants": [
        {"VariantName": "v", "CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 10}}
    ],
}


def quotas() -> Any:
    return stubbed(
        "service-quotas",
        *(("get_service_quota", {"Quota": {"Value": value}}) for value in (300.0, 5000.0, 1e6, 10.0)),
    )


def runtime(body: bytes = b"[0.9, 0.1]") -> Any:
    return stubbed(
        "sagemaker-runtime", ("invoke_endpoint", {"Body": StreamingBody(io.BytesIO(body), len(body))})
    )


def account(**clients: Any) -> StubbedConnection:
    """An account in which all is well, but for the clients given."""
    well = {
        "sts": stubbed("sts", ("get_caller_identity", IDENTITY)),
        "lambda": stubbed("lambda", ("get_account_settings", LIMITS)),
        "service-quotas": quotas(),
        "sagemaker": stubbed(
            "sagemaker", ("describe_endpoint", ENDPOINT), ("list_endpoints", {"Endpoints": []})
        ),
        "sagemaker-runtime": runtime(),
        "cloudwatch": stubbed("cloudwatch"),
    }
    return StubbedConnection(well | {name.replace("_", "-"): client for name, client in clients.items()})


def run(
    monkeypatch: pytest.MonkeyPatch, connection: StubbedConnection, *options: str, stack: bool = False
) -> Result:
    monkeypatch.setattr(command, "connect" if stack else "connect_account", lambda _target: connection)
    where = ["--stack", "scones"] if stack else ["--endpoint-name", "the-endpoint", "--labels", "a, b"]
    return CliRunner(mix_stderr=False).invoke(main, ["doctor", *where, *options])


def checks(result: Result) -> dict[str, dict[str, Any]]:
    document = json.loads(result.stdout)
    assert document["worst"] in list(Level)
    return {check["name"]: check for check in document["checks"]}


def test_an_account_in_which_all_is_well_exits_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, account(), "--yes", "--strict")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line[:1] for line in result.stdout.splitlines() if line[:1] != " "] == ["+"] * 7
    assert result.stdout.startswith("+ ok      credentials: account 123456789012, region us-east-1, as\n")


def test_json_is_one_document_of_checks_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checks(run(monkeypatch, account(), "--yes", "--json"))
    assert list(found) == [
        "credentials",
        "Lambda concurrency",
        "Step Functions quotas",
        "serverless endpoints",
        "endpoint",
        "endpoint's answer",
        "unused endpoints",
    ]
    assert found["credentials"] == {
        "name": "credentials",
        "level": "ok",
        "message": "account 123456789012, region us-east-1, as assumed-role/Admin/anna",
        "next_step": None,
    }


@pytest.mark.parametrize("error", [NoCredentialsError(), NoRegionError()])
def test_without_credentials_or_region_it_says_so_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Signed:
        def get_caller_identity(self) -> None:
            raise error

    result = run(monkeypatch, account(sts=Signed()), "--json")
    assert result.exit_code == 1
    assert list(checks(result)) == ["credentials"]


def test_an_emulator_is_not_taken_for_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = stubbed(
        "sts", ("get_caller_identity", {"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"})
    )
    monkeypatch.setattr(sts.meta, "_endpoint_url", "http://127.0.0.1:4566")
    result = run(monkeypatch, account(sts=sts), "--json")
    assert result.exit_code == 1
    assert list(checks(result)) == ["credentials"]
    assert "AWS_ENDPOINT_URL names http://127.0.0.1:4566" in checks(result)["credentials"]["message"]


def test_expired_credentials_are_broken_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = stubbed("sts", ("get_caller_identity", Refusal("ExpiredToken")))
    found = checks(run(monkeypatch, account(sts=sts), "--json"))
    assert found["credentials"]["message"].startswith("the AWS session has expired: sign in again")


def test_a_refusal_is_a_line_that_names_the_action_and_the_rest_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = {
        "lambda": stubbed("lambda", ("get_account_settings", DENIED)),
        "service-quotas": stubbed("service-quotas", *[("get_service_quota", DENIED)] * 2),
        "sagemaker": stubbed("sagemaker", ("describe_endpoint", DENIED), ("list_endpoints", DENIED)),
        "sagemaker-runtime": stubbed("sagemaker-runtime", ("invoke_endpoint", DENIED)),
    }
    result = run(monkeypatch, account(**clients), "--yes", "--json")
    assert result.exit_code == 0
    assert {
        name: check["message"] for name, check in checks(result).items() if check["level"] == "warning"
    } == {
        "Lambda concurrency": "could not be checked: needs action lambda:GetAccountSettings",
        "Step Functions quotas": "could not be checked: needs action servicequotas:GetServiceQuota",
        "serverless endpoints": "could not be checked: needs action servicequotas:GetServiceQuota",
        "endpoint": "could not be checked: needs action sagemaker:DescribeEndpoint",
        "endpoint's answer": "could not be checked: needs action sagemaker:InvokeEndpoint",
        "unused endpoints": "could not be checked: needs action sagemaker:ListEndpoints",
    }
    assert run(monkeypatch, account(**clients), "--yes", "--strict").exit_code == 1


def test_an_endpoint_that_takes_no_requests_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    creating = {**ENDPOINT, "EndpointStatus": "Creating"}
    sagemaker = stubbed("sagemaker", ("describe_endpoint", creating), ("list_endpoints", {"Endpoints": []}))
    connection = account(sagemaker=sagemaker)
    result = run(monkeypatch, connection, "--yes", "--json")
    assert result.exit_code == 1
    assert "endpoint's answer" not in checks(result)
    assert "sagemaker-runtime" not in connection.made


def test_without_a_terminal_the_endpoint_is_asked_only_with_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = account()
    result = run(monkeypatch, connection, "--json")
    assert result.exit_code == 0
    assert checks(result)["endpoint's answer"]["level"] == "warning"
    assert "--yes" in checks(result)["endpoint's answer"]["next_step"]
    assert "sagemaker-runtime" not in connection.made


def test_on_a_terminal_it_asks_first_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "can_ask", lambda: True)
    asked: list[Any] = []
    for agrees, level in ((True, "ok"), (False, "warning")):

        def confirm(text: str, *, agrees: bool = agrees, **options: Any) -> bool:
            asked.append((text, options))
            return agrees

        monkeypatch.setattr("click.confirm", confirm)
        found = checks(run(monkeypatch, account(), "--json"))
        assert found["endpoint's answer"]["level"] == level
    assert asked == [("Send the-endpoint one drawn image?", {"default": True, "err": True})] * 2


def test_no_invoke_sends_nothing_and_leaves_strict_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = account()
    result = run(monkeypatch, connection, "--no-invoke", "--json", "--strict")
    assert result.exit_code == 0
    assert "endpoint's answer" not in checks(result)
    assert "sagemaker-runtime" not in connection.made


@pytest.fixture
def deployed(outputs: dict[str, str]) -> dict[str, Any]:
    """The description of a stack in which all is well."""
    return {
        "StackName": "scones",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/scones/1",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": NOW,
        "Parameters": [
            {"ParameterKey": "EndpointName", "ParameterValue": "the-endpoint"},
            {"ParameterKey": "Labels", "ParameterValue": "bicycle,motorcycle"},
            {"ParameterKey": "SageMakerRuntimeUrl", "ParameterValue": "https://vpce.example.com"},
        ],
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }


def stack_of(description: dict[str, Any]) -> StubbedConnection:
    described = ("describe_stacks", {"Stacks": [description]})
    kinds = {"ImageDropped": RULE, "FailedOutcomes": ALARM}
    summaries = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": f"scones-{name}",
            "ResourceType": kind,
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": NOW,
        }
        for name, kind in kinds.items()
    ]
    subscription = {"SubscriptionArn": "arn:aws:sns:us-east-1:123456789012:review:1"}
    heard = ("list_subscriptions_by_topic", {"Subscriptions": [subscription]})
    target = {"Id": "one", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:triage"}
    return account(
        cloudformation=stubbed(
            "cloudformation",
            described,
            described,
            ("list_stack_resources", {"StackResourceSummaries": summaries}),
        ),
        events=stubbed(
            "events", ("describe_rule", {"State": "ENABLED"}), ("list_targets_by_rule", {"Targets": [target]})
        ),
        s3=stubbed("s3", ("get_bucket_notification_configuration", {"EventBridgeConfiguration": {}})),
        dynamodb=stubbed(
            "dynamodb",
            ("describe_table", {"Table": {"TableStatus": "ACTIVE"}}),
            *[("query", {"Items": [], "Count": 0, "ScannedCount": 0})] * 16,
        ),
        ssm=stubbed("ssm", ("get_parameter", {"Parameter": {"Value": "0.8"}})),
        sns=stubbed("sns", heard, heard),
        cloudwatch=stubbed("cloudwatch", ("describe_alarms", {"MetricAlarms": []})),
        sqs=stubbed("sqs", ("get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": "0"}})),
    )


def test_a_stack_in_which_all_is_well_is_ok_throughout(
    monkeypatch: pytest.MonkeyPatch, deployed: dict[str, Any]
) -> None:
    result = run(monkeypatch, stack_of(deployed), "--yes", "--json", "--strict", stack=True)
    found = checks(result)
    assert {name: check["message"] for name, check in found.items() if check["level"] != "ok"} == {}
    assert list(found)[7:] == [
        "stack",
        "rules",
        "bucket's events",
        "claims table",
        "threshold",
        "retention",
        "review topic",
        "alert topic",
        "alarms",
        "review queue",
        "failed images",
    ]
    assert result.exit_code == 0


def test_a_stack_that_was_never_made_is_broken_and_its_parts_are_not_looked_for(
    monkeypatch: pytest.MonkeyPatch, deployed: dict[str, Any]
) -> None:
    connection = stack_of({**deployed, "StackStatus": "ROLLBACK_COMPLETE", "Outputs": []})
    result = run(monkeypatch, connection, "--yes", "--json", stack=True)
    assert result.exit_code == 1
    assert list(checks(result))[-1] == "stack"
    assert "events" not in connection.made


def test_a_stack_that_is_not_there_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ("describe_stacks", Refusal("ValidationError", "Stack with id scones does not exist"))
    connection = account(cloudformation=stubbed("cloudformation", missing))
    result = run(monkeypatch, connection, "--json", stack=True)
    assert result.exit_code == 1
    assert checks(result)["stack"]["message"].startswith("no stack named scones in us-east-1")


def test_a_local_stack_without_the_address_of_its_endpoint_does_not_make_it_ask_aws(
    monkeypatch: pytest.MonkeyPatch, deployed: dict[str, Any]
) -> None:
    deployed["Parameters"] = deployed["Parameters"][:2]
    connection = stack_of(deployed)
    connection.is_local = True
    result = run(monkeypatch, connection, "--json", stack=True)
    assert (result.exit_code, checks(result)["endpoint"]["level"]) == (1, "broken")
    assert {"sagemaker-runtime", "sagemaker", "service-quotas"}.isdisjoint(connection.made)


@pytest.mark.parametrize(
    "options",
    [
        ["--endpoint-name", "e"],
        ["--labels", "a,b"],
        ["--endpoint-name", "e", "--labels", "a"],
        ["--endpoint-name", "e", "--labels", "a,"],
        ["--endpoint-name", "e", "--labels", "a,b", "--stack", "s"],
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(options: list[str]) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["doctor", *options])
    assert (result.exit_code, result.stdout) == (2, "")


def test_without_a_local_cloud_it_says_how_to_start_one() -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["doctor"])
    assert result.exit_code == 2
    assert "scones up" in result.stderr


def every_kind() -> Iterator[Finding]:
    yield ok(
        "claims table", "a sentence that is long enough to need a second line, because of " + "words " * 9
    )
    yield warning("alarms", "one fires", "read docs/runbook.md and " + "words " * 30)
    yield broken("rules", "\x1b[31mred", "`aws events enable-rule`")


def test_a_finding_fits_80_columns_with_its_next_step_below() -> None:
    lines = [line.plain for finding in every_kind() for line in format_finding(finding)]
    assert max(len(line) for line in lines) <= 80
    assert [line[:10] for line in lines if line[:1] != " "] == ["+ ok      ", "! warning ", "x broken  "]
    assert lines[-1] == "          > `aws events enable-rule`"
    assert not any("\x1b" in line for line in lines)


def test_the_worst_level_counts() -> None:
    assert worst(every_kind()) is Level.BROKEN
    assert worst([ok("a", "b"), warning("a", "b", "c")]) is Level.WARNING
    assert worst([]) is Level.OK
