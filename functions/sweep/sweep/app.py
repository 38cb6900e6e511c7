"""Sweep: restarts images that have no outcome and that no execution is working on."""

import os
from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from sweep.certificate import check_certificate
from sweep.contract import SweepRequest, SweepResponse
from sweep.expiry import remind
from sweep.observability import logger, metrics
from sweep.pause import is_paused
from sweep.rescue import OF_ONE_IMAGE, Clients, Rescue
from sweep.run import Run, SweepFailedError
from sweep.settings import Settings

settings = Settings.from_environment(os.environ)
# Adaptive: describing a thousand executions at once would be throttled, so the client limits its own rate.
config = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "adaptive", "total_max_attempts": 5},
    max_pool_connections=16,
)
clients = Clients(
    s3=boto3.client("s3", config=config),
    dynamodb=boto3.client("dynamodb", config=config),
    stepfunctions=boto3.client("stepfunctions", config=config),
    sqs=boto3.client("sqs", config=config),
    sns=boto3.client("sns", config=config),
    ssm=boto3.client("ssm", config=config),
)


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: SweepRequest, context: LambdaContext) -> SweepResponse:
    """Sweep for as long as the function may run, and return what was found."""
    certificate_error = None if event.get("dry_run") else _check_certificate()
    run = Run(Rescue(clients, settings), settings, context.get_remaining_time_in_millis, datetime.now(UTC))
    run.paused = is_paused(clients.ssm, settings.pause_parameter)
    answer = run.sweep(event)
    if not answer["dry_run"]:
        for kind in ("started", "reported", "exhausted", "errors"):
            metrics.add_metric(f"Sweep{kind.capitalize()}", MetricUnit.Count, answer["counts"][kind])
        oldest = (run.now - (run.oldest or run.now)).total_seconds() / 60
        metrics.add_metric("OldestUnclassifiedMinutes", MetricUnit.NoUnit, oldest)
        waiting = (run.now - (run.decisions.oldest_review or run.now)).total_seconds() / 3600
        metrics.add_metric("OldestReviewHours", MetricUnit.NoUnit, waiting)
        if run.cursor:
            length = run.cursor.length(run.now).total_seconds() / 60
            metrics.add_metric("ListingCycleMinutes", MetricUnit.NoUnit, length)
        if run.watched.watch or run.watched.ended:  # without a promise, no metric is paid for
            evidence = run.watched.watch.evidence if run.watched.watch else 0
            metrics.add_metric("WatchEvidence", MetricUnit.NoUnit, evidence)
            metrics.add_metric("AuditedPasses", MetricUnit.Count, run.watched.passes)
            metrics.add_metric("AuditedWrong", MetricUnit.Count, run.watched.wrong)
    logger.info("swept", extra={key: value for key, value in answer.items() if key != "images"})
    if certificate_error:
        raise SweepFailedError(f"the certificate could not be checked: {certificate_error}")
    return answer


def _check_certificate() -> str | None:
    """Return why the certificate, or its end, could not be checked, which must not keep the run from images."""
    try:
        check_certificate(
            clients.ssm,
            lambda: boto3.client("sagemaker", config=config),
            clients.sns,
            settings,
            datetime.now(UTC),
        )
        remind(clients, settings, datetime.now(UTC))
    except OF_ONE_IMAGE as error:
        logger.exception("certificate not checked")
        return f"{type(error).__name__}: {error}"
    return None
