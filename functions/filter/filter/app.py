"""Filter: probabilities in, a verdict out; low confidence is an outcome, not an error."""

import os
from datetime import UTC, datetime

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from filter.aws_store import PARAMETER, SECRET, AwsStore
from filter.certificate import Circumstances, refusal
from filter.contract import Draw, FilterRequest, FilterResponse
from filter.draw import Lottery
from filter.observability import logger, measure, metrics
from filter.settings import Settings
from filter.threshold import LiveThreshold, Thresholds
from filter.verdict import judge, refused

settings = Settings.from_environment(os.environ)
# An image waits at most 5 s for an unreachable SSM: the function has 10 s, and falls back to the deployed threshold.
live = LiveThreshold(AwsStore(PARAMETER) if settings.threshold_parameter else None, settings)
lottery = Lottery(AwsStore(SECRET) if settings.audit_secret else None, settings)


@logger.inject_lambda_context(correlation_id_path="execution", clear_state=True, log_event=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: FilterRequest, context: LambdaContext) -> FilterResponse:  # noqa: ARG001
    """Decide whether the photo passes or needs a human review."""
    logger.append_keys(s3_request_id=event.get("s3_request_id"))
    metrics.add_metadata("correlation_id", event.get("execution"))
    thresholds = live.read()
    if thresholds.problem:
        logger.warning("using the deployed threshold", reason=thresholds.problem)
        metrics.add_metric("ThresholdFallback", MetricUnit.Count, 1)
    verdict = judge(event["inferences"], settings.labels, thresholds.of)
    draw = lottery.draw(event.get("image_key"), event.get("etag"))
    verdict = refused(verdict, thresholds.stopped)
    if settings.requires_certificate:
        verdict = refused(verdict, _refusal(event, verdict["label"], thresholds, draw))
    measure(verdict)
    logger.info("filtered", **verdict)  # without the draw: reviewers must not know it
    if problem := draw.get("draw_missed"):
        logger.warning("the draw of the audit was missed", reason=problem)
        metrics.add_metric("AuditsMissed", MetricUnit.Count, 1)
    return {**verdict, **draw}


def _refusal(event: FilterRequest, label: str, thresholds: Thresholds, draw: Draw) -> str | None:
    if thresholds.problem:
        return f"no certificate could be read: {thresholds.problem}"
    if absence := lottery.absence:
        return f"no certificate holds without an audit that could refute it: {absence}"
    if problem := draw.get("draw_missed"):
        return f"no certificate covers an image whose draw was missed: {problem}"
    image = Circumstances(
        label,
        event.get("model_version"),
        settings.labels,
        settings.serialize_digest,
        datetime.now(UTC),
        settings.longest_unchecked,
    )
    return refusal(thresholds.certificate, image)
