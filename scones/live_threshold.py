"""The thresholds that Filter applies: the live ones in SSM, and the deployed ones where those cannot be used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from scones.audited_draws import audit_share
from scones.errors import SconesError, error_code
from scones.label_thresholds import Thresholds
from scones.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

MOST_CHARACTERS: Final = 4096
"""A standard parameter holds 4 KB (AWS Systems Manager user guide, "Managing parameter tiers")."""
FOR_THE_WATCH: Final = 900
"""Kept free for what the sweep adds when it raises thresholds, stops passing or withdraws a certificate."""

SOON: Final = timedelta(days=14)
"""A certificate ends soon when so much is left, or a quarter of its life, whichever is shorter."""

type Certificate = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LiveThreshold:
    """
    The live thresholds of a stack, and the deployed ones that count while `problem` says why those cannot be used.

    Attributes
    ----------
    parameter
        Name of the SSM parameter.
    certificate
        What `scones certify --apply` wrote beside the thresholds.
    stopped
        Why nothing passes: the sweep's watch has stopped it.
    """

    parameter: str
    deployed: Thresholds
    live: Thresholds | None
    certificate: Certificate | None = None
    stopped: str | None = None
    problem: str | None = None

    @property
    def counts(self) -> Thresholds:
        """Those that images are judged by."""
        return self.deployed if self.live is None else self.live

    def __str__(self) -> str:
        """Return `0.8`, or `bicycle=0.9,default=0.8 (deployed: 0.8)` where the two differ, or why nothing passes."""
        if self.stopped:
            return f"nothing passes ({self.stopped})"
        differs = self.counts.by_label != self.deployed.by_label
        return f"{self.counts}{f' (deployed: {self.deployed})' if differs else ''}"

    def as_document(self) -> dict[str, Any]:
        """Return what `scones threshold --json` prints; `threshold` and `deployed` are null where labels differ."""
        return {
            "threshold": self.counts.for_all,
            "thresholds": self.counts.by_label,
            "deployed": self.deployed.for_all,
            "deployed_thresholds": self.deployed.by_label,
            "certificate": self.certificate,
            "stopped": self.stopped,
            "parameter": self.parameter,
            "problem": self.problem,
        }


def read_threshold(ssm: "SSMClient", stack: Stack) -> LiveThreshold:
    """Read the live value as Filter does: where it is missing or cannot be used, the deployed thresholds count."""
    name, deployed = stack.threshold_parameter, stack.thresholds
    text = _read(ssm, name)
    if text is None:
        return LiveThreshold(name, deployed, None, problem=f"parameter {name} is gone")
    try:
        return LiveThreshold(name, deployed, *parse_live(text, stack.labels))
    except ValueError as error:
        return LiveThreshold(name, deployed, None, problem=f"parameter {name} {error}")


def check_end(found: LiveThreshold, stack: Stack) -> None:
    """
    Refuse to set other thresholds where that would end a certificate without which no image passes.

    Raises
    ------
    SconesError
        With what sets them all the same.
    """
    if found.certificate is not None and stack.requires_certificate:
        message = (
            f"this ends the certificate that is valid until {found.certificate['until']}, and without one no "
            "image passes: `scones threshold --force` sets it all the same"
        )
        raise SconesError(message)


def check_watch(found: LiveThreshold) -> None:
    """
    Refuse to apply a certificate where that would lift what the sweep's watch has done about errors.

    Raises
    ------
    SconesError
        With what applies it all the same.
    """
    done = None
    if found.stopped:
        done = f"stopped passing ({found.stopped})"
    elif found.certificate is not None and (raised := found.certificate.get("raised")):
        done = f"raised the thresholds at {raised.get('at')} ({raised.get('why')})"
    if done:
        message = (
            f"the watch has {done}; a certificate of earlier images would lift that: find the cause first "
            "(`scones status`), then `scones certify --apply --force`"
        )
        raise SconesError(message)


def set_threshold(ssm: "SSMClient", stack: Stack, value: Thresholds) -> LiveThreshold:
    """Set the live thresholds, which ends a certificate; a parameter that is gone is made again."""
    _write(ssm, stack.threshold_parameter, str(value))
    return LiveThreshold(stack.threshold_parameter, stack.thresholds, value)


def write_certified(
    ssm: "SSMClient", stack: Stack, thresholds: Mapping[str, float], certificate: Certificate
) -> str | None:
    """
    Set the live thresholds together with their certificate.

    Parameters
    ----------
    thresholds
        By label; `default` for the labels that are not named.
    certificate
        With `model_version` (or `endpoint_config`), `labels`, `serialize` and `until`; other fields are kept.

    Returns
    -------
    str or None
        The earlier value; None where there was none.

    Raises
    ------
    SconesError
        When Filter could not use the value: nothing is written.
    """
    text = json.dumps(
        {"thresholds": dict(thresholds), "certificate": dict(certificate)}, separators=(",", ":")
    )
    if len(text) > MOST_CHARACTERS - FOR_THE_WATCH:
        message = (
            f"the live value has {len(text):,} characters, and a parameter holds {MOST_CHARACTERS:,}, of which "
            f"{FOR_THE_WATCH} are for what the watch writes into it"
        )
        raise SconesError(message)
    try:
        parse_live(text, stack.labels)
    except ValueError as error:
        message = f"Filter could not use the live value, which {error}"
        raise SconesError(message) from error
    earlier = _read(ssm, stack.threshold_parameter)
    _write(ssm, stack.threshold_parameter, text)
    return earlier


def certificate_text(certificate: Certificate) -> str:
    """Say in one line what the thresholds were certified for, and until when."""
    config = certificate.get("endpoint_config")
    version = certificate.get("model_version")
    model = f"endpoint configuration {config['name']}" if version is None and config else f"model {version}"
    if withdrawn := certificate.get("withdrawn"):
        return f"the certificate of {model} was withdrawn: {withdrawn}"
    return f"certified for {model} until {certificate['until']}"


def ends_soon(certificate: Certificate | None, now: datetime) -> str | None:
    """
    Say when a certificate ends, where a quarter of its life is left or `SOON`, or where it has ended.

    The sweep notifies the alert topic by the same rule; a test holds both together.
    """
    if certificate is None or certificate.get("withdrawn"):
        return None
    until = datetime.fromisoformat(certificate["until"])
    if now >= until:
        return f"the certificate ended at {certificate['until']}"
    since = certificate.get("since")
    lead = min(SOON, (until - datetime.fromisoformat(since)) / 4) if since else SOON
    if until - now > lead:
        return None
    hours = (until - now) / timedelta(hours=1)
    left = f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} h"  # noqa: PLR2004 (two days)
    return f"the certificate ends in {left}, at {certificate['until']}, and nothing renews it"


def certificate_problem(certificate: Certificate | None, stack: Stack, now: datetime) -> str | None:
    """Say why a certificate covers no image of a stack, whatever the model's version; None where it may."""
    if certificate is None:
        return "there is no certificate"
    if end := _end(certificate, now):
        return end
    if not audit_share(stack):
        return "AuditShare is 0: no audit could refute the certificate"
    if tuple(certificate["labels"]) != stack.labels:
        return f"the certificate is for the labels {','.join(certificate['labels'])}"
    if certificate["serialize"] != stack.serialize_digest:
        return f"the certificate is for images of Serialize {certificate['serialize']}, not {stack.serialize_digest}"
    return None


def _end(certificate: Certificate, now: datetime) -> str | None:
    if withdrawn := certificate.get("withdrawn"):
        return f"the certificate was withdrawn: {withdrawn}"
    if now >= datetime.fromisoformat(certificate["until"]):
        return f"the certificate ended at {certificate['until']}"
    return None


def parse_live(text: str, labels: tuple[str, ...]) -> tuple[Thresholds, Certificate | None, str | None]:
    """Read a live value; a test holds it to Filter's own reading.

    Raises
    ------
    ValueError
        For anything else; the message continues a sentence that starts with the parameter's name.
    """
    if not text.lstrip().startswith("{"):
        return Thresholds.parse(text, labels), None, None
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except (json.JSONDecodeError, RecursionError):
        message = "is not JSON, although it starts with {"
        raise ValueError(message) from None
    numbers, certificate = value.get("thresholds"), value.get("certificate")
    if not isinstance(numbers, dict) or not numbers or not all(map(_is_share, numbers.values())):
        message = "must have thresholds from 0 to 1, by label"
        raise ValueError(message)
    stopped = value.get("stopped")
    if not isinstance(stopped, str | None) or stopped == "":
        message = "has a stopped that is not a sentence"
        raise ValueError(message)
    thresholds = Thresholds.of_numbers(numbers, labels)
    if certificate is not None and (problem := _problem(certificate)):
        message = f"has a certificate {problem}"
        raise ValueError(message)
    return thresholds, certificate, stopped


def _read(ssm: "SSMClient", name: str) -> str | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        return ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if error_code(error) != "ParameterNotFound":
            raise
        return None


def _write(ssm: "SSMClient", name: str, text: str) -> None:
    ssm.put_parameter(Name=name, Value=text, Type="String", Overwrite=True)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            message = f"has {name[:20]!r} twice"
            raise ValueError(message)
    return dict(pairs)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _problem(found: object) -> str | None:
    """Say what is wrong with a certificate."""
    if not isinstance(found, Mapping):
        return "that is not an object"
    version, labels = found.get("model_version"), found.get("labels")
    config = found.get("endpoint_config")
    has_config = isinstance(config, Mapping) and all(
        isinstance(config.get(name), str) for name in ("name", "time")
    )
    if not isinstance(version, str | None) or (version is None and not has_config):
        return "without model_version or endpoint_config"
    if not _are_labels(labels):
        return "without labels"
    if found.get("covers") is not None and not _are_labels(found["covers"]):
        return "whose covers is not a list of labels"
    if not isinstance(found.get("serialize"), str) or not isinstance(found.get("withdrawn"), str | None):
        return "whose serialize or withdrawn is not text"
    return None if _is_time(found.get("until")) else "whose until is not a time with its zone"


def _are_labels(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(label, str) for label in found)


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
