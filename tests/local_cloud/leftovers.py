"""The resources in a local cloud, by kind."""

from tests.local_cloud.cloud import LocalCloud

OF_THE_CLOUD = {"scones-local-artifacts", "scones-sample-images"}
"""Buckets that `scones up` creates itself, for SAM's packages and for `sam local`."""


def everything(cloud: LocalCloud) -> dict[str, list[str]]:
    """Return the names of existing resources, for each kind that a stack creates."""

    def names(service: str, operation: str, part: str, name: str) -> list[str]:
        pages = cloud.client(service).get_paginator(operation).paginate()
        return [item[name] for page in pages for item in page.get(part, [])]

    buckets = {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}
    return {
        "stacks": names("cloudformation", "describe_stacks", "Stacks", "StackName"),
        "buckets": sorted(buckets - OF_THE_CLOUD),
        "tables": cloud.client("dynamodb").list_tables()["TableNames"],
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "topics": names("sns", "list_topics", "Topics", "TopicArn"),
        "rules": names("events", "list_rules", "Rules", "Name"),
        "functions": names("lambda", "list_functions", "Functions", "FunctionArn"),
        "workflows": names("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
        "log groups": names("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "alarms": names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "roles": names("iam", "list_roles", "Roles", "RoleName"),
        "policies": [
            policy["PolicyName"] for policy in cloud.client("iam").list_policies(Scope="Local")["Policies"]
        ],
    }
