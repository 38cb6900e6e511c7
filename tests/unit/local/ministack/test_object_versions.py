"""Versions of objects: keys that XML cannot carry stop no listing of them, and events name them."""

import json
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.services import eventbridge, s3

from scones.local.ministack import object_versions

ONCE = Config(retries={"total_max_attempts": 1})
KEYS = [
    "incoming/a\x01b\x1b[31m.jpg",
    "incoming/a+b c%25&<>.jpg",
    "incoming/ü\n日😀.jpg",
    "incoming/plain.jpg",
]


class Raw:
    """A body as urllib3 hands it over."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self) -> list[bytes]:
        return [self.body]


def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List with boto3, which asks the emulator's function instead of a server."""
    fields = {"last_modified": "2026-11-26T00:00:00.000Z", "etag": '"e"', "size": 1}
    bucket = {"objects": dict.fromkeys(KEYS, fields)}
    monkeypatch.setattr(s3, "_ensure_bucket", lambda _name: bucket)
    version = fields | {"version_id": "v1", "is_latest": True}
    monkeypatch.setattr(s3, "_object_versions", {("images", key): [version] for key in KEYS})

    def answer(request: Any, **_: Any) -> AWSResponse:
        query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
        status, headers, body = s3._list_object_versions("images", query)
        return AWSResponse(request.url, status, headers, Raw(body))

    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", config=ONCE
    )
    client.meta.events.register("before-send.s3.ListObjectVersions", cast("Any", answer))
    pager = client.get_paginator("list_object_versions")
    found = pager.paginate(Bucket="images", Prefix="incoming/", PaginationConfig={"PageSize": 1})
    return [version["Key"] for page in found for version in page.get("Versions", [])]


def test_every_key_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_list_object_versions", s3._list_object_versions)
    object_versions.encode_keys()
    assert listed(monkeypatch) == sorted(KEYS)


def test_ministack_still_needs_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClientError, match="500"):  # what botocore makes of an answer that cannot be parsed
        listed(monkeypatch)


# Events


ENABLED = "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>"


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What S3 sends to EventBridge."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(s3, "_bucket_notifications", {"images": ENABLED})
    monkeypatch.setattr(s3, "_fire_s3_event", s3._fire_s3_event)
    monkeypatch.setattr(
        eventbridge, "_dispatch_event", lambda event, **_: sent.append(json.loads(event["Detail"]))
    )
    return sent


@pytest.mark.parametrize("version_id", ["v1", None])
def test_an_event_names_the_version_where_the_bucket_has_versions(
    events: list[dict[str, Any]], version_id: str | None
) -> None:
    object_versions.name_versions_in_events()
    s3._fire_s3_event("images", "a.jpg", "s3:ObjectCreated:Put", size=3, etag='"e"', version_id=version_id)
    s3._fire_s3_event("images", "b.jpg", "s3:ObjectCreated:Put", size=3, etag='"e"')
    assert [event["object"].get("version-id") for event in events] == [version_id, None]


def test_events_of_other_services_are_as_they_were(events: list[dict[str, Any]]) -> None:
    object_versions.name_versions_in_events()
    eventbridge._dispatch_event({"Source": "aws.states", "Detail": "{}"}, view=None)
    assert events == [{}]


def test_ministack_still_leaves_versions_out_of_events(events: list[dict[str, Any]]) -> None:
    s3._fire_s3_event("images", "a.jpg", "s3:ObjectCreated:Put", size=3, etag='"e"', version_id="v1")
    assert [event["object"]["key"] for event in events] == ["a.jpg"]
    assert "version-id" not in events[0]["object"]
