"""Remove an endpoint and everything created for it, so that no forgotten resource costs money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.aws import Call
from training.errors import ReleaseError
from training.release import autoscaling, rollback_alarms
from training.release.endpoint_requests import endpoint_tag
from training.release.endpoint_resources import Resources, settled, wait_until_gone

if TYPE_CHECKING:
    import boto3

    from training.release.waiting import Waiter


def removal_calls(session: boto3.Session, endpoint_name: str) -> list[Call]:
    """Return the calls that remove resources with the endpoint's tag, the most expensive ones first.

    Raises
    ------
    ReleaseError
        The endpoint exists without the tag: training.deploy did not create it.
    """
    resources, tag = Resources(session), endpoint_tag(endpoint_name)
    endpoint = resources.get("Endpoint", endpoint_name)
    if endpoint is not None and not resources.is_tagged(endpoint.endpoint_arn, tag):
        raise ReleaseError(f"endpoint {endpoint_name} was not created by training.deploy; it is not removed")
    calls = autoscaling.removal_calls(session, endpoint_name)
    if endpoint is not None:
        calls.append(Call("sagemaker", "DeleteEndpoint", {"EndpointName": endpoint_name}))
    for kind in ("EndpointConfig", "Model"):
        for name in resources.tagged(kind, endpoint_name, tag):
            calls.append(Call("sagemaker", f"Delete{kind}", {f"{kind}Name": name}))
    return [*calls, *rollback_alarms.removal_calls(session, endpoint_name, tag)]


def remove(session: boto3.Session, calls: list[Call], waiter: Waiter) -> None:
    """Make the calls; wait for an endpoint that is being updated, which SageMaker would not delete."""
    resources = Resources(session)
    for call in calls:
        waiter.say(describe(call))
        if call.service != "sagemaker":
            call.make(session)
        elif call.operation == "DeleteEndpoint":
            settled(resources, call.arguments["EndpointName"], waiter)
            resources.delete(call)
            wait_until_gone(resources, call.arguments["EndpointName"], waiter)
        else:
            resources.delete(call)


def describe(call: Call) -> str:
    """Format the call as one line."""
    names = [value for key, value in call.arguments.items() if key.endswith(("Name", "Names", "ResourceId"))]
    return f"{call.operation} {' '.join(n if isinstance(n, str) else ', '.join(n) for n in names)}"
