"""What an endpoint is doing, waited for until it is what it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.release.endpoint_resources import text
from training.release.model_release import ReleaseError

if TYPE_CHECKING:
    from training.release.endpoint_resources import Resources
    from training.release.waiting import Waiter

GONE = "gone"
_SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed", GONE)


def settled(resources: Resources, name: str, waiter: Waiter) -> Any:  # noqa: ANN401 - as Resources.get
    """Return the endpoint once SageMaker has finished with it, or None once it is gone."""
    waiter.until(f"endpoint {name}", lambda: _status(resources, name), lambda answer: answer in _SETTLED)
    return resources.get("Endpoint", name)


def wait_until_gone(resources: Resources, name: str, waiter: Waiter) -> None:
    """Return once there is no such endpoint."""
    waiter.until(f"endpoint {name}", lambda: _status(resources, name), lambda answer: answer == GONE)


def expect(resources: Resources, name: str, config_name: str, waiter: Waiter) -> None:
    """Wait until the endpoint serves this configuration.

    Raises
    ------
    ReleaseError
        It ended otherwise: failed, or rolled back to the configuration before.
    """
    endpoint = settled(resources, name, waiter)
    if endpoint is None:
        raise ReleaseError(f"endpoint {name} was deleted meanwhile")
    reason = " ".join(text(endpoint.failure_reason, "SageMaker gives no reason").split())
    if endpoint.endpoint_status != "InService":
        raise ReleaseError(f"endpoint {name} is {endpoint.endpoint_status}: {reason}")
    if endpoint.endpoint_config_name != config_name:
        raise ReleaseError(f"endpoint {name} went back to {endpoint.endpoint_config_name}: {reason}")


def _status(resources: Resources, name: str) -> str:
    endpoint = resources.get("Endpoint", name)
    return str(endpoint.endpoint_status) if endpoint is not None else GONE
