"""Failed images: found in the queue and under `failed/`, what is known of each, and its outcome since."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import batched
from typing import TYPE_CHECKING, Any, Self

from scones.claims import Claim
from scones.redrive.queue import FailedQueue, Message
from scones.result_documents import Document, Outcome, fetch, list_results

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

_STATUS_CHANGE = "Step Functions Execution Status Change"
_DOCUMENTS = 16
"""Documents fetched at a time."""


@dataclass(frozen=True, slots=True)
class ImageVersion:
    """What the workflow has to know of an image; `etag` without quotes."""

    bucket: str
    key: str
    etag: str
    size: int
    version_id: str | None = None
    sequencer: str | None = None
    request_id: str | None = None

    @property
    def name(self) -> tuple[str, str]:
        """The key of its claim: an image is its key and its bytes, however often it is named."""
        return self.key, self.etag

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> Self:
        """Read S3's event.

        Raises
        ------
        ValueError
            When it is not such an event.
        """
        try:
            detail, one = event["detail"], event["detail"]["object"]
            image = {**one, "bucket": detail["bucket"]["name"], "version_id": one.get("version-id")}
            return cls._of(image, detail.get("request-id"))
        except (KeyError, TypeError, AttributeError) as error:
            message = f"no image's event ({type(error).__name__}: {error})"
            raise ValueError(message) from error

    @classmethod
    def of_document(cls, content: Mapping[str, Any]) -> Self:
        """Read a result document; ValueError when its image lacks something."""
        try:
            return cls._of(content["image"], content.get("s3_request_id"))
        except (KeyError, TypeError, AttributeError) as error:
            message = f"no image in the document ({type(error).__name__}: {error})"
            raise ValueError(message) from error

    @classmethod
    def _of(cls, image: Mapping[str, Any], request_id: str | None) -> Self:
        return cls(
            bucket=str(image["bucket"]),
            key=str(image["key"]),
            etag=str(image["etag"]).strip('"'),
            size=int(image["size"]),
            version_id=image.get("version_id"),
            sequencer=image.get("sequencer"),
            request_id=request_id,
        )

    def event(self) -> dict[str, Any]:
        """Return an event of S3's own shape that may take over what an earlier execution left."""
        one = {"key": self.key, "size": self.size, "etag": self.etag}
        more = {"version-id": self.version_id, "sequencer": self.sequencer}
        detail: dict[str, Any] = {
            "bucket": {"name": self.bucket},
            "object": one | {name: value for name, value in more.items() if value},
        }
        if self.request_id:
            detail["request-id"] = self.request_id
        return {
            "version": "0",
            "detail-type": "Object Created",
            "source": "scones.redrive",
            "redrive": True,
            "detail": detail,
        }


class RedriveState(StrEnum):
    """How far a redrive is with an image."""

    FOUND = "found"
    ALREADY = "had its outcome already"
    WAITING = "waiting"
    ENDED = "ended"
    DIED = "died again"
    NOT_ENDED = "not ended yet"
    NOT_STARTED = "not started"


@dataclass(slots=True)
class Redriven:
    """An image and its outcome since. `before` is its claim as it was found; `execution` the one that is watched."""

    image: ImageVersion
    had_failed: str
    messages: list[Message] = field(default_factory=list)
    failed_key: str | None = None
    state: RedriveState = RedriveState.FOUND
    before: Claim = field(default_factory=Claim)
    execution: str | None = None
    started_at: float = 0.0
    last_status: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    result_key: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the image has an end, so that the messages about it have done their work."""
        return self.state in {RedriveState.ALREADY, RedriveState.ENDED}

    @property
    def is_fine(self) -> bool:
        """Whether the image has an outcome other than failed."""
        return self.is_settled and self.outcome is not Outcome.FAILED


def read_message(message: Message, input_of: Callable[[str], str]) -> tuple[ImageVersion, str]:
    """Find out which image a message is about, and what had failed.

    Parameters
    ----------
    message
        An execution that ended badly, or an event that never became one.
    input_of
        Asks for the input of an execution by its ARN; the event leaves a long one out.

    Raises
    ------
    ValueError
        When it is about no image, with the reason.
    """
    try:
        event = json.loads(message.body)
    except ValueError as error:
        reason = f"not JSON ({error})"
        raise ValueError(reason) from error
    if not isinstance(event, dict):
        reason = "not an event"
        raise ValueError(reason)  # noqa: TRY004 (what callers expect of an unreadable message)
    if event.get("detail-type") != _STATUS_CHANGE:
        why = message.attributes.get("ERROR_MESSAGE") or message.attributes.get("ERROR_CODE")
        return ImageVersion.of_event(event), why or "its event never reached the workflow"
    detail = event.get("detail") or {}
    execution = str(detail.get("executionArn") or "")
    text = detail.get("input") or input_of(execution)
    try:
        image = ImageVersion.of_event(json.loads(text))
    except ValueError as error:
        reason = f"execution {execution} was about no image ({error})"
        raise ValueError(reason) from error
    why = detail.get("cause") or detail.get("error")
    return image, f"its execution {detail.get('status')}" + (f": {why}" if why else "")


@dataclass(frozen=True, slots=True)
class Found:
    """An image, and what says that it failed: a message, or the key of a document."""

    image: ImageVersion
    had_failed: str
    message: Message | None = None
    failed_key: str | None = None


@dataclass(slots=True)
class FailedImages:
    """Finds failed images, a few at a time, and records what cannot be read: (message or document, reason)."""

    queue: FailedQueue
    stepfunctions: "SFNClient"
    s3: "S3Client"
    results_bucket: str
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def batches(self) -> Iterator[list[Found]]:
        """Yield up to ten messages' images at a time until the queue is empty, then those of documents."""
        while messages := self.queue.receive():
            yield [found for message in messages if (found := self._of_message(message))]
        listing = list_results(self.s3, self.results_bucket, f"{Outcome.FAILED}/")
        with ThreadPoolExecutor(_DOCUMENTS) as pool:
            for batch in batched(listing, _DOCUMENTS, strict=False):
                documents = pool.map(lambda item: fetch(self.s3, self.results_bucket, item.key), batch)
                yield [found for one in documents if one and (found := self._of_document(one))]

    def _of_message(self, message: Message) -> Found | None:
        try:
            image, had_failed = read_message(message, self._input_of)
        except ValueError as error:
            self.unreadable.append((f"message {message.id}", str(error)))
            return None
        return Found(image, had_failed, message=message)

    def _of_document(self, document: Document) -> Found | None:
        if document.outcome is not Outcome.FAILED:
            return None
        try:
            image = ImageVersion.of_document(document.content)
        except ValueError as error:
            self.unreadable.append((document.result_key, str(error)))
            return None
        return Found(image, document.reason or "failed", failed_key=document.result_key)

    def _input_of(self, execution: str) -> str:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        try:
            return self.stepfunctions.describe_execution(executionArn=execution).get("input", "")
        except (ClientError, ValueError) as error:
            reason = f"it does not say its execution's input, and Step Functions does not either: {error}"
            raise ValueError(reason) from error
