"""boto3 clients with botocore's Stubber, which checks requests and responses against AWS's service models."""

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.stub import Stubber

REGION = "us-east-1"


@dataclass(frozen=True)
class Refusal:
    """An error response."""

    code: str
    message: str = "no"


DENIED = Refusal("AccessDeniedException")


def stubbed(service: str, *answers: tuple[str, Any]) -> Any:
    """Return a client that gives these responses, (method, response or Refusal), in exactly this order."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client(service, region_name=REGION, **keys)  # type: ignore[call-overload]
    stubber = Stubber(client)
    for method, answer in answers:
        if isinstance(answer, Refusal):
            stubber.add_client_error(method, answer.code, answer.message)
        else:
            stubber.add_response(method, answer)
    stubber.activate()
    return client


@dataclass
class StubbedConnection:
    """A `Connection` whose clients are stubbed, by service; each service has a single client."""

    clients: dict[str, Any]
    stack: str = "scones"
    options: str = " --stack scones"
    endpoint_url: str | None = None
    is_local: bool = False
    made: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        service = {"lambda_": "lambda", "sagemaker_runtime": "sagemaker-runtime"}.get(
            name, name.replace("_", "-")
        )

        def make(*_arguments: object) -> Any:
            self.made.append(service)
            return self.clients[service]

        return make
