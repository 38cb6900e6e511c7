"""The image bucket, a page at a time: every version, so that a replaced image gets its outcome too."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract import Position
from image import Image

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Page:
    """Up to 1,000 versions, and where the next page begins; None at the end of the bucket."""

    images: list[Image]
    following: Position | None


def read_page(client: "S3Client", bucket: str, prefix: str, after: Position | None) -> Page:
    """
    List the images after a position.

    Empty objects are left out, as the rule leaves them out. Of several versions of the same bytes under the same key,
    which share a claim, the page has the newest.
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
        if image.size > 0:
            images.setdefault(image.name, image)
    following: Position | None = None
    if answer.get("IsTruncated"):
        following = {"key": answer["NextKeyMarker"], "version_id": answer.get("NextVersionIdMarker")}
    return Page(list(images.values()), following)
