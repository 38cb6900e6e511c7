"""Requests and responses between the workflow and Classify."""

from typing import NotRequired, TypedDict


class ClassifyRequest(TypedDict):
    """The image from Serialize; other fields of Serialize's result may be present."""

    image_data: str
    content_type: str
    execution: NotRequired[str | None]
    s3_request_id: NotRequired[str | None]


class Endpoint(TypedDict):
    """The endpoint that responded, and its variant and model version where it reports them."""

    name: str
    variant: str | None
    model_version: str | None


class ClassifyResponse(TypedDict):
    """One probability for each label, in the order of the labels."""

    inferences: list[float]
    endpoint: Endpoint
