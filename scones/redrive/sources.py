"""Where failed images are found: the queue first, then the documents under `failed/`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING

from scones.redrive.images import ImageVersion, read_message
from scones.redrive.queue import FailedQueue, Message
from scones.result_documents import Document, Outcome, fetch, list_results

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

_DOCUMENTS = 16
"""Documents fetched at a time."""


@dataclass(frozen=True, slots=True)
class Found:
    """An image, and what says that it failed: a message, or the key of a document."""

    image: ImageVersion
    had_failed: str
    message: Message | None = None
    failed_key: str | None = None


@dataclass(slots=True)
class Sources:
    """Finds failed images, a few at a time, and keeps what nobody can read: (message or document, reason)."""

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
