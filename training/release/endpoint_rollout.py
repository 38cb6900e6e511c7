"""Roll a release out: create missing resources, update the endpoint, watch it, roll it back if an alarm fires.

Every step checks first and acts only if needed, so a run after an interruption continues where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.aws import Call
from training.errors import ReleaseError
from training.release import endpoint_requests as requests
from training.release.autoscaling import removal_calls
from training.release.endpoint_resources import Resources, expect, settled, text, variant_of, wait_until_gone
from training.release.model_release import Instances, Release, Rollout, Serverless
from training.release.rollback_alarms import alarm_calls, alarm_names, missing, ringing

if TYPE_CHECKING:
    import boto3

    from training.release.waiting import Waiter


@dataclass(frozen=True, slots=True)
class Deployment:
    """The rollout of one release."""

    session: boto3.Session
    release: Release
    rollout: Rollout
    waiter: Waiter

    def run(self) -> None:
        """Roll the release out to the endpoint.

        Raises
        ------
        ReleaseError
            It failed; the message says why and what the endpoint serves now.
        """
        self._check_alarms()
        endpoint = self._settled_endpoint()
        for call in (requests.create_model(self.release), self._config):
            self._create_if_missing(call)
        for call in alarm_calls(self._name, self.rollout, [requests.endpoint_tag(self._name)]):
            self._say(f"alarm {call.arguments['AlarmName']}")
            call.make(self.session)
        if endpoint is None:
            self._say(f"endpoint {self._name}: creating")
            self._resources.create(requests.create_endpoint(self.release))
        elif endpoint.endpoint_config_name == self._config_name:
            self._say(f"endpoint {self._name} is on {self._config_name} already")
        else:
            self._update(endpoint.endpoint_config_name)
        self._expect(self._config_name)
        for call in requests.scaling(self.release):
            call.make(self.session)

    @property
    def _name(self) -> str:
        return self.release.endpoint_name

    @property
    def _resources(self) -> Resources:
        return Resources(self.session)

    @property
    def _config(self) -> Call:
        return requests.create_config(self.release)

    @property
    def _config_name(self) -> str:
        return str(self._config.arguments["EndpointConfigName"])

    def _say(self, line: str) -> None:
        self.waiter.say(line)

    def _check_alarms(self) -> None:
        if self.rollout.alarms and (absent := missing(self.session, self.rollout.alarms)):
            raise ReleaseError(f"no such alarm: {', '.join(absent)}")

    def _settled_endpoint(self) -> Any:  # noqa: ANN401 - sagemaker-core's Endpoint or None
        """Return the endpoint once no update is in progress, or None; one whose creation failed is removed."""
        endpoint = self._resources.get("Endpoint", self._name)
        if endpoint is None:
            return None
        if not self._resources.is_tagged(endpoint.endpoint_arn, requests.endpoint_tag(self._name)):
            raise ReleaseError(
                f"endpoint {self._name} exists and was not created by training.deploy; choose another name"
            )
        endpoint = settled(self._resources, self._name, self.waiter)
        if endpoint is not None and endpoint.endpoint_status == "Failed":
            self._say(f"endpoint {self._name} failed ({text(endpoint.failure_reason)}): creating it again")
            endpoint.delete()
            wait_until_gone(self._resources, self._name, self.waiter)
            return None
        if endpoint is not None and isinstance(self.release.hosting, Serverless):
            config = self._resources.get("EndpointConfig", endpoint.endpoint_config_name)
            if config is not None and text(variant_of(config).instance_type):
                raise ReleaseError(
                    f"endpoint {self._name} is on instances, which SageMaker cannot make serverless; "
                    "delete it first (--delete) or choose another name"
                )
        return endpoint

    def _create_if_missing(self, call: Call) -> None:
        kind = call.operation.removeprefix("Create")
        name = call.arguments[f"{kind}Name"]
        if self._resources.get(kind, name):
            self._say(f"{kind} {name} is there")
            return
        self._say(f"{kind} {name}: creating")
        self._resources.create(call)

    def _update(self, previous: str) -> None:
        self._say(f"endpoint {self._name}: from {previous} to {self._config_name}")
        call = requests.update_endpoint(self.release, self.rollout)
        old = self._resources.get("EndpointConfig", previous)
        old_type = text(variant_of(old).instance_type) if old is not None else ""
        hosting = self.release.hosting
        if isinstance(hosting, Instances) and old_type != hosting.instance_type:
            # A registered variant cannot change its instance type: autoscaling is removed and later restored.
            for removal in removal_calls(self.session, self._name):
                removal.make(self.session)
        if isinstance(hosting, Instances) and not old_type:
            # A serverless endpoint has no instance count to keep.
            retained = ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties")
            arguments = {key: value for key, value in call.arguments.items() if key not in retained}
            call = Call(call.service, call.operation, arguments)
        names = alarm_names(self._name, self.rollout)
        # Alarms of the previous release, which this one may fix.
        already = ringing(self.session, names)
        self._resources.update_endpoint(call)
        if isinstance(hosting, Serverless):
            self._expect(self._config_name)
            self._bake(previous, [name for name in names if name not in already])

    def _expect(self, config_name: str) -> None:
        expect(self._resources, self._name, config_name, self.waiter)

    def _bake(self, previous: str, names: list[str]) -> None:
        """Watch a serverless endpoint's alarms, as guardrails do on instances; roll back if one fires."""
        for waited in range(0, self.rollout.bake_s, max(1, int(self.waiter.poll_s))):
            if bad := ringing(self.session, names):
                self._say(f"alarm {', '.join(bad)} after {waited} s: back to {previous}")
                arguments = {"EndpointName": self._name, "EndpointConfigName": previous}
                self._resources.update_endpoint(Call("sagemaker", "UpdateEndpoint", arguments))
                self._expect(previous)
                raise ReleaseError(
                    f"endpoint {self._name} rolled back to {previous}: alarm {', '.join(bad)} fired"
                )
            self.waiter.sleep(self.waiter.poll_s)
