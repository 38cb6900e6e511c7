"""In-memory AWS clients that fail on purpose, at the call or in the middle of a body."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


def client_error(
    code: str | None,
    status: int = 400,
    message: str | None = None,
    operation: str = "Operation",
    **more: object,
) -> ClientError:
    """A ClientError as botocore builds it; SageMaker's message may be null."""
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, operation)  # type: ignore[arg-type]  # a message of None is the point


@dataclass
class FakeBody:
    """A streaming body; `failure` is raised once `data` has been read."""

    data: bytes
    failure: Exception | None = None
    piece: int = 1 << 30
    read_bytes: int = 0
    closed: bool = False

    def read(self, amount: int) -> bytes:
        chunk, self.data = self.data[: min(amount, self.piece)], self.data[min(amount, self.piece) :]
        self.read_bytes += len(chunk)
        if not chunk and self.failure:
            raise self.failure
        return chunk

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeS3:
    """An S3 with one object."""

    body: FakeBody = field(default_factory=lambda: FakeBody(b""))
    etag: str = '"e1"'
    content_length: int | None = None
    failure: Exception | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        if self.failure:
            raise self.failure
        length = len(self.body.data) if self.content_length is None else self.content_length
        return {"Body": self.body, "ETag": self.etag, "ContentLength": length}


@dataclass
class FakeSageMakerRuntime:
    """A SageMaker runtime with one response."""

    body: FakeBody = field(default_factory=lambda: FakeBody(b"[0.9, 0.1]"))
    variant: str | None = "AllTraffic"
    attributes: str | None = None
    failure: Exception | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def invoke_endpoint(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        if self.failure:
            raise self.failure
        said = {"InvokedProductionVariant": self.variant, "CustomAttributes": self.attributes}
        return {"Body": self.body} | {name: value for name, value in said.items() if value}


@dataclass
class RefusedPages:
    """A client whose listings IAM refuses at their first page."""

    error: ClientError

    def get_paginator(self, _operation: str) -> "RefusedPages":
        return self

    def paginate(self, **_request: object) -> Iterator[dict[str, Any]]:
        raise self.error
        yield {}
