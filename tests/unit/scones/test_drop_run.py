"""Uploading and watching at the same time: real threads, held by events instead of sleeps."""

from __future__ import annotations

from io import FileIO
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

from scones.drop.run import Drop, ResultsWatch
from scones.drop.uploads import Image, Uploads, UploadStoppedError
from scones.pace import Pace
from scones.result_documents import outcome_prefixes
from tests.unit.scones.fake_stack import small_pages

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectOutputTypeDef

    from tests.unit.scones.fake_stack import FakeWorkflow, MakeImages

IMAGES, RESULTS = "the-image-bucket", "the-results-bucket"


class HeldUploads:
    """S3 whose uploads wait for `release` where their key says so."""

    def __init__(self, s3: S3Client) -> None:
        self.s3 = s3
        self.release = Event()

    def put_object(self, **request: Any) -> PutObjectOutputTypeDef:
        if "held" in request["Key"]:
            assert self.release.wait(60)
        return self.s3.put_object(**request)


def planned(folder: Path, *names: str) -> list[Image]:
    return [Image(folder / name, f"incoming/d/{name}") for name in names]


def test_outcomes_arrive_while_uploads_go_on(
    s3: S3Client, workflow: FakeWorkflow, images: MakeImages
) -> None:
    todo = planned(images("early.png", "held.png"), "early.png", "held.png")
    held = HeldUploads(s3)
    seen = []

    def progress(uploaded: int, outcomes: int) -> None:
        seen.append((uploaded, outcomes))
        if uploaded and not outcomes:
            workflow.round()
        if outcomes:
            held.release.set()

    watch = ResultsWatch(s3, RESULTS, outcome_prefixes(("bicycle",), "d/"))
    pace = Pace(first_s=0.001, steady_s=0.001, longest_s=0.001, sleep=workflow.round)
    Drop(todo, pace, progress).run(Uploads(cast("S3Client", held), IMAGES), watch, timeout_s=60)
    assert (1, 1) in seen
    assert [image.document is not None for image in todo] == [True, True]


def test_a_result_seen_before_its_upload_was_collected_still_counts(
    s3: S3Client, workflow: FakeWorkflow, images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = planned(images("one.png", "held.png"), "one.png", "held.png")
    held = HeldUploads(s3)
    put = held.put_object

    def put_and_finish(**request: Any) -> PutObjectOutputTypeDef:
        # The workflow is faster than the answer to the upload.
        answer = put(**request)
        workflow.write("passed", request["Key"], answer["ETag"].strip('"'))
        return answer

    monkeypatch.setattr(held, "put_object", put_and_finish)
    held.release.set()
    watch = ResultsWatch(s3, RESULTS, outcome_prefixes(("bicycle",), "d/"))
    Drop(todo, Pace(sleep=workflow.round)).run(Uploads(cast("S3Client", held), IMAGES), watch, timeout_s=60)
    assert all(image.document and image.seconds is not None and image.seconds >= 0 for image in todo)


def test_leaving_stops_uploads_that_have_not_finished(
    images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = planned(
        images(*(f"{number}.png" for number in range(40))), *(f"{number}.png" for number in range(40))
    )
    begun, stop = Event(), Event()

    class Slow:
        def put_object(self, *, Body: FileIO, **_request: object) -> NoReturn:  # noqa: N803
            begun.set()
            assert stop.wait(60)
            Body.read(1)
            raise AssertionError

    uploads = Uploads(cast("S3Client", Slow()), IMAGES)
    shutdown = uploads._pool.shutdown

    def release_then_shutdown(**options: Any) -> None:
        stop.set()
        shutdown(**options)

    monkeypatch.setattr(uploads._pool, "shutdown", release_then_shutdown)
    with pytest.raises(KeyboardInterrupt), uploads:
        uploads.start(todo)
        assert begun.wait(60)
        raise KeyboardInterrupt
    assert {image.problem for image in todo} == {"not uploaded: stopped before"}
    assert not uploads.are_pending


def test_stopping_is_not_retried_by_botocore() -> None:
    assert not issubclass(UploadStoppedError, Exception)


def test_pauses_grow_while_nothing_comes(s3: S3Client, images: MakeImages) -> None:
    todo = planned(images("lost.png"), "lost.png")
    pauses = []
    clock = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.now += seconds

    watch = ResultsWatch(s3, RESULTS, outcome_prefixes(("bicycle",), "d/"))
    pace = Pace(clock=lambda: clock.now, sleep=sleep)
    Drop(todo, pace).run(Uploads(s3, IMAGES, pace.clock), watch, timeout_s=20)
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.4
    assert pauses[-1] == 1.0
    assert 20 <= clock.now <= 21


def test_a_watch_yields_each_result_once_and_again_when_overwritten(
    s3: S3Client, workflow: FakeWorkflow
) -> None:
    with ResultsWatch(s3, RESULTS, ["review/d/"]) as watch:
        workflow.write("review", "incoming/d/old.png", "e")
        watch.ignore_present()
        assert watch.fresh() == []
        workflow.write("review", "incoming/d/new.png", "e")
        workflow.write("review", "incoming/other/new.png", "e")
        assert [document.image_key for document in watch.fresh()] == ["incoming/d/new.png"]
        assert watch.fresh() == []
        workflow.write("review", "incoming/d/old.png", "e", attempt=2)
        assert [document.image_key for document in watch.fresh()] == ["incoming/d/old.png"]


def test_a_large_listing_is_read_to_its_end(s3: S3Client, workflow: FakeWorkflow) -> None:
    small_pages(s3, "ListObjectsV2", 5)
    for number in range(12):
        workflow.write("review", f"incoming/d/{number}.png", "e")
    assert len(s3.list_objects_v2(Bucket=RESULTS)["Contents"]) == 5
    with ResultsWatch(s3, RESULTS, ["review/d/"]) as watch:
        assert len(watch.fresh()) == 12


def test_content_types_are_guessed(s3: S3Client, tmp_path: Path) -> None:
    names = ("a.png", "b.bin.unknown")
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    Drop([Image(Path(tmp_path / name), name) for name in names]).upload(Uploads(s3, IMAGES))
    types = [s3.head_object(Bucket=IMAGES, Key=name)["ContentType"] for name in names]
    assert types == ["image/png", "application/octet-stream"]
