"""The image bucket, a page of versions at a time, and the event that starts an image's workflow again."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sweep.contract import Position

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Image:
    """
    One version of an object.

    Attributes
    ----------
    key
        As it is, not URL-encoded.
    etag
        Without quotes, as events carry it.
    version_id
        None in a bucket that keeps no versions.
    size
        Bytes.
    last_modified
        When it arrived: of the object, or of the event as its claim keeps it.
    sequencer
        S3's order of events on one key; a listing does not have it.
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
        """Whether it is what consoles make for a folder: no bytes and a key that ends in a slash."""
        return self.size == 0 and self.key.endswith("/")

    @property
    def name(self) -> tuple[str, str]:
        """The key of its claim: the same bytes under the same key are one image, however often uploaded."""
        return self.key, self.etag


@dataclass(frozen=True, slots=True)
class Page:
    """Up to 1,000 versions, and where the next page begins; None at the end of the bucket."""

    images: list[Image]
    following: Position | None


def read_page(client: "S3Client", bucket: str, prefix: str, after: Position | None) -> Page:
    """
    List the images after a position: every version, so that a replaced image gets its outcome too.

    Folder markers are left out, as the workflow's claim leaves them out. Of several versions of the same bytes under
    the same key, which share a claim, the page has the newest.
    """
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
        if not image.is_folder_marker:
            images.setdefault(image.name, image)
    following: Position | None = None
    if answer.get("IsTruncated"):
        following = {"key": answer["NextKeyMarker"], "version_id": answer.get("NextVersionIdMarker")}
    return Page(list(images.values()), following)


def event_of(image: Image) -> dict[str, Any]:
    """
    Return an event of S3's own shape; `redrive` lets its execution take over what a dead one left.

    Its time is when the image arrived, however often it is started: the workflow writes it into the claim, and the age
    of an image must not begin anew with each start.
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
    """Write a moment as S3's events and Step Functions do, in UTC with a Z, so that texts sort as moments do."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def moment_of(text: str | None) -> datetime | None:
    """Read a moment; None for what is not one."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
