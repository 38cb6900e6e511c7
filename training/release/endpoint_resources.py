"""SageMaker's models, configurations and endpoints, through sagemaker-core, and waiting for an endpoint.

The library is slow to import and large, so it is imported by the functions that use it.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from training.aws import Call
from training.errors import ReleaseError
from training.release.endpoint_requests import name_prefix

if TYPE_CHECKING:
    import boto3

    from training.release.waiting import Waiter


ABSENT = ("ValidationException", "ResourceNotFound")  # error code when the described resource does not exist
_MAPS = ("Environment",)
_DESCRIPTION = {"Model": "model_name", "EndpointConfig": "endpoint_config_name", "Endpoint": "endpoint_name"}


class Resources:
    """The SageMaker side of one account and region."""

    def __init__(self, session: boto3.Session) -> None:
        logging.getLogger("sagemaker").setLevel(logging.WARNING)
        self.session = session
        self._where = {"session": session, "region": session.region_name}

    def get(self, kind: str, name: str) -> Any:  # noqa: ANN401 - sagemaker-core's classes are imported late
        """Return the Model, EndpointConfig or Endpoint of this name, or None."""
        try:
            return _kind(kind).get(**{_DESCRIPTION[kind]: name}, **self._where)
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return None
            raise

    def create(self, call: Call) -> None:
        """Make a Create... call."""
        # sagemaker-core writes the memory of a serverless variant as MemorySizeInMb, which SageMaker rejects.
        if any("ServerlessConfig" in variant for variant in call.arguments.get("ProductionVariants", [])):
            call.make(self.session)
        else:
            kind = _kind(call.operation.removeprefix("Create"))
            kind.create(**snake_case(call.arguments), **self._where)

    def update_endpoint(self, call: Call) -> None:
        """Make an UpdateEndpoint call."""
        arguments = snake_case(call.arguments)
        endpoint = _kind("Endpoint").get(endpoint_name=arguments.pop("endpoint_name"), **self._where)
        endpoint.endpoint_config_name = arguments.pop("endpoint_config_name")
        endpoint.update(**arguments)

    def delete(self, call: Call) -> None:
        """Make a Delete... call; a resource that is already gone is not an error."""
        (name,) = call.arguments.values()
        if resource := self.get(call.operation.removeprefix("Delete"), name):
            resource.delete()

    def is_tagged(self, arn: str, tag: dict[str, str]) -> bool:
        """Whether the resource has the tag."""
        pages = self.session.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        return any(tag in page["Tags"] for page in pages)

    def tagged(self, kind: str, endpoint_name: str, tag: dict[str, str]) -> list[str]:
        """Return the names of all Models or EndpointConfigs of an endpoint that have the tag."""
        operation = {"Model": "list_models", "EndpointConfig": "list_endpoint_configs"}[kind]
        client: Any = self.session.client("sagemaker")
        paginator = client.get_paginator(operation)
        pages = paginator.paginate(NameContains=name_prefix(endpoint_name))
        return [
            entry[f"{kind}Name"]
            for page in pages
            for entry in page[f"{kind}s"]
            if self.is_tagged(entry[f"{kind}Arn"], tag)
        ]


def variant_of(config: Any) -> Any:  # noqa: ANN401 - a sagemaker-core EndpointConfig
    """Return the only production variant of a configuration."""
    return config.production_variants[0]


def text(value: Any, otherwise: str = "") -> str:  # noqa: ANN401 - a string or sagemaker-core's Unassigned
    """Return a string attribute, or the default if sagemaker-core has no value for it."""
    return value if isinstance(value, str) and value else otherwise


def snake_case(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a request with sagemaker-core's spelling; the keys of maps are the user's and do not change."""
    if isinstance(value, dict):
        return {
            re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): v if key in _MAPS else snake_case(v)
            for key, v in value.items()
        }
    if isinstance(value, list):
        return [snake_case(entry) for entry in value]
    return value


def _kind(name: str) -> Any:  # noqa: ANN401 - one of sagemaker-core's classes
    try:
        from sagemaker.core import resources  # noqa: PLC0415 - takes seconds
    except ImportError as error:
        raise ReleaseError("releasing needs sagemaker-core: pip install sagemaker-core") from error
    return getattr(resources, name)


GONE = "gone"
_SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed", GONE)


def settled(resources: Resources, name: str, waiter: Waiter) -> Any:  # noqa: ANN401 - as Resources.get
    """Return the endpoint once SageMaker has finished changing it, or None once it is gone."""
    waiter.until(f"endpoint {name}", lambda: _status(resources, name), lambda answer: answer in _SETTLED)
    return resources.get("Endpoint", name)


def wait_until_gone(resources: Resources, name: str, waiter: Waiter) -> None:
    """Wait until there is no such endpoint."""
    waiter.until(f"endpoint {name}", lambda: _status(resources, name), lambda answer: answer == GONE)


def expect(resources: Resources, name: str, config_name: str, waiter: Waiter) -> None:
    """Wait until the endpoint serves this configuration.

    Raises
    ------
    ReleaseError
        It failed, or rolled back to the previous configuration.
    """
    endpoint = settled(resources, name, waiter)
    if endpoint is None:
        raise ReleaseError(f"endpoint {name} was deleted meanwhile")
    reason = " ".join(text(endpoint.failure_reason, "SageMaker gives no reason").split())
    if endpoint.endpoint_status != "InService":
        raise ReleaseError(f"endpoint {name} is {endpoint.endpoint_status}: {reason}")
    if endpoint.endpoint_config_name != config_name:
        raise ReleaseError(f"endpoint {name} rolled back to {endpoint.endpoint_config_name}: {reason}")


def _status(resources: Resources, name: str) -> str:
    endpoint = resources.get("Endpoint", name)
    return str(endpoint.endpoint_status) if endpoint is not None else GONE
