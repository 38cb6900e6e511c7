"""The image bucket, listed in pages of versions, and the event that restarts an image's workflow."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sweep.contract import Position
from sweep.taken import is_taken, prefix_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Image:
    """
    One version of an object.

    Attributes
    ----------
    key
        Raw, not URL-encoded.
    etag
        Without quotes, as in events.
    version_id
        None in a bucket that keeps no versions.
    size
        Bytes.
    last_modified
        When it arrived: the object's time, or the event's as stored in the claim.
    sequencer
        S3's order of events on one key; not part of a listing.
    """

    bucket: str
    key: str
    etag: str
    version_id: str | None
    size: int
    last_modified: datetime
    sequencer: str | None = None

    @property
    def is_folder_marker(self) -> bool:
        """Whether it is a folder marker as consoles create it: empty, with a key that ends in a slash."""
        return self.size == 0 and self.key.endswith("/")

    @property
    def name(self) -> tuple[str, str]:
        """The key of its claim: the same bytes under the same key are one image, however often uploaded."""
        return self.key, self.etag


@dataclass(frozen=True, slots=True)
class Page:
    """Up to 1,000 versions, and the position of the next page; None at the end of the bucket."""

    images: list[Image]
    following: Position | None


def read_page(
    client: "S3Client", bucket: str, pattern: str, excluded: tuple[str, ...], after: Position | None
) -> Page:
    """
    List the images after a position: every version, so that a replaced image gets its outcome too.

    Folder markers and keys that are not taken are skipped, as in the workflow's claim. Of several versions with the
    same bytes under the same key, which share a claim, the page has the newest.
    """
    prefix = prefix_of(pattern)
    if after is None:
        answer = client.list_object_versions(Bucket=bucket, Prefix=prefix)
    elif after["version_id"] is None:
        answer = client.list_object_versions(Bucket=bucket, Prefix=prefix, KeyMarker=after["key"])
    else:
        answer = client.list_object_versions(
            Bucket=bucket, Prefix=prefix, KeyMarker=after["key"], VersionIdMarker=after["version_id"]
        )
    images: dict[tuple[str, str], Image] = {}
    for version in answer.get("Versions", []):
        image = Image(
            bucket=bucket,
            key=version["Key"],
            etag=version["ETag"].strip('"'),
            version_id=None if version.get("VersionId") in {None, "null"} else version["VersionId"],
            size=version["Size"],
            last_modified=version["LastModified"],
        )
        if not image.is_folder_marker and is_taken(image.key, pattern, excluded):
            images.setdefault(image.name, image)
    following: Position | None = None
    if answer.get("IsTruncated"):
        following = {"key": answer["NextKeyMarker"], "version_id": answer.get("NextVersionIdMarker")}
    return Page(list(images.values()), following)


def event_of(image: Image) -> dict[str, Any]:
    """
    Return an event in S3's format; `redrive` lets its execution take over the claim of a dead one.

    Its time is the image's arrival, no matter how often it is started: the workflow writes it into the claim, and a
    restart must not reset the image's age.
    """
    version = {"version-id": image.version_id} if image.version_id else {}
    sequencer = {"sequencer": image.sequencer} if image.sequencer else {}
    return {
        "version": "0",
        "detail-type": "Object Created",
        "source": "scones.sweep",
        "time": iso_text(image.last_modified, "seconds"),
        "redrive": True,
        "detail": {
            "bucket": {"name": image.bucket},
            "object": {"key": image.key, "size": image.size, "etag": image.etag, **version, **sequencer},
        },
    }


def iso_text(moment: datetime, timespec: str = "milliseconds") -> str:
    """Format a time as S3's events and Step Functions do, in UTC with a Z, so that strings sort chronologically."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def moment_of(text: str | None) -> datetime | None:
    """Parse a time; None for anything else."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
