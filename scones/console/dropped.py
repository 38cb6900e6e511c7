"""Files dropped on the page: their upload, and how far each is on its way through the workflow."""

import mimetypes
import re
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final
from unicodedata import category

from scones.claims import Claim, read_claims
from scones.console.gallery import row_of_claim
from scones.console.page import MAX_KEY_BYTES
from scones.console.previews import ImageRef
from scones.console.state import OpenCloud
from scones.errors import SconesError
from scones.execution_progress import STANDARD, read_progress
from scones.image_keys import ImageKeys

FOLDER: Final = re.compile(r"drop-\d{8}-\d{6}-[0-9a-f]{4}")
"""A folder for each drop, as `scones drop` names it: a file never replaces one of an earlier drop."""
_WATCHED_S: Final = 900.0
_MOST_WATCHED: Final = 1000
_HISTORIES: Final = 4
"""Executions whose history is read at a time: Step Functions answers about 20 such requests a second."""


@dataclass(frozen=True, slots=True)
class DroppedImage:
    """An image that was uploaded from the page, and what the page was last told of it."""

    image: ImageRef
    uploaded_at: float
    state: str = "uploaded"


def key_of_drop(keys: ImageKeys, folder: str, name: str) -> str:
    """Return the key of a dropped file.

    Raises
    ------
    SconesError
        When the name cannot be part of a key, or the key is none of an image.
    """
    parts = name.split("/")
    if not FOLDER.fullmatch(folder):
        message = f"the folder of a drop is named like drop-20261121-101502-4f2a, not {folder!r}"
    elif any(part in {"", ".", ".."} for part in parts):
        message = "the file has no name that can be part of a key: rename it"
    elif any(category(character) in {"Cc", "Cs"} for character in name):
        message = "the file's name has control characters: rename it"
    else:
        key = keys.folder(f"{folder}/{name}")
        if len(key.encode()) > MAX_KEY_BYTES:
            message = (
                f"its key would have {len(key.encode()):,} bytes, S3 allows {MAX_KEY_BYTES:,}: rename it"
            )
        elif refusal := keys.refusal(key):
            message = refusal
        else:
            return key
    raise SconesError(message)


def upload(cloud: OpenCloud, key: str, body: bytes) -> ImageRef:
    """Upload a file; return the version that it became."""
    answer = cloud.s3.put_object(
        Bucket=cloud.stack.image_bucket,
        Key=key,
        Body=body,
        ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
    )
    return ImageRef(key, answer["ETag"].strip('"'), answer.get("VersionId"))


class DroppedImages:
    """The images that were dropped a short while ago and have no outcome yet; threads share it."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, DroppedImage] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def add(self, image: ImageRef) -> None:
        """Watch an image."""
        with self._lock:
            self._waiting[image.id] = DroppedImage(image, time.monotonic())
            while len(self._waiting) > _MOST_WATCHED:
                self._waiting.popitem(last=False)

    def look(self, cloud: OpenCloud) -> Iterator[Mapping[str, Any]]:
        """Yield what has changed since the last look: `{id, state}`, and the `row` of an image with an outcome."""
        with self._lock:
            waiting = list(self._waiting.values())
        if not waiting:
            return
        names = [(one.image.key, one.image.etag) for one in waiting]
        claims = read_claims(cloud.dynamodb, cloud.stack.claims_table, names)
        states = _states(cloud, waiting, claims)
        for one in waiting:
            claim = claims.get((one.image.key, one.image.etag), Claim())
            row = row_of_claim(one.image, claim, cloud.stack.incoming_prefix)
            state = "done" if row else states.get(one.image.id, "started" if claim.execution else "uploaded")
            if row or time.monotonic() - one.uploaded_at > _WATCHED_S:
                with self._lock:
                    self._waiting.pop(one.image.id, None)
            if state != one.state:
                with self._lock:
                    if one.image.id in self._waiting:
                        self._waiting[one.image.id] = replace(one, state=state)
                yield {"id": one.image.id, "state": state, "row": row}


def _states(
    cloud: OpenCloud, waiting: Sequence[DroppedImage], claims: Mapping[tuple[str, str], Claim]
) -> Mapping[str, str]:
    """Return the state of the workflow that the oldest of these images are in, where Step Functions tells it."""
    found: dict[str, str] = {}
    for one in waiting:
        claim = claims.get((one.image.key, one.image.etag))
        if len(found) == _HISTORIES:
            break
        if claim and claim.execution and not claim.outcome and STANDARD in claim.execution:
            progress = read_progress(cloud.stepfunctions, claim.execution)
            if progress.state:
                waits = (
                    f", retried: {progress.last_error.name}"
                    if progress.is_waiting and progress.last_error
                    else ""
                )
                found[one.image.id] = progress.state + waits
    return found
