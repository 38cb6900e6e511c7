"""One image from a dropped file to a sorted copy, through an endpoint that is away for a while."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud

pytestmark = pytest.mark.local_cloud


@contextmanager
def endpoint_away(cloud: LocalCloud) -> Iterator[None]:
    """Let the endpoint answer 503."""
    broken = cloud.shell.run("chaos", "endpoint", "--kind", "unavailable")
    assert broken.returncode == 0, broken.stderr
    try:
        yield
    finally:
        assert cloud.shell.run("chaos", "clear").returncode == 0


def answer(cloud: LocalCloud, *command: str, code: int = 0) -> Any:
    ended = cloud.shell.run(*command, "--json")
    assert ended.returncode == code, ended.stderr
    return json.loads(ended.stdout)


def test_an_image_whose_endpoint_is_away_says_so_everywhere_until_it_is_back(
    cloud: LocalCloud, root: Path, tmp_path: Path
) -> None:
    name = "rotated by a phone.jpg"
    with endpoint_away(cloud):
        dropped = answer(cloud, "drop", f"events/images/{name}", "--prefix", "why", "--timeout", "7", code=1)
        (image,) = dropped["images"]
        said = "endpoint scones-image-classifier is temporarily unavailable (ServiceUnavailable)"
        assert image["reason"] == f"no outcome yet: waiting for the endpoint, retried: {said}"
        waiting = answer(cloud, "status")["waiting_for_endpoint"]
        assert waiting == {"images": 1, "looked_at": 1, "error": said}

        (known,) = answer(cloud, "why", image["key"].removeprefix("incoming/"))["images"]
        assert (known["etag"], known["status"], known["state"]) == (image["etag"], "RUNNING", "Classify")
        assert known["claim"]["attempts"] == 1
        assert known["error"] == {"name": "EndpointUnavailableError", "message": said}
        assert known["failed_attempts"] >= 2
        assert known["next"]["step"] == "retry"
        assert {(line["source"], line["message"]) for line in known["log"]} >= {
            ("Classify", f"endpoint call failed: {said}")
        }
    cloud.wait_until_idle(1)

    (known,) = answer(cloud, "why", image["key"])["images"]
    assert (known["outcome"], known["label"], known["next"]["step"]) == ("passed", "bicycle", "nothing")
    assert answer(cloud, "status")["waiting_for_endpoint"] is None

    fetched = answer(cloud, "fetch", "--to", str(tmp_path / "sorted"))
    assert fetched["counts"] == {"fetched": 1}
    copy = tmp_path / "sorted" / "bicycle" / "why" / "events" / "images" / name
    assert copy.read_bytes() == (root / "events" / "images" / name).read_bytes()
    assert answer(cloud, "fetch", "--to", str(tmp_path / "sorted"))["counts"] == {"there already": 1}


def test_a_name_that_was_dropped_to_a_folder_is_found(cloud: LocalCloud) -> None:
    mistyped = cloud.shell.run("why", "rotated by a phone.jpg")
    assert mistyped.returncode == 2
    assert "did you mean 'incoming/why/events/images/rotated by a phone.jpg'?" in mistyped.stderr
