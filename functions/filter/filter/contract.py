"""Requests and responses between the workflow and Filter."""

from typing import NotRequired, TypedDict


class FilterRequest(TypedDict):
    """One probability for each label, in the order of the labels; the image, and the model that answered."""

    inferences: list[float]
    image_key: NotRequired[str]
    etag: NotRequired[str]
    model_version: NotRequired[str | None]
    execution: NotRequired[str | None]
    s3_request_id: NotRequired[str | None]


class Draw(TypedDict, total=False):
    """
    The audit's draw: empty for an image that is not in the sample.

    `u` is the fraction that decided it, as decimal text; `draw_missed` says why it could not be decided.
    """

    u: str
    draw_missed: str


class FilterResponse(Draw):
    """The verdict; `passed` is `confidence >= threshold`, unless `reason` says why the image may not pass."""

    passed: bool
    label: str
    confidence: float
    threshold: float
    reason: NotRequired[str]
