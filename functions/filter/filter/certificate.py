"""A certificate: which images its thresholds were certified for, and why an image is not one of them."""

from dataclasses import dataclass
from datetime import datetime


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
        Name of the endpoint's configuration, which the sweep compares: it withdraws the certificate on a change.
    withdrawn
        Why it is not valid any more, before its end.
    covers
        The labels that it was given for; None for all of them.
    """

    model_version: str | None
    labels: tuple[str, ...]
    serialize: str
    until: datetime
    endpoint_config: str | None = None
    withdrawn: str | None = None
    covers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How an image was classified, and when; `model_version` is None where the endpoint reports none."""

    label: str
    model_version: str | None
    labels: tuple[str, ...]
    serialize: str
    now: datetime


def refusal(certificate: Certificate | None, image: Circumstances) -> str | None:
    """Say why a certificate does not cover an image; None where it does."""
    if certificate is None:
        return f"no certificate covers {_model(image.model_version)}: the live threshold has none"
    if certificate.withdrawn is not None:
        return f"the certificate was withdrawn: {certificate.withdrawn}"
    if image.now >= certificate.until:
        return f"the certificate ended at {certificate.until:%Y-%m-%dT%H:%M:%S%:z}"
    return _difference(certificate, image)


def _difference(certificate: Certificate, image: Circumstances) -> str | None:
    if image.model_version != certificate.model_version:
        certified = certificate.model_version or f"endpoint configuration {certificate.endpoint_config}"
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


def _model(version: str | None) -> str:
    return "a model that reports no version" if version is None else f"model {version}"
