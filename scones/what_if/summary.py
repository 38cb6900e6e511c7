"""What `scones what-if` prints for a person."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from scones.terminal import (
    Column,
    comma,
    confidence_text,
    local_time,
    notice,
    out,
    outcome_text,
    print_rows,
    shown,
)
from scones.what_if.paired_test import Judged, Paired, Said
from scones.what_if.replay import GONE, LEARNED, NOT_CLASSIFIED, OTHER_VERSION, Replay
from scones.what_if.threshold_effect import Moved, ThresholdEffect

_LEFT_OUT: Final[Mapping[str, str]] = {
    GONE: "gone from the bucket",
    NOT_CLASSIFIED: "could not be classified",
    LEARNED: "that the candidate has learned",
    OTHER_VERSION: "judged by another version of the deployed model",
}
_VERDICTS: Final[Mapping[str, str]] = {
    "worse": "The candidate is worse: training.deploy does not promote it.",
    "better": "The candidate is better.",
    "not shown": "These images do not show that the candidate is better, nor that it is worse.",
}


def print_effect(effect: ThresholdEffect, live: str, tried: str, incoming_prefix: str) -> None:
    """Print what thresholds would change."""
    images = comma(effect.images, "image", "images")
    more = effect.reviews_now - effect.reviews_then
    differs = "as many" if not more else f"{abs(more):,} {'more' if more > 0 else 'fewer'}"
    _line(f"{images}; threshold {tried} (live: {live})")
    _line(f"reviews: {effect.reviews_then:,} -> {effect.reviews_now:,}, {differs}")
    _line(f"{_moved(effect.to_review)} to review instead of passing")
    _line(f"{_moved(effect.to_passed)} without a review")
    rows = [
        (
            Text(shown(one.image_key.removeprefix(incoming_prefix))),
            local_time(one.at),
            outcome_text("review" if one.passed else "passed"),
            Text(shown(one.label)),
            confidence_text(one.confidence),
            Text(shown(one.person or "")),
        )
        for one in effect.changes
    ]
    columns = (
        Column("finished"),
        Column("would be"),
        Column("label"),
        Column("confidence", right=True),
        Column("person", stacked="person: {}"),
    )
    _print_changes(columns, rows, effect.to_review.images + effect.to_passed.images)


def print_replay(replay: Replay, document: Mapping[str, Any], incoming_prefix: str) -> None:
    """Print how a candidate compares."""
    version = document["candidate"]["version"]
    candidate = shown(document["candidate"]["name"]) + (f" ({version})" if version else "")
    images, deployed = comma(replay.compared, "image", "images"), replay.baseline_version or "unnamed"
    _line(f"{images} compared: candidate {candidate}, deployed version {shown(deployed)}")
    for reason, said in _LEFT_OUT.items():
        if replay.left_out[reason]:
            _line(f"left out: {comma(replay.left_out[reason], 'image', 'images')} {said}")
    if replay.first_problem:
        notice(f"could not be classified: {shown(replay.first_problem)}")
    _line(
        f"changes: {comma(replay.changed_labels, 'label', 'labels')}; {replay.to_review:,} to review instead of "
        f"passing, {replay.to_passed:,} passing without a review"
    )
    _print_paired("with a person's label", replay.labelled())
    _print_paired("of the audit, a random sample", replay.audited())
    _line(_VERDICTS[replay.verdict()])
    if replay.learned is None:
        notice(
            "what the candidate has learned is not known: --trained-on leaves these images out; without it, only the "
            "audit's half that no training uses compares fairly"
        )
    _print_differences(replay, incoming_prefix)


def _print_differences(replay: Replay, incoming_prefix: str) -> None:
    rows = [
        (
            Text(shown(one.image.image_key.removeprefix(incoming_prefix))),
            _said(one.baseline),
            _said(one.candidate),
            Text(shown(one.image.person or "")),
        )
        for one in replay.changes
    ]
    columns = (
        Column("deployed"),
        Column("candidate", stacked="-> {}"),
        Column("person", stacked="person: {}"),
    )
    _print_changes(columns, rows, replay.changed)


def _print_paired(of: str, paired: Paired) -> None:
    if not paired.images:
        _line(f"images {of}: none")
        return
    one, two = paired.baseline, paired.candidate
    _line(f"images {of}: {paired.images:,} (deployed, candidate)")
    _line(f"  wrong: {one.wrong:,}, {two.wrong:,}; calibration error: {_share(one)}, {_share(two)}")
    _line(
        f"  wrong among what passes: {one.passed_wrong:,} of {one.passed:,}, {two.passed_wrong:,} of {two.passed:,}"
    )
    _line(
        f"  only one of them wrong: {paired.only_baseline_wrong:,}, {paired.only_candidate_wrong:,}; "
        f"p = {paired.p_value:.2g} (McNemar, exact)"
    )


def _share(model: Judged) -> str:
    return "-" if model.calibration_error is None else f"{model.calibration_error:.3f}"


def _said(said: Said) -> Text:
    return Text(
        f"{shown(said.label)} {confidence_text(said.confidence)} {'passed' if said.passes else 'review'}"
    )


def _moved(moved: Moved) -> str:
    images = comma(moved.images, "image", "images")
    if not moved.images:
        return images
    return f"{images} (of {moved.labelled:,} with a person's label, the model is right about {moved.right:,})"


def _print_changes(columns: Sequence[Column], rows: Sequence[Sequence[Text | str]], images: int) -> None:
    if rows:
        print_rows(Column("image"), columns, rows)
    if len(rows) < images:
        notice(f"the newest {len(rows):,} of {images:,} images that change; --all lists all")


def _line(text: str) -> None:
    out().print(Text(text), soft_wrap=True)
