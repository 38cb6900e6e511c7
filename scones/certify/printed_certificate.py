"""What `scones certify` prints for a person."""

import math
from collections.abc import Iterator

from rich.text import Text

from scones.certify.certificate import Certificate
from scones.certify.certification import Certification, Scope
from scones.terminal import Column, comma, out, print_rows, shown

_NAME_WIDTH = 18


def print_certification(found: Certification) -> None:
    """Print the certificates, what was tried for each, and what they rest on."""
    console = out()
    for certificate in found.certificates:
        console.print(
            Text(headline(certificate), "bold" if certificate.given else "bold yellow"), soft_wrap=True
        )
        for name, value in _facts(certificate):
            console.print(Text(f"  {name:<{_NAME_WIDTH}}{value}"), soft_wrap=True)
        if certificate.tried:
            _print_trials(certificate)
        console.print()
    for name, value in _grounds(found):
        console.print(Text(f"{name:<{_NAME_WIDTH + 2}}{value}"), soft_wrap=True)


def headline(certificate: Certificate) -> str:
    """Return the statement, or that it is not given."""
    promise = certificate.promise
    of_what = "what passes" if certificate.label is None else f"what passes as {shown(certificate.label)}"
    error, confidence = _percent(promise.error), _percent(promise.confidence)
    statement = f"at most {error} wrong among {of_what}, with {confidence} confidence"
    if trial := certificate.given:
        return f"Certified from threshold {trial.threshold!r}: {statement}, as your reviewers see it"
    return f"Not certified: {statement}"


def _facts(certificate: Certificate) -> Iterator[tuple[str, str]]:
    trial = certificate.given
    if trial and certificate.coverage is not None:
        yield (
            "audited passes",
            f"{trial.passes:,}, of which {trial.wrong:,} wrong: at most {_up(trial.bound)} wrong",
        )
        of = (
            "classified images"
            if certificate.label is None
            else f"images classified as {shown(certificate.label)}"
        )
        yield (
            "coverage",
            f"{_down(certificate.coverage)} of the {certificate.drawn:,} {of} that were drawn",
        )
    if certificate.missing:
        lower = f"for threshold {certificate.tried[-1].threshold!r}: " if trial else ""
        yield "lower" if trial else "missing", f"{lower}{certificate.missing}"


def _print_trials(certificate: Certificate) -> None:
    columns = [
        Column("passes", right=True, stacked="{} passes"),
        Column("wrong", right=True, stacked="{} wrong"),
        Column("at most wrong", right=True, stacked="at most {}"),
        Column("", stacked="{}"),
    ]
    rows = [
        [
            repr(one.threshold),
            f"{one.passes:,}",
            f"{one.wrong:,}",
            _up(one.bound),
            "certified" if one.is_certified else "fails",
        ]
        for one in certificate.tried
    ]
    print_rows(Column("threshold", right=True), columns, rows)


def _grounds(found: Certification) -> Iterator[tuple[str, str]]:
    sample, looks = found.sample, found.second_looks
    if found.request.scope is Scope.PER_LABEL:
        each = _percent(found.request.promise.confidence)
        yield (
            "confidence",
            f"{each} for each label by itself; --all-labels divides, so that all hold together",
        )
    yield "model", shown(str(found.model))
    if found.from_at:
        yield "images", f"classified from {found.from_at} to {found.to_at}"
    undecided = f", of which {sample.undecided:,} without a decision in time" if sample.undecided else ""
    yield "draws", f"{len(sample.counted):,} counted{undecided}; {len(sample.waiting):,} wait for decisions"
    yield "missed draws", f"{found.missed:,}"
    if found.left_out:
        off = f", or before {found.off_until}, when audits were off" if found.off_until else ""
        yield "left out", f"{found.left_out:,} draws of another release's Serialize, of another endpoint{off}"
    yield "reviewers", ", ".join(map(shown, sample.reviewers)) or "none"
    if looks.looked_at:
        differ = (
            f"{looks.differ_on_disagreements:,} of {looks.disagreements:,} called wrong, "
            f"{looks.differ_on_agreements:,} of {looks.agreements:,} called right"
        )
        yield (
            "second looks",
            f"{looks.differ:,} of {looks.looked_at:,} differ from the first decision ({differ})",
        )
    if looks.missing:
        yield "", f"{comma(len(looks.missing), 'image waits', 'images wait')} for a second look"
    yield "sample", f"SHA-256 {sample.digest}"


def _percent(share: float) -> str:
    """Return `1 %`, `97.5 %`: at most three digits, cut."""
    return f"{math.floor(round(share * 1e5, 3)) / 1e3:g} %"


def _down(share: float) -> str:
    return f"{math.floor(share * 1e3 + 1e-9) / 10:.1f} %"


def _up(share: float) -> str:
    """Return a bound in percent, rounded up: it must not promise more than it holds."""
    return f"{math.ceil(share * 1e4 - 1e-9) / 1e2:.2f} %"
