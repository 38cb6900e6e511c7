"""`scones drop`: upload images, wait for their outcomes, and report each."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from unicodedata import category

import click

from scones.arguments import FilePath
from scones.connection import Target, cloud_options, connect, is_gone
from scones.drop.display import (
    as_document,
    print_refused,
    print_summary,
    print_table,
    print_unfinished,
    print_uploads,
    progress_of,
)
from scones.drop.files import FoundFiles, find_files, plan_keys
from scones.drop.limits import UploadLimits
from scones.drop.run import Drop, ResultsWatch
from scones.drop.silence import Silence
from scones.drop.uploads import Image, Uploads
from scones.errors import INTERRUPTED, SconesError, explain
from scones.image_keys import ImageKeys
from scones.pace import pace_for
from scones.pause_state import pause_in_effect
from scones.result_documents import LITERAL_CHARACTERS, outcome_prefixes
from scones.stack import read_stack
from scones.terminal import comma, notice, print_json, shown

_FAILED = 1


@click.command()
@click.argument("paths", nargs=-1, required=True, type=FilePath(), metavar="PATH...")
@click.option(
    "--prefix",
    metavar="TEXT",
    help="Folder of the images, below what all keys of images begin with. Default: a new one for each drop.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for outcomes after the last upload.",
)
@click.option("--no-wait", is_flag=True, help="Upload only.")
@click.option("--force", is_flag=True, help="Upload files too that are empty or over the stack's limits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def drop(  # noqa: PLR0913 (one argument for each option)
    target: Target,
    *,
    paths: tuple[str, ...],
    prefix: str | None,
    timeout_s: float,
    no_wait: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Upload images (files, folders, globs) and wait for their outcomes.

    What the stack would reject for its size (MaxObjectBytes, MaxPixels) and what is empty is not uploaded.

    Exit code 0: every image has an outcome. 1: some image has none yet, or was not uploaded. 2: usage or
    connection. 130: Ctrl-C.
    """
    folder = new_folder_name() if prefix is None else checked_folder(prefix)
    sources = find_files(paths)
    if not sources.files and not sources.unlisted:
        message = "nothing to drop: no files there" + (" that are not hidden" if sources.hidden else "")
        raise SconesError(message)
    connection = connect(target)
    stack = read_stack(connection)
    limits = None if force else UploadLimits.of_stack(stack)
    place = stack.keys.folder(f"{folder}/")
    images = plan_images(sources, place, limits, stack.keys)
    for line in sources.notices():
        notice(line)

    s3 = connection.s3()
    pace = pace_for(connection)
    uploads = Uploads(s3, stack.image_bucket, pace.clock)
    stopped: BaseException | None = None
    started = pace.clock()
    try:
        with progress_of(images, visible=not as_json, wait=not no_wait) as progress:
            silence = Silence(
                s3,
                stack.results_bucket,
                connection.dynamodb(),
                connection.stepfunctions(),
                stack.claims_table,
                progress.say,
                partial(pause_in_effect, connection, stack),
            )
            action = Drop(images, pace, progress.count, silence.look)
            if no_wait:
                action.upload(uploads)
            else:
                watch = ResultsWatch(s3, stack.results_bucket, outcome_prefixes(stack.labels, place))
                if prefix is not None:
                    watch.ignore_present()
                action.run(uploads, watch, timeout_s)
    except KeyboardInterrupt as error:
        stopped = error
    except Exception as error:
        if explain(error) is None or not any(image.uploaded for image in images):
            raise
        stopped = error
    seconds = pace.clock() - started

    if as_json:
        print_json(as_document(images, seconds))
    elif no_wait:
        print_uploads(images, f"s3://{stack.image_bucket}/{place}", folder, target.options)
        print_refused(images)
    else:
        print_table(images)
        print_summary(images, seconds)
    finish(images, stopped, timeout_s, target, wait=not no_wait)


def plan_images(
    sources: FoundFiles, prefix: str, limits: UploadLimits | None, keys: ImageKeys
) -> list[Image]:
    """Give every file its key; what would start nothing, and with limits what is too large, is not to be uploaded."""
    images = [
        Image(planned.path, planned.key or "", planned.problem)
        for planned in (*plan_keys(sources.files, prefix), *sources.unlisted.values())
    ]
    for image in images:
        if image.problem is None and (refusal := keys.refusal(image.key)):
            image.problem = refusal
        elif image.problem is None and limits and (refusal := limits.refusal(image.path)):
            image.problem, image.is_over_limits = refusal, True
    return images


def finish(
    images: Sequence[Image], stopped: BaseException | None, timeout_s: float, target: Target, *, wait: bool
) -> None:
    """Say on stderr what is left to say, and leave with the exit code."""
    context = click.get_current_context()
    match stopped:
        case KeyboardInterrupt():
            uploaded = sum(image.uploaded is not None for image in images)
            stay = f"{comma(uploaded, 'image stays', 'images stay')} uploaded and will still be classified"
            later = f"{stay}, see `scones results{target.options}`" if uploaded else "nothing was uploaded"
            if uploaded and is_gone(target):
                later = _fate_of_uploaded(target)
            notice(f"interrupted: {later}")
            context.exit(INTERRUPTED)
        case Exception():
            message = f"{explain(stopped)}; {_fate_of_uploaded(target)}"
            raise SconesError(message) from stopped
    unfinished = [image for image in images if not image.uploaded or (wait and image.is_waiting)]
    if unfinished:
        print_unfinished(images if wait else unfinished, timeout_s, target.options)
        context.exit(_FAILED)


def _fate_of_uploaded(target: Target) -> str:
    if is_gone(target):
        return "the uploaded images are gone with the local cloud, unless it runs with --persist: drop them again"
    return "images already uploaded will still be classified"


def new_folder_name() -> str:
    """Return a folder no other drop uses, such as `drop-20261121-101502-4f2a` (UTC)."""
    return f"drop-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def checked_folder(prefix: str) -> str:
    """Return the folder a user named, without slashes at its ends.

    Raises
    ------
    SconesError
        When results could not be told from those of other folders.
    """
    folder = prefix.strip("/")
    if any(category(character) == "Cc" for character in folder):
        message = f"--prefix must not have control characters: {shown(prefix)}"
        raise SconesError(message)
    if not folder or any(part in {"", ".", ".."} for part in folder.split("/")):
        message = f"--prefix must be a folder name such as `batch-7` or `2026/11`, not {prefix!r}"
        raise SconesError(message)
    if len(folder) >= LITERAL_CHARACTERS:
        message = f"--prefix may have {LITERAL_CHARACTERS - 1} characters at most: it has {len(folder)}"
        raise SconesError(message)
    return folder
