"""Whether the stack is paused, as `scones pause` writes it into one SSM parameter."""

import json
from typing import TYPE_CHECKING

from sweep.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def is_paused(ssm: "SSMClient", name: str) -> bool:
    """
    Read the pause; a value that is not one counts as none, with a line in the log.

    The sweep is the net below everything else, and its starts are few: a broken parameter must not switch it off. The
    breaker, which holds every upload, refuses such a value.

    Raises
    ------
    ClientError, BotoCoreError
        When SSM cannot be read.
    """
    text = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("paused"), bool):
        logger.warning("the pause cannot be read", parameter=name)
        return False
    return bool(value["paused"])
