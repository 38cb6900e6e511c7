"""The IAM action that each AWS operation of the doctor needs.

A test holds this table to the operations that the code calls, and the policy in docs/first-deploy.md to this table.
The names are those of AWS's Service Authorization Reference; of S3's operation the action is called otherwise.
"""

from collections.abc import Mapping
from typing import Final

NEEDS_NONE: Final = frozenset({"GetCallerIdentity"})
"""AWS STS API Reference, GetCallerIdentity: no permissions are required to perform this operation."""

ACTIONS: Final[Mapping[str, str]] = {
    "DescribeStacks": "cloudformation:DescribeStacks",
    "ListStackResources": "cloudformation:ListStackResources",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
    "GetMetricStatistics": "cloudwatch:GetMetricStatistics",
    "DescribeTable": "dynamodb:DescribeTable",
    "DescribeRule": "events:DescribeRule",
    "ListTargetsByRule": "events:ListTargetsByRule",
    "GetAccountSettings": "lambda:GetAccountSettings",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "DescribeEndpoint": "sagemaker:DescribeEndpoint",
    "InvokeEndpoint": "sagemaker:InvokeEndpoint",
    "ListEndpoints": "sagemaker:ListEndpoints",
    "GetAWSDefaultServiceQuota": "servicequotas:GetAWSDefaultServiceQuota",
    "GetServiceQuota": "servicequotas:GetServiceQuota",
    "ListSubscriptionsByTopic": "sns:ListSubscriptionsByTopic",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "GetParameter": "ssm:GetParameter",
}
