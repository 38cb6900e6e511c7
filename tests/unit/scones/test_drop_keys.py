"""From paths to files and keys: folders, globs, hidden files, and names that would meet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scones.drop.files import find_files, plan_keys
from scones.errors import SconesError

if TYPE_CHECKING:
    from tests.unit.scones.fake_stack import MakeImages


def keys(*names: str) -> list[str]:
    return [planned.key or "" for planned in plan_keys(find_files(names).files, "p/")]


def test_folders_are_walked_in_order_and_keep_their_name(images: MakeImages) -> None:
    images("b.png", "a.png", "deep/er/c.png")
    assert keys("photos") == ["p/photos/a.png", "p/photos/b.png", "p/photos/deep/er/c.png"]
    assert keys("photos/", "./photos") == keys("photos")


def test_paths_keep_what_was_typed_unless_it_says_where_home_is(
    images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = images("deep/a.png")
    assert keys("photos/deep/a.png") == ["p/photos/deep/a.png"]
    assert keys(str(folder / "deep" / "a.png")) == ["p/a.png"]
    assert keys(str(folder / "deep")) == ["p/deep/a.png"]
    monkeypatch.chdir(folder / "deep")
    assert keys(".") == ["p/a.png"]
    assert keys("..") == ["p/photos/deep/a.png"]
    assert keys("../deep/a.png") == ["p/a.png"]
    assert keys("../../photos/../photos/deep") == ["p/deep/a.png"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("photos/*.png", ["p/photos/a.png"]),
        ("photos/**/*.png", ["p/photos/a.png", "p/photos/x/b.png", "p/photos/x/y/c.png"]),
        ("photos/**", ["p/photos/a.png", "p/photos/x/b.png", "p/photos/x/y/c.png", "p/photos/x/d.jpg"]),
        ("photos/x*", ["p/photos/x/b.png", "p/photos/x/d.jpg", "p/photos/x/y/c.png"]),
        ("photos/x/[bd].*", ["p/photos/x/b.png", "p/photos/x/d.jpg"]),
        ("*/a.png", ["p/photos/a.png"]),
    ],
)
def test_globs(images: MakeImages, pattern: str, expected: list[str]) -> None:
    images("a.png", "x/b.png", "x/d.jpg", "x/y/c.png", ".hidden/e.png")
    assert sorted(keys(pattern)) == sorted(expected)


def test_absolute_globs_are_named_below_their_fixed_part(images: MakeImages) -> None:
    folder = images("a.png", "x/b.png")
    assert keys(f"{folder}/**/*.png") == ["p/a.png", "p/x/b.png"]


def test_a_file_named_like_a_glob_is_that_file(images: MakeImages) -> None:
    images("[1].png", "1.png")
    assert keys("photos/[1].png") == ["p/photos/[1].png"]


def test_hidden_files_are_skipped_unless_named(images: MakeImages) -> None:
    folder = images("a.png", ".b.png", ".git/c.png", ".git/d.png")
    found = find_files(["photos"])
    assert [source.path.name for source in found.files] == ["a.png"]
    assert list(found.notices()) == ["skipped 2 hidden entries: name one to drop it"]
    assert keys("photos/.b.png", "photos/.git") == [
        "p/photos/.b.png",
        "p/photos/.git/c.png",
        "p/photos/.git/d.png",
    ]
    assert keys("photos/.*.png") == ["p/photos/.b.png"]
    with pytest.raises(SconesError, match="nothing matches"):
        find_files([f"{folder}/*.gif"])


def test_links(images: MakeImages) -> None:
    folder = images("a.png", "x/b.png")
    (folder / "link.png").symlink_to("a.png")
    (folder / "loop").symlink_to(folder)
    found = find_files(["photos"])
    assert [source.path.name for source in found.files] == ["a.png", "link.png", "b.png"]
    assert "skipped 1 linked folder" in next(found.notices())


def test_a_file_named_twice_is_dropped_once(images: MakeImages) -> None:
    folder = images("a.png")
    assert keys("photos", "photos/a.png", str(folder / "a.png"), "photos/*") == ["p/photos/a.png"]


def test_files_that_would_share_a_key_take_their_parents_names(images: MakeImages) -> None:
    folder = images("a/1.png", "b/1.png", "b/2.png")
    assert keys(*(str(folder / name) for name in ("a/1.png", "b/1.png", "b/2.png"))) == [
        "p/a/1.png",
        "p/b/1.png",
        "p/2.png",
    ]


def test_telling_apart_never_makes_a_new_pair(images: MakeImages, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = images("x/1.png", "y/1.png", "deep/x/1.png")
    monkeypatch.chdir(folder)
    found = keys(str(folder / "x/1.png"), str(folder / "y/1.png"), "deep/../x/../deep/x/1.png", "x/1.png")
    assert len(found) == len(set(found)) == 3


def test_nfc_and_nfd_stay_two_files(images: MakeImages) -> None:
    images("caf\u00e9.png", "cafe\u0301.png")
    assert sorted(keys("photos")) == ["p/photos/cafe\u0301.png", "p/photos/caf\u00e9.png"]


def test_problems_keep_a_file_from_being_uploaded(
    images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = images("a.png", "big.png")
    os.truncate(folder / "big.png", 5 * 1024**3 + 1)  # sparse
    (folder / "empty.png").touch()
    problems = {
        planned.path.name: planned.problem for planned in plan_keys(find_files(["photos"]).files, "p/")
    }
    assert problems["a.png"] is None
    assert "5 GiB" in (problems["big.png"] or "")
    assert problems["empty.png"] is None  # a broken upload is rejected with a reason, not kept from being one
    (exact,) = plan_keys(find_files(["photos/a.png"]).files, "x" * (1024 - len("photos/a.png")))
    assert exact.problem is None
    (long,) = plan_keys(find_files(["photos/a.png"]).files, "x" * (1025 - len("photos/a.png")))
    assert "1,025 bytes" in (long.problem or "")


def test_a_name_that_stands_for_nothing() -> None:
    with pytest.raises(SconesError, match="no such file or folder: nowhere"):
        find_files([str(Path("nowhere"))])
