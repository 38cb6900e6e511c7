"""Reviewed images come back as training images, or with the reason why not."""

from __future__ import annotations

import errno
import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from endpoint.image import read_square
from training import data
from training.dataset import manifest
from training.dataset.archive import Images, read_archive
from training.dataset.prepared_folder import joined, known, read_reviewed
from training.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("apple", "bicycle", "cloud", "motorcycle")


def photo(seed: int, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


class Reviews:
    """A folder of images and a label file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, list[str]()

    def image(self, key: str, content: bytes, bucket: str = "b") -> dict[str, str]:
        path = self.folder / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"bucket": bucket, "key": key}

    def vote(
        self, image: object, label: str, reviewer: str = "kim", hour: int = 1, **more: str | bool | None
    ) -> None:
        time = f"2026-08-01T{hour:02}:00:00Z"
        line = {"image": image, "label": label, "reviewer": reviewer, "time": time}
        self.lines.append(json.dumps(line | more))


@pytest.fixture
def reviews(tmp_path: Path) -> Reviews:
    return Reviews(tmp_path / "reviews")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "images"


def arguments(archive: Path, output: Path) -> list[str]:
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice
    return ["--archive", str(archive), "--md5", md5, "--output", str(output), "--json"]


@pytest.fixture
def merge(reviews: Reviews, output: Path, archive_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*more: str) -> dict[str, Any]:
        reviews.folder.mkdir(exist_ok=True)
        (reviews.folder / "labels.jsonl").write_text("\n".join(reviews.lines))
        where = ["--reviewed", str(reviews.folder), "--reviewed-images", str(reviews.folder)]
        assert data.main([*arguments(archive_path, output), *where, *more]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)["reviewed"]
        return found

    return run


def test_an_agreed_image_is_a_training_image_with_its_source(
    reviews: Reviews, merge: Any, output: Path
) -> None:
    content = photo(1, "JPEG")
    image = reviews.image("incoming/a b.jpg", content)
    reviews.vote(image, "bicycle", "kim", 1)
    reviews.vote(image, "bicycle", "lee", 3)
    assert merge()["added"] == {"bicycle": 1}
    (entry,) = (entry for entry in manifest.read(output) if entry.review)
    assert (entry.split, entry.label, entry.source) == ("train", "bicycle", "s3://b/incoming/a b.jpg")
    assert entry.review is not None
    assert entry.review.reviewers == ("kim", "lee")
    assert entry.review.time == "2026-08-01T03:00:00+00:00"
    assert (output / entry.review.original).read_bytes() == content
    assert entry.review.original.endswith(".jpeg")
    expected = np.asarray(read_square(content, 32))
    assert np.array_equal(np.asarray(Image.open(output / entry.path)), expected)


def test_a_correction_by_another_reviewer_is_no_conflict(reviews: Reviews, merge: Any) -> None:
    image = reviews.image("1.png", photo(1))
    reviews.vote(image, "bicycle", "kim", 1, id="1")
    reviews.vote(image, "motorcycle", "lee", 2, id="2", replaces="1")
    found = merge()
    assert (found["added"], found["conflicts"]) == ({"motorcycle": 1}, [])


def test_two_reviewers_who_differ_are_a_conflict_and_a_decision_that_is_undone_counts_for_nobody(
    reviews: Reviews, merge: Any
) -> None:
    image, other = reviews.image("1.png", photo(1)), reviews.image("2.png", photo(2))
    reviews.vote(image, "bicycle", "kim", 1, id="1")
    reviews.vote(image, "motorcycle", "lee", 2, id="2")
    reviews.vote(other, "bicycle", "kim", 1, id="3")
    reviews.vote(other, "undone", "lee", 2, id="4", replaces="3")
    found = merge()
    assert (found["added"], len(found["conflicts"]), found["left_out"]) == ({}, 1, [])


def test_who_cannot_tell_contradicts_nobody_and_an_image_of_which_nobody_can_is_counted(
    reviews: Reviews, merge: Any
) -> None:
    image, other = reviews.image("1.png", photo(1)), reviews.image("2.png", photo(2))
    reviews.vote(image, "cannot_tell", "kim")
    reviews.vote(image, "bicycle", "lee")
    reviews.vote(other, "bicycle", "kim", 1)
    reviews.vote(other, "cannot_tell", "kim", 2)
    found = merge()
    assert (found["added"], found["cannot_tell"], found["conflicts"]) == ({"bicycle": 1}, 1, [])


def test_an_image_that_certifies_models_is_left_out_under_every_key_and_whoever_decided(
    reviews: Reviews, merge: Any
) -> None:
    image, again = reviews.image("1.png", photo(1)), reviews.image("again.png", photo(1))
    reviews.vote(image, "bicycle", "kim", 1, id="1", held_out=True)
    reviews.vote(image, "motorcycle", "lee", 2, id="2", replaces="1")
    reviews.vote(again, "motorcycle", "lee", 3)
    reviews.vote(reviews.image("2.png", photo(2)), "bicycle", held_out=False)
    found = merge()
    assert (found["added"], found["held_out"], found["conflicts"]) == ({"bicycle": 1}, 1, [])


def test_a_copy_of_an_image_that_certifies_is_left_out(reviews: Reviews, merge: Any) -> None:
    image = Image.open(io.BytesIO(photo(1))).resize((300, 200), Image.Resampling.BICUBIC)
    for name, size, quality in (("drawn.jpg", (300, 200), 95), ("copy.jpg", (240, 160), 60)):
        buffer = io.BytesIO()
        image.resize(size).save(buffer, "JPEG", quality=quality)
        picture = reviews.image(name, buffer.getvalue())
        reviews.vote(picture, "bicycle", held_out=name == "drawn.jpg")
    reviews.vote(reviews.image("2.png", photo(2)), "bicycle")
    found = merge()
    assert (found["added"], found["held_out"]) == ({"bicycle": 1}, 1)
    (left_out,) = found["left_out"]
    assert left_out == {
        "subject": "s3://b/copy.jpg",
        "reason": "nearly equals an image that certifies models",
    }


def test_a_line_that_does_not_say_whether_it_is_held_out_is_reported(reviews: Reviews, merge: Any) -> None:
    reviews.vote(reviews.image("1.png", photo(1)), "bicycle", held_out="yes")
    found = merge()
    assert found["added"] == {}
    assert found["bad_lines"][0]["reason"] == "not a label line: held_out is neither true nor false"


def test_training_gets_arrays_in_its_own_type(reviews: Reviews, merge: Any, output: Path) -> None:
    for seed, label in enumerate(("motorcycle", "neither", "bicycle")):
        reviews.vote(reviews.image(f"{seed}.png", photo(seed)), label)
    merge()
    images = read_reviewed(output, NAMES)
    assert isinstance(images, Images)
    assert sorted(images.labels.tolist()) == [-1, 1, 3]
    assert images.pixels.shape == (3, 32, 32, 3)
    assert sorted(read_reviewed(output, ("motorcycle", "bicycle")).labels.tolist()) == [-1, 0, 1]
    assert sorted(read_reviewed(output, ("bicycle",)).labels.tolist()) == [-1, 0]
    assert len(joined(images, known(images))) == 5
    assert known(images).labels.min() == 1


def test_without_reviewed_images_training_gets_none(archive_path: Path, output: Path) -> None:
    assert data.main(arguments(archive_path, output)) == 0
    assert read_reviewed(output, NAMES).pixels.shape == (0, 32, 32, 3)
    with pytest.raises(ManifestError, match="no readable manifest"):
        read_reviewed(output / "absent", NAMES)


@pytest.mark.parametrize("content", [None, b"", photo(9)])
def test_a_file_that_is_not_the_manifests_is_an_error(
    reviews: Reviews, merge: Any, output: Path, content: bytes | None
) -> None:
    reviews.vote(reviews.image("1.png", photo(1)), "bicycle")
    merge()
    (path,) = output.glob("train/bicycle/reviewed-*.png")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ManifestError, match="prepare the folder again"):
        read_reviewed(output, NAMES)


def test_reviewers_who_disagree_are_a_conflict(reviews: Reviews, merge: Any, output: Path) -> None:
    image = reviews.image("1.png", photo(1))
    reviews.vote(image, "bicycle", "kim")
    reviews.vote("s3://b/1.png", "motorcycle", "lee")
    found = merge()
    assert found["conflicts"] == [
        {"image": "s3://b/1.png", "labels": {"kim": "bicycle", "lee": "motorcycle"}}
    ]
    assert found["added"] == {}
    assert list((output / "originals").iterdir()) == []


def test_the_newest_word_settles_a_conflict(reviews: Reviews, merge: Any) -> None:
    image = reviews.image("1.png", photo(1))
    reviews.vote(image, "bicycle", "kim", hour=5)
    reviews.vote(image, "motorcycle", "lee", hour=2)
    reviews.vote(image, "bicycle", "lee", hour=3)
    reviews.vote(image, "bus", "kim", hour=1)
    assert merge()["added"] == {"bicycle": 1}


def test_the_same_picture_under_two_keys_is_one_image(reviews: Reviews, merge: Any, output: Path) -> None:
    small = read_square(photo(1), 32)
    for kind in ("PNG", "BMP"):
        buffer = io.BytesIO()
        small.save(buffer, kind)
        reviews.vote(reviews.image(f"1.{kind}", buffer.getvalue()), "bicycle", kind)
    assert merge()["added"] == {"bicycle": 1}
    assert len(list((output / "originals").iterdir())) == 1
    assert merge()["added"] == {"bicycle": 1}, "a second run finds nothing of a stranger in the folder"


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_image_of_the_archive_is_left_out(
    reviews: Reviews, merge: Any, archive_path: Path, split: str
) -> None:
    images: Images = getattr(read_archive(archive_path, None), split)
    buffer = io.BytesIO()
    Image.fromarray(images.pixels[0]).save(buffer, "BMP")  # another file with the same pixels
    reviews.vote(reviews.image("leak.bmp", buffer.getvalue()), "bicycle")
    found = merge()
    assert found["added"] == {}
    assert "the archive has it already: " in found["left_out"][0]["reason"]


def test_what_cannot_be_used_is_listed_with_the_reason(reviews: Reviews, merge: Any) -> None:
    reviews.vote(reviews.image("1.png", photo(1)), "tram")
    reviews.vote(reviews.image("2.png", b"no image"), "bicycle")
    reviews.vote({"bucket": "b", "key": "absent.png"}, "bicycle")
    reviews.vote("../../secret.png", "bicycle")
    reviews.lines.append("{")
    found = merge()
    reasons = {problem["subject"]: problem["reason"] for problem in found["left_out"]}
    assert "unknown label 'tram'; known are bicycle, motorcycle, neither" in reasons["s3://b/1.png"]
    assert "not an image in a known format" in reasons["s3://b/2.png"]
    assert "not in" in reasons["s3://b/absent.png"]
    assert "leads out of" in reasons["../../secret.png"]
    assert found["bad_lines"][0]["subject"].endswith("labels.jsonl:5")
    assert found["votes"] == 4


def test_a_newest_word_that_is_unknown_does_not_bring_back_an_older_one(reviews: Reviews, merge: Any) -> None:
    image = reviews.image("1.png", photo(1))
    reviews.vote(image, "bicycle", hour=1)
    reviews.vote(image, "tram", hour=2)
    assert merge()["added"] == {}


def test_an_image_too_large_is_left_out(
    reviews: Reviews, merge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.dataset.reviewed_images.MAX_IMAGE_BYTES", 10)
    reviews.vote(reviews.image("1.png", photo(1)), "bicycle")
    assert "larger than 10 bytes" in merge()["left_out"][0]["reason"]


@pytest.mark.parametrize("kind", ["originals/*", "reviewed-*.png"])
def test_a_full_disk_leaves_nothing(
    reviews: Reviews,
    output: Path,
    archive_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    reviews.vote(reviews.image("1.png", photo(1)), "bicycle")
    (reviews.folder / "labels.jsonl").write_text("\n".join(reviews.lines))
    real = Path.write_bytes

    def write(path: Path, content: bytes) -> int:
        if path.match(kind):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", write)
    assert data.main([*arguments(archive_path, output), "--reviewed", str(reviews.folder)]) == 1
    assert "No space left" in capsys.readouterr().err
    assert sorted(path.name for path in output.parent.iterdir()) == ["archive.tar.gz", "reviews"]


@pytest.mark.parametrize("exists", [True, False])
def test_no_label_files_is_one_line(
    archive_path: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], exists: bool
) -> None:
    folder = tmp_path / "labels"
    if exists:
        folder.mkdir()
    assert data.main([*arguments(archive_path, output), "--reviewed", str(folder)]) == 1
    assert "correct --reviewed" in capsys.readouterr().err
    assert not output.exists()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="images")
        versioning = {"Status": "Enabled"}
        client.put_bucket_versioning(Bucket="images", VersioningConfiguration=versioning)
        monkeypatch.setattr(data, "s3_client", lambda: client)
        yield client


def from_s3(
    s3: Any, reviews: Reviews, archive: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    s3.put_object(Bucket="images", Key="labels/2026/a.jsonl", Body="\n".join(reviews.lines).encode())
    s3.put_object(Bucket="images", Key="labels/readme.txt", Body=b"{")
    assert data.main([*arguments(archive, output), "--reviewed", "s3://images/labels/"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["reviewed"]
    return found


def test_labels_and_images_come_from_s3_in_the_version_reviewed(
    s3: Any, reviews: Reviews, archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = s3.put_object(Bucket="images", Key="1.png", Body=photo(1))
    second = s3.put_object(Bucket="images", Key="1.png", Body=photo(2))
    image = {"bucket": "images", "key": "1.png"}
    reviews.vote({**image, "version_id": first["VersionId"], "etag": first["ETag"]}, "bicycle")
    reviews.vote({**image, "etag": second["ETag"].strip('"')}, "motorcycle")
    reviews.vote({**image, "etag": "0" * 32}, "motorcycle")
    reviews.vote({**image, "version_id": "absent"}, "bicycle")
    reviews.vote("s3://images/none.png", "bicycle")
    reviews.vote("s3://absent-bucket/none.png", "bicycle")
    reviews.vote("plain.png", "bicycle")
    found = from_s3(s3, reviews, archive_path, output, capsys)
    assert found["added"] == {"bicycle": 1, "motorcycle": 1}
    reasons = [problem["reason"] for problem in found["left_out"]]
    assert reasons[0] == "changed since it was reviewed"
    assert reasons[2:4] == ["not in the bucket", "the bucket does not exist"]
    assert "--reviewed-images" in reasons[4]
    assert len(reasons) == 5
    (original,) = (
        entry.review.original for entry in manifest.read(output) if entry.review and entry.label == "bicycle"
    )
    assert (output / original).read_bytes() == photo(1)


def test_images_can_come_from_a_folder_though_labels_are_in_s3(
    s3: Any, reviews: Reviews, archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews.vote(reviews.image("1.png", photo(1)), "bicycle")
    s3.put_object(Bucket="images", Key="labels/a.jsonl", Body="\n".join(reviews.lines).encode())
    more = ["--reviewed", "s3://images/labels", "--reviewed-images", str(reviews.folder)]
    assert data.main([*arguments(archive_path, output), *more]) == 0
    assert json.loads(capsys.readouterr().out)["reviewed"]["added"] == {"bicycle": 1}


def test_keys_that_have_expired_end_it_all(
    reviews: Reviews,
    archive_path: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from botocore.exceptions import ClientError

    class Expired:
        def get_object(self, **_: object) -> None:
            meta = {"HTTPStatusCode": 400}
            raise ClientError({"Error": {"Code": "ExpiredToken"}, "ResponseMetadata": meta}, "GetObject")  # type: ignore[typeddict-item]

    reviews.vote("s3://images/1.png", "bicycle")
    reviews.folder.mkdir()
    (reviews.folder / "a.jsonl").write_text(reviews.lines[0])
    monkeypatch.setattr(data, "s3_client", Expired)
    assert data.main([*arguments(archive_path, output), "--reviewed", str(reviews.folder)]) == 1
    assert "s3://images/1.png: ExpiredToken: sign in again" in capsys.readouterr().err
    assert not output.exists()


def test_labels_in_a_folder_may_speak_of_images_in_s3(
    s3: Any, reviews: Reviews, archive_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.put_object(Bucket="images", Key="1.png", Body=photo(1))
    reviews.vote("s3://images/1.png", "bicycle")
    reviews.image("2.png", photo(2), bucket="photos")
    reviews.vote("photos/2.png", "motorcycle")
    (reviews.folder / "a.jsonl").write_text("\n".join(reviews.lines))
    assert data.main([*arguments(archive_path, output), "--reviewed", str(reviews.folder)]) == 0
    added = json.loads(capsys.readouterr().out)["reviewed"]["added"]
    assert added == {"bicycle": 1, "motorcycle": 1}


def test_an_image_of_scones_verify_is_left_out(reviews: Reviews, merge: Any) -> None:
    drawn = reviews.image("incoming/scones-verify/20261126T201500Z-4f2a1c/bicycle.png", photo(1))
    reviews.vote(drawn, "bicycle")
    reviews.vote(reviews.image("incoming/2.png", photo(2)), "bicycle")
    merged = merge()
    assert merged["added"] == {"bicycle": 1}
    assert [one["reason"] for one in merged["left_out"]] == ["an image of scones verify, not of a user"]
