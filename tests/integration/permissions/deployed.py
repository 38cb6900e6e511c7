"""The policies as they are deployed, and how one permission is taken out of them for a while."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.local_cloud.cloud import LocalCloud
from tests.static.policies import Grant, as_list, named, resources

type Document = dict[str, Any]
REFUSED = re.compile(r"refused: User: (\S+) is not authorized to perform: (\S+) on resource: (\S+)")


@dataclass(frozen=True)
class Refusal:
    """A line of the emulator's log: who was refused what."""

    who: str
    action: str
    resource: str


@dataclass(frozen=True)
class GuardedStack:
    """The deployed stack by the names of the template, and its policies."""

    cloud: LocalCloud

    @cached_property
    def physical(self) -> dict[str, str]:
        return self.cloud.physical_ids()

    @contextmanager
    def without(self, grant: Grant) -> Iterator[str]:
        """Take a permission away, and give it back at the end; yields the resource that it was for."""
        document, write = self.policy(grant.owner)
        less, resource = without(document, grant)
        write(less)
        try:
            yield resource
        finally:
            write(document)

    @property
    def log_size(self) -> int:
        """Bytes that the emulator has logged."""
        return self._log.stat().st_size

    def refused_since(self, log_size: int) -> set[Refusal]:
        """Return all that was refused since the log had this size."""
        return {Refusal(*line) for line in REFUSED.findall(self._log.read_bytes()[log_size:].decode())}

    @property
    def _log(self) -> Path:
        return self.cloud.shell.state / "logs" / "aws.log"

    def policy(self, owner: str) -> tuple[Document, Callable[[Document], object]]:
        """Return the policy of a role or resource, and what replaces it."""
        properties, kind = resources()[owner]["Properties"], resources()[owner]["Type"]
        iam = self.cloud.client("iam")
        if kind == "AWS::IAM::ManagedPolicy":
            arn = self.physical[owner]
            default = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            version = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]
            return version["Document"], lambda document: replace_version(iam, arn, document)
        if kind == "AWS::SQS::QueuePolicy":
            sqs, url = self.cloud.client("sqs"), self.physical[named(properties["Queues"][0])]
            held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
            return json.loads(held["Policy"]), lambda document: sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"Policy": json.dumps(document)}
            )
        if kind == "AWS::SNS::TopicPolicy":
            sns, arn = self.cloud.client("sns"), self.physical[named(properties["Topics"][0])]
            attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
            return json.loads(attributes["Policy"]), lambda document: sns.set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(document)
            )
        inline = properties if kind == "AWS::IAM::Policy" else properties["Policies"][0]
        role = self.physical[named(properties["Roles"][0]) if kind == "AWS::IAM::Policy" else owner]
        name = inline["PolicyName"]
        return iam.get_role_policy(RoleName=role, PolicyName=name)[
            "PolicyDocument"
        ], lambda document: iam.put_role_policy(
            RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document)
        )


def without(document: Document, grant: Grant) -> tuple[Document, str]:
    """Return a policy in which one action on one resource of a statement is missing, and that resource."""
    less = copy.deepcopy(document)
    (statement,) = [
        one for one in less["Statement"] if one.get("Sid", "by SAM") == grant.sid and one["Effect"] == "Allow"
    ]
    actions, held = as_list(statement["Action"]), as_list(statement["Resource"])
    others = [action for action in actions if action != grant.action]
    elsewhere = [resource for number, resource in enumerate(held) if number != grant.position]
    less["Statement"].remove(statement)
    if others:
        less["Statement"].append(statement | {"Action": others})
    if elsewhere:
        less["Statement"].append(statement | {"Sid": "Rest", "Action": [grant.action], "Resource": elsewhere})
    if not less["Statement"]:  # a policy must have one
        less["Statement"].append(statement | {"Action": "sts:GetCallerIdentity"})
    return less, str(held[grant.position])


def replace_version(iam: Any, arn: str, document: Document) -> None:
    """Make a document the only version of a managed policy."""
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
