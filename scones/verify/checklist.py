"""The checks of a verification as they are made: each is ok, failed, or was not checked for a reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from scones.errors import explain, is_denied


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
        """Turn an error answer of AWS into a row: a refused permission is no verdict on the stack, all else is."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        try:
            yield
        except ClientError as error:
            line = explain(error) or str(error)
            if is_denied(error):
                self.not_checked(check, subject, line)
            else:
                self.failed(check, subject, line)
