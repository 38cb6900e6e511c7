"""Which cloud a command talks to: a deployed stack by name, or the local cloud that `scones up` started."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate

import click

from scones.errors import SconesError
from scones.running_cloud import RunningCloud, read_cloud
from scones.shell import quoted

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

_CONNECTIONS = 16
"""Connections kept per client: at least as many as the threads that share it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the user named: nothing means the local cloud."""

    stack: str | None = None
    profile: str | None = None
    region: str | None = None

    @property
    def options(self) -> str:
        """The options that name the same cloud again, for a command in a hint; starts with a space."""
        named = (("--stack", self.stack), ("--profile", self.profile), ("--region", self.region))
        return "".join(f" {option} {quoted(value)}" for option, value in named if value)


@dataclass(frozen=True, slots=True)
class Connection:
    """A boto3 session, the stack to look for, and the endpoint of the local cloud if it is that."""

    session: "boto3.Session"
    stack: str
    options: str = ""
    endpoint_url: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether this is the local cloud."""
        return self.endpoint_url is not None

    def s3(self) -> "S3Client":
        """Make an S3 client; it may be shared by threads."""
        return self.session.client("s3", endpoint_url=self.endpoint_url, config=self._config())

    def sqs(self) -> "SQSClient":
        """Make an SQS client."""
        return self.session.client("sqs", endpoint_url=self.endpoint_url, config=self._config())

    def stepfunctions(self) -> "SFNClient":
        """Make a Step Functions client."""
        return self.session.client("stepfunctions", endpoint_url=self.endpoint_url, config=self._config())

    def ssm(self) -> "SSMClient":
        """Make an SSM client."""
        return self.session.client("ssm", endpoint_url=self.endpoint_url, config=self._config())

    def dynamodb(self) -> "DynamoDBClient":
        """Make a DynamoDB client."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=self._config())

    def lambda_(self, longest_run_s: int) -> "LambdaClient":
        """Make a Lambda client that waits as long as a function may run, and invokes it once."""
        from botocore.config import Config  # noqa: PLC0415 (slow)

        patient = Config(read_timeout=longest_run_s, retries={"mode": "standard", "total_max_attempts": 1})
        config = self._config().merge(patient)
        return self.session.client("lambda", endpoint_url=self.endpoint_url, config=config)

    def cloudformation(self) -> "CloudFormationClient":
        """Make a CloudFormation client."""
        return self.session.client("cloudformation", endpoint_url=self.endpoint_url, config=self._config())

    def events(self) -> "EventBridgeClient":
        """Make an EventBridge client."""
        return self.session.client("events", endpoint_url=self.endpoint_url, config=self._config())

    def logs(self) -> "CloudWatchLogsClient":
        """Make a CloudWatch Logs client."""
        return self.session.client("logs", endpoint_url=self.endpoint_url, config=self._config())

    def cloudwatch(self) -> "CloudWatchClient":
        """Make a CloudWatch client."""
        return self.session.client("cloudwatch", endpoint_url=self.endpoint_url, config=self._config())

    def sns(self) -> "SNSClient":
        """Make an SNS client."""
        return self.session.client("sns", endpoint_url=self.endpoint_url, config=self._config())

    def sts(self) -> "STSClient":
        """Make an STS client."""
        return self.session.client("sts", endpoint_url=self.endpoint_url, config=self._config())

    def sagemaker(self) -> "SageMakerClient":
        """Make a SageMaker client; the local cloud does not have this service."""
        return self.session.client("sagemaker", config=self._config())

    def service_quotas(self) -> "ServiceQuotasClient":
        """Make a Service Quotas client; the local cloud does not have this service."""
        return self.session.client("service-quotas", config=self._config())

    def sagemaker_runtime(self, endpoint_url: str | None, answer_s: float) -> "SageMakerRuntimeClient":
        """Make a client for requests to an endpoint, which has this many seconds to answer, once again at most."""
        from botocore.config import Config  # noqa: PLC0415 (slow)

        patience = Config(read_timeout=answer_s, retries={"mode": "standard", "total_max_attempts": 2})
        config = self._config().merge(patience)
        return self.session.client("sagemaker-runtime", endpoint_url=endpoint_url, config=config)

    def _config(self) -> "Config":
        from botocore.config import Config  # noqa: PLC0415 (slow)

        common = Config(
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": 4},
        )
        if not self.is_local:
            return common
        # Nothing of the user's AWS or proxy settings may bend the way to this machine.
        local = Config(
            proxies={},
            s3={"addressing_style": "path"},
            use_dualstack_endpoint=False,
            use_fips_endpoint=False,
        )
        return common.merge(local)


def connect(target: Target) -> Connection:
    """Open a session with the cloud the user named; nothing is sent yet.

    Raises
    ------
    SconesError
        When no stack is named and no local cloud is running or ready.
    """
    if target.stack:
        import boto3  # noqa: PLC0415 (half a second)

        session = boto3.Session(profile_name=target.profile, region_name=target.region)
        return Connection(session, target.stack, target.options)
    if target.profile or target.region:
        message = "--profile and --region name an AWS account: name the deployed stack too, with --stack"
        raise SconesError(message)
    cloud = read_cloud()
    if cloud is None:
        message = (
            "no local cloud is running: start one with `scones up`, or name a deployed stack with --stack"
        )
        raise SconesError(message)
    if not cloud.ready:
        message = "the local cloud is still starting: try again when `scones up` says it is ready"
        raise SconesError(message)
    return local_connection(cloud)


def connect_account(target: Target) -> Connection:
    """Open a session with an AWS account in which no stack is named; nothing is sent yet."""
    import boto3  # noqa: PLC0415 (half a second)

    return Connection(
        boto3.Session(profile_name=target.profile, region_name=target.region), "", target.options
    )


def is_gone(target: Target) -> bool:
    """Tell whether a command talked to the local cloud, and that has stopped since: nothing continues in it."""
    return target.stack is None and read_cloud() is None


def local_connection(cloud: RunningCloud) -> Connection:
    """Open a session with a local cloud, ready or not."""
    return Connection(_local_session(cloud.region), cloud.stack, "", cloud.endpoint_url)


def _local_session(region: str) -> "boto3.Session":
    import boto3  # noqa: PLC0415 (half a second)
    import botocore.session  # noqa: PLC0415

    # AWS_PROFILE may name anything, even a profile that does not exist: here it must not matter.
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.Session(
        botocore_session=core,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (the local cloud's, not a secret)
        region_name=region,
    )


def cloud_options[**P, R](command: Callable[Concatenate[Target, P], R]) -> Callable[..., R]:
    """Add --stack, --profile and --region to a command, and hand it one `Target` first."""

    @click.option("--stack", metavar="NAME", help="A deployed stack. Without it: the local cloud.")
    @click.option("--profile", metavar="P", help="The AWS profile to use with --stack.")
    @click.option("--region", metavar="R", help="The AWS region of --stack.")
    @wraps(command)
    def with_target(
        stack: str | None, profile: str | None, region: str | None, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        if stack == "":  # an unset variable: the local cloud must not stand in for a stack
            message = "it is empty: name a stack, or leave --stack out for the local cloud"
            raise click.BadParameter(message, param_hint="'--stack'")
        return command(Target(stack, profile, region), *args, **kwargs)

    return with_target
