"""The events of `events/` are true: typed as the functions read them, and about the images beside them."""

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from scones.redrive.images import read_message
from scones.redrive.queue import Message
from serialize.image import serialize_image


def event(root: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((root / "events" / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", ["serialize", "classify", "filter", "sweep"])
def test_an_event_is_what_its_function_reads(root: Path, name: str) -> None:
    contract = importlib.import_module(f"{name}.contract")
    request = getattr(contract, f"{name.capitalize()}Request")

    TypeAdapter(request).validate_python(event(root, name), strict=True)


def test_the_s3_event_and_the_request_are_about_the_sample(root: Path) -> None:
    image = (root / "events" / "images" / "bicycle.jpg").read_bytes()
    etag = hashlib.md5(image, usedforsecurity=False).hexdigest()
    created = event(root, "s3_object_created")["detail"]["object"]
    request = event(root, "serialize")

    assert (created["key"], created["etag"], created["size"]) == ("incoming/bicycle.jpg", etag, len(image))
    assert (request["key"], request["etag"], request["size"]) == ("incoming/bicycle.jpg", etag, len(image))


def test_the_classify_event_is_what_serialize_makes_of_the_sample(root: Path) -> None:
    image = (root / "events" / "images" / "bicycle.jpg").read_bytes()
    serialized = serialize_image(image, 32, 50_000_000)

    assert event(root, "classify").items() >= serialized.items()


def test_the_filter_event_is_a_probability_for_each_default_label(root: Path) -> None:
    inferences = event(root, "filter")["inferences"]

    assert len(inferences) == 2
    assert sum(inferences) == pytest.approx(1)


def test_the_event_of_an_ended_execution_names_the_image_of_its_input(root: Path) -> None:
    created = event(root, "s3_object_created")["detail"]
    body = (root / "events" / "execution_ended.json").read_text()

    image, why = read_message(Message("m", "h", body, {}), lambda arn: pytest.fail(f"asked for {arn}"))

    assert (image.bucket, image.key) == (created["bucket"]["name"], created["object"]["key"])
    assert (
        why == "its execution FAILED: The result was not stored; the alert topic was notified: Access Denied"
    )
