"""The draw of the audit: a random sample of all classified images, by a rule that nobody who uploads can see or bend.

Whether an image is drawn depends on its key, its bytes and a secret, not on what the model said; the same bytes under
the same key are always drawn alike. People decide about the sample without knowing the model's verdict, so that it
says how often the model is wrong.
"""

import hmac
import time
from collections.abc import Callable
from typing import Protocol

from filter.contract import Draw
from filter.errors import StoreUnavailableError
from filter.settings import Settings

BITS = 53  # of a double's fraction: each is a multiple of 2**-53
DECIMALS = 16
VERIFICATION = "/scones-verify/"  # a folder of the images of `scones verify`; scones has the same rule
RETRY_S = 30  # after a failure; like the live threshold's, so that not every image waits for it


class Source(Protocol):
    """The store of the secret."""

    def get(self, name: str) -> str:
        """Return the secret, or raise StoreUnavailableError."""


def fraction(secret: str, image_key: str, etag: str) -> float:
    """
    Return the fraction that decides the draw of an image, uniform from 0 to 1 (1 excluded).

    It is the first 53 bits of HMAC-SHA256 (RFC 2104) with the secret, of the key, a line feed and the entity tag. An
    entity tag has no line feed, so that no two images give the same text.
    """
    text = f"{image_key}\n{etag}".encode("utf-8", "surrogatepass")
    digest = hmac.digest(secret.encode(), text, "sha256")
    return (int.from_bytes(digest[:8]) >> (64 - BITS)) / float(1 << BITS)


class Lottery:
    """
    The draws of one process of the function, which reads the secret once.

    Parameters
    ----------
    source
        None where there is no secret, as with `sam local`: nothing is drawn.
    """

    def __init__(
        self, source: Source | None, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._secret: str | None = None
        self._problem = ""
        self._failed_at: float | None = None

    @property
    def absence(self) -> str | None:
        """Why no image is ever drawn; None where images are."""
        if self._settings.audit_share <= 0:
            return "AuditShare is 0"
        return None if self._source else "the draw has no secret"

    def draw(self, image_key: str | None, etag: str | None) -> Draw:
        """
        Return what the claim of a classified image says of its draw; never fails.

        An image whose draw could not be made continues: its claim says so, and no certificate covers it. Images of
        `scones verify` test a deployment and are deleted within minutes: no person is asked about them.
        """
        if self._source is None or self.absence:
            return {}
        if not image_key or not etag:
            return {"draw_missed": "the request does not name the image"}
        if VERIFICATION in f"/{image_key}":
            return {}
        secret = self._read(self._source)
        if secret is None:
            return {"draw_missed": self._problem}
        u = fraction(secret, image_key, etag)
        return {"u": f"{u:.{DECIMALS}f}"} if u < self._settings.audit_share else {}

    def _read(self, source: Source) -> str | None:
        if self._secret is None and self._may_ask():
            try:
                self._secret = source.get(self._settings.audit_secret)
            except StoreUnavailableError as error:
                self._problem = f"secret {self._settings.audit_secret}: {error}"
                self._failed_at = self._clock()
        return self._secret

    def _may_ask(self) -> bool:
        # After the clock was set back, a time in the future counts as long ago.
        return self._failed_at is None or not 0 <= self._clock() - self._failed_at < RETRY_S
