"""`scones show`: one image's whole story."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.show.story import ShownImage, read_story
from scones.stack import Stack, read_stack
from scones.terminal import confidence_text, is_piped, notice, out, outcome_text, print_json, shown
from scones.why.evidence import Evidence, Reader, full_key, moment_of
from scones.why.next_step import clock_text

LOG_LINES: Final = 100
_INDENT: Final = 2


@click.command()
@click.argument("key")
@click.option("--version-id", metavar="ID", help="The image in this version of the object, not the newest.")
@click.option(
    "--with-verdict", is_flag=True, help="Tell what the model said of an image that waits for a person, too."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def show(target: Target, *, key: str, version_id: str | None, with_verdict: bool, as_json: bool) -> None:
    """Show all that is known of the image KEY: document, states, log lines, decisions, and the key's other images.

    KEY is the image's key, with or without incoming/, or its s3:// address. `scones why` says in short where an image
    is, and what happens next.

    What the model said is left out while an image waits for a person, and for half a minute after the decision: who
    knows it decides differently.

    Exit code 0: the image is known. 2: usage or connection, or no such image.
    """
    connection = connect(target)
    stack = read_stack(connection)
    reader = Reader(connection, stack, LOG_LINES)
    name = full_key(key, stack)
    everything = reader.images(name)
    chosen = everything if version_id is None else reader.images(name, version_id)
    story = read_story(connection, reader, chosen[0], with_verdict=with_verdict)
    others = [image for image in everything if image.etag != story.image.etag]
    if as_json:
        print_json(as_document(story, others))
        return
    print_story(story, others, stack)
    if story.hides_verdict:
        claim = story.image.claim
        why = (
            "was decided less than half a minute ago"
            if claim and claim.just_decided
            else "waits for a person"
        )
        notice(f"it {why}: --with-verdict shows what the model said")


def print_story(story: ShownImage, others: Sequence[Evidence], stack: Stack) -> None:
    """Print a story for a person, a line or more for each topic."""
    console, now = out(), datetime.now(UTC)
    console.print(
        Text(shown(story.image.key)), overflow="ignore" if is_piped() else "fold", soft_wrap=is_piped()
    )
    topics = list(_topics(story, others, stack, now))
    if is_piped():
        width = max(len(title) for title, _ in topics) + _INDENT
        for title, value in topics:
            for number, line in enumerate(value.plain.splitlines()):
                console.print(Text(f"{'':{_INDENT}}{'' if number else title:{width}}{line}"), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, value in topics:
        table.add_row(title, value)
    console.print(Padding(table, (0, 0, 0, _INDENT)))


def _topics(
    story: ShownImage, others: Sequence[Evidence], stack: Stack, now: datetime
) -> Iterator[tuple[str, Text]]:
    image, claim = story.image, story.image.claim
    yield "image", Text(_object_text(image, now))
    if claim is None:
        yield "claim", Text("none: no execution has taken it")
    else:
        yield "outcome", outcome_text(claim.shown_outcome if story.hides_verdict else claim.outcome)
        if not story.hides_verdict:
            yield from _verdict(story)
        yield from _document(story)
        if claim.result_key and not story.hides_verdict:  # its folder says the label
            yield "result", Text(f"s3://{stack.results_bucket}/{shown(claim.result_key)}")
        if claim.decisions:
            yield "decisions", Text("\n".join(_decision_text(one, now) for one in story.decisions))
        if claim.execution:
            yield "execution", Text(claim.execution)
        if not story.hides_verdict and (states := "\n".join(_state_lines(story, now))):
            yield "states", Text(states)
    if image.log:
        lines = (
            f"{clock_text(line.at.astimezone(), now)} {line.source} {line.level}: {shown(line.message)}"
            for line in image.log
        )
        yield "log", Text("\n".join(lines))
    if others:
        yield "other images", Text("\n".join(_other_text(one, now) for one in others))


def _verdict(story: ShownImage) -> Iterator[tuple[str, Text]]:
    claim, content = story.image.claim, story.content or {}
    if claim and claim.label:
        at = f" at {confidence_text(claim.confidence)}" if claim.confidence is not None else ""
        yield "label", Text(f"{shown(claim.label)}{at}")
    if content.get("inferences"):
        pairs = zip(content["labels"], content["inferences"], strict=False)
        yield "probabilities", Text(", ".join(f"{shown(name)} {confidence_text(one)}" for name, one in pairs))
    if content.get("threshold") is not None:
        yield "threshold", Text(str(content["threshold"]))
    if reason := content.get("reason") or (claim and claim.reason):
        yield "reason", Text(shown(reason))


def _document(story: ShownImage) -> Iterator[tuple[str, Text]]:
    content = story.content
    if content is None:
        if story.image.claim and story.image.claim.finished_at:
            yield "document", Text("gone")
        return
    if error := content.get("error"):
        yield "error", Text(f"{error['name']} in {error['state']}: {shown(error['message'])}")
    if endpoint := content.get("endpoint"):
        parts = (endpoint.get("name"), endpoint.get("variant"), endpoint.get("model_version"))
        yield "endpoint", Text(", ".join(shown(part) for part in parts if part))


def _object_text(image: Evidence, now: datetime) -> str:
    version = image.version
    if version is None:
        return f"ETag {image.etag}; deleted from the bucket"
    text = f"ETag {image.etag}, {version.size:,} bytes, uploaded {clock_text(version.uploaded_at.astimezone(), now)}"
    return text + (f", version {version.version_id}" if version.version_id else "")


def _decision_text(decision: Mapping[str, Any], now: datetime) -> str:
    at = moment_of(decision["at"])
    when = clock_text(at.astimezone(), now) if at else decision["at"]
    text = f"{when} {shown(decision['label'])} by {shown(decision['by'])}, after {decision['took_ms'] / 1000:.1f} s"
    if decision.get("replaces"):
        text += f", replaces {decision['replaces'][:8]}"
    if said := decision.get("model_said"):
        text += f"; the model said {shown(said.get('label') or said['outcome'])}"
    return f"{text} ({decision['id'][:8]})"


def _state_lines(story: ShownImage, now: datetime) -> Iterator[str]:
    if story.path is None:
        if story.image.claim and story.image.claim.execution:
            yield "not known: Step Functions keeps them for 90 days, and of an EXPRESS execution not at all"
        return
    for visit in story.path.visits:
        yield f"{clock_text(visit.entered.astimezone(), now)} {visit.state}: {visit.text}"


def _other_text(image: Evidence, now: datetime) -> str:
    claim = image.claim
    what = "not claimed" if claim is None else str(claim.shown_outcome or "no outcome yet")
    if claim and claim.label and not claim.hides_verdict:
        what += f" as {shown(claim.label)}"
    return f"{_object_text(image, now)}: {what}"


def as_document(story: ShownImage, others: Sequence[Evidence]) -> dict[str, Any]:
    """Return what `scones show --json` prints."""
    image, claim = story.image, story.image.claim
    return {
        "key": image.key,
        **_image_document(image, with_verdict=story.with_verdict),
        "claim": {
            "execution": claim.execution,
            "attempts": claim.attempts,
            "claimed_at": claim.claimed_at,
            "finished_at": claim.finished_at,
            "model_version": claim.model_version,
        }
        if claim
        else None,
        "verdict_hidden": story.hides_verdict,
        "result": claim.result_key if claim and not story.hides_verdict else None,
        "document": story.content,
        "decisions": [dict(one) for one in story.decisions],
        "states": [
            {
                "state": visit.state,
                "entered": visit.entered.isoformat(),
                "left": visit.left.isoformat() if visit.left else None,
                "tries": visit.tries,
            }
            for visit in story.path.visits
        ]
        if story.path and not story.hides_verdict
        else None,
        "log": [
            {"at": line.at.isoformat(), "source": line.source, "level": line.level, "message": line.message}
            for line in image.log
        ],
        "others": [_image_document(one) for one in others],
    }


def _image_document(image: Evidence, *, with_verdict: bool = False) -> dict[str, Any]:
    version, claim = image.version, image.claim
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
        "outcome": (claim.outcome if with_verdict else claim.shown_outcome) if claim else None,
    }
