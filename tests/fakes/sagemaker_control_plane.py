"""moto's SageMaker with fixes for moto 5.2.5's gaps, and with failures on purpose.

moto has no UpdateEndpoint, makes every endpoint InService at once, and returns null for a few fields that AWS omits,
which sagemaker-core's shapes reject. Handlers on the session's events do the rest; they apply to every client made
from it, including sagemaker-core's own.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/endpoint"


@dataclass
class ControlPlane:
    """Recorded calls, the next statuses of the endpoint, and the failures to inject.

    Parameters
    ----------
    calls, updates, training_jobs
        All operations by name; the requests of UpdateEndpoint and CreateTrainingJob.
    statuses
        Returned by the next DescribeEndpoint calls, one each, before moto's own InService.
    failure_reason
        Of an endpoint that fails or rolls back.
    roll_back
        The next UpdateEndpoint ends with the previous configuration, as after an alarm.
    interrupt_before
        The next call of this operation raises KeyboardInterrupt instead of being made.
    refuse
        The operation for which the caller has no permission.
    """

    calls: list[str] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    training_jobs: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    failure_reason: str | None = None
    roll_back: bool = False
    interrupt_before: str | None = None
    refuse: str | None = None

    def attach(self, session: boto3.Session) -> boto3.Session:
        """Connect every client of the session to this control plane."""
        session.events.register("before-call", self._before_call)  # type: ignore[arg-type]
        session.events.register("after-call.sagemaker.DescribeEndpoint", self._describe_endpoint)
        session.events.register("after-call.sagemaker", _without_nulls)
        return session

    def writes(self) -> list[str]:
        """Return the calls that change something."""
        return [call for call in self.calls if not call.startswith(("Describe", "List"))]

    def _before_call(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
        """Record the call; if there is a response, moto does not get the request."""
        if model.name == self.interrupt_before:
            self.interrupt_before = None
            raise KeyboardInterrupt
        self.calls.append(model.name)
        if model.name == "CreateTrainingJob":  # moto returns its own metric definitions
            self.training_jobs.append(json.loads(params["body"]))
        if model.name == self.refuse:
            denied = {"Error": {"Code": "AccessDeniedException", "Message": "not\nallowed"}}
            return AWSResponse("", 400, HTTPHeaders(), None), denied
        return self._update_endpoint(json.loads(params["body"])) if model.name == "UpdateEndpoint" else None

    def _update_endpoint(self, request: dict[str, Any]) -> tuple[AWSResponse, dict[str, Any]]:
        self.updates.append(request)
        endpoint = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION].endpoints[request["EndpointName"]]
        if not self.roll_back:
            endpoint.endpoint_config_name = request["EndpointConfigName"]
        self.roll_back = False
        return AWSResponse("", 200, HTTPHeaders(), None), {"EndpointArn": endpoint.arn}

    def _describe_endpoint(self, parsed: dict[str, Any], **_: Any) -> None:
        if "EndpointStatus" in parsed:
            if self.statuses:
                parsed["EndpointStatus"] = self.statuses.pop(0)
            parsed["FailureReason"] = self.failure_reason
            if capture := parsed.get("DataCaptureConfig"):  # moto returns only half of it
                capture |= {"CaptureStatus": "Started", "CurrentSamplingPercentage": 100}


@contextmanager
def emulated_sagemaker() -> Iterator[tuple[ControlPlane, boto3.Session]]:
    """Yield a control plane and a session connected to it, in a separate account."""
    plane = ControlPlane()
    with mock_aws():
        yield plane, plane.attach(boto3.Session(region_name=REGION))


def _without_nulls(parsed: dict[str, Any], **_: Any) -> None:
    for key in [key for key, value in parsed.items() if value in (None, {}, "")]:
        del parsed[key]
