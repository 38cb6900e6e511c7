"""A verification under way: its checklist, what every check needs, and the executions that it starts."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from scones.drop.uploads import Image
from scones.errors import explain, is_denied
from scones.pace import Pace
from scones.stack import Stack
from scones.verify.run_resources import RunNames

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

    from scones.connection import Connection
    from scones.result_documents import Document
    from scones.verify.run_resources import Inbox

_ENDING_S: Final = 60


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check of one subject (an image, a topic, a function), and what was seen."""

    check: str
    subject: str
    state: CheckState
    detail: str


@dataclass(slots=True)
class Checklist:
    """All checks of a run, in the order in which they were made."""

    rows: list[CheckRow] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether something was checked and no check failed."""
        states = {row.state for row in self.rows}
        return CheckState.OK in states and CheckState.FAILED not in states

    def ok(self, check: str, subject: str, detail: str) -> None:
        """Note a check that succeeded."""
        self.rows.append(CheckRow(check, subject, CheckState.OK, detail))

    def failed(self, check: str, subject: str, detail: str) -> None:
        """Note a check that failed."""
        self.rows.append(CheckRow(check, subject, CheckState.FAILED, detail))

    def not_checked(self, check: str, subject: str, reason: str) -> None:
        """Note a check that could not be made."""
        self.rows.append(CheckRow(check, subject, CheckState.NOT_CHECKED, reason))

    def judge(self, check: str, subject: str, faults: list[str], detail: str) -> None:
        """Note a check by the faults it found: without any it is ok."""
        if faults:
            self.failed(check, subject, "; ".join(faults))
        else:
            self.ok(check, subject, detail)

    @contextmanager
    def checking(self, check: str, subject: str) -> Iterator[None]:
        """Turn an error answer of AWS into a row: a refused permission says nothing about the stack."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        try:
            yield
        except ClientError as error:
            line = explain(error) or str(error)
            if is_denied(error):
                self.not_checked(check, subject, line)
            else:
                self.failed(check, subject, line)


@dataclass(slots=True)
class Verification:
    """What every check needs. `timeout_s` is how long an image may take to its outcome."""

    connection: "Connection"
    stack: Stack
    names: RunNames
    is_express: bool
    timeout_s: float
    pace: Pace = field(default_factory=Pace)
    checklist: Checklist = field(default_factory=Checklist)
    on_step: Callable[[str], None] = lambda _step: None
    """Called with what is being done, or with nothing where the bars of a drop are shown instead."""
    images: list[Image] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes that were uploaded, by key."""
    repeats: dict[str, str] = field(default_factory=dict)
    """Second executions, by the name of their image."""
    inbox: "Inbox | None" = None
    may_make_queue: bool = True
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def folder_key(self) -> str:
        """Prefix of the keys of its images."""
        return self.stack.keys.folder(self.names.folder)

    def name_of(self, image: Image) -> str:
        """Name of an image in the run's folder, as the table shows it."""
        return image.key.removeprefix(self.folder_key)

    def documents(self) -> "list[tuple[Image, Document]]":
        """Return the images that have an outcome, each with its document."""
        return [(image, image.document) for image in self.images if image.document]

    def poll[T](self, timeout_s: float, look: Callable[[], T | None]) -> T | None:
        """Look until there is something or the time is over; None when there was nothing."""
        pause, deadline = self.pace.first_s, self.pace.clock() + timeout_s
        while True:
            started = self.pace.clock()
            found = look()
            now = self.pace.clock()
            if found is not None or now >= deadline:
                return found
            pause = min(pause * 1.5, self.pace.longest_s)
            self.pace.sleep(max(pause, now - started))


def is_express(connection: "Connection", stack: "Stack") -> bool:
    """Tell whether the workflow is EXPRESS: its executions cannot be described ("DescribeExecution")."""
    answer = connection.stepfunctions().describe_state_machine(stateMachineArn=stack.workflow_arn)
    return answer["type"] == "EXPRESS"


def object_event(bucket: str, image: dict[str, Any], request_id: str | None = None) -> dict[str, Any]:
    """Return an event as S3 sends it to EventBridge, from the image part of a result document."""
    optional = {"version-id": image.get("version_id"), "sequencer": image.get("sequencer")}
    one = {name: image[name] for name in ("key", "size", "etag")}
    detail: dict[str, Any] = {
        "bucket": {"name": bucket},
        "object": one | {name: value for name, value in optional.items() if value},
    }
    if request_id:
        detail["request-id"] = request_id
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def start(verification: Verification, client: "SFNClient", purpose: str, event: dict[str, Any]) -> str:
    """Start an execution by the alias, and return its ARN."""
    return client.start_execution(
        stateMachineArn=verification.stack.workflow_alias_arn,
        name=verification.names.execution(purpose),
        input=json.dumps(event, ensure_ascii=False),
    )["executionArn"]


def wait_for_end(
    verification: Verification, client: "SFNClient", execution: str
) -> "DescribeExecutionOutputTypeDef | None":
    """Wait until a STANDARD execution has ended; None when it has not in time."""

    def look() -> "DescribeExecutionOutputTypeDef | None":
        try:
            answer = client.describe_execution(executionArn=execution)
        except client.exceptions.ExecutionDoesNotExist:  # one just started may not be seen for a moment
            return None
        return None if answer["status"] == "RUNNING" else answer

    return verification.poll(_ENDING_S, look)
