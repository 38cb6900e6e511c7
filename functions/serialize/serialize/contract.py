"""Requests and responses between the workflow and Serialize."""

from typing import NotRequired, TypedDict


class SerializeRequest(TypedDict):
    """The image reference from the S3 event; `key` is raw, never URL-decoded."""

    bucket: str
    key: str
    version_id: NotRequired[str | None]
    etag: NotRequired[str | None]
    size: int
    execution: NotRequired[str | None]
    s3_request_id: NotRequired[str | None]


class Original(TypedDict):
    """The uploaded image: its format, and its size in pixels as a viewer shows it (upright)."""

    format: str
    width: int
    height: int


class SerializeResponse(TypedDict):
    """The shrunken image; `image_data` is base64 of at most 131072 characters."""

    image_data: str
    content_type: str
    width: int
    height: int
    original: Original
