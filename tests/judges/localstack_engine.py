"""Runs scenarios in LocalStack's workflow engine; a separate program, for the environment of `make judges`.

Standard input: {"frozen": {...}, "scenarios": [{"name", "definition", "input", "answers": {STATE: [ANSWER]}}]}.
Standard output: for each scenario {"status", "output", "error", "visited", "asked"}, as `tests.judges.emulated.Ended`.

What is compared is the engine: states, transitions, Retry, Catch, Assign, Output. Its services are mocked by its own
means. Its JSONata, which would download a Java machine, is the reference implementation here.
"""

from __future__ import annotations

import functools
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl
from localstack.services.stepfunctions.asl.component.common.string import string_expression
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (
    state_task_service_dynamodb,
)
from localstack.services.stepfunctions.asl.eval import states, variable_store
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.evaluation_details import AWSExecutionDetails
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventHistoryContext
from localstack.services.stepfunctions.asl.jsonata import validations
from localstack.services.stepfunctions.asl.jsonata.jsonata import JSONataException
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from localstack.services.stepfunctions.local_mocking.mock_config import (
    LocalMockedResponse,
    LocalMockedResponseReturn,
    LocalMockedResponseThrow,
    LocalMockTestCase,
    StateMockedResponses,
)

ACCOUNT, REGION = "000000000000", "us-east-1"
ARN = f"arn:aws:states:{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/judged"
# More attempts than any Retry of the definitions makes.
ATTEMPTS = 500


class Reference:
    """The reference implementation of JSONata, in a process of Node."""

    def __init__(self, frozen: dict[str, Any]) -> None:
        self.frozen = frozen
        script = Path(__file__).with_name("jsonata_server.cjs")
        self.process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression; None where it has none, as LocalStack's own does."""
        assert self.process.stdin
        assert self.process.stdout
        print(
            json.dumps({"expression": expression, "frozen": self.frozen}), file=self.process.stdin, flush=True
        )
        answer = json.loads(self.process.stdout.readline())
        if answer.get("error") == "no value":
            return None
        if "error" in answer:
            raise JSONataException("UNKNOWN", answer["error"])
        return answer["value"]


def declarations(bindings: dict[str, Any]) -> str:
    """Write variables into an expression. LocalStack's own puts texts in quotes as they are, quotes and all."""
    return "".join(f"{name}:={json.dumps(value)};" for name, value in bindings.items())


def prepare(reference: Reference) -> None:
    """Give the engine the reference implementation, with the functions of Step Functions in it, and no waits."""
    for module in (string_expression, validations):
        module.eval_jsonata_expression = reference.evaluate
    string_expression.get_intrinsic_functions_declarations = lambda **_: ""
    for module in (states, variable_store):
        module.encode_jsonata_variable_declarations = declarations
    keep_mocked_errors(state_task_service_dynamodb.StateTaskServiceDynamoDB)
    retrier_decl.time.sleep = lambda _: None  # this process has nothing else to wait for
    logging.disable()


def keep_mocked_errors(service: Any) -> None:
    """Let an error that a service is mocked with keep its name, which DynamoDB's integration replaces."""
    explain = service._from_error

    def keep(self: Any, env: Any, ex: Exception) -> Any:
        return ex.failure_event if isinstance(ex, FailureEventException) else explain(self, env, ex)

    service._from_error = keep


def mocked(answer: dict[str, Any], first: int, last: int) -> LocalMockedResponse:
    if "Throw" in answer:
        thrown = answer["Throw"]
        return LocalMockedResponseThrow(first, last, thrown["Error"], thrown["Cause"])
    return LocalMockedResponseReturn(first, last, answer["Return"])


def mocked_state(state: str, answers: list[dict[str, Any]]) -> StateMockedResponses:
    responses = [mocked(answer, number, number) for number, answer in enumerate(answers[:-1])]
    responses.append(mocked(answers[-1], len(responses), ATTEMPTS))
    return StateMockedResponses(state, state, responses)


def run(scenario: dict[str, Any], start_time: str) -> dict[str, Any]:
    listed = [mocked_state(state, answers) for state, answers in scenario["answers"].items()]
    name = "judged"
    environment = Environment(
        aws_execution_details=AWSExecutionDetails(ACCOUNT, REGION, ROLE),
        execution_type="STANDARD",
        context={
            "Execution": {
                "Id": f"{ARN}:execution:{name}:1",
                "Input": scenario["input"],
                "Name": "1",
                "RoleArn": ROLE,
                "StartTime": start_time,
            },
            "StateMachine": {"Id": f"{ARN}:stateMachine:{name}", "Name": name},
        },
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
        local_mock_test_case=LocalMockTestCase(name, scenario["name"], listed),
    )
    program, _ = parsed(json.dumps(scenario["definition"]))
    environment.states.reset(scenario["input"])
    program.eval(environment)
    return ended(environment.event_manager.get_event_history())


@functools.cache
def parsed(definition: str) -> Any:
    return AmazonStateLanguageParser.parse(definition)


def ended(events: list[dict[str, Any]]) -> dict[str, Any]:
    visited: list[str] = []
    asked: list[list[Any]] = []
    for event in events:
        if entered := event.get("stateEnteredEventDetails"):
            visited.append(entered["name"])
        if scheduled := event.get("taskScheduledEventDetails") or event.get(
            "lambdaFunctionScheduledEventDetails"
        ):
            asked.append([visited[-1], json.loads(scheduled["parameters"])])
    last = events[-1]
    succeeded = last.get("executionSucceededEventDetails")
    return {
        "status": "SUCCEEDED" if succeeded else "FAILED",
        "output": json.loads(succeeded["output"]) if succeeded else None,
        "error": None if succeeded else last["executionFailedEventDetails"].get("error"),
        "cause": None if succeeded else last["executionFailedEventDetails"].get("cause"),
        "visited": visited,
        "asked": asked,
    }


def main() -> None:
    given = json.load(sys.stdin)
    reference = Reference(given["frozen"])
    prepare(reference)
    try:
        json.dump([run(one, given["frozen"]["now"]) for one in given["scenarios"]], sys.stdout)
    finally:
        reference.process.terminate()
        reference.process.wait(timeout=60)


if __name__ == "__main__":
    main()
