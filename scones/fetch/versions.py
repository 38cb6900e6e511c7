"""The version of an image that was classified, or why there is none to copy."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from scones.errors import OBJECT_GONE, error_code, explain, is_denied
from scones.result_documents import Document

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_VERSIONS: Final = 1000
"""How many of a key's newest versions are searched for the bytes that were classified."""


class CopyState(StrEnum):
    """What happened to one image."""

    FETCHED = "fetched"
    PRESENT = "there already"
    CHANGED = "changed"
    GONE = "gone"
    FAILED = "not fetched"


class NoCopyError(Exception):
    """An image that cannot be fetched, while the others can."""

    def __init__(self, state: CopyState, problem: str) -> None:
        super().__init__(problem)
        self.state = state
        self.problem = problem


def open_version(s3: "S3Client", bucket: str, document: Document) -> "GetObjectOutputTypeDef":
    """
    Open the bytes that were classified: in the version that the result names, else in one with their ETag.

    Raises
    ------
    NoCopyError
        When no version has them.
    """
    answer = _get(s3, bucket, document, document.content["image"].get("version_id"))
    if answer and _is_its_etag(answer["ETag"], document):
        return answer
    if answer:
        answer["Body"].close()
    for version_id in _versions(s3, bucket, document):
        if found := _get(s3, bucket, document, version_id):
            return found
    if answer:
        state, problem = CopyState.CHANGED, "other bytes were uploaded under its key since"
    else:
        state, problem = CopyState.GONE, "its object was deleted since"
    raise NoCopyError(state, f"{problem}, and none of the newest {_VERSIONS:,} versions has its bytes")


def _get(
    s3: "S3Client", bucket: str, document: Document, version_id: object
) -> "GetObjectOutputTypeDef | None":
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    version: dict[str, Any] = {"VersionId": str(version_id)} if version_id else {}
    try:
        return s3.get_object(Bucket=bucket, Key=document.image_key, **version)
    except ClientError as error:
        if error_code(error) not in OBJECT_GONE:
            raise
        return None


def _versions(s3: "S3Client", bucket: str, document: Document) -> list[str]:
    """Return the versions of an image's key that have its ETag; its own versions lead those of longer keys."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        listed = s3.list_object_versions(Bucket=bucket, Prefix=document.image_key, MaxKeys=_VERSIONS)
    except ClientError as error:
        if not is_denied(error):
            raise
        problem = f"not fetched: its older versions cannot be searched: {explain(error)}"
        raise NoCopyError(CopyState.FAILED, problem) from error
    return [
        version["VersionId"]
        for version in listed.get("Versions", [])
        if version["Key"] == document.image_key and _is_its_etag(version["ETag"], document)
    ]


def _is_its_etag(etag: str, document: Document) -> bool:
    return etag.strip('"') == document.image_etag
