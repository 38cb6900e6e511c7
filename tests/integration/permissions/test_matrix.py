"""Each permission taken away in turn, while its stack runs: what needs it is refused, and nothing else is.

The list comes from the template, so a permission that nothing here needs fails until it is gone or has its reason.
"""

from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scones.decisions.reviewer import Reviewer
from tests.integration.permissions.deployed import GuardedStack
from tests.integration.permissions.probes import NO_IMAGE, SURE, UNSURE, Probes, probe_of
from tests.local_cloud.cloud import LocalCloud
from tests.static.policies import Grant, grants, resources

pytestmark = pytest.mark.local_cloud

# What the emulator cannot show: (statement, action or None for all of them) and why.
NOT_SHOWN = {
    ("AskEndpoint", None): "SageMaker is not in the emulator, and the endpoint in its place asks nobody",
    (
        "CallFunctionsWithoutVersion",
        None,
    ): "only executions of an earlier release call functions without a version",
    ("DeliverInventories", None): "the emulator delivers no inventories",
    ("DeliverLogs", None): "the emulator delivers no logs of executions",
    ("Trace", None): "the emulator has no X-Ray",
    ("IsEndpointCertified", None): "SageMaker is not in the emulator",
    ("WhenWasItMade", None): "SageMaker is not in the emulator",
    ("ConfirmCertificate", None): "SageMaker is not in the emulator",
    ("ReadCheck", None): "only with RequireCertificate=true and a certificate of a configuration",
    ("UseKey", None): "the emulator encrypts nothing, so nothing asks for the key",
    ("WriteLogs", None): "the emulator writes a function's lines to its log group by itself",
    ("WatchChildren", None): "the emulator watches a map's children in its own memory",
    ("WriteSummaries", "s3:GetObject"): "the emulator's map writes no files that it could read again",
    ("WriteSummaries", "s3:ListMultipartUploadParts"): "the emulator's map uploads no parts",
    ("WriteSummaries", "s3:AbortMultipartUpload"): "the emulator's map uploads no parts",
}


def why_not_shown(grant: Grant) -> str | None:
    return NOT_SHOWN.get((grant.sid, grant.action)) or NOT_SHOWN.get((grant.sid, None))


SHOWN = [grant for grant in grants() if why_not_shown(grant) is None]


@pytest.fixture(scope="module")
def probes(guarded: LocalCloud, uploader: Any, reviewer: Reviewer, root: Path) -> Iterator[Probes]:
    """The stack with its rule on uploads switched off, and three images in its bucket."""
    stack = GuardedStack(guarded)
    events, rule = guarded.client("events"), stack.physical["ImageDropped"]
    events.disable_rule(Name=rule)
    images = root / "events" / "images"
    tags = {
        name: guarded.put(f"incoming/{name}", (images / name).read_bytes())
        for name in (SURE, UNSURE, NO_IMAGE)
    }
    yield Probes(stack, uploader, reviewer, tags)
    events.enable_rule(Name=rule)


def identity(stack: GuardedStack, owner: str) -> str:
    """Return what the log calls somebody with this policy; of a resource's policy, the service that it lets in."""
    users = {"UploaderPolicy": "user/uploader", "ReviewerPolicy": "user/reviewer"}
    if owner in users:
        return users[owner]
    return stack.physical["BackfillRole" if owner == "BackfillChildren" else owner]


@pytest.mark.parametrize("grant", SHOWN, ids=str)
def test_without_the_permission_what_needs_it_is_refused_and_nothing_else(
    probes: Probes, grant: Grant
) -> None:
    mark = probes.stack.log_size
    with probes.stack.without(grant) as resource, suppress(ClientError):
        probes.run(probe_of(grant))
    refused = probes.stack.refused_since(mark)
    assert refused, "nothing was refused"
    assert {one.action for one in refused} == {grant.action}
    # Who starts the alias of a workflow asks for permission on the workflow.
    asked = [one.resource.removesuffix(":live") for one in refused]
    assert [one for one in asked if not fnmatchcase(one, resource)] == []
    if resources()[grant.owner]["Type"].startswith("AWS::IAM::"):
        assert [one.who for one in refused if identity(probes.stack, grant.owner) not in one.who] == []


def test_with_all_permissions_nothing_is_refused(probes: Probes) -> None:
    mark = probes.stack.log_size
    for probe in dict.fromkeys(probe_of(grant) for grant in SHOWN):
        probes.run(probe)
    assert probes.stack.refused_since(mark) == set()


def test_no_reason_is_stale() -> None:
    found = {(grant.sid, action) for grant in grants() for action in (grant.action, None)}
    assert set(NOT_SHOWN) <= found
