"""Listings of object versions, whose keys MiniStack 1.5.33 writes as they are whatever `encoding-type` asks for.

A key may have characters that XML cannot carry. boto3 asks for encoded keys for that reason, and decodes them.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final

from ministack.services import s3

# What S3 encodes on request (Amazon S3 API reference, "ListObjectVersions", EncodingType).
_ENCODED: Final = re.compile(rb"<(Key|KeyMarker|NextKeyMarker|Prefix|Delimiter)>([^<]*)</")
_END: Final = b"</ListVersionsResult>"


def encode_keys() -> None:
    """Let ListObjectVersions encode keys where it is asked to, as ListObjectsV2 does."""
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
