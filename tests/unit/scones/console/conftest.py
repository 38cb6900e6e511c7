"""The console in front of a stack in moto: a browser's session that has its cookie, and images with outcomes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from starlette.testclient import TestClient

from scones.connection import Target
from scones.console.previews import ImageRef
from scones.console.state import ConsoleState
from scones.console.web import WebConsole, make_web_console
from scones.index import shard_of
from tests.unit.scones.console.served import ADDRESS, PORT, AddImage, let_in
from tests.unit.scones.fake_stack import IMAGES, REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def state(s3: S3Client) -> Iterator[ConsoleState]:
    state = ConsoleState(Target(stack="scones", region=REGION))
    yield state
    state.previews.close()


@pytest.fixture
def web(state: ConsoleState) -> WebConsole:
    return make_web_console(state, PORT)


@pytest.fixture
def stranger(web: WebConsole) -> TestClient:
    """Somebody on this machine who does not have the token."""
    return TestClient(web.guard, ADDRESS, raise_server_exceptions=False)


@pytest.fixture
def browser(stranger: TestClient, state: ConsoleState) -> TestClient:
    """The browser in which the printed address was opened; its writes come from a page of the console."""
    return let_in(stranger, state)


@pytest.fixture
def add_image(s3: S3Client) -> AddImage:
    """Upload an image that has its outcome, as the workflow leaves it."""
    dynamodb = boto3.client("dynamodb", region_name=REGION)

    def add(
        name: str, outcome: str = "passed", body: bytes | None = None, second: int = 0, **said: Any
    ) -> ImageRef:
        key, body = f"incoming/{name}", body or name.encode()
        s3.put_object(Bucket=IMAGES, Key=key, Body=body)
        image = ImageRef(key, hashlib.md5(body, usedforsecurity=False).hexdigest())
        verdict = {"label": "bicycle", "confidence": 0.97, "reason": "bicycle at 0.97"} | said
        texts = {
            "image_key": key,
            "etag": image.etag,
            "outcome": outcome,
            "outcome_shard": f"{outcome}#{shard_of(key, image.etag)}",
            "finished_at": f"2026-11-27T10:{second // 60:02}:{second % 60:02}.000Z",
            "label": verdict["label"],
            "reason": verdict["reason"],
        }
        if outcome == "review":
            shard = shard_of(key, image.etag)
            texts |= {"state_shard": f"person#{shard}", "state_since": texts["finished_at"]}
        item = {name: {"S": value} for name, value in texts.items() if value}
        item["confidence"] = {"N": str(verdict["confidence"])}
        dynamodb.put_item(TableName="claims", Item=item)
        return image

    return add
