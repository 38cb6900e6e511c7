"""What `scones results` asks for: which images of the index, and the documents of those that are shown."""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import batched
from typing import TYPE_CHECKING, Final

import click

from scones.index import Ended, Reading, Where, ended
from scones.result_documents import Document, Outcome, fetch, is_verification_image, result_key
from scones.stack import Stack
from scones.terminal import notice

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from scones.connection import Connection

READ_BUDGET: Final = 20_000
"""Read units of one search: some 400,000 images, a quarter of a US cent at the list price."""
_THREADS = 16
_BATCH = 256
_NO_LIMIT: Final = float("inf")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType):
    """A moment: an age such as 90s, 30m, 2h, 1d, 1w, or an ISO date and time (local unless it says)."""

    name = "AGE|ISO"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment with its time zone, in whole seconds."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        try:
            if age := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text):
                moment = datetime.now().astimezone() - timedelta(**{_UNITS[age[2]]: float(age[1])})
            else:
                moment = datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is neither an age such as 2h or 30m nor an ISO time", param, ctx)
        return moment.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Query:
    """What to show. `key` is a glob on the image's key, with or without incoming/; its `*` crosses folders."""

    outcomes: frozenset[Outcome] = frozenset()
    label: str | None = None
    since: datetime | None = None
    below: float | None = None
    above: float | None = None
    key: str | None = None
    until: datetime | None = None
    reason: str | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether more is read than is shown: only outcome and time are conditions of the index."""
        return any(one is not None for one in (self.label, self.below, self.above, self.key, self.reason))

    @property
    def is_by_verdict(self) -> bool:
        """Whether being found tells what the model said of an image."""
        return any(one is not None for one in (self.label, self.below, self.above, self.reason))

    @property
    def read_outcomes(self) -> list[Outcome]:
        """The outcomes worth reading."""
        outcomes = [one for one in Outcome if not self.outcomes or one in self.outcomes]
        if self.label is None and self.below is None and self.above is None:
            return outcomes
        return [one for one in outcomes if one is not Outcome.REJECTED]  # the model never saw them

    @property
    def where(self) -> Where:
        """The conditions that DynamoDB evaluates. Below is `<`, above is `>=`, as the threshold counts."""
        conditions = {
            "label": ("label", "#label = :label"),
            "below": ("confidence", "#confidence < :below"),
            "above": ("confidence", "#confidence >= :above"),
            "reason": ("reason", "contains(#reason, :reason)"),
        }
        given = {name: value for name in conditions if (value := getattr(self, name)) is not None}
        return Where(
            " AND ".join(conditions[name][1] for name in given),
            {f"#{conditions[name][0]}": conditions[name][0] for name in given},
            {
                f":{name}": {"S" if isinstance(value, str) else "N": str(value)}
                for name, value in given.items()
            },
        )

    def wants(self, image_key: str, incoming_prefix: str) -> bool:
        """Tell by its key whether an image is asked for; those of `scones verify` only when they are by name."""
        below = image_key.removeprefix(incoming_prefix)
        if self.key is None:
            return not is_verification_image(below)
        pattern = self.key.removeprefix(incoming_prefix)
        literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
        return fnmatchcase(below, pattern) and (
            is_verification_image(literal) or not is_verification_image(below)
        )


@dataclass(slots=True)
class Search:
    """A query that is being answered: the images that match, the newest first, and how far it is."""

    reading: Reading[Ended]
    query: Query
    incoming_prefix: str

    def __iter__(self) -> Generator[Ended]:
        """Yield the images that match."""
        with closing(iter(self.reading)) as images:
            yield from (one for one in images if self.query.wants(one.image_key, self.incoming_prefix))


def search(
    dynamodb: "DynamoDBClient",
    stack: Stack,
    query: Query,
    wanted: int | None = None,
    budget: float = READ_BUDGET,
    outcomes: Sequence[Outcome] | None = None,
) -> Search:
    """
    Search the index for the newest images that a query wants.

    Parameters
    ----------
    budget
        Read units of a search with filters, see `Query.is_filtered`.
    outcomes
        Those that are read, where they are not all that the query wants.
    """
    reading = ended(
        dynamodb,
        stack.claims_table,
        [one for one in query.read_outcomes if outcomes is None or one in outcomes],
        query.since,
        query.until,
        where=query.where,
        wanted=wanted or 0,
        budget=budget if query.is_filtered else _NO_LIMIT,
    )
    return Search(reading, query, stack.incoming_prefix)


def documents(s3: "S3Client", stack: Stack, images: Iterable[Ended]) -> Generator[Document]:
    """Fetch the documents of images in their order, a batch at a time; one that is gone is left out.

    Close it when it is not read to its end: what it has not begun to fetch is then left out.
    """

    def document_of(one: Ended) -> Document | None:
        key = result_key(one.outcome, one.label, one.image_key, one.etag)
        return fetch(s3, stack.results_bucket, key)

    with _threads() as pool:
        for batch in batched(images, _BATCH, strict=False):
            yield from (one for one in pool.map(document_of, batch) if one is not None)


def notice_empty_index(searched: Search, connection: "Connection", stack: Stack) -> None:
    """Say so where nothing was found because a stack deployed before the index was never reindexed."""
    if not searched.reading.is_complete or searched.reading.items:
        return
    everything = ended(connection.dynamodb(), stack.claims_table, wanted=1)
    with closing(iter(everything)) as images:
        if next(images, None) is not None:
            return
    s3 = connection.s3()
    if any(
        s3.list_objects_v2(Bucket=stack.results_bucket, Prefix=f"{outcome}/", MaxKeys=1).get("Contents")
        for outcome in Outcome
    ):
        notice(
            f"the index of stack {stack.name} is empty although there are results: "
            f"`scones reindex{connection.options}` fills it"
        )


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Give threads that are not waited for at the end: a request without an answer must not delay Ctrl-C."""
    pool = ThreadPoolExecutor(_THREADS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
