"""Where records are read from: folders, and S3 as moto answers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training.monitoring.sources import SourceError, UnreadableFileError, list_files, read_documents

if TYPE_CHECKING:
    from pathlib import Path


def no_s3() -> Any:
    pytest.fail("a folder needs no S3")


def test_a_folder_is_listed_in_order_and_without_what_is_unfinished(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "b/1.jsonl", "a/x.json", "a/notes.txt", "b/.1.jsonl.partial", "b/.hidden.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}\nsecond\n")
    found = list(list_files(str(tmp_path), no_s3))
    assert [file.name.removeprefix(f"{tmp_path}/") for file in found] == [
        "a/x.json",
        "b/1.jsonl",
        "b/2.jsonl",
    ]
    assert [file.is_capture for file in found] == [False, True, True]
    assert list(found[1].open()) == [b"b/1.jsonl\n", b"second\n"]


def test_a_single_file_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text("{}")
    ((file, content),) = read_documents(list_files(str(path), no_s3))
    assert (file.name, content) == (str(path), b"{}")


def test_a_missing_folder_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        list(list_files(str(tmp_path / "absent"), no_s3))


def test_a_file_that_vanishes_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    for name in ("1.json", "2.json"):
        (tmp_path / name).write_text("{}")
    files = list(list_files(str(tmp_path), no_s3))
    (tmp_path / "1.json").unlink()
    contents = [content for _, content in read_documents(files)]
    assert isinstance(contents[0], UnreadableFileError)
    assert contents[1] == b"{}"


def test_objects_under_a_prefix(s3: Any) -> None:
    for key in ("passed/a.json", "passed/b c+d.json", "review/a.json", "passed/a.txt"):
        s3.put_object(Bucket="results", Key=key, Body=b"one\ntwo\n")
    found = list(list_files("s3://results/passed/", lambda: s3))
    assert [file.name for file in found] == ["s3://results/passed/a.json", "s3://results/passed/b c+d.json"]
    assert list(found[0].open()) == [b"one\n", b"two\n"]
    assert all(file.written for file in found)
    assert len(list(list_files("s3://results", lambda: s3))) == 3


def test_more_objects_than_one_answer_lists(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "40")
    for index in range(100):
        s3.put_object(Bucket="results", Key=f"{index:04}.json", Body=b"{}")
    assert s3.list_objects_v2(Bucket="results")["IsTruncated"]
    files = list(list_files("s3://results", lambda: s3))
    assert [file.name for file, content in read_documents(files) if content == b"{}"] == [
        f"s3://results/{index:04}.json" for index in range(100)
    ]


def test_an_object_that_vanishes_is_named(s3: Any) -> None:
    s3.put_object(Bucket="results", Key="a.json", Body=b"{}")
    files = list(list_files("s3://results", lambda: s3))
    s3.delete_object(Bucket="results", Key="a.json")
    ((_, content),) = read_documents(files)
    assert str(content) == "it no longer exists"


@pytest.mark.parametrize(
    ("source", "step"), [("s3://absent/x", "no such bucket"), ("s3:///x", "s3://bucket/prefix")]
)
def test_a_bucket_that_is_not_there_is_one_line(s3: Any, source: str, step: str) -> None:
    with pytest.raises(SourceError, match=step) as caught:
        list(list_files(source, lambda: s3))
    assert "\n" not in str(caught.value)


def test_without_credentials_the_next_step_is_said() -> None:
    exceptions = pytest.importorskip("botocore.exceptions", reason="boto3 is not installed")

    def refuse() -> Any:
        raise exceptions.NoCredentialsError

    with pytest.raises(SourceError, match="AWS_PROFILE"):
        list(list_files("s3://results", refuse))
