"""`scones certify`: whether at most so much of what passes is wrong, and from which threshold on."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from scones import audits
from scones.audited_draws import audit_share, moment, read_draws
from scones.certify.audited_sample import Sample
from scones.certify.certificate import Promise
from scones.certify.certification import CertificateRequest, Certification, Scope
from scones.certify.certified_model import choose_model, of_present_release
from scones.certify.printed_certificate import print_certification
from scones.connection import Target, cloud_options, connect
from scones.live_threshold import check_watch, read_threshold, write_certified
from scones.stack import Stack, read_stack
from scones.terminal import comma, notice, print_json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from scones.connection import Connection

_NOT_GIVEN: Final = 1
MOST_DAYS: Final = 90
"""A certificate says nothing of images after its last draw: the longer it is applied, the less it is worth."""


@click.command()
@click.option(
    "--error",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.01,
    show_default=True,
    help="The highest share of wrong images among what passes.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="The confidence that the true share is at most --error.",
)
@click.option("--per-label", is_flag=True, help="Certify each label separately, each with this confidence.")
@click.option(
    "--all-labels", is_flag=True, help="Certify each label so that all hold together with this confidence."
)
@click.option("--model-version", metavar="V", help="Certify this model version instead of the present one.")
@click.option("--apply", is_flag=True, help="Set the live thresholds to the certified ones.")
@click.option(
    "--force", is_flag=True, help="Apply even if the watch has raised the thresholds or stopped passing."
)
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=30,
    show_default=True,
    help="How long it is valid once it is applied.",
)
@click.option(
    "--dry-run", is_flag=True, help="Change nothing: put no image into the queue for a second look."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document and nothing else; ask for no second look.",
)
@cloud_options
def certify(  # noqa: PLR0913  the options
    target: Target,
    *,
    error: float,
    confidence: float,
    per_label: bool,
    all_labels: bool,
    model_version: str | None,
    apply: bool,
    force: bool,
    days: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Find the lowest threshold at which the audit shows that at most a given share of what passes is wrong.

    Thresholds are tried from the highest downwards, and stop at the first that fails. Ask as often as you like: the
    confidence holds for all answers together. Exit code 0: given, for all that was asked for. 1: not given, and what
    is missing. 2: usage or connection.
    """
    if per_label and all_labels:
        message = "--per-label and --all-labels exclude each other"
        raise click.UsageError(message)
    if apply and dry_run:
        message = "--apply sets the live thresholds and --dry-run changes nothing: give one of them"
        raise click.UsageError(message)
    scope = Scope.PER_LABEL if per_label else Scope.ALL_LABELS if all_labels else Scope.ALL_IMAGES
    connection = connect(target)
    stack = read_stack(connection)
    if apply and not force:
        check_watch(read_threshold(connection.ssm(), stack))
    request = CertificateRequest(Promise(error, confidence), scope, days)
    found = find(connection, stack, request, model_version)
    applied = apply and bool(found.covers)
    if applied:
        _apply(connection, stack, found)
    elif apply:
        notice("nothing is certified, so that nothing was applied")
    if as_json:
        print_json({**found.as_document(), "until": found.until if applied else None})
    else:
        print_certification(found)
        if applied:
            notice(f"applied until {found.until}: counts within 30 s for images not evaluated yet")
        if not dry_run:
            _ask_second_looks(connection, stack, found)
    if not found.is_given:
        click.get_current_context().exit(_NOT_GIVEN)


def _apply(connection: "Connection", stack: Stack, found: Certification) -> None:
    """Write the certified thresholds, with what they were certified for."""
    ssm = connection.ssm()
    present = read_threshold(ssm, stack).counts.by_label
    certificate = found.live_certificate(stack.serialize_digest, present)
    write_certified(ssm, stack, found.thresholds(present), certificate)


def _ask_second_looks(connection: "Connection", stack: Stack, found: Certification) -> None:
    """Put the images that need it back into the queue; those that are there already stay."""
    dynamodb, now = connection.dynamodb(), datetime.now(UTC)
    asked = [
        audits.ask_second_look(dynamodb, stack.claims_table, draw, now) for draw in found.second_looks.missing
    ]
    if count := sum(asked):
        notice(f"{comma(count, 'image was', 'images were')} put into the queue for a second look")


def find(
    connection: "Connection", stack: Stack, request: CertificateRequest, model_version: str | None
) -> Certification:
    """Read the draws, and certify what is asked for.

    Raises
    ------
    SconesError
        When nothing was drawn, or nothing of the model.
    """
    now, dynamodb = datetime.now(UTC), connection.dynamodb()
    draws = read_draws(dynamodb, stack, None, now)
    model = choose_model(connection, stack, draws, model_version)
    of_model = [one for one in draws if model.has(one)]
    off = audits.off_until(dynamodb, stack.claims_table)
    evidence = [one for one in of_model if of_present_release(one, stack) and (off is None or one.at > off)]
    sample = Sample.of(evidence, audit_share(stack), stack.number("AuditDays"), now)
    missed, left_out = _missed(dynamodb, stack, sample), len(of_model) - len(evidence)
    return Certification.of(request, model, stack.labels, sample, missed, left_out=left_out, off_until=off)


def _missed(dynamodb: "DynamoDBClient", stack: Stack, sample: Sample) -> int:
    if not sample.counted:
        return 0
    since, last = moment(sample.counted[0].at), moment(sample.counted[-1].at)
    return audits.missed(dynamodb, stack.claims_table, since=since, until=last + timedelta(milliseconds=1))
