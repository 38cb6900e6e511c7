"""Target-tracking autoscaling of an endpoint on instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from training.aws import Call
from training.release.model_release import VARIANT

if TYPE_CHECKING:
    import boto3

    from training.release.model_release import Instances

SERVICE: Final = "application-autoscaling"
SAFETY_FACTOR = 0.5  # the initial value in AWS's guide to load testing a variant
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_SCALE_OUT_COOLDOWN_S = 60
_SCALE_IN_COOLDOWN_S = 300


def target_invocations(max_rps: float) -> float:
    """Return the target of SageMakerVariantInvocationsPerInstance, which counts per minute.

    AWS documents it as the requests per second that one instance sustains, times a safety factor, times 60.
    """
    return max_rps * SAFETY_FACTOR * 60


def autoscaling_calls(endpoint_name: str, hosting: Instances) -> list[Call]:
    """Return the calls that register the variant and put its policy; both replace existing ones."""
    return [
        Call(
            SERVICE,
            "RegisterScalableTarget",
            {**_variant(endpoint_name), "MinCapacity": hosting.minimum, "MaxCapacity": hosting.maximum},
        ),
        Call(
            SERVICE,
            "PutScalingPolicy",
            {
                "PolicyName": f"{endpoint_name}-invocations",
                **_variant(endpoint_name),
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": target_invocations(hosting.max_rps),
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                    },
                    "ScaleOutCooldown": _SCALE_OUT_COOLDOWN_S,
                    "ScaleInCooldown": _SCALE_IN_COOLDOWN_S,
                },
            },
        ),
    ]


def removal_calls(session: boto3.Session, endpoint_name: str) -> list[Call]:
    """Return the calls that remove policy and target, which are found by the endpoint's name instead of a tag."""
    client = session.client(SERVICE)
    variant = _variant(endpoint_name)
    policies = client.describe_scaling_policies(**variant)["ScalingPolicies"]
    targets = client.describe_scalable_targets(
        ServiceNamespace=variant["ServiceNamespace"], ResourceIds=[variant["ResourceId"]]
    )["ScalableTargets"]
    return [
        *(Call(SERVICE, "DeleteScalingPolicy", {"PolicyName": p["PolicyName"], **variant}) for p in policies),
        *(Call(SERVICE, "DeregisterScalableTarget", variant) for _ in targets),
    ]


def _variant(endpoint_name: str) -> dict[str, Any]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint_name}/variant/{VARIANT}",
        "ScalableDimension": _DIMENSION,
    }
