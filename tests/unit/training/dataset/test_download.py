"""Downloads against a server on loopback that cuts, ignores ranges, fails and changes its file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from training.dataset.download import ATTEMPTS, fetch
from training.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = bytes(range(256)) * 400
OTHER = CONTENT[::-1]
MD5 = hashlib.md5(CONTENT).hexdigest()  # noqa: S324 - the publisher's choice


@dataclass
class Site:
    """What the server does with the next requests."""

    url: str = ""
    content: bytes = CONTENT
    cut_after: list[int] = field(default_factory=list)  # bytes of the body, for each of the next answers
    statuses: list[int] = field(default_factory=list)  # for each of the next answers
    ranges: bool = True
    etag: bool = True
    weak: bool = False
    ranges_asked: list[str | None] = field(default_factory=list)

    @property
    def tag(self) -> str:
        return ("W/" if self.weak else "") + f'"{hashlib.sha256(self.content).hexdigest()}"'


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            site.ranges_asked.append(asked)
            if site.statuses and (status := site.statuses.pop(0)):
                self.send_error(status)
                return
            fresh = self.headers.get("If-Range") in (site.tag, "Mon, 01 Jan 2024 00:00:00 GMT")
            start = int(asked[6:-1]) if asked and site.ranges and fresh else 0
            if asked and start >= len(site.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(site.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = site.content[start:]
            self.send_response(206 if start else 200)
            if start:
                last = len(site.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(site.content)}")
            if site.etag:
                self.send_header("ETag", site.tag)
            if site.weak:
                self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)

        def log_message(self, *_: object) -> None: ...

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(site))
    site.url = f"http://127.0.0.1:{server.server_port}/cifar-100-python.tar.gz"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "archive.tar.gz"


class Waits(list[float]):
    """Counts the waits instead of waiting."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def download(site: Site, target: Path) -> Waits:
    waits = Waits()
    assert fetch(site.url, target, MD5, waits) == target
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    return waits


def test_what_was_downloaded_before_is_not_asked_for(site: Site, target: Path) -> None:
    download(site, target)
    assert fetch(site.url, target, MD5.upper()) == target
    assert site.ranges_asked == [None]


def test_a_damaged_file_of_before_is_replaced(site: Site, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"damaged")
    download(site, target)


def test_a_cut_download_continues(site: Site, target: Path) -> None:
    site.cut_after = [1000, 500]
    assert len(download(site, target)) == 2
    assert site.ranges_asked == [None, "bytes=1000-", "bytes=1500-"]


def test_without_a_strong_etag_the_date_tells_the_file(site: Site, target: Path) -> None:
    site.cut_after, site.weak = [1000], True
    download(site, target)
    assert site.ranges_asked == [None, "bytes=1000-"]


def test_without_any_validator_it_starts_anew(site: Site, target: Path) -> None:
    site.cut_after, site.etag = [1000], False
    download(site, target)
    assert site.ranges_asked == [None, None]


def test_a_server_that_ignores_ranges_starts_anew(site: Site, target: Path) -> None:
    site.cut_after, site.ranges = [1000], False
    download(site, target)
    assert site.ranges_asked == [None, "bytes=1000-"]


def test_errors_of_the_server_are_waited_out(site: Site, target: Path) -> None:
    site.statuses = [500, 503, 429, 0]
    waits = download(site, target)
    assert len(waits) == 3
    assert waits[0] <= 1 < waits[2] <= 4


def interrupted(site: Site, target: Path) -> None:
    """Leave a part as an earlier run that was stopped."""
    site.cut_after, site.statuses = [1000], [0, 404]
    with pytest.raises(DownloadError):
        fetch(site.url, target, MD5, Waits())
    assert target.with_name("archive.tar.gz.part").stat().st_size == 1000
    site.ranges_asked.clear()


def test_the_next_run_continues(site: Site, target: Path) -> None:
    interrupted(site, target)
    download(site, target)
    assert site.ranges_asked == ["bytes=1000-"]


def test_a_file_that_changed_meanwhile_starts_anew(site: Site, target: Path) -> None:
    site.content = OTHER
    interrupted(site, target)
    site.content = CONTENT
    download(site, target)
    assert site.ranges_asked == ["bytes=1000-"]


def test_a_part_of_another_address_is_not_continued(site: Site, target: Path) -> None:
    interrupted(site, target)
    site.url += "?mirror"
    download(site, target)
    assert site.ranges_asked == [None]


def test_parts_that_do_not_fit_are_dropped_and_fetched_once_more(site: Site, target: Path) -> None:
    interrupted(site, target)
    target.with_name("archive.tar.gz.part").write_bytes(b"x" * 1000)
    download(site, target)
    assert site.ranges_asked == ["bytes=1000-", None]


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_a_part_that_is_whole_or_too_long_ends_well(site: Site, target: Path, extra: bytes) -> None:
    interrupted(site, target)
    target.with_name("archive.tar.gz.part").write_bytes(CONTENT + extra)
    download(site, target)


def test_a_damaged_note_starts_anew(site: Site, target: Path) -> None:
    interrupted(site, target)
    target.with_name("archive.tar.gz.part.json").write_text("{")
    download(site, target)
    assert site.ranges_asked == [None]


def test_not_found_is_final_and_says_what_to_do(site: Site, target: Path) -> None:
    site.statuses = [404]
    with pytest.raises(DownloadError, match=r"answers 404 .* --archive"):
        fetch(site.url, target, MD5, Waits())


def test_a_server_that_stays_broken_is_given_up(site: Site, target: Path) -> None:
    site.statuses = [500] * 50
    waits = Waits()
    with pytest.raises(DownloadError, match="run the command again to continue"):
        fetch(site.url, target, MD5, waits)
    assert len(waits) == ATTEMPTS - 1


def test_nobody_there_is_given_up(target: Path) -> None:
    with pytest.raises(DownloadError, match="cannot reach the server"):
        fetch("http://127.0.0.1:9/x", target, MD5, Waits())


def test_another_file_than_expected_is_an_error_and_leaves_nothing(site: Site, target: Path) -> None:
    site.content = OTHER
    with pytest.raises(DownloadError, match=f"expected {MD5}"):
        fetch(site.url, target, MD5, Waits())
    assert list(target.parent.iterdir()) == []


def test_an_address_of_another_kind_is_refused(target: Path) -> None:
    with pytest.raises(DownloadError, match="give --archive"):
        fetch("file:///etc/passwd", target, MD5, Waits())


def test_a_full_disk_is_no_broken_connection(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device", "archive.tar.gz.part")

    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", *a, **k: Full() if mode == "ab" else real(path, mode, *a, **k)
    )
    with pytest.raises(OSError, match="No space left"):
        fetch(site.url, target, MD5, Waits())
    assert site.ranges_asked == [None]
