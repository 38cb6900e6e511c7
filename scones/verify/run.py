"""The steps of a verification, in an order in which each has what it compares with, and the clean-up after it."""

from typing import Final

from scones.verify.claim_checks import check_claims, check_repeat
from scones.verify.cleanup import Cleanup
from scones.verify.failure import check_failure
from scones.verify.messages import check_review_messages, check_silence, subscribe
from scones.verify.outcomes import check_outcomes, drop_samples
from scones.verify.telemetry import check_logs, check_metrics, skip_metrics
from scones.verify.verification import Verification

CLEANUP: Final = "clean-up"
SETTLING_S: Final = 30
"""Seconds that a clean-up waits for executions that still run: an image whose execution ends later leaves a result."""


def verify_stack(verification: Verification, *, metrics: bool, failure: bool, visible: bool) -> None:
    """Make every check; what one finds does not stop the others."""
    verification.on_step("Subscribing to the topics")
    subscribe(verification)
    verification.on_step("")
    drop_samples(verification, visible=visible)
    for step, check in (
        ("Reading result documents", check_outcomes),
        ("Reading claims", check_claims),
        ("Waiting for messages", check_review_messages),
        ("Starting the same images again", check_repeat),
        ("Reading messages", check_silence),
        ("Reading logs", check_logs),
    ):
        verification.on_step(step)
        check(verification)
    if failure:
        verification.on_step("Waiting for an image that may not be read")
        check_failure(verification)
    if metrics:
        verification.on_step("Waiting for metrics")
        check_metrics(verification)
    else:
        skip_metrics(verification, "left out by --no-metrics")


def clean_up(verification: Verification) -> list[str]:
    """Remove what the run made; returns what had to stay."""
    cleanup = Cleanup(
        verification.connection, verification.stack, verification.names, verification.may_make_queue
    )
    verification.on_step("Waiting for executions that still run")
    settle(verification, cleanup)
    verification.on_step("Cleaning up")
    cleanup.run()
    detail = ", ".join(cleanup.removed) or "nothing was there"
    verification.checklist.judge(CLEANUP, verification.names.folder, list(cleanup.left), f"removed {detail}")
    return cleanup.left


def settle(verification: Verification, cleanup: Cleanup) -> None:
    """Wait until no execution works on an image of the run, for a while."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    def look() -> bool | None:
        try:
            return None if cleanup.open_images() else True
        except ClientError:
            return True  # the clean-up itself says what it may not do

    verification.poll(SETTLING_S, look)
