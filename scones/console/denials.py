"""What IAM refuses: a part of a page says which action is missing, and the rest of the page is shown."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from scones.errors import is_denied

_ACTION: Final = re.compile(r"perform:? ([a-z0-9-]+:[A-Za-z]+)")
"""AWS's sentence: "User: ... is not authorized to perform: states:DescribeExecution on resource: ..."."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that IAM refused; `action` is the one that a policy has to allow."""

    action: str

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        return f"these credentials are not allowed to call {self.action}"


def refused_action(error: BaseException) -> str | None:
    """Return the action that IAM refused: as AWS names it, else the name of the operation; None for other errors."""
    if not (isinstance(error, ClientError) and is_denied(error)):
        return None
    named = _ACTION.search(error.response.get("Error", {}).get("Message") or "")
    return named[1] if named else error.operation_name


def allowed[T](ask: Callable[[], T]) -> T | Refused:
    """Ask AWS; what IAM refuses is returned, and other errors pass."""
    try:
        return ask()
    except ClientError as error:
        if (action := refused_action(error)) is None:
            raise
        return Refused(action)
