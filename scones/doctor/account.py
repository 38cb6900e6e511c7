"""Who is asking, in which account and region, and the account's quotas that bound how many images it classifies."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from scones.doctor.findings import Finding, broken, ok, warning
from scones.errors import error_code, explain
from scones.terminal import shown

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_service_quotas import ServiceQuotasClient

    from scones.connection import Connection

CREDENTIALS = "credentials"
LAMBDA, STATES, SERVERLESS = "Lambda concurrency", "Step Functions quotas", "serverless endpoints"
QUOTA_NAMES: Final = (LAMBDA, STATES, SERVERLESS)
FEWEST_FUNCTIONS: Final = 100
"""Lambda keeps this many executions unreserved (Lambda guide, "Configuring reserved concurrency for a function"). A new
account has fewer in all ("Lambda quotas": reduced concurrency quotas), often 10."""
STATES_OF_AN_IMAGE: Final = 7
"""State transitions of an image that passes."""
FEWEST_IMAGES_PER_SECOND: Final = 10
FEWEST_OPEN_EXECUTIONS: Final = 10_000
"""While an endpoint is away each of its images is an open execution."""
DEPLOYED_CONCURRENCY: Final = 10
"""What training.deploy asks of a serverless endpoint unless told otherwise; a test holds it to that command."""
MAX_CONCURRENCY_OF_ONE: Final = 200


def check_credentials(connection: "Connection") -> Finding:
    """Ask AWS whose credentials these are; no part of a secret is shown.

    Without credentials or a region no other check can say anything.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

    try:
        client = connection.sts()
        identity = client.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return broken(
            CREDENTIALS, explain(error) or str(error), "`aws sts get-caller-identity` must succeed first"
        )
    if connection.is_local:
        return ok(CREDENTIALS, f"the local cloud at {connection.endpoint_url}, which accepts any")
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return broken(
            CREDENTIALS,
            f"AWS_ENDPOINT_URL names {client.meta.endpoint_url}, an emulator on this machine and not AWS",
            "unset AWS_ENDPOINT_URL, or open a new shell: `scones env` set it in this one",
        )
    # arn:aws:sts::123456789012:assumed-role/NAME/SESSION: the role and the session, or the user.
    who = identity["Arn"].rpartition(":")[2]
    return ok(
        CREDENTIALS,
        f"account {identity['Account']}, region {client.meta.region_name}, as {shown(who)}",
    )


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota by its code, as ListServiceQuotas names it."""

    service: str
    code: str

    def increase_to(self, value: int) -> str:
        """Return the command that requests more."""
        return (
            f"aws service-quotas request-service-quota-increase --service-code {self.service} "
            f"--quota-code {self.code} --desired-value {value}"
        )


# Codes as Service Quotas lists them. Names: "Concurrent executions", "StartExecution throttle token refill rate per
# second", "StateTransition throttle token refill rate per second", "Open executions", "Maximum total concurrency that
# can be allocated across all serverless endpoints".
CONCURRENT_FUNCTIONS: Final = Quota("lambda", "L-B99A9384")
STARTS_PER_SECOND: Final = Quota("states", "L-1B55A735")
TRANSITIONS_PER_SECOND: Final = Quota("states", "L-AD9B4E93")
OPEN_EXECUTIONS: Final = Quota("states", "L-B8A5B662")
SERVERLESS_CONCURRENCY: Final = Quota("sagemaker", "L-96300102")


def check_lambda(client: "LambdaClient") -> Finding:
    """Read how many functions may run at once, and whether some may be reserved for Classify."""
    limit = client.get_account_settings()["AccountLimit"]
    most, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    reservable = unreserved - FEWEST_FUNCTIONS
    if most < FEWEST_FUNCTIONS:
        return warning(
            LAMBDA,
            f"{most} functions may run at once, which is a new account's quota: more images wait in "
            "retries, and ClassifyConcurrency must stay 0",
            f"`{CONCURRENT_FUNCTIONS.increase_to(1000)}`",
        )
    may_reserve = f"may be up to {reservable:,}" if reservable > 0 else "must stay 0"
    return ok(LAMBDA, f"{most:,} functions may run at once; ClassifyConcurrency {may_reserve}")


def check_step_functions(client: "ServiceQuotasClient") -> Finding:
    """Read how many executions may start and how many states they may enter per second; EXPRESS has no such limits."""
    starts = read_quota(client, STARTS_PER_SECOND)
    transitions = read_quota(client, TRANSITIONS_PER_SECOND)
    open_executions = read_quota(client, OPEN_EXECUTIONS)
    if starts is None or transitions is None or open_executions is None:
        return warning(
            STATES,
            "Service Quotas does not list them in this region",
            "compare with the page `Step Functions service quotas` of AWS's guide",
        )
    images = min(starts, transitions / STATES_OF_AN_IMAGE)
    message = (
        f"{images:,.0f} images/s ({starts:,.0f} starts/s, {transitions:,.0f} state transitions/s), "
        f"{open_executions:,.0f} open executions"
    )
    if open_executions < FEWEST_OPEN_EXECUTIONS:
        return warning(STATES, message, f"`{OPEN_EXECUTIONS.increase_to(1_000_000)}`")
    if images < FEWEST_IMAGES_PER_SECOND:
        narrow = STARTS_PER_SECOND if starts == images else TRANSITIONS_PER_SECOND
        wanted = 150 if narrow is STARTS_PER_SECOND else 800
        return warning(STATES, message, f"`{narrow.increase_to(wanted)}`, or WorkflowType=EXPRESS")
    return ok(STATES, message)


def check_serverless(client: "ServiceQuotasClient") -> Finding:
    """Read how many requests all serverless endpoints of the account may be made for together."""
    total = read_quota(client, SERVERLESS_CONCURRENCY)
    if total is None:
        return warning(
            SERVERLESS,
            "Service Quotas does not list their concurrency in this region",
            "ask whether the region has SageMaker serverless inference, or deploy on an instance",
        )
    message = f"{total:,.0f} requests at once over all of them, {MAX_CONCURRENCY_OF_ONE} on one at most"
    if total < DEPLOYED_CONCURRENCY:
        return warning(
            SERVERLESS,
            f"{message}; training.deploy asks for {DEPLOYED_CONCURRENCY}",
            f"`python -m training.deploy ... --max-concurrency {max(int(total), 1)}`, or "
            f"`{SERVERLESS_CONCURRENCY.increase_to(MAX_CONCURRENCY_OF_ONE)}`",
        )
    return ok(SERVERLESS, message)


def read_quota(client: "ServiceQuotasClient", quota: Quota) -> float | None:
    """Return the account's own value of a quota, else AWS's default; None where the region has neither.

    GetServiceQuota answers nothing for a quota that has only a default (its API reference).
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    for ask in (client.get_service_quota, client.get_aws_default_service_quota):
        try:
            value = ask(ServiceCode=quota.service, QuotaCode=quota.code)["Quota"].get("Value")
        except ClientError as error:
            if error_code(error) != "NoSuchResourceException":
                raise
        else:
            if value is not None:
                return value
    return None
