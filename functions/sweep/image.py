"""An image as the bucket lists it, and the event that starts its workflow again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Image:
    """
    One version of an object.

    Attributes
    ----------
    key
        As it is, not URL-encoded.
    etag
        Without quotes, as events carry it.
    version_id
        None in a bucket that keeps no versions.
    size
        Bytes.
    """

    bucket: str
    key: str
    etag: str
    version_id: str | None
    size: int
    last_modified: datetime

    @property
    def name(self) -> tuple[str, str]:
        """The key of its claim: the same bytes under the same key are one image, however often uploaded."""
        return self.key, self.etag


def event_of(image: Image, now: datetime) -> dict[str, Any]:
    """Return an event of S3's own shape; `redrive` lets its execution take over what a dead one left."""
    version = {"version-id": image.version_id} if image.version_id else {}
    return {
        "version": "0",
        "detail-type": "Object Created",
        "source": "scones.sweep",
        "time": now.isoformat(timespec="seconds"),
        "redrive": True,
        "detail": {
            "bucket": {"name": image.bucket},
            "object": {"key": image.key, "size": image.size, "etag": image.etag, **version},
        },
    }
