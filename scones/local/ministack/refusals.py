"""What MiniStack 1.5.33 refuses a request by IAM: logged, and for missing objects as S3 does. See `authorization`."""

from __future__ import annotations

import logging
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_actions import identity_denial_message
from ministack.services import s3

logger = logging.getLogger(__name__)


def log_refusal(sentence: str) -> str:
    """Write a refusal into the emulator's log, and return it."""
    logger.warning("refused: %s", sentence)
    return sentence


def log_refusals() -> None:
    """Log what MiniStack itself refuses, which it tells the caller only."""
    ask = iam_evaluator.enforce

    def ask_and_log(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any
    ) -> Any:
        answer = ask(key, action, service, region, resource_arn, **more)
        if isinstance(answer, iam_evaluator.EvalResult):
            explicit = answer.decision == "Deny"
            log_refusal(identity_denial_message(action, answer.principal_arn, resource_arn, explicit))
        return answer

    iam_evaluator.enforce = ask_and_log


def hide_what_is_gone() -> None:
    """
    Answer 403 for a missing object to a caller that may not list it; MiniStack answers 404.

    An object takes s3:ListBucket (API reference, "GetObject"). For a version that was purged, s3:ListBucketVersions is
    taken to be what S3 asks for: no page that was found says so, and a role that has both is right either way.
    """
    ask = iam_evaluator.enforce

    def ask_and_hide(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any
    ) -> Any:
        answer = ask(key, action, service, region, resource_arn, **more)
        if answer is None and action in {"s3:GetObject", "s3:GetObjectVersion"}:
            bucket, _, name = resource_arn.removeprefix("arn:aws:s3:::").partition("/")
            if needed := needed_to_know(action, bucket, name):
                return ask(key, needed, service, region, f"arn:aws:s3:::{bucket}")
        return answer

    iam_evaluator.enforce = ask_and_hide


def needed_to_know(action: str, bucket: str, name: str) -> str | None:
    """Return the permission to know that an object, or the version of the request, is gone; None where it is not."""
    held = s3._buckets.get(bucket)
    if held is None:
        return None
    if action == "s3:GetObject":
        return None if name in held["objects"] else "s3:ListBucket"
    request = iam_evaluator._signed_request.get()
    wanted = s3._qp(request.query_params, "versionId", "") if request else ""
    kept = (version["version_id"] for version in s3._object_versions.get((bucket, name), []))
    return None if wanted in kept else "s3:ListBucketVersions"
