"""`scones drop` and files: names that must survive, and files that cannot be uploaded."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeWorkflow, MakeImages, Scones

IMAGES = "the-image-bucket"
RESULTS = "the-results-bucket"


def uploaded_keys(s3: S3Client) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=IMAGES).get("Contents", [])]


NAMES = [
    "with space.png",
    "plus+sign.png",
    "percent%25.png",
    "cafe\u0301.png",  # NFD
    "caf\u00e9.png",  # NFC
    "日本語 🚲.png",
    "-dash.png",
    "[red]markup[/red].png",
    "quote'\".png",
    "new\nline.png",
    "a&b=c?d#e.png",
]


def test_names_survive(scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client) -> None:
    images(*NAMES)
    result = scones("drop", "photos", "--json", "--prefix", "p")
    assert result.exit_code == 0, result.stderr
    assert sorted(os.fsdecode(image["path"]) for image in json.loads(result.stdout)["images"]) == sorted(
        f"photos/{name}" for name in NAMES
    )
    answer = s3.list_objects_v2(Bucket=IMAGES, Prefix="incoming/p/")
    assert sorted(item["Key"] for item in answer["Contents"]) == sorted(
        f"incoming/p/photos/{name}" for name in NAMES
    )


def test_odd_names_are_printed_as_they_are_but_never_as_commands(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    images("[red]markup[/red].png", "esc\x1b[31m.png")
    result = scones("drop", "photos")
    assert "[red]markup[/red].png" in result.stdout
    assert "\x1b" not in result.stdout
    assert "esc\\x1b[31m.png" in result.stdout


def test_leading_dash_after_two_dashes(
    scones: Scones, workflow: FakeWorkflow, clean_environment: Path, s3: S3Client
) -> None:
    (clean_environment / "-x.png").write_bytes(b"x")
    assert scones("drop", "--prefix", "p", "--", "-x.png").exit_code == 0
    assert uploaded_keys(s3) == ["incoming/p/-x.png"]


def test_what_cannot_be_uploaded_is_reported_and_the_rest_goes_on(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages
) -> None:
    folder = images("one.png")
    (folder / "empty.png").touch()
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / ".hidden.png").write_bytes(b"x")
    result = scones("drop", "photos", "--json")
    assert result.exit_code == 1
    reasons = {
        one["path"].removeprefix("photos/"): one["reason"] for one in json.loads(result.stdout)["images"]
    }
    assert reasons["one.png"] == "bicycle at 0.97 reaches the threshold of 0.8"
    assert reasons["empty.png"] == "not uploaded: the file is empty"
    assert "not UTF-8" in reasons["caf\\xe9.png"]
    assert "not a regular file" in reasons["pipe.png"]
    assert "No such file" in reasons["dangling.png"]
    assert ".hidden.png" not in reasons
    assert "skipped 1 hidden entry" in result.stderr
    assert "4 images were not uploaded" in result.stderr


def test_a_key_too_long_is_reported_before_it_is_sent(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client
) -> None:
    images("/".join(["d" * 200] * 6) + "/long.png", "one.png")
    result = scones("drop", "photos")
    assert result.exit_code == 1
    assert "S3 allows 1,024" in result.stdout
    assert len(uploaded_keys(s3)) == 1


@pytest.mark.parametrize("prefix", ["", "/", "a//b", "../up", "a/./b", "x" * 200])
def test_a_prefix_that_is_no_folder_is_refused(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, prefix: str
) -> None:
    images("one.png")
    result = scones("drop", "photos", "--prefix", prefix)
    assert result.exit_code == 2
    assert "--prefix" in result.stderr


@pytest.fixture
def locked(images: MakeImages, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that nobody may list, not even root, who runs the tests in a container."""
    folder = images("open/a.png", "locked/b.png", "locked/deep/c.png") / "locked"
    scandir = os.scandir

    def refuse(path: str | Path = ".") -> object:
        if Path(path).absolute() == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    monkeypatch.setattr(
        "glob._StringGlobber.scandir", staticmethod(refuse)
    )  # Path.glob has it since its import
    return folder


@pytest.mark.parametrize(
    "named",
    [
        ["photos"],
        ["photos/open", "photos/locked"],
        ["photos/*"],
        ["photos/*/*.png"],
        ["photos/**/*.png"],
        ["photos/locked/*.png", "photos/open"],
        ["photos", "photos/*/*.png"],
    ],
)
@pytest.mark.usefixtures("workflow", "locked")
def test_a_folder_that_cannot_be_listed_is_a_row_and_fails_the_drop(
    scones: Scones, s3: S3Client, named: list[str]
) -> None:
    result = scones("drop", *named)
    assert result.exit_code == 1
    assert [key.rsplit("/", 1)[-1] for key in uploaded_keys(s3)] == ["a.png"]
    (row,) = [line for line in result.stdout.splitlines() if "locked" in line]
    assert row.startswith("photos/locked\t")
    assert "not uploaded: the folder cannot be listed: Permission denied" in row
    assert "1 image was not uploaded: photos/locked" in result.stderr


@pytest.mark.usefixtures("workflow", "locked")
def test_only_a_folder_that_cannot_be_listed(scones: Scones, s3: S3Client) -> None:
    for named in ("photos/locked", "photos/locked/*.png"):
        result = scones("drop", named, "--json")
        assert result.exit_code == 1
        assert [(image["path"], image["key"]) for image in json.loads(result.stdout)["images"]] == [
            ("photos/locked", None)
        ]
    assert uploaded_keys(s3) == []


@pytest.mark.parametrize("prefix", ["red\x1b[31m", "two\nlines", "\x7f", "\x9b31m"])
def test_a_prefix_with_control_characters_is_refused_and_not_printed(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, s3: S3Client, prefix: str
) -> None:
    images("one.png")
    result = scones("drop", "photos", "--no-wait", "--prefix", prefix)
    assert result.exit_code == 2
    assert "--prefix must not have control characters" in result.stderr
    assert prefix not in result.stderr
    assert uploaded_keys(s3) == []


def test_nothing_to_drop(
    scones: Scones, workflow: FakeWorkflow, clean_environment: Path, s3: S3Client
) -> None:
    (clean_environment / "empty").mkdir()
    for name, line in {
        "empty": "no files there",
        "nowhere.png": "no such file or folder: nowhere.png",
        "*.png": "nothing matches *.png",
    }.items():
        result = scones("drop", name)
        assert result.exit_code == 2
        assert line in result.stderr
    assert uploaded_keys(s3) == []
