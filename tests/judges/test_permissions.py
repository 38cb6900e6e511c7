"""iam-simulate decides about every role, and about the services that resources' policies let in.

The table of `tests.static.who_may` is held to MiniStack's evaluator by `test_who_may`; here it is held to an
implementation of IAM that knows each action's resources and the type of each condition key.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from scones.local.ministack.condition_keys import MULTIVALUED
from scones.local.ministack.permissions import as_eventbridge_sees_it
from tests.judges.node import needs_node, run_script
from tests.static.key import key_policy
from tests.static.policies import (
    ACCOUNT,
    KEY,
    REGION,
    as_list,
    documents_of_resources,
    documents_of_roles,
)
from tests.static.who_may import RESOURCES, expected, questions

pytestmark = [pytest.mark.judge, needs_node]

PLACE = f"{REGION}:{ACCOUNT}"
EVENTS, CLOUDWATCH, S3 = "events.amazonaws.com", "cloudwatch.amazonaws.com", "s3.amazonaws.com"
RULE = f"arn:aws:events:{PLACE}:rule"
# A metric belongs to no resource; since OpenTelemetry's metrics came, those of a data set do.
WITHOUT_RESOURCE = {"cloudwatch:PutMetricData"}
NAMESPACE = {"cloudwatch:namespace": "Scones/AWS::StackName"}

type Context = dict[str, str | list[str]]
type Decisions = dict[tuple[str, str, str], str]


class FromService(NamedTuple):
    """A request by an AWS service, and whether the resource's policy allows it."""

    service: str
    action: str
    resource: str
    source: str
    allowed: bool
    account: str = ACCOUNT


FROM_SERVICES = [
    FromService(EVENTS, "sqs:SendMessage", "FailedImages", f"{RULE}/ImageDropped", allowed=True),
    FromService(EVENTS, "sqs:SendMessage", "FailedImages", f"{RULE}/ExecutionDied", allowed=True),
    FromService(EVENTS, "sqs:SendMessage", "FailedImages", f"{RULE}/ImageHeld", allowed=True),
    FromService(EVENTS, "sqs:SendMessage", "FailedImages", f"{RULE}/another", allowed=False),
    FromService(EVENTS, "sqs:SendMessage", "HeldImages", f"{RULE}/ImageHeld", allowed=True),
    FromService(EVENTS, "sqs:SendMessage", "HeldImages", f"{RULE}/ImageDropped", allowed=False),
    FromService(EVENTS, "sqs:ReceiveMessage", "HeldImages", f"{RULE}/ImageHeld", allowed=False),
    FromService(EVENTS, "sqs:ReceiveMessage", "FailedImages", f"{RULE}/ImageDropped", allowed=False),
    FromService(CLOUDWATCH, "sqs:SendMessage", "FailedImages", f"{RULE}/ImageDropped", allowed=False),
    FromService(EVENTS, "sns:Publish", "AlertTopic", f"{RULE}/ExecutionDied", allowed=True),
    FromService(EVENTS, "sns:Publish", "ReviewTopic", f"{RULE}/ExecutionDied", allowed=False),
    FromService(EVENTS, "sns:Subscribe", "AlertTopic", f"{RULE}/ExecutionDied", allowed=False),
    FromService(CLOUDWATCH, "sns:Publish", "AlertTopic", f"arn:aws:cloudwatch:{PLACE}:alarm:a", allowed=True),
    FromService(
        CLOUDWATCH,
        "sns:Publish",
        "AlertTopic",
        f"arn:aws:cloudwatch:{REGION}:999999999999:alarm:a",
        allowed=False,
        account="999999999999",
    ),
    FromService(S3, "sns:Publish", "AlertTopic", "arn:aws:s3:::ImageBucket", allowed=False),
    FromService(S3, "s3:PutObject", "ResultsBucket/inventory", "arn:aws:s3:::ImageBucket", allowed=True),
    FromService(S3, "s3:PutObject", "ResultsBucket/inventory", "arn:aws:s3:::OtherBucket", allowed=False),
    FromService(
        S3,
        "s3:PutObject",
        "ResultsBucket/inventory",
        "arn:aws:s3:::ImageBucket",
        allowed=False,
        account="999999999999",
    ),
    FromService(S3, "s3:PutObject", "ResultsBucket/passed", "arn:aws:s3:::ImageBucket", allowed=False),
    FromService(S3, "s3:GetObject", "ResultsBucket/inventory", "arn:aws:s3:::ImageBucket", allowed=False),
    FromService(S3, "s3:PutObject", "ImageBucket/incoming", "arn:aws:s3:::ImageBucket", allowed=False),
    FromService(EVENTS, "kms:GenerateDataKey", "KmsKeyArn", f"{RULE}/ImageDropped", allowed=True),
    FromService(CLOUDWATCH, "kms:Decrypt", "KmsKeyArn", f"arn:aws:cloudwatch:{PLACE}:alarm:a", allowed=True),
    FromService(EVENTS, "kms:ScheduleKeyDeletion", "KmsKeyArn", f"{RULE}/ImageDropped", allowed=False),
]


@pytest.fixture(scope="module")
def decisions() -> Decisions:
    """What iam-simulate decides for each role, action and resource of the table, over TLS."""
    asked = [
        (role, action, resource)
        for role in documents_of_roles()
        for action, resource in questions()
        if RESOURCES[resource][0].split(":")[2:3] in ([], [action.split(":")[0]])
    ]
    answers, _ = decide(of_role(*question) for question in asked)
    return dict(zip(asked, answers, strict=True))


@pytest.mark.parametrize("role", documents_of_roles())
def test_a_role_may_do_what_the_table_says_and_nothing_else(decisions: Decisions, role: str) -> None:
    allowed = {
        question[1:] for question, answer in decisions.items() if answer == "Allowed" and question[0] == role
    }
    assert allowed == expected(role)


def test_most_questions_are_requests_that_aws_knows(decisions: Decisions) -> None:
    known = [answer for answer in decisions.values() if not answer.startswith("no such request")]
    assert len(known) > 1000


EFFECTS = {"Allow": "Allowed", "Deny": "ExplicitlyDenied"}
"""What the simulator answers where a statement decides."""


@pytest.mark.parametrize("role", documents_of_roles())
def test_every_statement_lets_its_role_do_something(decisions: Decisions, role: str) -> None:
    """A statement on a resource that its action does not have, or under a condition that never holds, is a mistake."""
    useful = [
        (answer, action, RESOURCES[resource][0])
        for (asked, action, resource), answer in decisions.items()
        if asked == role
    ]
    useless = [
        (statement["Sid"], action, pattern)
        for statement in documents_of_roles()[role]["Statement"]
        for action in as_list(statement["Action"])
        for pattern in as_list(statement["Resource"])
        if pattern != "*"
        and not any(
            (answer, of) == (EFFECTS[statement["Effect"]], action) and fnmatch.fnmatchcase(arn, pattern)
            for answer, of, arn in useful
        )
    ]
    assert useless == []


def test_what_is_granted_on_every_resource_is_so_because_aws_has_none() -> None:
    asked = [
        (role, action)
        for role, document in documents_of_roles().items()
        for statement in document["Statement"]
        if "*" in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    ]
    assert asked
    answers, _ = decide(of_role(role, action, "*", **NAMESPACE) for role, action in asked)
    assert {
        question: answer for question, answer in zip(asked, answers, strict=True) if answer != "Allowed"
    } == {}


def test_metrics_are_written_to_the_namespace_of_the_stack_only() -> None:
    question = of_role(
        "ClassifyImageRole", "cloudwatch:PutMetricData", "*", **{"cloudwatch:namespace": "Other"}
    )
    assert decide([question])[0] == ["ImplicitlyDenied"]


def test_buckets_queues_and_topics_refuse_connections_in_the_clear() -> None:
    protected = documents_of_resources()
    asked = [
        (role, action, resource)
        for role in documents_of_roles()
        for action, resource in sorted(expected(role))
        if policy_of(RESOURCES[resource][0]) in protected
    ]
    assert {policy_of(RESOURCES[resource][0]) for _, _, resource in asked} >= set(protected)
    answers, _ = decide(of_role(*question, **{"aws:SecureTransport": "false"}) for question in asked)
    assert set(answers) == {"ExplicitlyDenied"}


@pytest.mark.parametrize("request_", FROM_SERVICES, ids=lambda one: "-".join(map(str, one)))
def test_a_service_may_do_what_the_policy_of_the_resource_says(request_: FromService) -> None:
    (answer,) = decide_for_services()[request_]
    assert (answer == "Allowed") is request_.allowed, answer


def test_the_emulator_takes_the_same_condition_keys_for_sets() -> None:
    """Which keys are `ArrayOf...` in the Service Authorization Reference, as iam-data has it."""
    documents = [*documents_of_roles().values(), *documents_of_resources().values(), key_policy()]
    keys = {
        key
        for document in documents
        for statement in document["Statement"]
        for operands in statement.get("Condition", {}).values()
        for key in operands
    }
    assert "states:StateMachineQualifier" in keys
    _, sets = decide([], sorted(keys))
    assert {key.lower() for key in sets} == {key.lower() for key in keys} & MULTIVALUED


def of_role(role: str, action: str, resource: str, **context: str) -> dict[str, Any]:
    arn, carried = RESOURCES[resource]
    return {
        "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/test",
        "policy": role,
        "action": action,
        "resource": arn,
        "policyOf": policy_of(arn),
        "account": ACCOUNT,
        "context": {"aws:SecureTransport": "true"} | carried | context,
    }


def decide_for_services() -> dict[FromService, list[str]]:
    questions_ = []
    for request in FROM_SERVICES:
        arn = RESOURCES[request.resource][0]
        # EventBridge supports no conditions in topics' policies: see `topic_policies`.
        blind = (request.service, request.action.split(":")[0]) == (EVENTS, "sns")
        questions_.append(
            {
                "principal": request.service,
                "policy": None,
                "action": request.action,
                "resource": arn,
                "policyOf": f"{policy_of(arn)}, to EventBridge" if blind else policy_of(arn),
                "account": ACCOUNT,
                "context": {
                    "aws:SecureTransport": "true",
                    "aws:SourceArn": request.source,
                    "aws:SourceAccount": request.account,
                    "s3:x-amz-acl": "bucket-owner-full-control",
                },
            }
        )
    answers, _ = decide(questions_)
    return {request: [answer] for request, answer in zip(FROM_SERVICES, answers, strict=True)}


def policy_of(arn: str) -> str | None:
    """Return the ARN, among those with a policy, that the policy on a resource belongs to."""
    owner = arn.partition("/")[0] if arn.startswith("arn:aws:s3:::") else arn
    return owner if owner in {KEY, *documents_of_resources()} else None


def decide(questions_: Iterable[dict[str, Any]], keys: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    policies = documents_of_resources()
    topics = {arn: as_eventbridge_sees_it(policy) for arn, policy in policies.items() if ":sns:" in arn}
    seen = {
        f"{arn}, to EventBridge": policy for arn, policy in topics.items() if policy and policy["Statement"]
    }
    document = {
        "policies": documents_of_roles(),
        "resourcePolicies": policies | seen | {KEY: key_policy()},
        "questions": list(questions_),
        "keys": list(keys),
        "withoutResource": sorted(WITHOUT_RESOURCE),
    }
    found = run_script("iam_simulate.cjs", document)
    return found["answers"], found["sets"]
