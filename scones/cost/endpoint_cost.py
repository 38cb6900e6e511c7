"""What an endpoint has cost: AWS has no metric of its hours, so they come from its description."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones.cost.metric_sums import BilledPeriod, Metric, read_metrics

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ProductionVariantOutputTypeDef


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant as it is now, with what it did in the period.

    Attributes
    ----------
    hours
        Instance-hours: the instances that it has now times the hours since the endpoint was made, at most the period's.
    memory_gb
        Of a serverless one.
    seconds
        Of models that answered and started; None where CloudWatch has none of them.
    """

    name: str
    instance_type: str | None
    instances: int
    hours: float
    memory_gb: float | None
    invocations: float | None
    seconds: float | None


def describe_variants(
    sagemaker: "SageMakerClient",
    cloudwatch: "CloudWatchClient",
    endpoint: str,
    period: BilledPeriod,
) -> list[Variant]:
    """Describe the variants of an endpoint, each with its hours and requests in the period."""
    described = sagemaker.describe_endpoint(EndpointName=endpoint)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    now = {one["VariantName"]: one for one in described.get("ProductionVariants", [])}
    hours = max(0.0, (period.until - max(period.since, described["CreationTime"])).total_seconds() / 3600)

    def variant(one: "ProductionVariantOutputTypeDef") -> Variant:
        name = one["VariantName"]
        place = (("EndpointName", endpoint), ("VariantName", name))
        read = _read(cloudwatch, place, period)
        current = now[name].get("CurrentInstanceCount") if name in now else None
        instances = current if current is not None else one.get("InitialInstanceCount", 0)
        serverless = one.get("ServerlessConfig")
        return Variant(
            name=name,
            instance_type=None if serverless else one.get("InstanceType"),
            instances=0 if serverless else instances,
            hours=0.0 if serverless else instances * hours,
            memory_gb=serverless["MemorySizeInMB"] / 1024 if serverless else None,
            invocations=read["Invocations"],
            seconds=_seconds(read),
        )

    return [variant(one) for one in config["ProductionVariants"]]


def _read(
    cloudwatch: "CloudWatchClient", place: tuple[tuple[str, str], ...], period: BilledPeriod
) -> Mapping[str, float | None]:
    names = ("Invocations", "ModelLatency", "ModelSetupTime")
    return read_metrics(cloudwatch, {name: Metric("AWS/SageMaker", name, place) for name in names}, period)


def _seconds(read: Mapping[str, float | None]) -> float | None:
    """Return the seconds of answers and of starts; both metrics are in microseconds (SageMaker guide)."""
    if read["ModelLatency"] is None:
        return None
    return (read["ModelLatency"] + (read["ModelSetupTime"] or 0.0)) / 1e6
