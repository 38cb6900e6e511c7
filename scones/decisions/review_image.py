"""The image that a person decides about, as its claim names it."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

SHARDS: Final = 16
"""Partitions of each state in the index."""


@dataclass(frozen=True, slots=True)
class ReviewImage:
    """An image that a person decides about.

    Attributes
    ----------
    etag
        Without quotes; with the key it names the claim.
    version_id
        None where the bucket had no versions: then the ETag names the bytes.
    arrived
        When the image was uploaded.
    lease_until
        Epoch seconds until which a reviewer holds it, 0 where nobody does.
    waits
        Whether it is in the queue; else its decision corrects one, or what passed.
    """

    key: str
    etag: str
    version_id: str | None = None
    size: int = 0
    arrived: str = ""
    lease_until: int = 0
    waits: bool = True

    @property
    def claim_key(self) -> dict[str, Any]:
        """The key of its claim."""
        return {"image_key": {"S": self.key}, "etag": {"S": self.etag}}

    @property
    def shard(self) -> int:
        """Its partition of the index, by the rule of the workflow."""
        digest = hashlib.md5((self.key + self.etag).encode(), usedforsecurity=False).hexdigest()
        return int(digest[0], SHARDS)
