"""What a stack would reject for its size is refused before a byte of it is uploaded, by that stack's own parameters."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from scones.drop.limits import UploadLimits
from tests.unit.scones.fake_stack import IMAGES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeCloudFormation, FakeWorkflow, MakeImages, Scones

LIMITS = UploadLimits(max_bytes=26_214_400, max_pixels=48 * 32)


@functools.cache
def encoded(size: tuple[int, int], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "white").save(file, kind, **options)
    return file.getvalue()


def refusal(body: bytes) -> str | None:
    Path("image").write_bytes(body)
    return LIMITS.refusal(Path("image"))


def test_a_large_video_is_never_uploaded(
    scones: Scones, s3: S3Client, workflow: FakeWorkflow, images: MakeImages
) -> None:
    folder = images("one.png")
    with (folder / "holiday.mp4").open("wb") as video:
        video.truncate(200_000_000)

    result = scones("drop", "photos")

    assert result.exit_code == 1
    assert "not uploaded: file is 200.0 MB; the stack's limit is 26.2 MB" in result.stdout
    assert "1 image was not uploaded: photos/holiday.mp4" in result.stderr
    assert "--force uploads it all the same" in result.stderr
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=IMAGES)["Contents"]]
    assert [key.rsplit("/", 1)[-1] for key in keys] == ["one.png"]


def test_force_is_not_advised_where_it_does_not_help(
    scones: Scones, cloudformation: FakeCloudFormation, images: MakeImages
) -> None:
    cloudformation.parameters["ImagePattern"] = "incoming/*.jpg"
    images("one.png")
    for options in ([], ["--force"]):
        result = scones("drop", "photos", *options)
        assert result.exit_code == 1
        assert "would start nothing: this stack takes incoming/*.jpg" in result.stdout
        assert "--force" not in result.stderr


def test_force_uploads_it_all_the_same(scones: Scones, workflow: FakeWorkflow, images: MakeImages) -> None:
    (images("one.png") / "rejected-empty.png").touch()
    assert json.loads(scones("drop", "photos", "--json").stdout)["counts"]["rejected"] == 0
    result = scones("drop", "photos", "--force", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["counts"]["rejected"] == 1


def test_the_limits_are_those_of_the_stack(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, cloudformation: FakeCloudFormation
) -> None:
    images("one.png")
    cloudformation.parameters["MaxObjectBytes"] = "5"
    result = scones("drop", "photos", "--no-wait")
    assert result.exit_code == 1
    assert (
        "photos/one.png: not uploaded: file is 0.000013 MB; the stack's limit is 0.000005 MB" in result.stderr
    )

    del cloudformation.parameters["MaxObjectBytes"]
    result = scones("drop", "photos")
    assert result.exit_code == 2
    assert "has no parameter MaxObjectBytes: it is older than this command" in result.stderr


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\0\0" + encoded((300, 300), "JPEG"), "comment": b"\xff\xc0\xff\xda" * 9}),
    ],
)
def test_the_pixels_that_a_header_states(clean_environment: Path, kind: str, options: dict[str, Any]) -> None:
    assert refusal(encoded((48, 32), kind, **options)) is None
    assert refusal(encoded((32, 48), kind, **options)) is None
    larger = refusal(encoded((49, 32), kind, **options))
    assert larger == "not uploaded: photo is 0.0016 megapixels; the stack's limit is 0.0015"


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_what_is_not_certain_is_uploaded(clean_environment: Path, cut: int) -> None:
    for kind in ("PNG", "JPEG"):
        body = encoded((4000, 1), kind)[: cut + 1]
        said = refusal(body)
        assert said is None or "megapixels" in said
    assert refusal(b"\xff\xd8" + b"\xff" * cut) is None
    assert refusal(b"\xff\xd8\xff\xe0\0\0" * 9) is None
    assert refusal(encoded((4000, 4000), "GIF")) is None


def test_bytes_at_the_limit_are_uploaded(clean_environment: Path) -> None:
    with Path("image").open("wb") as file:
        file.truncate(LIMITS.max_bytes)
    assert LIMITS.refusal(Path("image")) is None
    with Path("image").open("ab") as file:
        file.write(b"x")
    assert LIMITS.refusal(Path("image")) == (
        "not uploaded: file is 26.214401 MB; the stack's limit is 26.214400 MB"
    )


def test_a_file_that_cannot_be_read_is_left_to_the_upload(clean_environment: Path) -> None:
    assert LIMITS.refusal(Path("missing")) is None
