"""The requests that create a release, each a pure function of it.

Models and endpoint configurations are immutable, so their names contain the model's version and a digest of the
request: the same release has the same names, another one has other names, and every earlier one is kept for a
rollback.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from endpoint.deployed_model import VERSION_VARIABLE
from training.aws import Call
from training.release.autoscaling import autoscaling_calls
from training.release.model_release import VARIANT, Instances, Release, Rollout, Serverless
from training.release.rollback_alarms import alarm_calls, alarm_names

if TYPE_CHECKING:
    from collections.abc import Iterable

ENDPOINT_TAG = "scones:endpoint"
VERSION_TAG = "scones:model-version"
_PREFIX_CHARACTERS = 40  # of the endpoint's name; with version and digest a name has 62 of the 63 allowed


def name_prefix(endpoint_name: str) -> str:
    """Return the prefix of the names of the endpoint's models and configurations."""
    return endpoint_name[:_PREFIX_CHARACTERS].rstrip("-")


def endpoint_tag(endpoint_name: str) -> dict[str, str]:
    """Return the tag that identifies everything of an endpoint."""
    return {"Key": ENDPOINT_TAG, "Value": endpoint_name}


def tags(release: Release) -> list[dict[str, str]]:
    """Return the tags of a version's resources."""
    return [endpoint_tag(release.endpoint_name), {"Key": VERSION_TAG, "Value": release.version}]


def create_model(release: Release) -> Call:
    """Return the call that creates the model."""
    request = {
        "PrimaryContainer": {
            "Image": release.image,
            "ModelDataUrl": release.model_data,
            "Environment": {
                VERSION_VARIABLE: release.version
            },  # the container does not serve another version
        },
        "ExecutionRoleArn": release.role,
    }
    name = _name(release, request)
    return Call("sagemaker", "CreateModel", {"ModelName": name, **request, "Tags": tags(release)})


def create_config(release: Release) -> Call:
    """Return the call that creates the endpoint configuration."""
    variant: dict[str, Any] = {
        "VariantName": VARIANT,
        "ModelName": create_model(release).arguments["ModelName"],
        "InitialVariantWeight": 1.0,
    }
    request: dict[str, Any] = {"ProductionVariants": [variant]}
    match release.hosting:
        case Serverless(memory_mb, max_concurrency):
            variant["ServerlessConfig"] = {"MemorySizeInMB": memory_mb, "MaxConcurrency": max_concurrency}
        case Instances(instance_type, minimum) as instances:
            variant |= {"InstanceType": instance_type, "InitialInstanceCount": minimum}
            if instances.capture:
                request["DataCaptureConfig"] = _capture(instances.capture, instances.capture_percent)
    name = _name(release, request)
    return Call(
        "sagemaker", "CreateEndpointConfig", {"EndpointConfigName": name, **request, "Tags": tags(release)}
    )


def create_endpoint(release: Release) -> Call:
    """Return the call that creates the endpoint."""
    request = {
        "EndpointName": release.endpoint_name,
        "EndpointConfigName": create_config(release).arguments["EndpointConfigName"],
        "Tags": [endpoint_tag(release.endpoint_name)],
    }
    return Call("sagemaker", "CreateEndpoint", request, "if there is no such endpoint yet")


def update_endpoint(release: Release, rollout: Rollout) -> Call:
    """Return the call that updates the endpoint to this release.

    Deployment guardrails are for endpoints on instances; SageMaker updates a serverless one blue/green with
    nothing to configure. The update keeps the instance count that autoscaling has set.
    """
    request: dict[str, Any] = {
        "EndpointName": release.endpoint_name,
        "EndpointConfigName": create_config(release).arguments["EndpointConfigName"],
    }
    if isinstance(release.hosting, Instances):
        request |= {
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
            "DeploymentConfig": _deployment(rollout, alarm_names(release.endpoint_name, rollout)),
        }
    return Call("sagemaker", "UpdateEndpoint", request, "if the endpoint serves another release")


def plan(release: Release, rollout: Rollout) -> list[Call]:
    """Return all calls that can be part of the release, in order; existing resources are not created again."""
    return [
        create_model(release),
        create_config(release),
        *alarm_calls(release.endpoint_name, rollout, [endpoint_tag(release.endpoint_name)]),
        create_endpoint(release),
        update_endpoint(release, rollout),
        *scaling(release),
    ]


def scaling(release: Release) -> Iterable[Call]:
    """Return the calls that set up autoscaling; a serverless endpoint needs none."""
    hosting = release.hosting
    return autoscaling_calls(release.endpoint_name, hosting) if isinstance(hosting, Instances) else []


def _name(release: Release, request: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8]
    return f"{name_prefix(release.endpoint_name)}-{release.version}-{digest}"


def _capture(destination: str, percent: int) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": destination,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }


def _deployment(rollout: Rollout, alarms: tuple[str, ...]) -> dict[str, Any]:
    # Required for every type, and sagemaker-core omits a number that is 0.
    routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": max(1, rollout.bake_s)}
    if rollout.canary_percent is not None:
        size = {"Type": "CAPACITY_PERCENT", "Value": rollout.canary_percent}
        routing |= {"Type": "CANARY", "CanarySize": size}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": rollout.bake_s,
            "MaximumExecutionTimeoutInSeconds": 1800 + 2 * rollout.bake_s,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
    }
