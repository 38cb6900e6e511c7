"""Versions and aliases of a workflow in a template: MiniStack 1.5.33 has them in its API, not in CloudFormation.

See :mod:`scones.local.adapters`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from ministack.core import iam_evaluator
from ministack.services import cloudwatch, stepfunctions
from ministack.services.cloudformation import provisioners

# Parts of arn:aws:states:REGION:ACCOUNT:stateMachine:NAME:VERSION-OR-ALIAS.
_QUALIFIED: Final = 8


def add_to_cloudformation() -> None:
    """Let a stack publish versions and move an alias to them.

    The alias moves at once, whatever its deployment preference: on a laptop nobody waits for a canary. An alarm of
    the preference that rings at this moment undoes the deploy. The emulator runs the newest definition for every
    version, which is the one that the alias names.
    """
    provisioners._RESOURCE_HANDLERS |= {
        # Without an update of its own, a changed revision makes a new version; the stack retains the old one.
        "AWS::StepFunctions::StateMachineVersion": {"create": _publish, "delete": _delete_version},
        "AWS::StepFunctions::StateMachineAlias": {
            "create": _create_alias,
            "update": _move_alias,
            "delete": _delete_alias,
        },
    }


def ask_permission_on_the_workflow() -> None:
    """Let IAM look at the workflow's own ARN, where the request names a version or an alias of it.

    That one is in the condition key states:StateMachineQualifier then, as AWS describes it under "Authorization for
    versions and aliases"; its value is a set. MiniStack compares policies with the ARN of the request.
    """
    evaluate = iam_evaluator.evaluate

    def evaluate_unqualified(context: Any, *policies: Any) -> Any:  # noqa: ANN401  MiniStack's own types
        name = context.resource_arn.split(":")
        if context.action.startswith("states:") and name[5:6] == ["stateMachine"] and len(name) == _QUALIFIED:
            context.resource_arn = ":".join(name[:-1])
            context.service_context |= {"states:statemachinequalifier": [name[-1]]}
        return evaluate(context, *policies)

    iam_evaluator.evaluate = evaluate_unqualified


def _publish(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    revision = properties.get("StateMachineRevisionId")
    request = {"stateMachineArn": properties["StateMachineArn"], "revisionId": revision}
    arn = _answer(stepfunctions._publish_state_machine_version(request))["stateMachineVersionArn"]
    return arn, {"Arn": arn}


def _create_alias(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    request = {"name": properties["Name"], "routingConfiguration": _routing(properties)}
    arn = _answer(stepfunctions._create_state_machine_alias(request))["stateMachineAliasArn"]
    return arn, {"Arn": arn}


def _move_alias(arn: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    if _machine(old) != _machine(new):
        return _create_alias("", new, stack)
    if old != new and (ringing := _ringing(new)):
        raise ValueError(f"alarm {ringing} is in ALARM: the deployment is rolled back")
    request = {"stateMachineAliasArn": arn, "routingConfiguration": _routing(new)}
    _answer(stepfunctions._update_state_machine_alias(request))
    return arn, {"Arn": arn}


def _ringing(properties: dict[str, Any]) -> str | None:
    names = properties["DeploymentPreference"].get("Alarms", [])
    return next((name for name in names if cloudwatch._alarms[name]["StateValue"] == "ALARM"), None)


def _delete_version(arn: str, _properties: dict[str, Any]) -> None:
    _answer(stepfunctions._delete_state_machine_version({"stateMachineVersionArn": arn}))


def _delete_alias(arn: str, _properties: dict[str, Any]) -> None:
    _answer(stepfunctions._delete_state_machine_alias({"stateMachineAliasArn": arn}))


def _version(properties: dict[str, Any]) -> str:
    return str(properties["DeploymentPreference"]["StateMachineVersionArn"])


def _machine(properties: dict[str, Any]) -> str:
    return _version(properties).rpartition(":")[0]


def _routing(properties: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": _version(properties), "weight": 100}]


def _answer(response: tuple[int, Any, bytes]) -> dict[str, Any]:
    status, _, body = response
    if status != 200:  # noqa: PLR2004
        raise ValueError(body.decode(errors="replace"))
    return dict(json.loads(body))
