"""`scones fetch`: whole copies of the versions that were classified, never over other bytes, never outside DIR."""

from __future__ import annotations

import concurrent.futures
import errno
import json
import os
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from scones.fetch import copies as module
from scones.fetch.drafts import drafts_folder
from scones.fetch.file_names import MAX_NAME_BYTES, candidates, flat_path, relative_path
from tests.unit.scones.fake_stack import IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeWorkflow, Scones

type Classify = Callable[..., str]


@pytest.fixture
def classify(s3: S3Client, workflow: FakeWorkflow) -> Classify:
    """Upload an image, give it its result, and return its ETag."""
    s3.put_bucket_versioning(Bucket=IMAGES, VersioningConfiguration={"Status": "Enabled"})

    def upload(
        key: str, body: bytes = b"bytes", outcome: str = "passed", *, versioned: bool = True, **more: Any
    ) -> str:
        put = s3.put_object(Bucket=IMAGES, Key=f"incoming/{key}", Body=body)
        etag = put["ETag"].strip('"')
        image = {
            "bucket": IMAGES,
            "key": f"incoming/{key}",
            "etag": etag,
            "size": len(body),
            "sequencer": None,
        }
        image["version_id"] = put["VersionId"] if versioned else None
        workflow.write(outcome, f"incoming/{key}", etag, image=image, **more)
        return etag

    return upload


def files(folder: Path = Path("out")) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(scones: Scones, *arguments: str, code: int = 0) -> dict[str, Any]:
    result = scones("fetch", "--to", "out", "--json", *arguments)
    assert result.exit_code == code, result.stderr
    return dict(json.loads(result.stdout))


def test_what_people_decided_is_sorted_by_it_and_what_was_gone_is_not_asked_for(
    scones: Scones, classify: Classify
) -> None:
    decided: dict[str, Any] = {"confidence": None, "decision": {}, "model_said": {}}
    classify("a.jpg", outcome="reviewed", **decided | {"label": "motorcycle"})
    classify("b.jpg", outcome="reviewed", **decided | {"label": "gone"})

    document = fetched(scones, "--outcome", "reviewed")

    assert files() == {"reviewed/motorcycle/a.jpg": b"bytes"}
    assert [image["key"] for image in document["images"]] == ["incoming/a.jpg"]


def test_images_are_sorted_by_label(scones: Scones, classify: Classify) -> None:
    classify("d/a.jpg", b"a")
    classify("d/b+c é.jpg", b"b", label="motorcycle")
    classify("r.jpg", b"r", "review")
    classify("no.txt", b"n", "rejected")

    first = scones("fetch", "--to", "out")
    assert (first.exit_code, first.stdout) == (0, "2 images to out: 2 fetched\n")
    assert files() == {"bicycle/d/a.jpg": b"a", "motorcycle/d/b+c é.jpg": b"b"}

    everything = fetched(scones, "--outcome", "passed", "--outcome", "review", "--outcome", "rejected")
    assert everything["counts"] == {"there already": 2, "fetched": 2}
    assert files().keys() == {
        *("bicycle/d/a.jpg", "motorcycle/d/b+c é.jpg", "review/motorcycle/r.jpg", "rejected/no.txt")
    }


def test_the_query_is_that_of_results(scones: Scones, classify: Classify) -> None:
    for number in range(3):
        classify(f"d/{number}.jpg", b"%d" % number)
    classify("m.jpg", label="motorcycle")
    assert fetched(scones, "--label", "motorcycle")["counts"] == {"fetched": 1}
    assert fetched(scones, "--key", "d/1*")["images"][0]["path"] == "bicycle/d/1.jpg"
    assert len(fetched(scones, "--limit", "2")["images"]) == 2
    assert fetched(scones, "--until", "1h")["images"] == []
    assert "none matches" in scones("fetch", "--to", "out", "--until", "1h").stdout


def test_a_name_with_other_bytes_is_kept_and_the_same_bytes_are_not_copied_twice(
    scones: Scones, classify: Classify
) -> None:
    old, new = classify("a.jpg", b"old"), classify("a.jpg", b"new")
    Path("out/bicycle").mkdir(parents=True)
    Path("out/bicycle/a.jpg").write_bytes(b"mine")

    assert fetched(scones)["counts"] == {"fetched": 2}
    expected = {
        "bicycle/a.jpg": b"mine",
        f"bicycle/a~{old[:8]}.jpg": b"old",
        f"bicycle/a~{new[:8]}.jpg": b"new",
    }
    assert files() == expected
    assert fetched(scones)["counts"] == {"there already": 2}
    assert files() == expected


def test_a_copy_whose_etag_is_not_its_digest_is_known_by_size_and_time(
    scones: Scones, classify: Classify, s3: S3Client, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify("a.jpg", b"bytes")
    monkeypatch.setattr(module, "_has_digest", lambda *_: False)
    assert fetched(scones)["counts"] == {"fetched": 1}
    monkeypatch.setattr(module.Copies, "_download", None)
    assert fetched(scones)["counts"] == {"there already": 1}


def test_the_version_that_was_classified_is_fetched(scones: Scones, classify: Classify, s3: S3Client) -> None:
    classify("a.jpg", b"classified")
    s3.put_object(Bucket=IMAGES, Key="incoming/a.jpg", Body=b"later")
    assert fetched(scones)["counts"] == {"fetched": 1}
    assert files() == {"bicycle/a.jpg": b"classified"}


def test_an_image_without_a_version_is_found_among_those_of_its_key(
    scones: Scones, classify: Classify, s3: S3Client
) -> None:
    classify("changed.jpg", b"classified", versioned=False)
    classify("deleted.jpg", b"deleted", versioned=False)
    s3.put_object(Bucket=IMAGES, Key="incoming/changed.jpg", Body=b"later")
    s3.put_object(Bucket=IMAGES, Key="incoming/changed.jpg.jpg", Body=b"a longer key")
    s3.delete_object(Bucket=IMAGES, Key="incoming/deleted.jpg")

    assert fetched(scones)["counts"] == {"fetched": 2}
    assert files() == {"bicycle/changed.jpg": b"classified", "bicycle/deleted.jpg": b"deleted"}


def test_an_image_whose_bytes_no_version_has_is_named(
    scones: Scones, classify: Classify, s3: S3Client
) -> None:
    classify("same.jpg", b"same", versioned=False)
    classify("changed.jpg", b"classified", versioned=False)
    classify("gone.jpg", b"gone", versioned=False)
    classify("expired.jpg", b"expired")
    for key in ("changed", "gone", "expired"):
        (version,) = s3.list_object_versions(Bucket=IMAGES, Prefix=f"incoming/{key}.jpg")["Versions"]
        s3.delete_object(Bucket=IMAGES, Key=version["Key"], VersionId=version["VersionId"])
    s3.put_object(Bucket=IMAGES, Key="incoming/changed.jpg", Body=b"later")
    s3.put_object(Bucket=IMAGES, Key="incoming/gone.jpg/longer", Body=b"gone")

    answer = fetched(scones, code=1)

    states = {image["key"]: (image["state"], image["path"]) for image in answer["images"]}
    assert states == {
        "incoming/same.jpg": ("fetched", "bicycle/same.jpg"),
        "incoming/changed.jpg": ("changed", None),
        "incoming/gone.jpg": ("gone", None),
        "incoming/expired.jpg": ("gone", None),
    }
    assert files() == {"bicycle/same.jpg": b"same"}
    people = scones("fetch", "--to", "out")
    assert "incoming/changed.jpg\tchanged\tother bytes were uploaded under its key since" in people.stdout


def test_versions_that_may_not_be_listed_are_said_and_leave_the_other_images(
    scones: Scones, classify: Classify, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(client: BaseClient, name: str, request: Any) -> Any:
        if name == "ListObjectVersions":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
        return original(client, name, request)

    classify("a.jpg", versioned=False)
    classify("b.jpg")
    s3.delete_object(Bucket=IMAGES, Key="incoming/a.jpg")
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    monkeypatch.setattr(BaseClient, "_make_api_call", denied)
    answer = fetched(scones, code=1)
    assert answer["counts"] == {"not fetched": 1, "fetched": 1}
    assert "its older versions cannot be searched: not allowed to call ListObjectVersions" in problem_of(
        answer
    )


@pytest.mark.parametrize(
    "key",
    [
        "../../escape.jpg",
        "/etc/passwd",
        "a/../../b.jpg",
        "./.",
        "..",
        "a//b.jpg",
        "a\\..\\b.jpg",
        "é" * 400 + ".jpg",
        "\u202e\u2028.jpg",
        "-rf.jpg",
        "~",
    ],
)
def test_no_key_leaves_the_folder(scones: Scones, classify: Classify, key: str) -> None:
    classify(key)
    before = {path for path in Path.cwd().parent.rglob("*") if "out" not in path.parts}

    assert fetched(scones)["counts"] == {"fetched": 1}

    assert list(files().values()) == [b"bytes"]
    assert {path for path in Path.cwd().parent.rglob("*") if "out" not in path.parts} == before


@given(key=st.text(min_size=1, max_size=400))
def test_any_key_is_a_path_below_its_folder(key: str) -> None:
    for path in (relative_path(key), flat_path(key)):
        assert not path.is_absolute()
        assert path.parts
        assert not {".", ".."} & set(path.parts)
        for name in (*path.parts, *(one.name for one in candidates(Path(path), "0123456789abcdef" * 2))):
            assert 0 < len(name.encode()) <= MAX_NAME_BYTES
            assert not {"\0", "\n", "\x1b", "/", "\\"} & set(name)


def test_a_folder_and_a_file_of_one_name_both_have_a_copy(scones: Scones, classify: Classify) -> None:
    classify("a", b"file")
    assert fetched(scones)["counts"] == {"fetched": 1}
    classify("a/b", b"below")
    assert fetched(scones)["counts"] == {"fetched": 1, "there already": 1}
    assert files() == {"bicycle/a": b"file", "bicycle/a%2Fb": b"below"}


def test_a_folder_in_the_way_of_a_file_is_left(scones: Scones, classify: Classify) -> None:
    etag = classify("a", b"file")
    Path("out/bicycle/a").mkdir(parents=True)
    assert fetched(scones)["counts"] == {"fetched": 1}
    assert files() == {f"bicycle/a~{etag[:8]}": b"file"}


def test_twins_on_a_file_system_that_ignores_case_both_have_a_copy(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What such a file system does: a name is taken by its twin, and opens it."""
    classify("A.jpg", b"upper")
    assert fetched(scones)["counts"] == {"fetched": 1}
    os.link("out/bicycle/A.jpg", "out/bicycle/a.jpg")
    etag = classify("a.jpg", b"lower")
    assert fetched(scones)["counts"] == {"fetched": 1, "there already": 1}
    assert files()[f"bicycle/a~{etag[:8]}.jpg"] == b"lower"
    assert files()["bicycle/A.jpg"] == b"upper"


def test_a_file_system_without_links_still_keeps_what_is_there(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    old, _ = classify("a.jpg", b"old"), fetched(scones)
    new = classify("a.jpg", b"new")
    assert fetched(scones)["counts"] == {"fetched": 1, "there already": 1}
    assert files() == {"bicycle/a.jpg": b"old", f"bicycle/a~{new[:8]}.jpg": b"new"}
    assert old != new


def test_ctrl_c_leaves_whole_files_only_and_the_same_command_continues(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        classify(f"{number}.jpg", b"%d" % number * 2_000_000)

    def interrupted(self: module.Copies, copies: Any) -> Any:
        for count, copy in enumerate(original(self, copies)):
            yield copy
            if count == 1:
                raise KeyboardInterrupt

    original = module.Copies.fetch_all
    monkeypatch.setattr(module.Copies, "fetch_all", interrupted)
    result = scones("fetch", "--to", "out")
    assert result.exit_code == 130
    assert result.stderr == "interrupted: the copies stay; the same command continues\n"
    assert all(len(body) == 2_000_000 for body in files().values())
    assert not list(Path("out").glob(".scones-fetch-*"))

    monkeypatch.setattr(module.Copies, "fetch_all", original)
    again = fetched(scones)
    assert sum(again["counts"].values()) == 6
    assert again["counts"]["there already"] >= 2
    assert len(files()) == 6


def test_ctrl_c_does_not_wait_for_a_line_that_stalled(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify("a.jpg")
    begun, line, waited_for = Event(), Event(), Event()

    def stalled(_copies: object, _answer: object) -> None:
        begun.set()
        line.wait(20)
        waited_for.set()
        raise module.FetchStoppedError

    def interrupted(futures: Any, timeout: float | None = None, return_when: str | None = None) -> Any:
        if return_when:
            assert begun.wait(20)
            raise KeyboardInterrupt
        return original(futures, timeout)

    original = concurrent.futures.wait
    monkeypatch.setattr(module, "wait", interrupted)
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01, raising=False)
    monkeypatch.setattr(module.Copies, "_download", stalled)
    try:
        assert scones("fetch", "--to", "out").exit_code == 130
        assert not waited_for.is_set()
        assert list(Path("out").glob(".scones-fetch-*")) == []
    finally:
        line.set()


def test_drafts_of_a_process_that_was_killed_are_deleted_and_those_of_another_stay(
    scones: Scones, classify: Classify
) -> None:
    classify("a.jpg")
    Path("out").mkdir()
    with drafts_folder(Path("out")) as held:
        for name in ("out/.scones-fetch-killed", "elsewhere"):
            Path(name).mkdir()
            Path(name, "draft").write_bytes(b"half")
        Path("out/.scones-fetch-link").symlink_to(Path("elsewhere").absolute())
        assert fetched(scones)["counts"] == {"fetched": 1}
        assert {path.name for path in Path("out").iterdir()} == {
            *("bicycle", held.name, ".scones-fetch-link")
        }
    assert Path("elsewhere/draft").exists()
    assert not held.exists()


def test_drafts_work_on_a_file_system_without_locks(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    classify("a.jpg")
    Path("out/.scones-fetch-other").mkdir(parents=True)
    assert fetched(scones)["counts"] == {"fetched": 1}
    assert {path.name for path in Path("out").iterdir()} == {"bicycle", ".scones-fetch-other"}


@pytest.mark.parametrize("folder", ["file/below", "dangling", "/dev/null", "n" * 300])
def test_a_folder_that_cannot_be_made_is_one_line(scones: Scones, classify: Classify, folder: str) -> None:
    classify("a.jpg")
    Path("file").touch()
    Path("dangling").symlink_to("nowhere")
    result = scones("fetch", "--to", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: cannot write to {folder}: ")
    assert result.stderr.count("\n") == 1


def test_a_file_as_the_folder_is_one_line(scones: Scones, classify: Classify) -> None:
    classify("a.jpg")
    Path("out").write_text("a file")
    result = scones("fetch", "--to", "out")
    assert result.exit_code == 2
    assert "is a file" in result.stderr


def test_a_file_named_like_a_label_leaves_the_other_images(scones: Scones, classify: Classify) -> None:
    classify("a.jpg")
    classify("m.jpg", label="motorcycle")
    Path("out").mkdir()
    Path("out/bicycle").write_text("a file")
    answer = fetched(scones, code=1)
    assert answer["counts"] == {"not fetched": 1, "fetched": 1}
    assert problem_of(answer) == "not fetched: cannot write to out/bicycle: File exists"
    assert files() == {"bicycle": b"a file", "motorcycle/m.jpg": b"bytes"}


def problem_of(answer: dict[str, Any]) -> str:
    """Return the problem of the one image that has one."""
    (problem,) = (image["problem"] for image in answer["images"] if image["problem"])
    return str(problem)


def test_a_full_disk_stops_the_fetch(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.Copies, "_download", full)
    classify("a.jpg")
    result = scones("fetch", "--to", "out")
    assert (result.exit_code, result.stderr) == (2, "Error: cannot write to out: No space left on device\n")


def test_a_file_that_cannot_be_read_takes_its_name(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = classify("a.jpg")
    Path("out/bicycle").mkdir(parents=True)
    closed = Path("out/bicycle/a.jpg")
    closed.write_bytes(b"other")  # of the same size
    original = open

    def refuse(path: Any, *arguments: Any, **more: Any) -> Any:  # as the system does for anyone but root
        if str(path) == str(closed):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return original(path, *arguments, **more)

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    assert fetched(scones)["counts"] == {"fetched": 1}
    assert fetched(scones)["counts"] == {"there already": 1}
    monkeypatch.setattr("io.open", original)
    assert files() == {"bicycle/a.jpg": b"other", f"bicycle/a~{etag[:8]}.jpg": b"bytes"}


def test_a_folder_that_is_closed_leaves_the_other_images(
    scones: Scones, classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify("a.jpg")
    classify("m.jpg", label="motorcycle")
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "bicycle" and access(path, mode))
    answer = fetched(scones, code=1)
    assert answer["counts"] == {"not fetched": 1, "fetched": 1}
    assert problem_of(answer) == "not fetched: cannot write to out/bicycle: Permission denied"
    assert files() == {"motorcycle/m.jpg": b"bytes"}


@pytest.mark.parametrize("key", ["a.jpg", "d/a.jpg"])
def test_a_link_inside_the_folder_leads_no_copy_out_of_it(
    scones: Scones, classify: Classify, key: str
) -> None:
    classify(key)
    classify("m.jpg", label="motorcycle")
    Path("outside/d").mkdir(parents=True)
    link = Path("out/bicycle", *Path(key).parent.parts)
    link.parent.mkdir(parents=True)
    link.symlink_to(Path("outside").absolute())
    answer = fetched(scones, code=1)
    assert answer["counts"] == {"not fetched": 1, "fetched": 1}
    assert problem_of(answer).startswith(f"not fetched: cannot write to {link}: it is a link")
    assert [path for path in Path("outside").rglob("*") if path.is_file()] == []
