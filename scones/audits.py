"""The audit: a random sample of all classified images, about which people decide without the model's verdict."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What a second person said about an image, without knowing of the first decision."""

    label: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class Draw:
    """
    An image of the sample, with the verdict that it was drawn with.

    Attributes
    ----------
    at
        When its outcome was stored: UTC, RFC 3339.
    u
        The fraction that decided the draw, 0 to 1: an image is in every sample whose share is above it.
    threshold
        The lowest confidence that passed, for its label, at that time.
    model_version
        As the endpoint reported it.
    endpoint
        The endpoint's name.
    labels
        The stack's labels at that time, comma separated.
    decision
        The label of the decision that stands; None while there is none.
    by, decided_at
        Who decided, as an ARN, and when.
    second
        Looks of other people, oldest first.
    share
        The share of all images that was drawn at that time; None where it was not recorded.
    """

    key: str
    etag: str
    at: str
    u: float
    label: str
    confidence: float
    threshold: float
    passed: bool
    model_version: str | None
    endpoint: str | None
    labels: str
    decision: str | None = None
    by: str | None = None
    decided_at: str | None = None
    second: tuple[SecondLook, ...] = ()
    share: float | None = None


def certifying_half(u: float) -> bool:
    """Tell whether a draw certifies and compares models; the other half may be learned from.

    It is the 32nd binary digit of u after the point: known from u alone, so that a change of the share moves no image
    to the other half, and far from the digits that decide the draw. "Record decision" has the same rule.
    """
    return int(u * 2**32) % 2 == 0
