"""What SageMaker says about the endpoint, and about others that cost money and are not used."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from scones.doctor.findings import Finding, broken, ok, warning
from scones.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef, ProductionVariantSummaryTypeDef

ENDPOINT, UNUSED = "endpoint", "unused endpoints"
UNUSED_DAYS: Final = 7
_DAY_S: Final = 86_400

# Statuses of an endpoint: SageMaker API Reference, DescribeEndpoint.
_STILL_SERVING: Final = frozenset({"Updating", "SystemUpdating", "RollingBack"})
_NOT_YET: Final = "Creating"
_LEFT_IN_BETWEEN: Final = "UpdateRollbackFailed"


def check_endpoint(client: "SageMakerClient", name: str) -> Finding:
    """Look whether the endpoint exists and takes requests, and whether it costs money while nobody asks."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    if name != name.lower():
        return broken(
            ENDPOINT,
            f"{name} has capital letters: Classify's permission names the endpoint's ARN, which has none",
            "deploy the endpoint and the stack with a name in lower case",
        )
    try:
        found = client.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error_code(error) not in {"ValidationException", "ValidationError", "ResourceNotFound"}:
            raise
        return broken(
            ENDPOINT,
            f"there is no endpoint {name} in {client.meta.region_name}",
            f"`python -m training.deploy --endpoint-name {name} ...` makes one: docs/first-deploy.md",
        )
    return _judge(name, found)


def _judge(name: str, found: "DescribeEndpointOutputTypeDef") -> Finding:
    status, reason = found["EndpointStatus"], " ".join(found.get("FailureReason", "").split())
    why = f" ({reason})" if reason else ""
    if status == "InService":
        return ok(ENDPOINT, f"{name} is in service, {_kind(found)}")
    if status in _STILL_SERVING:
        return warning(
            ENDPOINT,
            f"{name} is {status}: it answers, with its old or its new model",
            f"`aws sagemaker wait endpoint-in-service --endpoint-name {name}`, then repeat the command",
        )
    if status == _LEFT_IN_BETWEEN:
        return warning(
            ENDPOINT,
            f"{name} could not be rolled back after an update{why}",
            f"repeat `python -m training.deploy --endpoint-name {name} ...` with the options of the last release",
        )
    if status == _NOT_YET:
        return broken(
            ENDPOINT,
            f"{name} is still being created: images wait in retries meanwhile",
            f"`aws sagemaker wait endpoint-in-service --endpoint-name {name}`, then repeat the command",
        )
    return broken(
        ENDPOINT,
        f"{name} is {status}{why}",
        f"`aws logs tail /aws/sagemaker/Endpoints/{name}`; then `python -m training.deploy --endpoint-name "
        f"{name} --delete`, and deploy it again",
    )


def _kind(found: "DescribeEndpointOutputTypeDef") -> str:
    variants = found.get("ProductionVariants", [])
    billed = [variant for variant in variants if costs_while_idle(variant)]
    if billed:
        instances = sum(variant.get("CurrentInstanceCount", 0) for variant in billed)
        return f"on {instances} instance{'' if instances == 1 else 's'} that cost money while idle"
    concurrency = sum(
        variant.get("CurrentServerlessConfig", {}).get("MaxConcurrency", 0) for variant in variants
    )
    return f"serverless, {concurrency} requests at once"


def costs_while_idle(variant: "ProductionVariantSummaryTypeDef") -> bool:
    """Whether a variant is billed by the hour: it runs on instances, or has provisioned concurrency."""
    serverless = variant.get("CurrentServerlessConfig")
    return serverless is None or bool(serverless.get("ProvisionedConcurrency"))


def check_unused(
    sagemaker: "SageMakerClient",
    cloudwatch: "CloudWatchClient",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Finding]:
    """Look for endpoints of the account and region that are billed by the hour and had no request for a week."""
    end = now()
    start = end - timedelta(days=UNUSED_DAYS)
    unused = [
        warning(
            UNUSED,
            f"{name} costs money and had no request for {UNUSED_DAYS} days",
            f"if nobody needs it: `aws sagemaker delete-endpoint --endpoint-name {name}`",
        )
        for name, variants in _billed_endpoints(sagemaker, start)
        if not any(_requests(cloudwatch, name, variant, start, end) for variant in variants)
    ]
    return unused or [ok(UNUSED, f"none that costs money went {UNUSED_DAYS} days without a request")]


def _billed_endpoints(client: "SageMakerClient", made_before: datetime) -> Iterator[tuple[str, list[str]]]:
    pages = client.get_paginator("list_endpoints").paginate(
        StatusEquals="InService", CreationTimeBefore=made_before
    )
    for page in pages:
        for summary in page["Endpoints"]:
            name = summary["EndpointName"]
            variants = client.describe_endpoint(EndpointName=name).get("ProductionVariants", [])
            billed = [variant["VariantName"] for variant in variants if costs_while_idle(variant)]
            if billed:
                yield name, billed


def _requests(
    client: "CloudWatchClient", endpoint: str, variant: str, start: datetime, end: datetime
) -> float:
    # SageMaker guide, "Amazon SageMaker AI metrics in Amazon CloudWatch": Invocations by EndpointName and VariantName.
    points = client.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": variant},
        ],
        StartTime=start,
        EndTime=end,
        Period=_DAY_S,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point.get("Sum", 0) for point in points)
