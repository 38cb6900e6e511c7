"""The two alarms that detect a bad release: too many server errors, and high latency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.aws import Call
from training.release.model_release import VARIANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3

    from training.release.model_release import Rollout

_SUFFIXES = ("server-errors", "latency")


def alarm_names(endpoint_name: str, rollout: Rollout) -> tuple[str, ...]:
    """Return the alarms that roll a release back: the user's, or the two created here."""
    return rollout.alarms or tuple(f"{endpoint_name}-{suffix}" for suffix in _SUFFIXES)


def alarm_calls(endpoint_name: str, rollout: Rollout, tags: list[dict[str, str]]) -> list[Call]:
    """Return the calls that create the two alarms; none if the user named alarms.

    Poison images are client errors and count as 4XX, which the alarms ignore. A minute without requests counts
    as good.
    """
    if rollout.alarms:
        return []
    errors, latency = alarm_names(endpoint_name, rollout)
    common: dict[str, Any] = {
        "Namespace": "AWS/SageMaker",
        "Dimensions": [
            {"Name": "EndpointName", "Value": endpoint_name},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        "Period": 60,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Tags": tags,
    }
    return [
        Call(
            "cloudwatch",
            "PutMetricAlarm",
            {
                "AlarmName": errors,
                "AlarmDescription": f"More than {rollout.max_error_rate:.0%} of a minute's requests failed",
                "MetricName": "Invocation5XXErrors",
                "Statistic": "Average",  # the metric is 1 or 0 per request, so its average is a rate
                "EvaluationPeriods": 1,
                "Threshold": rollout.max_error_rate,
                **common,
            },
        ),
        Call(
            "cloudwatch",
            "PutMetricAlarm",
            {
                "AlarmName": latency,
                "AlarmDescription": f"The model's 90th percentile exceeded {rollout.max_latency_ms} ms twice",
                "MetricName": "ModelLatency",
                "ExtendedStatistic": "p90",
                "EvaluationPeriods": 2,
                "Threshold": float(rollout.max_latency_ms * 1000),  # the metric is in microseconds
                **common,
            },
        ),
    ]


def ringing(session: boto3.Session, names: Sequence[str]) -> list[str]:
    """Return those of the alarms that are in ALARM."""
    return [name for name, state in _states(session, names).items() if state == "ALARM"]


def missing(session: boto3.Session, names: Sequence[str]) -> list[str]:
    """Return those of the alarms that do not exist."""
    states = _states(session, names)
    return [name for name in names if name not in states]


def _states(session: boto3.Session, names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}  # CloudWatch reads an empty list as all names
    answer = session.client("cloudwatch").describe_alarms(
        AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    found = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}


def removal_calls(session: boto3.Session, endpoint_name: str, tag: dict[str, str]) -> list[Call]:
    """Return the call that deletes the endpoint's alarms with the tag, if there are any."""
    client = session.client("cloudwatch")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{endpoint_name}-")
    ours = [
        alarm["AlarmName"]
        for page in pages
        for alarm in page["MetricAlarms"]
        if tag in client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    ]
    return [Call("cloudwatch", "DeleteAlarms", {"AlarmNames": ours})] if ours else []
