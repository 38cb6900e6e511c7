"""The image that a person decides about, as its claim names it."""

from dataclasses import dataclass
from typing import Any

from scones.index import shard_of


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
    waits
        Whether it is in the queue; else its decision corrects one, or what passed.
    passed_at
        When an image that is to be corrected passed: another outcome since then is not what was looked at.
    """

    key: str
    etag: str
    version_id: str | None = None
    size: int = 0
    arrived: str = ""
    waits: bool = True
    passed_at: str | None = None

    @property
    def claim_key(self) -> dict[str, Any]:
        """The key of its claim."""
        return {"image_key": {"S": self.key}, "etag": {"S": self.etag}}

    @property
    def shard(self) -> int:
        """The number of its partition of the index."""
        return shard_of(self.key, self.etag)
