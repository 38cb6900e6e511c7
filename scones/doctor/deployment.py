"""What CloudFormation, EventBridge, S3, DynamoDB and SSM say about a deployed stack."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from scones.audited_draws import audit_share
from scones.doctor.findings import Finding, broken, ok, warning
from scones.index import BY_TIME
from scones.live_threshold import certificate_problem, certificate_text, ends_soon, read_threshold

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

    from scones.pause_state import Pause
    from scones.stack import Resource, Stack

STACK, RULES, PAUSE, BUCKET, TABLE, THRESHOLD, RETENTION = (
    "stack",
    "rules",
    "pause",
    "bucket's events",
    "claims table",
    "threshold",
    "retention",
)
RULE: Final = "AWS::Events::Rule"
UPLOAD_RULE: Final = "ImageDropped"
HOLD_RULE: Final = "ImageHeld"
QUEUE_DAYS: Final = 14
_FEW_CLAIMS: Final = 100
"""Days that FailedImages keeps a message, which is the longest that SQS does."""

_ONLY_COUNTED: Final = {"ReleaseExecutionDied"}
"""Rules without a target on purpose: how often they match is the metric of an alarm."""

_WHAT_IS_LOST: Final[Mapping[str, str]] = {
    UPLOAD_RULE: "uploads start nothing, and EventBridge drops their events",
    "ExecutionDied": "images of dead executions do not reach the queue of failed images",
    "SweepSchedule": "no sweep looks for lost images",
    "BreakerSchedule": "no held image is started, and nothing keeps the rules as a pause says",
}


def check_status(description: "StackTypeDef") -> Finding:
    """Judge the status of a stack."""
    name, status = description["StackName"], description["StackStatus"]
    look = f"`aws cloudformation describe-stack-events --stack-name {name}` has the reason"
    if status.endswith("_IN_PROGRESS"):
        return warning(STACK, f"{name} is being changed ({status})", "repeat the command when that has ended")
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return warning(STACK, f"the last deploy of {name} was rolled back: the one before it runs", look)
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
        return ok(STACK, f"{name} is deployed ({status})")
    if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}:
        return broken(
            STACK,
            f"{name} could not be made ({status})",
            f"{look}; `scones destroy --stack {name}`, then deploy again",
        )
    return broken(STACK, f"{name} is not usable ({status})", look)


def check_rules(
    events: "EventBridgeClient", stack: str, resources: Sequence["Resource"], pause: "Pause | None" = None
) -> list[Finding]:
    """Look whether each rule of the stack has a target, and is enabled: one of those on uploads, as the pause says."""
    rules = [resource for resource in resources if resource.type == RULE]
    if not any(rule.logical_id == UPLOAD_RULE for rule in rules):
        return [_rule_missing(stack)]
    paused = pause is not None and pause.paused
    off = UPLOAD_RULE if paused else HOLD_RULE
    problems = [
        finding
        for rule in rules
        if (finding := _check_rule(events, stack, rule, is_off=rule.logical_id == off))
    ]
    if pause is not None and (paused or pause.problem):
        problems.insert(0, warning(PAUSE, str(pause), "`scones resume`"))
    names = ", ".join(rule.logical_id for rule in rules if rule.logical_id != off)
    return problems or [ok(RULES, f"enabled and complete: {names}")]


def _check_rule(events: "EventBridgeClient", stack: str, rule: "Resource", *, is_off: bool) -> Finding | None:
    # The physical id of a rule on the default bus is its name.
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    lost = _WHAT_IS_LOST.get(rule.logical_id, "its targets get nothing")
    try:
        state = events.describe_rule(Name=rule.name)["State"]
        targets = events.list_targets_by_rule(Rule=rule.name).get("Targets")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
            raise
        return _rule_missing(stack, rule.logical_id)
    if state == "DISABLED" and not is_off:
        again = "; `scones sweep` starts what came meanwhile" if rule.logical_id == UPLOAD_RULE else ""
        return broken(
            RULES,
            f"{rule.logical_id} is disabled: {lost}",
            f"`aws events enable-rule --name {rule.name}`{again}",
        )
    if not targets and rule.logical_id not in _ONLY_COUNTED:
        return broken(RULES, f"{rule.logical_id} has no target: {lost}", _undo_drift(stack))
    return None


def _rule_missing(stack: str, logical_id: str = UPLOAD_RULE) -> Finding:
    lost = _WHAT_IS_LOST.get(logical_id, "its targets get nothing")
    return broken(RULES, f"{logical_id} is gone: {lost}", _undo_drift(stack))


def _undo_drift(stack: str) -> str:
    return (
        f"`aws cloudformation detect-stack-drift --stack-name {stack}`, then `describe-stack-resource-drifts` "
        "names what was changed by hand; undo it"
    )


def check_bucket(s3: "S3Client", stack: "Stack", options: str) -> Finding:
    """Look whether the bucket of images tells EventBridge about uploads, and whether any would be taken."""
    found = s3.get_bucket_notification_configuration(Bucket=stack.image_bucket)
    if "EventBridgeConfiguration" in found:
        useless, whole = stack.keys.idle_prefixes, stack.keys.whole_prefix
        if whole is not None:
            message = f"ExcludePrefixes has {whole}, and so leaves out every key of ImagePattern {stack.keys.pattern}"
            return broken(BUCKET, message, "deploy it with another ExcludePrefixes")
        if useless:
            named = " and ".join(useless)
            message = f"{named} in ExcludePrefixes leave out no key of ImagePattern {stack.keys.pattern}"
            return warning(BUCKET, message, "give prefixes of whole keys, such as `photos/thumbs/`")
        return ok(BUCKET, f"{stack.image_bucket} tells EventBridge about uploads; images are {stack.keys}")
    return broken(
        BUCKET,
        f"{stack.image_bucket} does not tell EventBridge about uploads: they start nothing",
        f"`scones adopt {stack.image_bucket}{options}`, which keeps the bucket's other notifications",
    )


def check_table(dynamodb: "DynamoDBClient", stack: "Stack") -> Finding:
    """Look whether the table of claims and its indexes can be used."""
    table = dynamodb.describe_table(TableName=stack.claims_table)["Table"]
    status = table["TableStatus"]
    waiting = [
        index["IndexName"]
        for index in table.get("GlobalSecondaryIndexes", [])
        if index.get("IndexStatus", "ACTIVE") != "ACTIVE"
    ]
    if status not in {"ACTIVE", "UPDATING"}:
        return broken(
            TABLE,
            f"{stack.claims_table} is {status}: no image can be claimed",
            f"`aws dynamodb describe-table --table-name {stack.claims_table}` says why",
        )
    if waiting:
        return warning(
            TABLE, f"an index is being made: {', '.join(waiting)}", "repeat the command when that has ended"
        )
    claims = table.get("ItemCount", 0)  # counted every six hours, as are those of an index
    indexed = {
        index["IndexName"]: index.get("ItemCount", claims)
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    if claims > _FEW_CLAIMS and 2 * indexed.get(BY_TIME, 0) < claims:
        return warning(
            TABLE,
            f"most of {claims:,} claims are not in the index {BY_TIME}, which `scones results` and `status` read",
            f"`scones reindex --stack {stack.name}`, once the deploy that brought the index is over",
        )
    return ok(TABLE, f"{stack.claims_table} is {status.lower()}")


def check_threshold(ssm: "SSMClient", stack: "Stack", options: str, *, now: datetime) -> Finding:
    """Look whether the live threshold can be used, and whether a certificate that is required covers images."""
    found = read_threshold(ssm, stack)
    if found.problem:
        return warning(
            THRESHOLD, f"{found.problem}: the deployed one counts", f"`scones threshold{options} --reset`"
        )
    if stack.requires_certificate and (problem := certificate_problem(found.certificate, stack, now)):
        way = f"`scones certify{options} --apply`" if audit_share(stack) else "deploy with AuditShare above 0"
        return broken(
            THRESHOLD,
            f"no image passes, because RequireCertificate is true and {problem}",
            f"{way}, or deploy with RequireCertificate=false",
        )
    if end := ends_soon(found.certificate, now):
        return warning(THRESHOLD, end, f"`scones certify{options} --apply` renews it by all draws so far")
    said = f", {certificate_text(found.certificate)}" if found.certificate else ""
    return ok(THRESHOLD, f"a confidence of {found} passes{said}")


def check_retention(parameters: Mapping[str, str]) -> list[Finding]:
    """Compare how long images and claims are kept with how long an image can still be started again."""
    images, claims = _days(parameters.get("ImageDays")), _days(parameters.get("ClaimDays"))
    sweeps, results = _days(parameters.get("SweepDays")), _days(parameters.get("ResultDays"))
    started_again = max(QUEUE_DAYS, sweeps)
    found = []
    if 0 < images < started_again:
        found.append(
            warning(
                RETENTION,
                f"images are deleted after {images} days, but may be started again for {started_again}: "
                "such an image ends as ImageNotFoundError",
                f"deploy with ImageDays={started_again + 1} or more, or 0 to keep them",
            )
        )
    if claims and not results:
        found.append(
            warning(
                RETENTION,
                f"claims are deleted after {claims} days, but results are kept for ever: the sweep refuses to run",
                "deploy with ClaimDays=0",
            )
        )
    elif 0 < claims <= max(sweeps, results):
        found.append(
            warning(
                RETENTION,
                f"claims are deleted after {claims} days, while sweeps look at images of {sweeps} days and "
                f"results are kept {_kept(results)}: the sweep refuses to run",
                f"deploy with ClaimDays={max(sweeps, results) + 1} or more, or 0 to keep them",
            )
        )
    of_images = (
        f"as the lifecycle of {bucket} says"
        if (bucket := parameters.get("ExistingImageBucket"))
        else _kept(images)
    )
    kept = f"images are kept {of_images}, results {_kept(results)}, claims {_kept(claims)}"
    return found or [ok(RETENTION, kept)]


def _kept(days: int) -> str:
    return f"{days} days" if days else "for ever"


def _days(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
