"""The policies of the template as CloudFormation gets it: each statement, who has it, and what it comes to."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from tools.transformed import transformed

REGION, ACCOUNT = "us-east-1", "000000000000"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/ours"
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{place}:table/{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{place}:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{place}:{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{place}:function:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{place}:stateMachine:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{place}:log-group:{name}:*",
    "AWS::SSM::Parameter": "arn:aws:ssm:{place}:parameter/{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{place}:secret:{name}",
    "AWS::Events::Rule": "arn:aws:events:{place}:rule/{name}",
}


@dataclass(frozen=True)
class Grant:
    """An action that a statement allows on one of its resources."""

    owner: str
    sid: str
    action: str
    position: int
    resource: str

    def __str__(self) -> str:
        return f"{self.owner}-{self.sid}-{self.action}-{self.resource}"


@functools.cache
def resources() -> dict[str, Any]:
    return dict(transformed()["Resources"])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def named(resource: Any) -> str:
    """Write an intrinsic function as a person would."""
    match resource:
        case {"Ref": name}:
            return str(name)
        case {"Fn::GetAtt": [name, "Arn" | "Id"]}:
            return str(name)
        case {"Fn::Sub": text}:
            short = re.sub(r"arn:\$\{AWS::Partition\}:|\$\{AWS::Region\}:\$\{AWS::AccountId\}:", "", text)
            return re.sub(r"\$\{(\w+)(\.Arn|\.Name)?\}", r"\1", short)
    return str(resource)


def statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a role, a policy or a resource's policy; those with a condition as if it held."""
    properties = resource.get("Properties", {})
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    found = [statement for document in documents for statement in as_list(document["Statement"])]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in found]


def grants() -> list[Grant]:
    """Return all that the template allows anybody."""
    return [
        Grant(owner, statement.get("Sid", "by SAM"), action, position, named(resource))
        for owner, definition in resources().items()
        for statement in statements(definition)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for position, resource in enumerate(as_list(statement["Resource"]))
    ]


def documents_of_roles() -> dict[str, dict[str, Any]]:
    """Return what each role, and the uploaders' policy, comes to, with a key of the account's own."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, definition in resources().items():
        if not definition["Type"].startswith("AWS::IAM::"):
            continue
        roles = [named(role) for role in definition["Properties"].get("Roles", [{"Ref": name}])]
        for role in roles:
            found.setdefault(role, []).extend(resolved(statement) for statement in statements(definition))
    return {role: {"Version": "2012-10-17", "Statement": parts} for role, parts in found.items()}


def documents_of_resources() -> dict[str, dict[str, Any]]:
    """Return the policies of buckets, queues and topics by the ARN of what they protect."""
    found: dict[str, dict[str, Any]] = {}
    for definition in resources().values():
        properties = definition.get("Properties", {})
        for kind in ("Bucket", "Queues", "Topics"):
            if kind in properties and "PolicyDocument" in properties:
                statements_ = [resolved(statement) for statement in statements(definition)]
                for name in as_list(properties[kind]):
                    logical = name.get("Ref") or name["Fn::GetAtt"][0]
                    found[_attribute(logical, "Arn")] = {"Version": "2012-10-17", "Statement": statements_}
    return found


def resolved(value: Any) -> Any:  # noqa: PLR0911 (one for each function)
    """Work the intrinsic functions of a statement out, with names made of the logical ones."""
    match value:
        case {"Ref": name}:
            return _reference(name)
        case {"Fn::GetAtt": [name, attribute]}:
            return _attribute(name, attribute)
        case {"Fn::Select": [at, {"Fn::Split": [separator, text]}]}:
            return resolved(text).split(separator)[at]
        case {"Fn::Sub": [str(text), dict(variables)]}:
            for name, part in variables.items():
                text = text.replace(f"${{{name}}}", resolved(part))
            return resolved({"Fn::Sub": text})
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([\w:.]+)\}", lambda match: _substitute(match[1]), text)
        case dict():
            return {key: resolved(part) for key, part in value.items()}
        case list():
            return [resolved(part) for part in value]
    return value


def _substitute(name: str) -> str:
    logical, _, attribute = name.partition(".")
    return _attribute(logical, attribute) if attribute else _reference(name)


def _reference(name: str) -> str:
    known = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "KmsKeyArn": KEY}
    known["ImagePattern"] = "incoming/*"
    if name in known:
        return known[name]
    if name not in resources():  # a parameter
        return name
    named_by_arn = resources()[name]["Type"] in {
        "AWS::SNS::Topic",
        "AWS::StepFunctions::StateMachine",
        "AWS::SecretsManager::Secret",
    }
    return _attribute(name, "Arn" if named_by_arn else "Name")


def _attribute(name: str, attribute: str) -> str:
    if attribute == "Name":
        return name
    return _ARNS[resources()[name]["Type"]].format(place=f"{REGION}:{ACCOUNT}", name=name)
