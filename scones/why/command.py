"""`scones why`: the claim of one image, the state it is in, its last error, and what happens next."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Any, Final

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.log_lines import LogLine
from scones.pause_state import pause_in_effect
from scones.stack import Stack, read_stack
from scones.terminal import comma, confidence_text, is_piped, notice, out, outcome_text, print_json, shown
from scones.why.evidence import Evidence, Reader, full_key, moment_of
from scones.why.next_step import Next, Schedule, clock_text, next_step, while_paused

_INDENT: Final = 2
_SHOWN: Final = 3
"""Images of one key that a person gets; machines get all."""


@click.command()
@click.argument("key")
@click.option("--version-id", metavar="ID", help="Only the image in this version of the object.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def why(target: Target, *, key: str, version_id: str | None, as_json: bool) -> None:
    """Say where the image KEY is, what its last error was, and what happens next.

    KEY is the image's key, with or without incoming/, or the s3:// address of any object in the bucket. Every content
    that was uploaded under the key is an image of its own; the newest comes first. What the model said of an image that
    waits for a person is left out: `scones show --with-verdict` shows it.

    Exit code 0: the image is known. 2: usage or connection, or no such image.
    """
    connection = connect(target)
    stack = read_stack(connection)
    schedule = Schedule.of_stack(stack)
    reader = Reader(connection, stack)
    found = reader.images(full_key(key, stack), version_id)
    now = datetime.now(UTC)

    def following(image: Evidence) -> Next:
        unpaused = next_step(image, stack.keys, schedule, target.options, now)
        return while_paused(unpaused, image, partial(pause_in_effect, connection, stack))

    chosen = found if as_json else found[:_SHOWN]
    examined = ((image, following(image)) for image in map(reader.examine, chosen))
    if as_json:
        documents = [as_document(image, after) for image, after in examined]
        print_json({"key": found[0].key, "images": documents})
        return
    out().print(Text(shown(found[0].key)), overflow="ignore" if is_piped() else "fold", soft_wrap=is_piped())
    for image, after in examined:
        print_image(image, after, stack, now)
    if len(found) > _SHOWN:
        notice(
            f"and {comma(len(found) - _SHOWN, 'older image', 'older images')}: --version-id or --json shows them"
        )


def print_image(image: Evidence, following: Next, stack: Stack, now: datetime) -> None:
    """Print what is known of one image for a person, a line or more for each topic."""
    topics = [*_topics(image, stack, now), ("next", Text(following.text, "bold"))]
    if is_piped():
        _print_plain(topics)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, value in topics:
        table.add_row(title, value)
    out().print(Padding(table, (0, 0, 0, _INDENT)))


def _print_plain(topics: Sequence[tuple[str, Text]]) -> None:
    """Print the same without folding or padding, so that another program gets whole values."""
    width = max(len(title) for title, _ in topics) + 2
    for title, value in topics:
        for number, line in enumerate(value.plain.splitlines()):
            out().print(Text(f"{'':{_INDENT}}{'' if number else title:{width}}{line}"), soft_wrap=True)


def _topics(image: Evidence, stack: Stack, now: datetime) -> Iterator[tuple[str, Text]]:
    yield "image", Text(_object_text(image, now))
    claim = image.claim
    if claim is None:
        yield "claim", Text("none: no execution has taken it")
        return
    yield "claim", Text(_claim_text(image, now))
    if claim.execution:
        yield "execution", Text(claim.execution)
    if claim.finished_at:
        verdict = "" if claim.hides_verdict else _verdict_text(image)
        yield "outcome", Text.assemble(outcome_text(claim.shown_outcome), verdict)
        if not claim.hides_verdict:  # its folder says the label
            yield "result", Text(f"s3://{stack.results_bucket}/{shown(claim.result_key or '')}")
    elif claim.execution:
        yield "state", Text(_state_text(image, now))
    if image.progress and (error := image.progress.last_error):
        yield "error", Text(f"{error.name}: {shown(error.message)}" if error.message else error.name)
    if image.log:
        yield "log", Text("\n".join(_log_lines(image.log, now)))


def _object_text(image: Evidence, now: datetime) -> str:
    version = image.version
    if version is None:
        return f"ETag {image.etag}; deleted from the bucket"
    parts = [f"ETag {image.etag}", f"{version.size:,} bytes"]
    parts.append(f"uploaded {clock_text(version.uploaded_at.astimezone(), now)}")
    if version.version_id:
        parts.append(f"version {version.version_id}")
    if version.is_deleted:
        parts.append("deleted from the bucket, which keeps this version")
    elif not version.is_current:
        parts.append("not the current version")
    return ", ".join(parts)


def _claim_text(image: Evidence, now: datetime) -> str:
    claim = image.claim
    claimed_at = moment_of(claim.claimed_at) if claim else None
    if claim is None or claimed_at is None:
        return "no execution yet: a sweep has started one"
    text = f"attempt {claim.attempts} since {clock_text(claimed_at.astimezone(), now)}"
    if not claim.finished_at:
        until = datetime.fromtimestamp(claim.claim_ends).astimezone()
        text += f", held until {clock_text(until, now)} at the latest"
    if claim.sweeps:
        text += f"; started {comma(claim.sweeps, 'time', 'times')} by the sweep"
    return text


def _verdict_text(image: Evidence) -> str:
    document = image.document
    if document is None:
        return "; its document is gone"
    label = f" as {shown(document.label)}" if document.label else ""
    confidence = f" at {confidence_text(document.confidence)}" if document.confidence is not None else ""
    return f"{label}{confidence}" + (f": {shown(document.reason)}" if document.reason else "")


def _state_text(image: Evidence, now: datetime) -> str:
    if image.status is None:
        return "unknown: an EXPRESS execution has no history; its log lines are all there is"
    progress = image.progress
    if progress is None or progress.state is None or progress.since is None:
        return f"{image.status}, without a history"
    text = f"{progress.state}, since {clock_text(progress.since.astimezone(), now)}"
    if progress.failures:
        text += f", {comma(len(progress.failures), 'attempt', 'attempts')} failed"
    return text if image.status == "RUNNING" else f"{image.status} in {text}"


def _log_lines(log: Sequence[LogLine], now: datetime) -> Iterator[str]:
    """Yield a line for each different message in a row, with how often it came."""
    for (source, level, message), same in groupby(log, lambda line: (line.source, line.level, line.message)):
        lines = list(same)
        times = f" ({len(lines)} times)" if len(lines) > 1 else ""
        yield f"{clock_text(lines[-1].at.astimezone(), now)} {source} {level}: {shown(message)}{times}"


def as_document(image: Evidence, following: Next) -> dict[str, Any]:
    """Return one image of what `scones why --json` prints."""
    version, claim, progress, document = image.version, image.claim, image.progress, image.document
    error = progress.last_error if progress else None
    if claim and claim.outcome and claim.hides_verdict:
        document = None  # who decides must not know what the model said
    return {
        "etag": image.etag,
        "object": {
            "version_id": version.version_id,
            "size": version.size,
            "uploaded_at": version.uploaded_at.isoformat(),
            "current": version.is_current,
        }
        if version
        else None,
        "claim": {
            "execution": claim.execution,
            "attempts": claim.attempts,
            "claimed_at": claim.claimed_at,
            "ends_at": datetime.fromtimestamp(claim.claim_ends, UTC).isoformat()
            if claim.claim_ends
            else None,
            "finished_at": claim.finished_at,
            "sweeps": claim.sweeps,
            "swept_at": claim.swept_at,
            "given_up_at": claim.reported_at,
        }
        if claim
        else None,
        "status": image.status,
        "state": progress.state if progress else None,
        "failed_attempts": len(progress.failures) if progress else None,
        "error": {"name": error.name, "message": error.message} if error else None,
        "outcome": claim.shown_outcome if claim else None,
        "label": document.label if document else None,
        "confidence": document.confidence if document else None,
        "reason": document.reason if document else None,
        "result": claim.result_key if claim and not claim.hides_verdict else None,
        "log": [
            {
                "at": line.at.isoformat(),
                "source": line.source,
                "level": line.level,
                "message": line.message,
            }
            for line in image.log
        ],
        "next": {
            "step": following.step,
            "text": following.text,
            "retry_by": image.retries.next_by.isoformat() if image.retries else None,
            "gives_up_at": image.retries.gives_up_at.isoformat() if image.retries else None,
        },
    }
