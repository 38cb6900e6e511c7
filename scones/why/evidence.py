"""What S3, the claims table, Step Functions and the logs know about the images that a key stands for."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from scones.claims import Claim, read_claims_of_key
from scones.errors import SconesError
from scones.execution_progress import (
    ALIVE,
    GONE,
    Progress,
    Retries,
    plan_retries,
    read_progress,
    read_retriers,
    status_of,
)
from scones.log_lines import LogLine, find_log_groups, read_lines
from scones.result_documents import Document, fetch
from scones.shell import quoted
from scones.stack import Stack
from scones.terminal import shown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from scones.connection import Connection

LOG_LINES: Final = 5
_KEYS_LOOKED_AT: Final = 20_000
_NAMES: Final = 3
_COMPARED: Final = 50
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """
    A version of an object.

    Attributes
    ----------
    version_id
        None in a bucket without versions.
    is_current
        Whether the key names this version.
    is_deleted
        Whether the key names no version any more, because a delete marker is the newest.
    """

    version_id: str | None
    etag: str
    size: int
    uploaded_at: datetime
    is_current: bool
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    All that is known of one image, which is a key and the bytes that an ETag names.

    Attributes
    ----------
    version
        The newest version with these bytes; None when it was deleted.
    claim
        None when no execution has ever claimed the image.
    status
        Of the claim's execution, while the image has no outcome; None where it cannot be asked (EXPRESS).
    progress, retries
        Where that execution is and when it tries again; None where there is no history.
    document
        The result document; None when there is none, or none any more.
    """

    key: str
    etag: str
    version: ObjectVersion | None = None
    claim: Claim | None = None
    status: str | None = None
    progress: Progress | None = None
    retries: Retries | None = None
    document: Document | None = None
    log: list[LogLine] = field(default_factory=list)


@dataclass(slots=True)
class Reader:
    """Reads the evidence of a stack."""

    connection: "Connection"
    stack: Stack
    log_lines: int = LOG_LINES
    _groups: dict[str, str] | None = None

    def images(self, key: str, version_id: str | None = None) -> list[Evidence]:
        """
        Return the images of a key, the newest first, without what an execution or a log says of them.

        Raises
        ------
        SconesError
            When there is none, with the nearest names; when the version is unknown, with the known ones.
        """
        s3 = self.connection.s3()
        versions: dict[str, ObjectVersion] = {}
        known = []
        for version in list_versions(s3, self.stack.image_bucket, key):
            known.append(version)
            versions.setdefault(version.etag, version)
        claims = read_claims_of_key(self.connection.dynamodb(), self.stack.claims_table, key)
        etags = dict.fromkeys([*versions, *claims])
        found = [Evidence(key, etag, versions.get(etag), claims.get(etag)) for etag in etags]
        if not found:
            raise SconesError(self._unknown(s3, key))
        if version_id is not None:
            found = _of_version(found, known, version_id)
        return sorted(found, key=lambda image: age_order(image.version, image.claim), reverse=True)

    def examine(self, image: Evidence) -> Evidence:
        """Add where the image's execution is, its result document, and what was logged last."""
        claim = image.claim
        if claim is None or claim.execution is None:
            return image
        stepfunctions, status, progress, retries, document = (
            self.connection.stepfunctions(),
            None,
            None,
            None,
            None,
        )
        if claim.finished_at:
            if claim.result_key:
                document = fetch(self.connection.s3(), self.stack.results_bucket, claim.result_key)
        elif (status := status_of(stepfunctions, claim.execution)) not in {None, GONE}:
            progress = read_progress(stepfunctions, claim.execution)
            if status in ALIVE and progress.state and progress.failures:
                retriers = read_retriers(stepfunctions, claim.execution, progress.state)
                retries = plan_retries(retriers, progress.failures)
        return Evidence(
            image.key,
            image.etag,
            image.version,
            claim,
            status,
            progress,
            retries,
            document,
            self._log_of(claim),
        )

    def _log_of(self, claim: Claim) -> list[LogLine]:
        since = moment_of(claim.claimed_at)
        if claim.execution is None or since is None:
            return []
        if self._groups is None:
            self._groups = find_log_groups(self.connection.cloudformation(), self.stack.name)
        return read_lines(self.connection.logs(), self._groups, claim.execution, since, self.log_lines)

    def _unknown(self, s3: "S3Client", key: str) -> str:
        bucket, folder = self.stack.image_bucket, f"{key.rstrip('/')}/"
        if inside := [one for one in list_keys(s3, bucket, folder, _NAMES + 1) if one != folder][:_NAMES]:
            images = " or ".join(map(quoted, inside))
            return f"{shown(key)} is a folder in s3://{bucket}: name an image in it, such as {images}"
        names = nearest_names(list_keys(s3, bucket, self.stack.keys.prefix), key, self.stack.incoming_prefix)
        looks_alike = any(_as_seen(name) == _as_seen(key) for name in names)
        meant = " or ".join(quoted(name, escape_non_ascii=looks_alike) for name in names)
        hint = f"did you mean {meant}?" if names else "`scones results` lists the images that ended"
        return f"no image {shown(key)} in s3://{bucket}, and none was ever claimed: {hint}"


def age_order(version: ObjectVersion | None, claim: Claim | None) -> tuple[bool, datetime]:
    """
    Return what orders the images of a key, the oldest first.

    Those that the bucket still has come last, by their upload. Of the others only the claim is left, whose time says
    nothing beside an upload's: a replaced image may be claimed after the upload that replaced it, or by a redrive.
    """
    if version:
        return True, version.uploaded_at
    return False, (moment_of(claim.claimed_at) if claim else None) or _LONG_AGO


def full_key(key: str, stack: Stack) -> str:
    """
    Return the key in the bucket of what a person wrote; an s3:// address is taken as it is.

    Raises
    ------
    SconesError
        When it names nothing, or an object in another bucket.
    """
    if key.startswith("s3://"):
        bucket, _, name = key.removeprefix("s3://").partition("/")
        if bucket != stack.image_bucket:
            message = f"images of this stack are in s3://{stack.image_bucket}, not in s3://{shown(bucket)}"
            raise SconesError(message)
    else:
        name = key.removeprefix("/") if stack.incoming_prefix else key
        if name and not name.startswith(stack.incoming_prefix):
            name = stack.incoming_prefix + name
    if not name:
        message = "KEY is empty: name an image, such as `photos/one.jpg`"
        raise SconesError(message)
    return name


def list_versions(s3: "S3Client", bucket: str, key: str) -> Iterator[ObjectVersion]:
    """Yield the versions of one object, the newest first."""
    is_deleted = False
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        markers = page.get("DeleteMarkers", [])
        is_deleted |= any(marker["Key"] == key and marker["IsLatest"] for marker in markers)
        for item in page.get("Versions", []):
            if item["Key"] != key:
                return  # longer keys come after it
            version_id = item.get("VersionId")
            yield ObjectVersion(
                None if version_id in {None, "null"} else version_id,
                item["ETag"].strip('"'),
                item["Size"],
                item["LastModified"],
                item["IsLatest"],
                is_deleted,
            )


def list_keys(s3: "S3Client", bucket: str, prefix: str, most: int = _KEYS_LOOKED_AT) -> list[str]:
    """Return the first keys below a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = (item["Key"] for page in pages for item in page.get("Contents", []))
    return list(islice(keys, most))


def nearest_names(keys: Sequence[str], wanted: str, prefix: str = "") -> list[str]:
    """
    Return the keys that a mistyped one may have meant: those of the same name first, then those like it.

    Parameters
    ----------
    keys
        What exists.
    wanted
        What was typed.
    prefix
        Common to all of them, so that it does not count as likeness.
    """
    name = _name(wanted)
    keys = [key for key in keys if not key.endswith("/")]  # folder markers
    same = [key for key in reversed(keys) if _name(key).casefold() == name.casefold()]
    if same:
        return same[:_NAMES]
    by_path = {key.removeprefix(prefix): key for key in keys}
    by_name = {_name(key): key for key in keys}
    near = [by_path[path] for path in _close_matches(wanted.removeprefix(prefix), by_path)]
    near += [by_name[one] for one in _close_matches(name, by_name)]
    return list(dict.fromkeys(near))[:_NAMES]


def _name(key: str) -> str:
    return key.rstrip("/").rsplit("/", 1)[-1]


def _close_matches(wanted: str, known: Iterable[str]) -> list[str]:
    """Compare in full, which is slow, only with those whose ends have most in common: a typo leaves them."""
    candidates = nlargest(
        _COMPARED, known, lambda one: _shared(one, wanted) + _shared(one[::-1], wanted[::-1])
    )
    return get_close_matches(wanted, candidates, n=_NAMES)


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with together, by halves: there may be 20,000 long ones."""
    return bisect_left(
        range(min(len(one), len(other))), 1, key=lambda end: one[: end + 1] != other[: end + 1]
    )


def _as_seen(name: str) -> str:
    """Return what a reader sees of a name: an accented letter may be one character or two."""
    return normalize("NFKC", shown(name))


def moment_of(text: str | None) -> datetime | None:
    """Read a time of the claims table; None where there is none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _of_version(found: Sequence[Evidence], known: Sequence[ObjectVersion], version_id: str) -> list[Evidence]:
    etags = {version.etag for version in known if version.version_id == version_id}
    chosen = [
        image
        for image in found
        if image.etag in etags or (image.claim is not None and image.claim.version_id == version_id)
    ]
    if chosen:
        return chosen
    names = ", ".join(version.version_id for version in known[:_NAMES] if version.version_id)
    message = f"{shown(found[0].key)} has no version {shown(version_id)}" + (
        f": the newest are {names}" if names else ""
    )
    raise SconesError(message)
