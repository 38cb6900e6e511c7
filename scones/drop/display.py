"""What a drop shows: two bars while it runs, then a table for people or a document for machines."""

import glob
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from scones.drop.uploads import Image
from scones.result_documents import Outcome
from scones.shell import quoted
from scones.terminal import (
    Column,
    comma,
    confidence_text,
    notice,
    out,
    outcome_text,
    print_rows,
    progress_bars,
    shown,
)

_NAMED = 10


def as_document(images: Sequence[Image], seconds: float) -> dict[str, Any]:
    """Return what `scones drop --json` prints."""
    return {
        "images": [_row(image) for image in images],
        "counts": counts(images),
        "without_outcome": sum(image.document is None for image in images),
        "seconds": round(seconds, 3),
    }


def counts(images: Sequence[Image]) -> dict[str, int]:
    """Count the images of each outcome; outcomes that no image has are included as 0."""
    found = Counter(image.document.outcome for image in images if image.document)
    return {str(outcome): found[outcome] for outcome in Outcome}


def reason(image: Image) -> str | None:
    """Say why an image was not passed, or has no outcome."""
    if image.document:
        return image.document.reason
    if image.problem or not image.uploaded:
        return image.problem or "not uploaded: stopped before"
    return f"no outcome yet: {image.waits_for}" if image.waits_for else "no outcome yet"


def print_table(images: Sequence[Image]) -> None:
    """Print a row for each image to stdout."""
    rows = [
        (
            Text(shown(str(image.path))),
            outcome_text(image.document.outcome if image.document else None),
            Text(shown(image.document.label or "") if image.document else ""),
            confidence_text(image.document.confidence if image.document else None),
            "" if image.seconds is None else f"{image.seconds:.2f}",
            Text(shown(reason(image) or "")),
        )
        for image in images
    ]
    columns = (
        Column("outcome"),
        Column("label"),
        Column("confidence", right=True),
        Column("seconds", right=True, stacked="{} s"),
        Column("reason", is_prose=True),
    )
    print_rows(Column("image"), columns, rows)


def print_summary(images: Sequence[Image], seconds: float) -> None:
    """Print one line to stdout: how many, how they ended, how fast."""
    parts = [f"{count:,} {outcome}" for outcome, count in counts(images).items() if count]
    without = sum(image.document is None for image in images)
    if without:
        parts.append(f"{without:,} without outcome")
    rate = (
        f" ({(len(images) - without) / seconds:.1f} images/s)"
        if seconds > 0 and without < len(images)
        else ""
    )
    out().print(Text(f"{comma(len(images), 'image', 'images')} in {seconds:.1f} s{rate}: {', '.join(parts)}"))


def print_uploads(images: Sequence[Image], address: str, folder: str, options: str) -> None:
    """Say on stderr where the images are, and how to ask for their outcomes later."""
    uploaded = sum(image.uploaded is not None for image in images)
    if not uploaded:
        return
    notice(f"{comma(uploaded, 'image', 'images')} uploaded to {shown(address)}")
    notice(f"their outcomes: scones results{options} --key {quoted(f'{glob.escape(folder)}/*')}")


def print_refused(images: Sequence[Image]) -> None:
    """Say on stderr of each image that was not uploaded why, where no table does."""
    for image in [image for image in images if not image.uploaded][:_NAMED]:
        notice(f"{shown(str(image.path))}: {shown(reason(image) or '')}")


def print_unfinished(images: Sequence[Image], timeout_s: float, options: str) -> None:
    """Say on stderr which images could not be uploaded, and which got no outcome in time."""
    if problems := [image for image in images if not image.uploaded]:
        notice(f"{comma(len(problems), 'image was', 'images were')} not uploaded: {_names(problems)}")
        if any(image.is_over_limits for image in problems):
            notice("the stack would reject what is empty or over its limits; --force uploads it all the same")
    if waiting := [image for image in images if image.is_waiting]:
        example = next((image for image in waiting if image.waits_for), waiting[0])
        notice(
            f"{comma(len(waiting), 'image', 'images')} got no outcome within {timeout_s:g} s: "
            f"{_names(waiting)}\n"
            + (f"{example.waits_for}\n" if example.waits_for else "")
            + f"see `scones status{options}`, or of one image: scones why{options} {quoted(example.key)}"
        )


def _names(images: Sequence[Image]) -> str:
    names = ", ".join(shown(str(image.path)) for image in images[:_NAMED])
    return names if len(images) <= _NAMED else f"{names} and {len(images) - _NAMED:,} more"


def _row(image: Image) -> dict[str, Any]:
    document = image.document
    return {
        "path": shown(str(image.path)) if _is_not_utf8(str(image.path)) else str(image.path),
        "key": image.key or None,
        "etag": image.uploaded.etag if image.uploaded else None,
        "outcome": str(document.outcome) if document else None,
        "label": document.label if document else None,
        "confidence": document.confidence if document else None,
        "seconds": None if image.seconds is None else round(image.seconds, 3),
        "reason": reason(image),
        "result": document.result_key if document else None,
    }


def _is_not_utf8(name: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in name)


@dataclass(frozen=True, slots=True)
class DropProgress:
    """What a person sees while a drop runs: counts in two bars, and lines above them."""

    count: Callable[[int, int], None]
    say: Callable[[str], None]


@contextmanager
def progress_of(images: Sequence[Image], *, visible: bool, wait: bool) -> Iterator[DropProgress]:
    """Show two bars on stderr while a drop runs, if a person looks at it."""
    uploads = sum(image.problem is None for image in images)
    with progress_bars(visible=visible) as progress:
        uploading = progress.add_task("uploaded", total=uploads)
        waiting = progress.add_task("outcomes", total=uploads, visible=wait)

        def count(uploaded: int, outcomes: int) -> None:
            progress.update(uploading, completed=uploaded)
            progress.update(waiting, completed=outcomes)

        def say(line: str) -> None:
            if visible:
                progress.console.print(Text(shown(line)), soft_wrap=True)

        yield DropProgress(count, say)
