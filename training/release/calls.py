"""A call to AWS as a value: it can be printed, compared, and made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True, slots=True)
class Call:
    """One call with the arguments boto3 takes.

    Parameters
    ----------
    service
        boto3's name of the service.
    operation
        The operation as AWS writes it, for example "CreateModel".
    arguments
        Its request.
    condition
        When it is made, in words; empty where it always is.
    """

    service: str
    operation: str
    arguments: dict[str, Any]
    condition: str = ""

    def __str__(self) -> str:
        """Return the call for a person: a comment with the condition, the operation, the request as JSON."""
        comment = f"# {self.condition}\n" if self.condition else ""
        return f"{comment}{self.service} {self.operation} {json.dumps(self.arguments, indent=2)}"

    def make(self, session: boto3.Session) -> dict[str, Any]:
        """Make the call through boto3 and return its answer."""
        from botocore import xform_name  # noqa: PLC0415 - a dry run needs no AWS library

        method = getattr(session.client(self.service), xform_name(self.operation))
        answer: dict[str, Any] = method(**self.arguments)
        return answer
