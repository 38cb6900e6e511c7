"""Merge human labels: reviewed images on which the reviewers agree become training images."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training.dataset.human_labels import (
    CANNOT_TELL,
    OUT_OF_DISTRIBUTION,
    Problem,
    Reference,
    Vote,
    newest_by_reviewer,
    standing,
)
from training.dataset.manifest import Entry, Review
from training.dataset.nearly_equal import nearly_equal, thumbnails
from training.dataset.prepared_folder import png
from training.dataset.reviewed_images import Picture, fetch_all
from training.dataset.splits import TRAIN, content_hash
from training.verification_images import is_verification_image

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from training.dataset.reviewed_images import ImageSource

ORIGINALS = "originals"


@dataclass(slots=True)
class Merged:
    """Outcome of merging the human labels.

    Attributes
    ----------
    entries
        The images that were written.
    conflicts
        Images on which the reviewers disagree, with each reviewer's label; left out.
    left_out
        Images that could not be used for another reason.
    cannot_tell
        Images of which a reviewer could not tell what they show, and no other one could.
    held_out
        Images that certify and compare models, whatever was decided about them.
    """

    entries: list[Entry] = field(default_factory=list)
    conflicts: list[dict[str, object]] = field(default_factory=list)
    left_out: list[Problem] = field(default_factory=list)
    cannot_tell: int = 0
    held_out: int = 0


def merge(
    folder: Path,
    votes: Sequence[Vote],
    images: ImageSource,
    labels: Collection[str],
    seen: Mapping[str, str],
) -> Merged:
    """Write the reviewed images into `folder`, as training images.

    References to the same pixels are one image. A label that another one replaces does not count, whoever gave it; of
    the others, the newest of each reviewer does. An image is used if all reviewers agree who could tell what it shows,
    and if no line holds it out: whoever learned from images that certify would certify himself.

    Parameters
    ----------
    folder
        Receives train/<label>/reviewed-<hash>.png, and the unchanged files in originals/.
    votes
        Votes in the order in which they were written.
    images
        Source of the images.
    labels
        The classes; the label "neither" is accepted too.
    seen
        Content hash -> place of every image of the archive; such an image is left out.

    Raises
    ------
    StorageError, OSError
        Errors that would affect every other image too.
    """
    merged = Merged()
    pictures, looks = _by_pixels(folder, votes, images, merged)
    for digest, last in _told(looks, merged):
        address = str(last[0].image)
        chosen = {vote.label for vote in last}
        if digest in seen:
            merged.left_out.append(Problem(address, f"the archive has it already: {seen[digest]}"))
        elif len(chosen) > 1:
            said = {vote.reviewer: vote.label for vote in last}
            merged.conflicts.append({"image": address, "labels": said})
        elif not chosen <= {*labels, OUT_OF_DISTRIBUTION}:
            known = ", ".join((*labels, OUT_OF_DISTRIBUTION))
            merged.left_out.append(Problem(address, f"unknown label {last[0].label!r}; known are {known}"))
        else:
            merged.entries.append(_write(folder, digest, pictures[digest], last))
    used = {entry.review.original for entry in merged.entries if entry.review}
    for path in (folder / ORIGINALS).iterdir():
        if f"{ORIGINALS}/{path.name}" not in used:
            path.unlink()
    return merged


def _by_pixels(
    folder: Path, votes: Sequence[Vote], images: ImageSource, merged: Merged
) -> tuple[Mapping[str, Picture], Mapping[str, Sequence[Vote]]]:
    """Fetch the images; return pictures and votes by the hash of the pixels, without what is held out."""
    held_out = {vote.image for vote in votes if vote.held_out}
    by_image: defaultdict[Reference, list[Vote]] = defaultdict(list)
    for vote in standing(_of_users(votes, merged)):
        by_image[vote.image].append(vote)
    pictures: dict[str, Picture] = {}
    looks: defaultdict[str, list[Vote]] = defaultdict(list)
    certifying: set[str] = set()
    for reference, found in fetch_all(by_image, images, folder / ORIGINALS):
        if isinstance(found, Problem):
            merged.left_out.append(found)
            continue
        digest = content_hash(found.pixels)
        pictures.setdefault(digest, found)
        looks[digest] += by_image[reference]
        if reference in held_out:
            certifying.add(digest)
    merged.held_out = len(certifying)
    rest = {digest: cast for digest, cast in looks.items() if digest not in certifying}
    for digest in _copies(certifying, rest, pictures):
        merged.left_out.append(
            Problem(str(rest.pop(digest)[0].image), "nearly equals an image that certifies models")
        )
    return pictures, rest


def _copies(of: Collection[str], among: Collection[str], pictures: Mapping[str, Picture]) -> list[str]:
    """Return which of the pictures `among` nearly equal one of the others."""
    certain = thumbnails([pictures[digest].pixels for digest in of])
    found = thumbnails([pictures[digest].pixels for digest in among])
    return [digest for digest, one in zip(among, found, strict=True) if len(nearly_equal(one, certain))]


def _told(looks: Mapping[str, Sequence[Vote]], merged: Merged) -> Iterator[tuple[str, list[Vote]]]:
    """Yield the newest votes on each image, of those who could tell what it shows; count images without any."""
    for digest, cast in looks.items():
        if last := [vote for vote in newest_by_reviewer(cast) if vote.label != CANNOT_TELL]:
            yield digest, last
        else:
            merged.cannot_tell += 1


def _of_users(votes: Sequence[Vote], merged: Merged) -> list[Vote]:
    """Return the votes on images of users; those of `scones verify` are left out, with the reason."""
    drawn = {str(vote.image) for vote in votes if is_verification_image(vote.image.key)}
    merged.left_out += [
        Problem(address, "an image of scones verify, not of a user") for address in sorted(drawn)
    ]
    return [vote for vote in votes if not is_verification_image(vote.image.key)]


def _write(folder: Path, digest: str, picture: Picture, last: Sequence[Vote]) -> Entry:
    label = last[0].label
    path = f"{TRAIN}/{label}/reviewed-{digest[:16]}.png"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    data = png(picture.pixels)
    (folder / path).write_bytes(data)
    reviewers = tuple(sorted(vote.reviewer for vote in last))
    review = Review(
        f"{ORIGINALS}/{picture.original.name}", reviewers, max(vote.time for vote in last).isoformat()
    )
    return Entry(path, label, TRAIN, str(last[0].image), hashlib.sha256(data).hexdigest(), review)
