"""All permissions in the template: those in this table, and no others.

Two evaluators of policies are held to it: MiniStack's (`test_who_may`) and iam-simulate (`tests/judges`). Every action
that the template names, and those that an intruder would want, is put to every role on every resource of the stack and
on some of its neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tests.static.policies import ACCOUNT, KEY, REGION, grants

PLACE = f"{REGION}:{ACCOUNT}"
# Requests that a policy on attributes tells apart, and the keys that DynamoDB lets them carry.
_WRITTEN = ["image_key", "etag", "state_shard", "state_since", "finished_at", "decision", "decisions"]
_QUEUE = ["image_key", "etag", "state_shard", "state_since", "execution", "version_id", "size", "lease_until"]
REQUESTS: dict[str, dict[str, dict[str, str | list[str]]]] = {
    "of ImageClaims": {
        "a decision": {
            "dynamodb:Attributes": [*_WRITTEN, "lease_by", "lease_until"],
            "dynamodb:ReturnValues": "NONE",
        },
        "a decision that returns all": {
            "dynamodb:Attributes": _WRITTEN,
            "dynamodb:ReturnValues": "ALL_OLD",
        },
        "a lease for several images": {
            "dynamodb:Attributes": [
                *("image_key", "etag", "state_shard", "lease_by", "lease_until", "one_by_one"),
                *("second_not", "decisions", "second_looks"),
            ],
            "dynamodb:ReturnValues": "NONE",
        },
        **{
            name: {"dynamodb:Attributes": ["image_key", "etag", name], "dynamodb:ReturnValues": "NONE"}
            for name in ("outcome", "draw", "draw_shard", "draw_at", "expires_at")
        },
        "the decision and the verdict": {
            "dynamodb:Attributes": [*_WRITTEN, "outcome", "label", "confidence"],
            "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
        },
        "the execution": {
            "dynamodb:Attributes": ["image_key", "etag", "execution"],
            "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
        },
        "all attributes": {
            "dynamodb:Attributes": ["image_key", "etag"],
            "dynamodb:Select": "ALL_ATTRIBUTES",
        },
    },
    "of ImageClaims/index/by_state": {
        "the queue": {"dynamodb:Attributes": _QUEUE, "dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        "a count": {"dynamodb:Attributes": ["state_shard"], "dynamodb:Select": "COUNT"},
        "the labels": {
            "dynamodb:Attributes": [*_QUEUE, "label"],
            "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
        },
        "all that is projected": {
            "dynamodb:Attributes": ["state_shard"],
            "dynamodb:Select": "ALL_PROJECTED_ATTRIBUTES",
        },
    },
}
# Names of this table: the ARN, and the condition keys that the request carries beside it; a list where AWS has a set.
RESOURCES: dict[str, tuple[str, dict[str, str | list[str]]]] = {
    **{name: (f"arn:aws:s3:::{name}", {}) for name in ("ImageBucket", "ResultsBucket", "OtherBucket")},
    **{
        f"{name} below incoming/": (f"arn:aws:s3:::{name}", {"s3:prefix": "incoming/"})
        for name in ("ImageBucket", "OtherBucket")
    },
    **{
        f"{name} below a/": (f"arn:aws:s3:::{name}", {"s3:prefix": "a/"})
        for name in ("ImageBucket", "ResultsBucket")
    },
    **{
        f"{bucket}/{prefix}": (f"arn:aws:s3:::{bucket}/{prefix}/a/b.jpg", {})
        for bucket, prefix in [
            *itertools.product(["ImageBucket", "OtherBucket"], ["incoming", "elsewhere"]),
            ("ImageBucket", "incoming/scones-verify"),
            ("ImageBucket", "incoming/deep/scones-verify"),
            *itertools.product(
                ["ResultsBucket"],
                ["passed", "review", "reviewed", "reviewed/gone", "rejected", "failed", "labels"],
            ),
            *itertools.product(["ResultsBucket"], ["backfill", "inventory", "incoming", "elsewhere"]),
        ]
    },
    **{
        name: (f"arn:aws:dynamodb:{PLACE}:table/{name}", {})
        for name in (
            "ImageClaims",
            "ImageClaims/index/by_state",
            "ImageClaims/index/by_draw",
            "ImageClaims/index/other",
            "OtherTable",
        )
    },
    **{
        f"{what} {of}": (f"arn:aws:dynamodb:{PLACE}:table/{of.removeprefix('of ')}", context)
        for of, requests in REQUESTS.items()
        for what, context in requests.items()
    },
    **{name: (f"arn:aws:sqs:{PLACE}:{name}", {}) for name in ("FailedImages", "HeldImages", "OtherQueue")},
    **{name: (f"arn:aws:sns:{PLACE}:{name}", {}) for name in ("ReviewTopic", "AlertTopic", "OtherTopic")},
    **{
        name: (f"arn:aws:lambda:{PLACE}:function:{name}", {})
        for name in ("Serialize", "Classify", "Filter", "Sweep", "Breaker", "OtherFunction")
    },
    # Lambda, other than Step Functions, asks for permission on the version itself.
    **{
        f"version {name}:7": (f"arn:aws:lambda:{PLACE}:function:{name}:7", {})
        for name in ("Serialize", "Classify", "Filter", "Sweep", "OtherFunction")
    },
    **{
        f"{name} logs": (f"arn:aws:logs:{PLACE}:log-group:{name}Logs:log-stream:1", {})
        for name in ("Serialize", "Classify", "Filter", "Sweep", "Breaker", "Workflow", "Other")
    },
    **{
        f"{kind} {name}": (f"arn:aws:states:{PLACE}:{kind}:{name}{one}", {})
        for name in ("ClassifyImage", "ClassifyImageExpress", "Backfill", "RecordDecision", "OtherMachine")
        for kind, one in [("stateMachine", ""), ("execution", ":1"), ("mapRun", "/listing:1")]
    },
    # Step Functions asks for permission on the workflow, and has the alias or version in a condition key.
    **{
        f"alias {name}:{alias}": (
            f"arn:aws:states:{PLACE}:stateMachine:{name}",
            {"states:StateMachineQualifier": [alias]},
        )
        for name, alias in [("ClassifyImage", "live"), ("ClassifyImage", "1"), ("OtherMachine", "live")]
    },
    "probe of ClassifyImage": (f"arn:aws:states:{PLACE}:execution:ClassifyImage:probe-1", {}),
    "children Backfill": (f"arn:aws:states:{PLACE}:execution:Backfill/listing:1", {}),
    "CertificateCheck": (f"arn:aws:ssm:{PLACE}:parameter/CertificateCheck", {}),
    "PauseState": (f"arn:aws:ssm:{PLACE}:parameter/PauseState", {}),
    **{
        f"rule {name}": (f"arn:aws:events:{PLACE}:rule/{name}", {})
        for name in ("ImageDropped", "ImageHeld", "SweepSchedule", "other")
    },
    "LiveThreshold": (f"arn:aws:ssm:{PLACE}:parameter/LiveThreshold", {}),
    "AuditSecret": (f"arn:aws:secretsmanager:{PLACE}:secret:AuditSecret", {}),
    "other secret": (f"arn:aws:secretsmanager:{PLACE}:secret:other", {}),
    "other parameter": (f"arn:aws:ssm:{PLACE}:parameter/other", {}),
    "EndpointName": (f"arn:aws:sagemaker:{PLACE}:endpoint/EndpointName", {}),
    "other-endpoint": (f"arn:aws:sagemaker:{PLACE}:endpoint/other-endpoint", {}),
    "a configuration": (f"arn:aws:sagemaker:{PLACE}:endpoint-config/one", {}),
    "a role": (f"arn:aws:iam::{ACCOUNT}:role/SerializeRole", {}),
    "the stack": (f"arn:aws:cloudformation:{PLACE}:stack/AWS::StackName/1", {}),
    "another stack": (f"arn:aws:cloudformation:{PLACE}:stack/other/1", {}),
    "KmsKeyArn": (KEY, {}),
    "another key": (f"arn:aws:kms:{PLACE}:key/another", {}),
    "*": ("*", {}),
}
WANTED_BY_INTRUDERS = [
    "iam:PassRole", "iam:PutRolePolicy", "iam:CreateAccessKey", "sts:AssumeRole", "cloudformation:UpdateStack",
    "s3:DeleteObjectVersion", "s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration",
    "s3:PutObjectAcl", "s3:ListAllMyBuckets", "dynamodb:Scan", "dynamodb:DeleteItem", "dynamodb:DeleteTable",
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue", "sns:Subscribe", "sns:SetTopicAttributes",
    "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:GetFunction",
    "states:UpdateStateMachine", "states:GetExecutionHistory", "states:ListExecutions",
    "sagemaker:UpdateEndpoint", "sagemaker:DeleteEndpoint", "sagemaker:CreateModel", "logs:GetLogEvents",
    "logs:DeleteLogGroup", "logs:CreateLogGroup", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion",
    "ssm:PutParameter", "ec2:RunInstances",
]  # fmt: skip
UPLOADERS, REVIEWERS = "UploaderPolicy", "ReviewerPolicy"
WORKFLOW, BACKFILL = "ClassifyImageRole", "BackfillRole"
SERIALIZE, CLASSIFY, FILTER, SWEEP = "SerializeRole", "ClassifyRole", "FilterRole", "SweepRole"
RULE, RECORD, BREAKER = "ImageDroppedRole", "RecordDecisionRole", "BreakerRole"
FUNCTIONS, WORKFLOWS = {SERIALIZE, CLASSIFY, FILTER, SWEEP, BREAKER}, {WORKFLOW, BACKFILL, RECORD}
OUTCOMES = ["passed", "review", "rejected", "failed"]
REVIEWABLE = {"passed", "review"}
BY_REVIEWERS = {"a decision", "a lease for several images"}

WHO_MAY: dict[tuple[str, str], set[str]] = {
    # The images
    ("s3:PutObject", "ImageBucket/incoming"): {UPLOADERS},
    ("s3:AbortMultipartUpload", "ImageBucket/incoming"): {UPLOADERS},
    # Who puts images there avoids the audit: only `scones verify` does, with its user's own permissions.
    ("s3:AbortMultipartUpload", "ImageBucket/incoming/scones-verify"): {UPLOADERS},
    ("s3:GetObject", "ImageBucket/incoming/scones-verify"): {SERIALIZE, REVIEWERS},
    ("s3:GetObjectVersion", "ImageBucket/incoming/scones-verify"): {SERIALIZE, REVIEWERS},
    ("s3:AbortMultipartUpload", "ImageBucket/incoming/deep/scones-verify"): {UPLOADERS},
    ("s3:GetObject", "ImageBucket/incoming/deep/scones-verify"): {SERIALIZE, REVIEWERS},
    ("s3:GetObjectVersion", "ImageBucket/incoming/deep/scones-verify"): {SERIALIZE, REVIEWERS},
    ("s3:GetObject", "ImageBucket/incoming"): {SERIALIZE, REVIEWERS},
    ("s3:GetObjectVersion", "ImageBucket/incoming"): {SERIALIZE, REVIEWERS},
    ("s3:ListBucket", "ImageBucket"): {SERIALIZE, REVIEWERS},
    ("s3:ListBucket", "ImageBucket below a/"): {SERIALIZE, REVIEWERS},
    ("s3:ListBucket", "ImageBucket below incoming/"): {SERIALIZE, REVIEWERS, BACKFILL},
    ("s3:ListBucketVersions", "ImageBucket"): {SERIALIZE, REVIEWERS},
    ("s3:ListBucketVersions", "ImageBucket below a/"): {SERIALIZE, REVIEWERS},
    ("s3:ListBucketVersions", "ImageBucket below incoming/"): {SERIALIZE, REVIEWERS, SWEEP},
    # The verdict
    ("sagemaker:InvokeEndpoint", "EndpointName"): {CLASSIFY},
    ("ssm:GetParameter", "LiveThreshold"): {FILTER, SWEEP},
    ("ssm:PutParameter", "LiveThreshold"): {SWEEP},
    ("ssm:GetParameter", "CertificateCheck"): {FILTER},
    ("ssm:PutParameter", "CertificateCheck"): {SWEEP},
    ("sagemaker:DescribeEndpoint", "EndpointName"): {SWEEP},
    ("sagemaker:DescribeEndpointConfig", "a configuration"): {SWEEP},
    ("secretsmanager:GetSecretValue", "AuditSecret"): {FILTER},
    **{("lambda:InvokeFunction", name): {WORKFLOW} for name in ("Serialize", "Classify", "Filter")},
    **{("lambda:InvokeFunction", f"version {name}:7"): {WORKFLOW} for name in ("Serialize", "Classify", "Filter")},
    **{
        (f"s3:{call}", f"ResultsBucket/{outcome}"): {WORKFLOW, RECORD} if outcome in REVIEWABLE else {WORKFLOW}
        for call in ("PutObject", "DeleteObject")
        for outcome in OUTCOMES
    },
    # The decisions of people
    **{("s3:GetObject", f"ResultsBucket/{outcome}"): {RECORD} for outcome in REVIEWABLE},
    **{(f"s3:{call}", "ResultsBucket/reviewed"): {RECORD} for call in ("GetObject", "PutObject", "DeleteObject")},
    **{(f"s3:{call}", "ResultsBucket/reviewed/gone"): {RECORD} for call in ("GetObject", "PutObject")},
    ("s3:DeleteObject", "ResultsBucket/reviewed/gone"): {RECORD, WORKFLOW},
    ("s3:PutObject", "ResultsBucket/labels"): {RECORD},
    **{("s3:ListBucket", f"ResultsBucket{below}"): {RECORD} for below in ("", " below a/")},
    # The claims
    ("dynamodb:UpdateItem", "ImageClaims"): {WORKFLOW, SWEEP, RECORD},
    **{(f"dynamodb:{call}", "ImageClaims"): {SWEEP} for call in ("GetItem", "BatchGetItem", "PutItem")},
    ("dynamodb:Query", "ImageClaims/index/by_state"): {SWEEP},
    ("dynamodb:Query", "ImageClaims/index/by_draw"): {SWEEP},
    **{
        (f"dynamodb:{call}", f"{what} of ImageClaims"): roles
        for what in REQUESTS["of ImageClaims"]
        for call, roles in (
            ("UpdateItem", {WORKFLOW, SWEEP, RECORD} | ({REVIEWERS} if what in BY_REVIEWERS else set())),
            ("GetItem", {SWEEP} | ({REVIEWERS} if what == "the decision and the verdict" else set())),
            ("BatchGetItem", {SWEEP}),
            ("PutItem", {SWEEP}),
        )
    },
    **{
        ("dynamodb:Query", f"{what} of ImageClaims/index/by_state"):
            {SWEEP} | ({REVIEWERS} if what in {"the queue", "a count"} else set())
        for what in REQUESTS["of ImageClaims/index/by_state"]
    },
    # Finding the names of a stack
    ("cloudformation:DescribeStacks", "the stack"): {REVIEWERS},
    # Starting and watching
    ("states:StartExecution", "alias ClassifyImage:live"): {RULE, SWEEP, BREAKER},
    # Holding images back
    ("ssm:GetParameter", "PauseState"): {BREAKER, SWEEP, CLASSIFY},
    ("sqs:SendMessage", "HeldImages"): {WORKFLOW},
    ("ssm:PutParameter", "PauseState"): {BREAKER},
    ("states:DescribeExecution", "probe of ClassifyImage"): {BREAKER, SWEEP},
    **{
        (f"events:{call}Rule", f"rule {name}"): {BREAKER}
        for call in ("Describe", "Enable", "Disable")
        for name in ("ImageDropped", "ImageHeld")
    },
    **{(f"sqs:{call}Message", "HeldImages"): {BREAKER} for call in ("Receive", "Delete")},
    ("states:DescribeExecution", "execution ClassifyImage"): {SWEEP},
    ("states:StartExecution", "stateMachine RecordDecision"): {SWEEP, REVIEWERS},
    ("states:StartSyncExecution", "stateMachine ClassifyImageExpress"): {BACKFILL},
    ("states:StartExecution", "stateMachine Backfill"): {BACKFILL},
    ("states:DescribeExecution", "children Backfill"): {BACKFILL},
    ("states:StopExecution", "children Backfill"): {BACKFILL},
    ("states:ListMapRuns", "execution Backfill"): {BACKFILL},
    ("states:DescribeMapRun", "mapRun Backfill"): {BACKFILL},
    # The backfill's own files
    ("s3:GetObject", "ResultsBucket/inventory"): {BACKFILL},
    **{
        (f"s3:{call}", "ResultsBucket/backfill"): {BACKFILL}
        for call in ("PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload")
    },
    # Telling people
    ("sns:Publish", "ReviewTopic"): {WORKFLOW},
    ("sns:Publish", "AlertTopic"): {WORKFLOW, SWEEP, RECORD, BREAKER},
    ("sqs:SendMessage", "FailedImages"): {SWEEP, BREAKER},
    # The key
    ("kms:Decrypt", "KmsKeyArn"): {
        UPLOADERS, REVIEWERS, WORKFLOW, BACKFILL, RECORD, SERIALIZE, FILTER, SWEEP, BREAKER,
    },
    ("kms:GenerateDataKey", "KmsKeyArn"): {UPLOADERS, WORKFLOW, BACKFILL, RECORD, SWEEP, BREAKER},
    # Logs and traces
    **{
        (f"logs:{call}", f"{role.removesuffix('Role')} logs"): {role}
        for call in ("CreateLogStream", "PutLogEvents")
        for role in FUNCTIONS
    },
}  # fmt: skip
# AWS knows no resource for these: the template's list and X-Ray's are held by `test_security_page`.
WITHOUT_RESOURCE = {grant.action for grant in grants() if grant.resource == "*"}


def questions() -> Iterator[tuple[str, str]]:
    """Yield every action and resource that every role is asked about."""
    actions = {grant.action for grant in grants()} | set(WANTED_BY_INTRUDERS)
    return itertools.product(sorted(actions - WITHOUT_RESOURCE), RESOURCES)


def expected(role: str) -> set[tuple[str, str]]:
    """Return the actions and resources that the table allows a role."""
    return {call for call, roles in WHO_MAY.items() if role in roles}
