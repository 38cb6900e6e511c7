"""Breaker: once a minute, pause or resume as the endpoint answers, switch the rules on uploads, start held images."""

import os
import time
from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from breaker.contract import BreakerResponse
from breaker.drain import Drain
from breaker.endpoint import Endpoint
from breaker.intake_rules import IntakeRules
from breaker.observability import logger
from breaker.pause_state import PauseParameter
from breaker.settings import Settings
from breaker.turn import Turn

settings = Settings.from_environment(os.environ)
config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
stepfunctions = boto3.client("stepfunctions", config=config)
parameter = PauseParameter(boto3.client("ssm", config=config), settings.pause_parameter)
rules = IntakeRules(boto3.client("events", config=config), settings.upload_rule, settings.hold_rule)
drain = Drain(boto3.client("sqs", config=config), stepfunctions, settings)
endpoint = Endpoint(boto3.client("cloudwatch", config=config), stepfunctions, settings.namespace)
sns = boto3.client("sns", config=config)


@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: object, context: LambdaContext) -> BreakerResponse:  # noqa: ARG001
    """
    Switch at most one rule; while the stack is not paused, start held images for as long as the function may run.

    What fails of the breaker's own work (CloudWatch, a probe, the notice) does not keep the rules and held images
    waiting: it is raised at the end.
    """
    pause, version = parameter.read()
    turn, failed = Turn(parameter, endpoint, drain, sns, settings), None
    try:
        turn.run(pause, version, datetime.now(UTC))
    except (ClientError, BotoCoreError) as error:
        logger.exception("the endpoint could not be watched")
        failed = error
    pause = turn.pause or pause
    switched = rules.switch(pause, datetime.now(UTC))
    started = (
        0 if pause.paused else drain.run(context.get_remaining_time_in_millis, time.monotonic, time.sleep)
    )
    if switched or started:
        logger.info("intake", paused=pause.paused, switched=switched, started=started)
    if failed is not None:
        raise failed
    return {"paused": pause.paused, "switched": switched, "started": started}
