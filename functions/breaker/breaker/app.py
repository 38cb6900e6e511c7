"""Breaker: once a minute, switch the rules on uploads as the pause says, and start held images when there is none."""

import os
import time
from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from breaker.contract import BreakerResponse
from breaker.drain import Drain
from breaker.intake_rules import IntakeRules
from breaker.observability import logger
from breaker.pause_state import read_pause
from breaker.settings import Settings

settings = Settings.from_environment(os.environ)
config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
ssm = boto3.client("ssm", config=config)
rules = IntakeRules(boto3.client("events", config=config), settings.upload_rule, settings.hold_rule)
drain = Drain(boto3.client("sqs", config=config), boto3.client("stepfunctions", config=config), settings)


@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: object, context: LambdaContext) -> BreakerResponse:  # noqa: ARG001
    """Switch at most one rule; while the stack is not paused, start held images for as long as the function may run."""
    pause = read_pause(ssm, settings.pause_parameter)
    switched = rules.switch(pause, datetime.now(UTC))
    started = (
        0 if pause.paused else drain.run(context.get_remaining_time_in_millis, time.monotonic, time.sleep)
    )
    if switched or started:
        logger.info("intake", paused=pause.paused, switched=switched, started=started)
    return {"paused": pause.paused, "switched": switched, "started": started}
