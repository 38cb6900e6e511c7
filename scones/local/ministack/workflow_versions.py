"""Versions and aliases of a workflow: in templates, in IAM, and in what an execution runs.

MiniStack 1.5.33 has versions and aliases in its API alone: not in CloudFormation, every execution runs the newest
definition, and no status event says which version it is about.
"""

from __future__ import annotations

import json
import os
import random
import time
from contextvars import ContextVar
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, Self

from ministack.core import iam_evaluator
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch, eventbridge, stepfunctions
from ministack.services.cloudformation import provisioners, stacks

# Parts of arn:aws:states:REGION:ACCOUNT:stateMachine:NAME:VERSION-OR-ALIAS.
_QUALIFIED: Final = 8
CANARY_SETTING: Final = "SCONES_CANARY_SECONDS"
"""Environment variable: how long a gradual deployment takes here, whatever its interval. 0, the default, is none."""
POLL_S: Final = 0.2
ALIAS: Final = "AWS::StepFunctions::StateMachineAlias"

_version_asked_for: ContextVar[dict[str, str | None]] = ContextVar("version and alias of the execution")


def add_to_cloudformation() -> None:
    """Let a stack publish versions and move an alias to them.

    An alias moves at once unless CANARY_SETTING says how long it takes: on a laptop nobody waits for a canary. An alarm
    of its preference that is in ALARM meanwhile fails the deployment.
    """
    provisioners._RESOURCE_HANDLERS |= {
        # Without an update of its own, a changed revision makes a new version; the stack retains the old one.
        "AWS::StepFunctions::StateMachineVersion": {"create": _publish, "delete": _delete_version},
        ALIAS: {
            "create": _create_alias,
            "update": _move_alias,
            "delete": _delete_alias,
        },
    }
    # Images arrive and alarms are evaluated while an alias is moved.
    on_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind == ALIAS or on_thread(kind)


def ask_permission_on_the_workflow() -> None:
    """Let IAM look at the workflow's own ARN, where the request names a version or an alias of it.

    That one is in the condition key states:StateMachineQualifier then, as AWS describes it under "Authorization for
    versions and aliases"; its value is a set. MiniStack compares policies with the ARN of the request.
    """
    evaluate = iam_evaluator.evaluate

    def evaluate_unqualified(context: Any, *policies: Any) -> Any:
        name = context.resource_arn.split(":")
        if context.action.startswith("states:") and name[5:6] == ["stateMachine"] and len(name) == _QUALIFIED:
            context.resource_arn = ":".join(name[:-1])
            context.service_context |= {"states:statemachinequalifier": [name[-1]]}
        return evaluate(context, *policies)

    iam_evaluator.evaluate = evaluate_unqualified


def run_the_version_asked_for() -> None:
    """Let an execution run the version that it was started with, and say so in its status events and description.

    Of an alias it is one of the versions that it routes to, by their weights (Step Functions guide, "How Step Functions
    associates executions with a version or alias").
    """
    start, announce = stepfunctions._start_execution, stepfunctions._emit_execution_status_event
    describe, put_events = stepfunctions._describe_execution, eventbridge._put_events

    def start_version(request: dict[str, Any]) -> Any:
        asked = _version_asked_for.set(_resolve(request.get("stateMachineArn", "")))
        try:
            return start(request)  # its thread inherits the variable
        finally:
            _version_asked_for.reset(asked)

    def announce_version(execution: dict[str, Any]) -> None:
        if execution["status"] == "RUNNING":
            execution |= _version_asked_for.get({})
        announce(execution)

    def describe_version(request: dict[str, Any]) -> Any:
        status, headers, body = describe(request)
        execution = stepfunctions._executions.get(request.get("executionArn")) or {}
        if status != 200 or not _versions_of(execution):  # noqa: PLR2004
            return status, headers, body
        return status, headers, json.dumps(json.loads(body) | _versions_of(execution)).encode()

    def put_with_version(request: dict[str, Any], **options: Any) -> Any:
        for entry in request.get("Entries", []) if options.get("allow_aws_source") else []:
            if entry.get("Source") == "aws.states":
                detail = json.loads(entry["Detail"])
                execution = stepfunctions._executions.get(detail.get("executionArn")) or {}
                entry["Detail"] = json.dumps(detail | _versions_of(execution))
        return put_events(request, **options)

    stepfunctions._start_execution = start_version
    stepfunctions._emit_execution_status_event = announce_version
    stepfunctions._describe_execution = describe_version
    eventbridge._put_events = put_with_version
    stepfunctions._state_machines.__class__ = _MachinesAsPublished
    stepfunctions.json = SimpleNamespace(**vars(json) | {"loads": _loads})


class _MachinesAsPublished(AccountRegionScopedDict):  # type: ignore[misc]
    """The state machines; to an execution of a version, its own with what that version had."""

    __slots__ = ()

    def get(self, arn: Any, default: Any = None) -> Any:
        machine = super().get(arn, default)
        asked = _version_asked_for.get({}).get("stateMachineVersionArn")
        version = stepfunctions._state_machine_versions.get(asked) if asked else None
        if not machine or not version or version["stateMachineArn"] != arn:
            return machine
        return machine | {"definition": _definition(version["definition"]), "roleArn": version["roleArn"]}


class _Definition(str):
    """A definition that is parsed once: executions only read it, and a copy for each takes 100 KB."""

    __slots__ = ("parsed",)
    parsed: Any

    def __new__(cls, text: str) -> Self:
        definition = super().__new__(cls, text)
        definition.parsed = json.loads(text)
        return definition


_definition = lru_cache(maxsize=64)(_Definition)


def _loads(text: Any, **options: Any) -> Any:
    return text.parsed if isinstance(text, _Definition) else json.loads(text, **options)


def _resolve(arn: str) -> dict[str, str | None]:
    """Return the version and the alias that an execution is to be associated with."""
    if arn in stepfunctions._state_machine_versions:
        return {"stateMachineVersionArn": arn, "stateMachineAliasArn": None}
    alias = stepfunctions._state_machine_aliases.get(arn)
    if alias is None:
        return {}
    routes = alias["routingConfiguration"]
    (route,) = random.choices(routes, [one["weight"] for one in routes])  # noqa: S311  chance, not a secret
    return {"stateMachineVersionArn": route["stateMachineVersionArn"], "stateMachineAliasArn": arn}


def _versions_of(execution: dict[str, Any]) -> dict[str, Any]:
    return {
        name: execution[name]
        for name in ("stateMachineVersionArn", "stateMachineAliasArn")
        if name in execution
    }


def _publish(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    revision = properties.get("StateMachineRevisionId")
    request = {"stateMachineArn": properties["StateMachineArn"], "revisionId": revision}
    arn = _answer(stepfunctions._publish_state_machine_version(request))["stateMachineVersionArn"]
    return arn, {"Arn": arn}


def _create_alias(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    routing = [{"stateMachineVersionArn": _version(properties), "weight": 100}]
    request = {"name": properties["Name"], "routingConfiguration": routing}
    arn = _answer(stepfunctions._create_state_machine_alias(request))["stateMachineAliasArn"]
    return arn, {"Arn": arn}


def _move_alias(arn: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    if _machine(old) != _machine(new):
        return _create_alias("", new, stack)
    if _version(old) != _version(new) and new["DeploymentPreference"]["Type"] != "ALL_AT_ONCE":
        _shift(arn, _version(old), new)
    _route(arn, {_version(new): 100})
    return arn, {"Arn": arn}


def _shift(arn: str, old_version: str, new: dict[str, Any]) -> None:
    """Let the new version have its share until its time is over, or an alarm of the deployment fires.

    Raises
    ------
    ValueError
        An alarm fired; all images take the old version again.
    """
    share = int(new["DeploymentPreference"]["Percentage"])
    ends = time.monotonic() + float(os.environ.get(CANARY_SETTING, "0"))
    _route(arn, {old_version: 100 - share, _version(new): share})
    while True:
        if firing := _firing(new):
            _route(arn, {old_version: 100})
            raise ValueError(f"alarm {firing} is in ALARM: the deployment is rolled back")
        if time.monotonic() >= ends:
            return
        time.sleep(POLL_S)


def _firing(properties: dict[str, Any]) -> str | None:
    # "CloudWatch considers nonexistent alarms to have an OK state" (StateMachineAlias DeploymentPreference).
    for name in properties["DeploymentPreference"].get("Alarms") or []:
        if (cloudwatch._alarms.get(name) or {}).get("StateValue") == "ALARM":
            return str(name)
    return None


def _route(arn: str, weights: dict[str, int]) -> None:
    routing = [{"stateMachineVersionArn": version, "weight": weight} for version, weight in weights.items()]
    request = {"stateMachineAliasArn": arn, "routingConfiguration": routing}
    _answer(stepfunctions._update_state_machine_alias(request))


def _delete_version(arn: str, _properties: dict[str, Any]) -> None:
    _answer(stepfunctions._delete_state_machine_version({"stateMachineVersionArn": arn}))


def _delete_alias(arn: str, _properties: dict[str, Any]) -> None:
    _answer(stepfunctions._delete_state_machine_alias({"stateMachineAliasArn": arn}))


def _version(properties: dict[str, Any]) -> str:
    return str(properties["DeploymentPreference"]["StateMachineVersionArn"])


def _machine(properties: dict[str, Any]) -> str:
    return _version(properties).rpartition(":")[0]


def _answer(response: tuple[int, Any, bytes]) -> dict[str, Any]:
    status, _, body = response
    if status != 200:  # noqa: PLR2004
        raise ValueError(body.decode(errors="replace"))
    return dict(json.loads(body))
