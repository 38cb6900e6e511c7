"""`scones verify` with IAM enforced: it passes a stack that works, as a user who has what the page lists and no more,
and fails one in which something is broken. Whatever it finds, it leaves nothing behind."""

import json
from collections.abc import Callable

import boto3
import pytest
from click.testing import CliRunner, Result

from scones.cli import main
from tests.integration.permissions.deployed import GuardedStack
from tests.integration.permissions.people import OPERATOR
from tests.local_cloud.cloud import LocalCloud
from tests.static.policies import ACCOUNT, REGION, grants
from tests.static.verify_permissions import policy

pytestmark = pytest.mark.local_cloud
type Verify = Callable[..., Result]


@pytest.fixture(scope="module")
def stack(guarded: LocalCloud) -> GuardedStack:
    return GuardedStack(guarded)


@pytest.fixture
def verify(guarded: LocalCloud, stack: GuardedStack, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Run the command as a user with the permissions of docs/security.md, against the local cloud."""
    iam = guarded.client("iam")
    user = "verifier"
    if user not in {each["UserName"] for each in iam.list_users()["Users"]}:
        iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName=user, PolicyName="verify", PolicyDocument=json.dumps(policy(resource_arns(guarded, stack)))
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    monkeypatch.setattr("scones.connection._local_session", lambda _region: session)
    monkeypatch.setenv("SCONES_STATE_DIR", str(guarded.shell.state))

    def run(*options: str) -> Result:
        return CliRunner(mix_stderr=False).invoke(main, ["verify", "--json", *options])

    return run


def resource_arns(cloud: LocalCloud, stack: GuardedStack) -> dict[str, str]:
    """Return the ARN that each name of the page's table stands for."""
    names = ("SerializeLogs", "ClassifyLogs", "FilterLogs")
    place = f"{REGION}:{ACCOUNT}"
    logs = {name: f"arn:aws:logs:{place}:log-group:{stack.physical[name]}*" for name in names}
    workflow = cloud.outputs["WorkflowArn"]
    return logs | {
        "*": "*",
        "stack": f"arn:aws:cloudformation:{place}:stack/scones/*",
        "ClassifyImage": workflow,
        "states:execution:ClassifyImage:*": f"{workflow.replace(':stateMachine:', ':execution:')}:*",
        "ImageBucket": f"arn:aws:s3:::{stack.physical['ImageBucket']}",
        "ResultsBucket": f"arn:aws:s3:::{stack.physical['ResultsBucket']}",
        "ImageClaims": f"arn:aws:dynamodb:{place}:table/{stack.physical['ImageClaims']}",
        "ReviewTopic": cloud.outputs["ReviewTopicArn"],
        "AlertTopic": cloud.outputs["AlertTopicArn"],
        "sqs:scones-verify-*": f"arn:aws:sqs:{place}:scones-verify-*",
    }


def states(result: Result) -> dict[str, set[str]]:
    """Return the checks by their state."""
    found: dict[str, set[str]] = {"ok": set(), "failed": set(), "not checked": set()}
    for row in json.loads(result.stdout)["checks"]:
        found[row["state"]].add(row["check"])
    return found


def left_behind(cloud: LocalCloud) -> list[str]:
    """Return what is there of verifications: objects with all versions, claims, queues, subscriptions."""
    s3 = cloud.client("s3")
    buckets = (cloud.outputs["ImageBucketName"], cloud.outputs["ResultsBucketName"])
    found = [
        one["Key"]
        for bucket in buckets
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]
    scanned = cloud.client("dynamodb").scan(TableName=cloud.outputs["ClaimsTableName"])["Items"]
    found += [item["image_key"]["S"] for item in scanned]
    found += cloud.client("sqs").list_queues().get("QueueUrls", [])
    found += [each["Endpoint"] for each in cloud.client("sns").list_subscriptions()["Subscriptions"]]
    return [name for name in found if "scones-verify" in name]


def test_a_user_with_the_permissions_of_the_page_verifies_the_stack(
    guarded: LocalCloud, stack: GuardedStack, verify: Verify
) -> None:
    mark = stack.log_size
    result = verify("--failed", "--yes")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert f"email {OPERATOR[0]}***@" in result.stderr
    assert states(result)["not checked"] == {"trace id"}  # the local cloud has no X-Ray
    assert {"review message", "second start", "log lines", "metrics", "failed outcome", "alert"} <= states(
        result
    )["ok"]
    # The one refusal is the one that --failed wants.
    assert {one.action for one in stack.refused_since(mark)} == {"s3:GetObject"}
    assert {one.who for one in stack.refused_since(mark) if "Serialize" not in one.who} == set()
    assert left_behind(guarded) == []


def test_a_user_without_the_topics_still_judges_the_rest(
    guarded: LocalCloud, stack: GuardedStack, verify: Verify
) -> None:
    less = policy(resource_arns(guarded, stack))
    less["Statement"] = [one for one in less["Statement"] if "sqs:CreateQueue" not in one["Action"]]
    guarded.client("iam").put_user_policy(
        UserName="verifier", PolicyName="verify", PolicyDocument=json.dumps(less)
    )
    result = verify("--no-metrics")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert {"review message", "no alert", "no message twice"} <= states(result)["not checked"]
    assert left_behind(guarded) == []


def test_a_rule_that_is_off_fails_it(guarded: LocalCloud, verify: Verify) -> None:
    with guarded.rule_disabled():
        result = verify("--timeout", "3", "--no-metrics")
    assert result.exit_code == 1
    assert states(result)["failed"] == {"outcome"}
    assert left_behind(guarded) == []


def test_answers_of_the_endpoint_that_are_not_probabilities_fail_it(
    guarded: LocalCloud, verify: Verify
) -> None:
    broken = guarded.shell.run("chaos", "endpoint", "--kind", "garbage")
    assert broken.returncode == 0, broken.stderr
    try:
        result = verify("--no-metrics")
    finally:
        guarded.shell.run("chaos", "clear")
    assert result.exit_code == 1
    assert {"outcome", "no alert"} <= states(result)["failed"]
    details = [row["detail"] for row in json.loads(result.stdout)["checks"] if row["check"] == "outcome"]
    assert sum("failed, not passed or review" in detail for detail in details) == 3
    assert left_behind(guarded) == []


@pytest.mark.parametrize(
    ("grant", "failed"),
    [
        (("ClassifyImageRole", "sns:Publish", "ReviewTopic"), {"review message", "no alert"}),
        (("ImageDroppedRole", "states:StartExecution", "ClassifyImage"), {"outcome"}),
    ],
)
def test_a_permission_that_is_missing_fails_it(
    guarded: LocalCloud,
    stack: GuardedStack,
    verify: Verify,
    monkeypatch: pytest.MonkeyPatch,
    grant: tuple[str, str, str],
    failed: set[str],
) -> None:
    # For each of up to three images the command waits this long for a message that never comes.
    monkeypatch.setattr("scones.verify.messages.DELIVERY_S", 15)
    (taken,) = [one for one in grants() if (one.owner, one.action, one.resource) == grant]
    with stack.without(taken):
        result = verify("--timeout", "10", "--no-metrics")
    assert result.exit_code == 1, result.stdout
    assert failed <= states(result)["failed"]
    assert left_behind(guarded) == []


def test_another_user_may_not(guarded: LocalCloud, verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = guarded.client("iam")
    iam.create_user(UserName="bystander")
    key = iam.create_access_key(UserName="bystander")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    monkeypatch.setattr("scones.connection._local_session", lambda _region: session)
    result = verify()
    assert result.exit_code == 2
    assert "not allowed to call DescribeStacks" in result.stderr
