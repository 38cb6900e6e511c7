"""Versions of objects, where MiniStack 1.5.33 does otherwise: their listing, and events about them."""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from html import unescape
from typing import Any, Final

from ministack.services import eventbridge, s3

# What S3 encodes on request (Amazon S3 API reference, "ListObjectVersions", EncodingType).
_ENCODED: Final = re.compile(rb"<(Key|KeyMarker|NextKeyMarker|Prefix|Delimiter)>([^<]*)</")
_END: Final = b"</ListVersionsResult>"
_version_of_event: ContextVar[str | None] = ContextVar("version_of_event", default=None)


def encode_keys() -> None:
    """Let ListObjectVersions encode keys where it is asked to, as ListObjectsV2 does.

    A key may have characters that XML cannot carry. boto3 asks for encoded keys for that reason, and decodes them.
    """
    list_versions = s3._list_object_versions

    def list_encoded(bucket: str, query: dict[str, Any]) -> Any:
        status, headers, body = list_versions(bucket, query)
        if s3._qp(query, "encoding-type") != "url" or not body.endswith(_END):
            return status, headers, body
        encoded = _ENCODED.sub(_encode, body).removesuffix(_END)
        return status, headers, encoded + b"<EncodingType>url</EncodingType>" + _END

    s3._list_object_versions = list_encoded


def _encode(found: re.Match[bytes]) -> bytes:
    text = unescape(found[2].decode("utf-8", "surrogatepass"))
    return b"<%b>%b</" % (found[1], s3._url_encode(text).encode())


def name_versions_in_events() -> None:
    """Put `version-id` into events about versions, which MiniStack leaves out of those for EventBridge.

    Without it a replaced image is gone here, where AWS still has the version that was classified.
    """
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_named(*arguments: Any, **options: Any) -> None:
        before = _version_of_event.set(options.get("version_id"))
        try:
            fire(*arguments, **options)
        finally:
            _version_of_event.reset(before)

    def dispatch_named(event: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        version_id = _version_of_event.get()
        if version_id and event["Source"] == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = event | {"Detail": json.dumps(detail)}
        return dispatch(event, *arguments, **options)

    s3._fire_s3_event = fire_named
    eventbridge._dispatch_event = dispatch_named
