"""A certificate: which images its thresholds were certified for, and why an image is not one of them."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """A configuration of the endpoint: its name, and when it was made, as the certificate writes it."""

    name: str
    time: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """
    What the thresholds were certified for.

    Attributes
    ----------
    model_version
        As the endpoint reported it; None where it reports none: `endpoint_config` is bound then.
    labels
        The classes, in the order of the model's probabilities.
    serialize
        Digest of Serialize's code and settings.
    until
        The first moment at which it is not valid any more.
    endpoint_config
        The endpoint's configuration, which the sweep compares: it withdraws the certificate on a change.
    checked_at
        When the endpoint was last seen to have that configuration; None where it was not.
    withdrawn
        Why it is not valid any more, before its end.
    covers
        The labels that it was given for; None for all of them.
    """

    model_version: str | None
    labels: tuple[str, ...]
    serialize: str
    until: datetime
    endpoint_config: EndpointConfig | None = None
    checked_at: datetime | None = None
    withdrawn: str | None = None
    covers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """
    How an image was classified, and when.

    Attributes
    ----------
    model_version
        None where the endpoint reports none.
    longest_unchecked
        Age at which the last check of the endpoint's configuration does not count any more.
    """

    label: str
    model_version: str | None
    labels: tuple[str, ...]
    serialize: str
    now: datetime
    longest_unchecked: timedelta


def refusal(certificate: Certificate | None, image: Circumstances) -> str | None:
    """Say why a certificate does not cover an image; None where it does."""
    if certificate is None:
        return f"no certificate covers {_model(image.model_version)}: the live threshold has none"
    if certificate.withdrawn is not None:
        return f"the certificate was withdrawn: {certificate.withdrawn}"
    if image.now >= certificate.until:
        return f"the certificate ended at {certificate.until:%Y-%m-%dT%H:%M:%S%:z}"
    return _difference(certificate, image) or _unchecked(certificate, image)


def checked(certificate: Certificate, check: str) -> Certificate:
    """
    Return a certificate with the time of the sweep's last check, where that was of its configuration.

    Parameters
    ----------
    check
        What the sweep has written: JSON with the configuration and a time; any other text is not a check.
    """
    try:
        found: Any = json.loads(check)
        at, config = datetime.fromisoformat(found["at"]), EndpointConfig(**found["endpoint_config"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return certificate
    if config != certificate.endpoint_config or at.tzinfo is None:
        return certificate
    return replace(certificate, checked_at=max(at, certificate.checked_at or at))


def _difference(certificate: Certificate, image: Circumstances) -> str | None:
    if image.model_version != certificate.model_version:
        certified = certificate.model_version or _config(certificate)
        return (
            f"no certificate covers {_model(image.model_version)}: "
            f"certified is {certified} until {certificate.until:%Y-%m-%d}"
        )
    if image.labels != certificate.labels:
        return f"the certificate is for the labels {','.join(certificate.labels)}"
    if image.serialize != certificate.serialize:
        return f"the certificate is for images of Serialize {certificate.serialize}, not {image.serialize}"
    if certificate.covers is not None and image.label not in certificate.covers:
        return f"the certificate does not cover the label {image.label}"
    return None


def _unchecked(certificate: Certificate, image: Circumstances) -> str | None:
    """Say that nobody has seen lately that the endpoint still has the certified configuration."""
    if certificate.endpoint_config is None:
        return None
    longest = image.longest_unchecked
    if certificate.checked_at is None:
        return f"the sweep has not confirmed {_config(certificate)}"
    # A time far ahead is of a wrong clock: it would hide for as long that the sweep does not run.
    if not -longest <= image.now - certificate.checked_at < longest:
        at, minutes = f"{certificate.checked_at:%Y-%m-%dT%H:%M:%S%:z}", longest // timedelta(minutes=1)
        return f"the sweep has not confirmed {_config(certificate)} since {at}, and it counts for {minutes} minutes"
    return None


def _config(certificate: Certificate) -> str:
    config = certificate.endpoint_config
    return f"endpoint configuration {config.name if config else None}"


def _model(version: str | None) -> str:
    return "a model that reports no version" if version is None else f"model {version}"
