"""What a stack has used in a period, as CloudWatch and the services say; what they do not say is None."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.cost.endpoint_cost import Variant, describe_variants
from scones.cost.metric_sums import DAY, BilledPeriod, Metric, read_metrics
from scones.errors import explain
from scones.stack import Resource, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

    from scones.connection import Connection

GB: Final = 1e9
"""AWS bills storage by 2^30 bytes and logs by 10^9 or 2^30; the smaller one makes a bill that is not too low."""
COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "passed": ("Passed", "filter"),
    "review": ("Review", "filter"),
    "rejected": ("Rejected", "serialize"),
    "failed": ("Failed", "workflow"),
}
"""The metric of the stack's own that counts an outcome, and its service."""
_MACHINE: Final = (
    "ExecutionsStarted",
    "ExecutionTime",
    "ExpressExecutionBilledDuration",
    "ExpressExecutionBilledMemory",
)
_FUNCTION: Final = ("Invocations", "Duration")
_UNITS: Final = ("ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits")
_TOPIC: Final = ("NumberOfMessagesPublished", "NumberOfNotificationsDelivered")


@dataclass(frozen=True, slots=True)
class Machine:
    """Executions of a state machine; milliseconds and bytes as EXPRESS ones are billed, `took_ms` of all."""

    express: bool
    executions: float | None
    took_ms: float | None = None
    billed_ms: float | None = None
    billed_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """Calls of a function, how long they took in all, and the memory that it has."""

    invocations: float | None
    took_ms: float | None
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Consumption:
    """What was used in `hours`.

    Attributes
    ----------
    images
        By outcome; empty where no metric of the stack's own has data.
    machines, functions, buckets
        By the logical id in the template. `buckets`: GB, of those that the stack made.
    table_gb, index_gb, logs_gb, logs_stored_gb
        Of storage, as it is now.
    variants
        None where the endpoint cannot be described; `endpoint_problem` says why.
    """

    hours: float
    images: Mapping[str, float]
    machines: Mapping[str, Machine]
    functions: Mapping[str, FunctionUse]
    write_units: float | None
    read_units: float | None
    table_gb: float
    index_gb: float
    buckets: Mapping[str, float | None]
    logs_gb: float | None
    logs_stored_gb: float
    published: float | None
    delivered: float | None
    result_events: bool
    metrics: int
    alarm_metrics: int
    dashboards: int
    secrets: int
    variants: Sequence[Variant] | None
    endpoint_problem: str | None = None

    @property
    def image_count(self) -> float:
        """All images with an outcome."""
        return sum(self.images.values())


class ConsumptionReader:
    """Reads the consumption of one stack, whose resources are known, in a period."""

    def __init__(
        self,
        connection: "Connection",
        stack: Stack,
        resources: Iterable[Resource],
        period: BilledPeriod,
    ) -> None:
        self._connection, self._stack = connection, stack
        self._resources = list(resources)
        self._period = period
        self._cloudwatch = connection.cloudwatch()

    def read(self) -> Consumption:
        """Ask CloudWatch for all metrics at once, and the services for what has no metric."""
        with ThreadPoolExecutor(8) as pool:
            machine_types = pool.submit(self._machine_types)
            memory = pool.submit(self._memory)
            table = pool.submit(self._table)
            stored = pool.submit(self._stored_logs)
            own_metrics = pool.submit(self._own_metrics)
            alarms = pool.submit(self._alarm_metrics)
            endpoint = pool.submit(self._endpoint)
            indexes, table_gb, index_gb = table.result()
            sums = read_metrics(self._cloudwatch, self._sums(indexes), self._period)
            sizes = read_metrics(self._cloudwatch, self._sizes(), self._days(), DAY)
            variants, problem = endpoint.result()
            return Consumption(
                hours=self._period.hours,
                images={name: value for name in COUNTED if (value := sums[name]) is not None},
                machines=_machines(machine_types.result(), sums),
                functions={
                    name: FunctionUse(sums[f"{name}.Invocations"], sums[f"{name}.Duration"], mb)
                    for name, mb in memory.result().items()
                },
                write_units=_total(sums, "ConsumedWriteCapacityUnits"),
                read_units=_total(sums, "ConsumedReadCapacityUnits"),
                table_gb=table_gb,
                index_gb=index_gb,
                buckets={name: size if size is None else size / GB for name, size in sizes.items()},
                logs_gb=_scaled(_total(sums, "IncomingBytes")),
                logs_stored_gb=stored.result(),
                published=_total(sums, "NumberOfMessagesPublished"),
                delivered=_total(sums, "NumberOfNotificationsDelivered"),
                result_events=self._stack.parameters.get("ResultEvents", "true") == "true",
                metrics=own_metrics.result(),
                alarm_metrics=alarms.result(),
                dashboards=len(self._named("AWS::CloudWatch::Dashboard")),
                secrets=len(self._named("AWS::SecretsManager::Secret")),
                variants=variants,
                endpoint_problem=problem,
            )

    def _days(self) -> BilledPeriod:
        """Return the period, or the last three days where it is shorter: S3 reports once a day."""
        return BilledPeriod(min(self._period.since, self._period.until - 3 * DAY), self._period.until)

    def _named(self, kind: str) -> dict[str, str]:
        return {one.logical_id: one.name for one in self._resources if one.type == kind}

    def _sums(self, indexes: Sequence[str]) -> dict[str, Metric]:
        namespace = f"Scones/{self._stack.name}"
        found = {
            outcome: Metric(namespace, name, (("service", service),))
            for outcome, (name, service) in COUNTED.items()
        }

        def add(owner: str, names: Iterable[str], space: str, *dimensions: tuple[str, str]) -> None:
            for name in names:
                found[f"{owner}.{name}"] = Metric(space, name, dimensions)

        for owner, arn in self._named("AWS::StepFunctions::StateMachine").items():
            add(owner, _MACHINE, "AWS/States", ("StateMachineArn", arn))
        for owner, name in self._named("AWS::Lambda::Function").items():
            add(owner, _FUNCTION, "AWS/Lambda", ("FunctionName", name))
        for owner, name in self._named("AWS::Logs::LogGroup").items():
            add(owner, ["IncomingBytes"], "AWS/Logs", ("LogGroupName", name))
        for owner, arn in self._named("AWS::SNS::Topic").items():
            add(owner, _TOPIC, "AWS/SNS", ("TopicName", arn.rpartition(":")[2]))
        table = ("TableName", self._stack.claims_table)
        add("table", _UNITS, "AWS/DynamoDB", table)
        for index in indexes:
            add(index, _UNITS, "AWS/DynamoDB", table, ("GlobalSecondaryIndexName", index))
        return found

    def _sizes(self) -> dict[str, Metric]:
        return {
            owner: Metric(
                "AWS/S3",
                "BucketSizeBytes",
                (("BucketName", name), ("StorageType", "StandardStorage")),
                "Average",
            )
            for owner, name in self._named("AWS::S3::Bucket").items()
        }

    def _machine_types(self) -> dict[str, bool]:
        stepfunctions = self._connection.stepfunctions()
        return {
            owner: stepfunctions.describe_state_machine(stateMachineArn=arn)["type"] == "EXPRESS"
            for owner, arn in self._named("AWS::StepFunctions::StateMachine").items()
        }

    def _memory(self) -> dict[str, int]:
        client = self._connection.lambda_(30)
        return {
            owner: client.get_function_configuration(FunctionName=name)["MemorySize"]
            for owner, name in self._named("AWS::Lambda::Function").items()
        }

    def _table(self) -> tuple[list[str], float, float]:
        table = self._connection.dynamodb().describe_table(TableName=self._stack.claims_table)["Table"]
        indexes = table.get("GlobalSecondaryIndexes", [])
        sizes = sum(index.get("IndexSizeBytes", 0) for index in indexes)
        return [index["IndexName"] for index in indexes], table.get("TableSizeBytes", 0) / GB, sizes / GB

    def _stored_logs(self) -> float:
        logs = self._connection.logs()
        names = set(self._named("AWS::Logs::LogGroup").values())
        stored = 0
        for name in names:
            groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            stored += sum(group.get("storedBytes", 0) for group in groups if group["logGroupName"] == name)
        return stored / GB

    def _own_metrics(self) -> int:
        pages = self._cloudwatch.get_paginator("list_metrics").paginate(
            Namespace=f"Scones/{self._stack.name}", RecentlyActive="PT3H"
        )
        return sum(len(page["Metrics"]) for page in pages)

    def _alarm_metrics(self) -> int:
        return count_alarm_metrics(self._cloudwatch, list(self._named("AWS::CloudWatch::Alarm").values()))

    def _endpoint(self) -> tuple[list[Variant] | None, str | None]:
        if self._connection.is_local:
            return None, "the local cloud has no SageMaker"
        name = self._stack.endpoint_name
        try:
            client = self._connection.sagemaker()
            return describe_variants(client, self._cloudwatch, name, self._period), None
        except Exception as error:
            line = explain(error)
            if line is None:
                raise
            return None, line


def count_alarm_metrics(cloudwatch: "CloudWatchClient", names: Sequence[str]) -> int:
    """Count the metrics that alarms look at: each is billed (CloudWatch's price list)."""
    if not names:
        return 0
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=list(names))
    return sum(
        sum("MetricStat" in query for query in alarm.get("Metrics", [])) or 1
        for page in pages
        for alarm in page["MetricAlarms"]
    )


def _machines(types: Mapping[str, bool], sums: Mapping[str, float | None]) -> dict[str, Machine]:
    return {
        name: Machine(express, *(sums[f"{name}.{metric}"] for metric in _MACHINE))
        for name, express in types.items()
    }


def _total(sums: Mapping[str, float | None], metric: str) -> float | None:
    """Add a metric of all its resources; those without data used nothing, but all without data is no answer."""
    found = [value for name, value in sums.items() if name.endswith(f".{metric}") and value is not None]
    return sum(found) if found else None


def _scaled(bytes_: float | None) -> float | None:
    return None if bytes_ is None else bytes_ / GB
