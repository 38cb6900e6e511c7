"""An account with one stack, whose metrics, resources and endpoint a test chooses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

_GET_METRIC_DATA: Any = (
    botocore.session.get_session()
    .get_service_model("cloudwatch")
    .operation_model("GetMetricData")
    .input_shape
)
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine"
OUTPUTS = {
    "ImageBucketName": "images",
    "ResultsBucketName": "results",
    "WorkflowArn": f"{ARN}:triage",
    "WorkflowAliasArn": f"{ARN}:triage:live",
    "ReviewTopicArn": "arn:aws:sns:us-east-1:123456789012:review",
    "AlertTopicArn": "arn:aws:sns:us-east-1:123456789012:alert",
    "FailedImagesQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/failed",
    "ClaimsTableName": "claims",
    "SweepFunctionName": "sweep",
    "BackfillArn": f"{ARN}:backfill",
    "RecordDecisionArn": f"{ARN}:record",
    "ModelLabels": "bicycle,motorcycle",
    "PassThreshold": "0.8",
    "ThresholdParameterName": "threshold",
    "SerializeDigest": "s1-32",
    "ModelEndpointName": "the-endpoint",
}
RESOURCES = [
    ("ClassifyImage", "AWS::StepFunctions::StateMachine", f"{ARN}:triage"),
    ("Serialize", "AWS::Lambda::Function", "serialize"),
    ("Classify", "AWS::Lambda::Function", "classify"),
    ("Filter", "AWS::Lambda::Function", "filter"),
    ("SerializeLogs", "AWS::Logs::LogGroup", "/serialize"),
    ("ReviewTopic", "AWS::SNS::Topic", OUTPUTS["ReviewTopicArn"]),
    ("ResultsBucket", "AWS::S3::Bucket", "results"),
    ("Dashboard", "AWS::CloudWatch::Dashboard", "board"),
    ("AuditSecret", "AWS::SecretsManager::Secret", "secret"),
    ("SlowAlarm", "AWS::CloudWatch::Alarm", "slow"),
    ("ShareAlarm", "AWS::CloudWatch::Alarm", "share"),
]
METRICS = {
    "Passed": 800.0,
    "Review": 200.0,
    "ExecutionsStarted": 1000.0,
    "ExecutionTime": 500_000.0,
    "serialize.Invocations": 1000.0,
    "classify.Invocations": 1100.0,
    "filter.Invocations": 1000.0,
    "serialize.Duration": 100_000.0,
    "classify.Duration": 100_000.0,
    "filter.Duration": 10_000.0,
    "ConsumedWriteCapacityUnits": 5200.0,
    "ConsumedReadCapacityUnits": 800.0,
    "IncomingBytes": 5e6,
    "NumberOfMessagesPublished": 200.0,
    "NumberOfNotificationsDelivered": 200.0,
    "BucketSizeBytes": 2e9,
}
"""Sums of the period. A name may have its resource before it."""


@dataclass
class FakeAccount:
    """A `Connection` to it."""

    metrics: dict[str, float] = field(default_factory=lambda: dict(METRICS))
    variant: dict[str, Any] = field(
        default_factory=lambda: {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    )
    endpoint_error: str | None = None
    made: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=400))
    region: str = "us-east-1"
    stack: str = "scones"
    is_local: bool = False
    status: str = "Complete"
    asked: list[dict[str, Any]] = field(default_factory=list)

    def cloudformation(self) -> Any:
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        described = {
            "StackStatus": "CREATE_COMPLETE",
            "CreationTime": self.made,
            "Outputs": outputs,
            "Parameters": [],
        }
        summaries = [
            {
                "LogicalResourceId": logical,
                "ResourceType": kind,
                "PhysicalResourceId": name,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for logical, kind, name in RESOURCES
        ]
        return SimpleNamespace(
            meta=SimpleNamespace(region_name=self.region),
            describe_stacks=lambda **_: {"Stacks": [described]},
            get_paginator=lambda _: self._pages({"StackResourceSummaries": summaries}),
        )

    def cloudwatch(self) -> Any:
        def get_paginator(operation: str) -> Any:
            if operation == "get_metric_data":
                return SimpleNamespace(paginate=self._metric_data)
            if operation == "list_metrics":
                return self._pages({"Metrics": [{}] * 10})
            share = {"Metrics": [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a / b"}]}
            return self._pages({"MetricAlarms": [{"MetricName": "Slow"}, share]})

        return SimpleNamespace(get_paginator=get_paginator)

    def _metric_data(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(request)
        report = ParamValidator().validate(request, _GET_METRIC_DATA)
        assert not report.has_errors(), report.generate_report()
        for query in request["MetricDataQueries"]:
            value = self._value(query["MetricStat"]["Metric"])
            values = [] if value is None else [value / 4, value * 3 / 4]
            if query["MetricStat"]["Stat"] == "Average":
                values = [2 * one for one in values]
            yield {"MetricDataResults": [{"Id": query["Id"], "StatusCode": self.status, "Values": values}]}

    def _value(self, metric: dict[str, Any]) -> float | None:
        name, dimensions = metric["MetricName"], metric["Dimensions"]
        if len(dimensions) > 1 and dimensions[1]["Name"] == "GlobalSecondaryIndexName":
            return None  # an index that nothing wrote to
        return self.metrics.get(f"{dimensions[0]['Value']}.{name}", self.metrics.get(name))

    def stepfunctions(self) -> Any:
        return SimpleNamespace(describe_state_machine=lambda **_: {"type": "STANDARD"})

    def lambda_(self, _seconds: int) -> Any:
        return SimpleNamespace(get_function_configuration=lambda **_: {"MemorySize": 1024})

    def dynamodb(self) -> Any:
        table = {
            "TableSizeBytes": 4e9,
            "GlobalSecondaryIndexes": [{"IndexName": "by_time", "IndexSizeBytes": 1e9}],
        }
        return SimpleNamespace(describe_table=lambda **_: {"Table": table})

    def logs(self) -> Any:
        groups = [
            {"logGroupName": "/serialize", "storedBytes": 3e9},
            {"logGroupName": "/serialize-of-others"},
        ]
        return SimpleNamespace(describe_log_groups=lambda **_: {"logGroups": groups})

    def sagemaker(self) -> Any:
        if self.endpoint_error:
            response: Any = {"Error": {"Code": self.endpoint_error, "Message": "no"}}
            raise ClientError(response, "DescribeEndpoint")
        variant = {"VariantName": "live", **self.variant}
        now = {"VariantName": "live"}
        if "ServerlessConfig" not in variant:
            now["CurrentInstanceCount"] = variant["InitialInstanceCount"]
        endpoint = {"EndpointConfigName": "config", "CreationTime": self.made, "ProductionVariants": [now]}
        return SimpleNamespace(
            describe_endpoint=lambda **_: endpoint,
            describe_endpoint_config=lambda **_: {"ProductionVariants": [variant]},
        )

    @staticmethod
    def _pages(*pages: dict[str, Any]) -> Any:
        return SimpleNamespace(paginate=lambda **_: iter(pages))
