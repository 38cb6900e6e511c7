"""What `scones results` asks for: which prefixes to list, which documents to keep."""

import re
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import batched, chain, islice
from typing import TYPE_CHECKING

import click

from scones.result_documents import (
    LITERAL_CHARACTERS,
    VERIFICATION_FOLDER,
    Document,
    Listed,
    Outcome,
    fetch,
    is_verification_result,
    list_results,
)
from scones.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_LISTED = 100_000
"""Results listed under one prefix; beyond, only those listed can be shown."""
_THREADS = 16
_BATCH = 256
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType):
    """A moment: an age such as 90s, 30m, 2h, 1d, 1w, or an ISO date and time (local unless it says)."""

    name = "AGE|ISO"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment with its time zone, in whole seconds, as S3 keeps them."""
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
    """What to show. `key` is a glob on the image's key below incoming/; its `*` crosses folders."""

    outcomes: frozenset[Outcome] = frozenset()
    label: str | None = None
    since: datetime | None = None
    below: float | None = None
    above: float | None = None
    key: str | None = None
    until: datetime | None = None

    def includes_verification(self, incoming_prefix: str) -> bool:
        """Tell whether results of `scones verify` are asked for by name; without that they are left out."""
        return self.literal(incoming_prefix).startswith(f"{VERIFICATION_FOLDER}/")

    def wants(self, document: Document, incoming_prefix: str) -> bool:
        """Tell whether a document is asked for. Below is `<`, above is `>=`, as the threshold counts."""
        confidence = document.confidence
        image = document.image_key.removeprefix(incoming_prefix)
        return (
            (not self.outcomes or document.outcome in self.outcomes)
            and (self.label is None or document.label == self.label)
            and (self.below is None or (confidence is not None and confidence < self.below))
            and (self.above is None or (confidence is not None and confidence >= self.above))
            and (self.key is None or fnmatchcase(image, self.key.removeprefix(incoming_prefix)))
        )

    def folders(self) -> Iterator[Outcome]:
        """Yield the outcomes worth listing."""
        needs_verdict = not (self.label is None and self.below is None and self.above is None)
        for outcome in Outcome:
            if self.outcomes and outcome not in self.outcomes:
                continue
            if needs_verdict and outcome is Outcome.REJECTED:
                continue  # rejected before the model saw them: neither label nor confidence
            yield outcome

    def literal(self, incoming_prefix: str) -> str:
        """Return the part of the key's glob before its first wildcard."""
        pattern = (self.key or "").removeprefix(incoming_prefix)
        return re.split(r"[*?\[]", pattern, maxsplit=1)[0][:LITERAL_CHARACTERS]


def newest_first(
    s3: "S3Client", stack: Stack, query: Query, most: int | None = None
) -> tuple[list[Listed], bool]:
    """List the results a query may want, the newest first, and say whether the listing is complete.

    Under one prefix at most `most` are listed.
    """
    prefixes = list(chain.from_iterable(_prefixes(s3, stack, query, outcome) for outcome in query.folders()))

    def listing(prefix: str) -> list[Listed]:
        return list(islice(list_results(s3, stack.results_bucket, prefix), most and most + 1))

    with_verification = query.includes_verification(stack.incoming_prefix)
    with _threads() as pool:
        listings = list(pool.map(listing, prefixes))
    wanted = (
        item
        for items in listings
        for item in items[:most]
        if (query.since is None or item.last_modified >= query.since)
        and (query.until is None or item.last_modified < query.until)
        and (with_verification or not is_verification_result(item.key))
    )
    newest = sorted(
        sorted(wanted, key=lambda item: item.key), key=lambda item: item.last_modified, reverse=True
    )
    return newest, most is None or all(len(items) <= most for items in listings)


def matching(
    s3: "S3Client", stack: Stack, query: Query, listed: Sequence[Listed], limit: int | None
) -> Generator[Document]:
    """Fetch results in the given order, a batch at a time, and yield the documents a query wants.

    Close it when it is not read to its end: what it has not begun to fetch is then left out.
    """
    with _threads() as pool:
        for batch in batched(listed, max(_THREADS, min((limit or _BATCH) + 1, _BATCH)), strict=False):
            documents = pool.map(lambda item: fetch(s3, stack.results_bucket, item.key), batch)
            for document in documents:
                if document is not None and query.wants(document, stack.incoming_prefix):
                    yield document


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Give threads that are not waited for at the end: a request without an answer must not delay Ctrl-C."""
    pool = ThreadPoolExecutor(_THREADS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _prefixes(s3: "S3Client", stack: Stack, query: Query, outcome: Outcome) -> Iterator[str]:
    literal = query.literal(stack.incoming_prefix)
    if outcome is not Outcome.PASSED:
        yield f"{outcome}/{literal}"
    elif query.label is not None:
        yield f"{outcome}/{query.label}/{literal}"
    elif not literal:
        yield f"{outcome}/"
    else:  # the labels there are, old ones too
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=stack.results_bucket, Prefix=f"{outcome}/", Delimiter="/"
        )
        for page in pages:
            for common in page.get("CommonPrefixes", []):
                yield f"{common['Prefix']}{literal}"
