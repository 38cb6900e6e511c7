"""`scones what-if`: what another threshold, or another model, would have made of the images of the last days."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from scones.arguments import FilePath
from scones.connection import Connection, Target, cloud_options, connect
from scones.doctor.endpoint_answer import ANSWER_S
from scones.errors import INTERRUPTED, SconesError
from scones.label_thresholds import Thresholds
from scones.live_threshold import read_threshold
from scones.result_query import Moment
from scones.stack import Stack, read_stack
from scones.terminal import notice, print_json, progress_bars
from scones.what_if import summary
from scones.what_if.candidate import Candidate, Endpoint, served
from scones.what_if.comparison_file import as_document, changes_document, write
from scones.what_if.learned_images import LearnedImages
from scones.what_if.prepared_images import Serialize
from scones.what_if.replay import NOT_CLASSIFIED, Replay
from scones.what_if.stored_verdicts import StoredVerdict, StoredVerdicts
from scones.what_if.threshold_effect import ThresholdEffect

SHOWN: Final = 50
"""Changed images that a person gets without --all; machines get all."""
_MOST_IMAGES: Final = 5000
_CONCURRENCY: Final = 4
_UNFINISHED: Final = 1


@dataclass(frozen=True, slots=True)
class _Options:
    """What is asked for."""

    since: datetime
    until: datetime | None
    most_images: int
    concurrency: int
    trained_on: Sequence[Path]
    most_changes: int | None
    output: Path | None
    as_json: bool


@click.command("what-if")
@click.option(
    "--threshold", metavar="T", help="The confidence that would pass: 0.9, or bicycle=0.9,default=0.8."
)
@click.option(
    "--model",
    type=FilePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Classify the images again with this .onnx file, which a server on this machine serves.",
)
@click.option("--endpoint", metavar="NAME", help="Classify the images again with this SageMaker endpoint.")
@click.option(
    "--since", type=Moment(), default="7d", show_default=True, help="Only images since: 1d or an ISO time."
)
@click.option("--until", type=Moment(), help="Only images before: as --since.")
@click.option(
    "--images",
    "most_images",
    type=click.IntRange(min=1),
    default=_MOST_IMAGES,
    show_default=True,
    metavar="N",
    help="With --model or --endpoint: the newest N images at most.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=_CONCURRENCY,
    show_default=True,
    metavar="N",
    help="With --model or --endpoint: images at once; they share the account's Lambda concurrency with arriving ones.",
)
@click.option(
    "--trained-on",
    multiple=True,
    type=FilePath(dir_okay=False, path_type=Path),
    metavar="MANIFEST",
    help="A manifest.jsonl of training.data: its images are left out, since the candidate has learned them. "
    "Default: images/manifest.jsonl beside the model FILE, where training.improve writes it.",
)
@click.option(
    "--all", "everything", is_flag=True, help=f"List all images that change, not the newest {SHOWN}."
)
@click.option(
    "--output",
    type=FilePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --model or --endpoint: write the comparison for training.deploy --comparison.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def what_if(  # noqa: PLR0913 (one argument for each option)
    target: Target,
    *,
    threshold: str | None,
    model: Path | None,
    endpoint: str | None,
    since: datetime,
    until: datetime | None,
    most_images: int,
    concurrency: int,
    trained_on: tuple[Path, ...],
    everything: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Say what another threshold, or another model, would have made of stored images. It changes nothing.

    With --threshold alone, nothing is classified again. --model and --endpoint classify the newest images again, as
    the deployed Serialize prepares them, and compare the candidate with what the deployed model said; both are
    evaluated by the live threshold, or by --threshold.

    It shows what the model said of images that wait for a person: who reviews them should not use it.

    Exit code 0: all images are compared. 1: an image could not be classified. 2: usage or connection. 130: Ctrl-C,
    after what was compared until then.
    """
    _check_usage(threshold, model, endpoint, trained_on, output)
    connection = connect(target)
    stack = read_stack(connection)
    most_changes = None if everything or as_json else SHOWN
    options = _Options(since, until, most_images, concurrency, trained_on, most_changes, output, as_json)
    if model is None and endpoint is None:
        _try_thresholds(connection, stack, _thresholds(threshold or "", stack), options)
        return
    thresholds = (
        _thresholds(threshold, stack) if threshold else read_threshold(connection.ssm(), stack).counts
    )
    with _candidate(connection, stack, model, endpoint) as candidate:
        replay = _replay(connection, stack, candidate, thresholds, options)
        _report(replay, candidate, stack, options)
    if replay.is_interrupted:
        click.get_current_context().exit(INTERRUPTED)
    if replay.left_out[NOT_CLASSIFIED]:
        click.get_current_context().exit(_UNFINISHED)


def _check_usage(
    threshold: str | None,
    model: Path | None,
    endpoint: str | None,
    trained_on: Sequence[Path],
    output: Path | None,
) -> None:
    if model and endpoint:
        message = "--model and --endpoint exclude each other"
        raise click.UsageError(message)
    has_candidate = model is not None or endpoint is not None
    if not has_candidate and threshold is None:
        message = "say what to try: --threshold, --model or --endpoint"
        raise click.UsageError(message)
    if not has_candidate and (trained_on or output):
        message = "--trained-on and --output are for a candidate: name it with --model or --endpoint"
        raise click.UsageError(message)


def _thresholds(text: str, stack: Stack) -> Thresholds:
    try:
        return Thresholds.parse(text, stack.labels)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--threshold'") from error


def _try_thresholds(connection: Connection, stack: Stack, thresholds: Thresholds, options: _Options) -> None:
    effect = ThresholdEffect(thresholds.by_label, options.most_changes)
    verdicts = StoredVerdicts(
        connection.dynamodb(), stack, options.since, options.until, effect.changes_outcome
    )
    with progress_bars(visible=not options.as_json) as bars:
        bar = bars.add_task("images", total=None)
        for verdict in verdicts:
            effect.add(verdict)
            bars.update(bar, completed=effect.images)
    if options.as_json:
        print_json({"kind": "threshold", "without_verdict": verdicts.without_verdict, **effect.as_document()})
        return
    live = read_threshold(connection.ssm(), stack).counts
    summary.print_effect(effect, str(live), str(thresholds), stack.incoming_prefix)
    if verdicts.without_verdict:
        notice(f"left out: {verdicts.without_verdict:,} without a verdict for one of the stack's labels")


@contextmanager
def _candidate(
    connection: Connection, stack: Stack, model: Path | None, endpoint: str | None
) -> Iterator[Candidate]:
    with ExitStack() as opened:
        if model is not None:
            yield opened.enter_context(served(model, stack.labels))
            return
        # The address in a deployed stack is one that its functions reach, not this machine.
        url = stack.parameters.get("SageMakerRuntimeUrl") if connection.is_local else None
        yield Endpoint(connection.sagemaker_runtime(url or None, ANSWER_S), endpoint or "", stack.labels)


def _replay(
    connection: Connection, stack: Stack, candidate: Candidate, thresholds: Thresholds, options: _Options
) -> Replay:
    manifests = options.trained_on or candidate.manifests
    learned = LearnedImages(stack.image_bucket, manifests) if manifests else None
    replay = Replay(thresholds.by_label, learned, options.most_changes)
    verdicts = StoredVerdicts(connection.dynamodb(), stack, options.since, options.until)
    images = _newest(verdicts, replay, options.most_images)
    serialize = Serialize.of_stack(connection, stack)
    with progress_bars(visible=not options.as_json) as bars:
        bar = bars.add_task("images", total=None)
        replay.run(
            images,
            serialize,
            candidate,
            options.concurrency,
            lambda: bars.update(bar, completed=replay.looked_at),
        )
    return replay


def _newest(verdicts: StoredVerdicts, replay: Replay, most: int) -> Iterator[StoredVerdict]:
    """Yield the newest images, and say so where there are more."""
    for number, verdict in enumerate(verdicts):
        if number == most:
            replay.is_cut_short = True
            return
        yield verdict


def _report(replay: Replay, candidate: Candidate, stack: Stack, options: _Options) -> None:
    if not replay.looked_at and not replay.is_interrupted:
        message = "no images were classified in this time: give an earlier --since"
        raise SconesError(message)
    document = as_document(replay, candidate, stack)
    if options.output is not None:
        write(document, options.output)
    if options.as_json:
        print_json({"kind": "candidate", **document, "changes": changes_document(replay.changes)})
        return
    summary.print_replay(replay, document, stack.incoming_prefix)
    if replay.is_cut_short:
        notice(f"the newest {options.most_images:,} images; there are more: --images takes more")
    if replay.is_interrupted:
        notice("interrupted: this is what was compared until then")
