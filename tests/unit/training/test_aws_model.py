"""The judge of requests: what it finds, so that its silence means something."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("botocore", reason="botocore is not installed")

from tests.fakes.aws_model import ModelledClient, _compiled, service_model, violations

ROLE = "arn:aws:iam::123456789012:role/x"
ALARM = {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
SERVICES = (
    "application-autoscaling",
    "cloudwatch",
    "dynamodb",
    "ecr",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
)


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "problem"),
    [
        ("sagemaker", "CreateModel", {}, 'Missing required parameter in input: "ModelName"'),
        ("sagemaker", "CreateModel", {"ModelName": "m", "Role": ROLE}, "Unknown parameter"),
        ("sagemaker", "CreateModel", {"ModelName": 1}, "Invalid type"),
        ("sagemaker", "CreateModel", {"ModelName": "m", "ExecutionRoleArn": "arn"}, "Invalid length"),
        ("sagemaker", "CreateModel", {"ModelName": "a_b"}, "ModelName: 'a_b' does not match"),
        ("sagemaker", "CreateModel", {"ModelName": "m" * 64}, "ModelName: 64 is more than 63"),
        (
            "sagemaker",
            "CreateModel",
            {"ModelName": "m", "PrimaryContainer": {"Environment": {"1": "v"}}},
            "Environment key: '1' does not match",
        ),
        (
            "sagemaker",
            "UpdateEndpoint",
            {
                "EndpointName": "e",
                "EndpointConfigName": "c",
                "DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}] * 11}},
            },
            "Alarms: 11 is more than 10",
        ),
        ("cloudwatch", "PutMetricAlarm", {**ALARM, "Statistic": "Mean"}, "Statistic: 'Mean' is not one of"),
        ("cloudwatch", "PutMetricAlarm", {**ALARM, "Period": 0}, "Period"),
        (
            "sagemaker",
            "CreateModel",
            {"ModelName": "m", "Tags": [{"Key": "a;b", "Value": "v"}]},
            "Tags[0].Key: 'a;b' does not match",
        ),
    ],
)
def test_what_the_model_forbids_is_found(
    service: str, operation: str, arguments: dict[str, Any], problem: str
) -> None:
    assert problem in "\n".join(violations(service, operation, arguments))


def test_what_the_model_allows_is_not() -> None:
    assert violations("cloudwatch", "PutMetricAlarm", {**ALARM, "Statistic": "Average", "Period": 60}) == []
    tags = [{"Key": "scones:endpoint", "Value": "a b+c=d/é"}]
    assert (
        violations("sagemaker", "CreateModel", {"ModelName": "m", "ExecutionRoleArn": ROLE, "Tags": tags})
        == []
    )


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_the_services_can_be_checked(service: str) -> None:
    model = service_model(service)
    patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names} - {None}
    for pattern in patterns:
        _compiled(pattern)


def test_a_modelled_client_refuses_what_the_model_forbids() -> None:
    client = ModelledClient("ssm", lambda _operation, _arguments: {"Parameter": {"Value": "0.9"}})
    assert client.get_parameter(Name="p") == {"Parameter": {"Value": "0.9"}}
    assert client.requests == [("GetParameter", {"Name": "p"})]
    with pytest.raises(AssertionError, match="Missing required parameter"):
        client.get_parameter()
    with pytest.raises(AttributeError):
        client.get_parametre(Name="p")
