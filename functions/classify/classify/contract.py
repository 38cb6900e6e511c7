"""The events and results that cross the wire between the workflow and Classify."""

from typing import NotRequired, TypedDict


class ClassifyRequest(TypedDict):
    """The image as Serialize made it; more of Serialize's result may come along."""

    image_data: str
    content_type: str
    execution: NotRequired[str | None]
    s3_request_id: NotRequired[str | None]


class Endpoint(TypedDict):
    """Which endpoint answered, and which of its variants and models, where it says so."""

    name: str
    variant: str | None
    model_version: str | None


class ClassifyResponse(TypedDict):
    """One probability for each label, in the order of the labels."""

    inferences: list[float]
    endpoint: Endpoint
