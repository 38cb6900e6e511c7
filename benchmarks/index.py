"""Fill the index of a running local cloud, and measure how fast it answers.

    scones up --detach
    python benchmarks/index.py --images 1000000

Prints one JSON document: the seconds to find the newest 50 images, of all outcomes and of one, and the read units of
the index that AWS would charge; as they are shown, their claims are read in addition. The images are claims alone,
with outcomes of the last 30 days; there are no objects behind them.
1,000,000 take about 4 GB of the local cloud's memory, and a few minutes; ``--images 0`` measures what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import batched, islice
from typing import TYPE_CHECKING, Any

from scones.blinding import BlindList
from scones.connection import Target, connect
from scones.index import Reading, ended, in_state, shard_of, time_text
from scones.result_documents import Outcome
from scones.stack import Stack, read_stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH, THREADS, RUNS, NEWEST = 25, 8, 20, 50
DAYS = 30
SHARES = ((0.85, "passed"), (0.93, "review"), (0.95, "reviewed"), (0.99, "rejected"), (1.0, "failed"))


def claims(number: int, stack: Stack, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield claims of images that ended at even intervals of the last days; the same ones every time."""
    step = timedelta(days=DAYS) / max(1, number)
    for one in range(number):
        digest = hashlib.md5(str(one).encode(), usedforsecurity=False).hexdigest()
        key = f"{stack.incoming_prefix}filled/{one % 1000:03}/{digest[:16]}.jpg"
        chance = int(digest[:8], 16) / 0xFFFFFFFF
        outcome = next(name for share, name in SHARES if chance <= share)
        shard, at = shard_of(key, digest), time_text(now - one * step)
        item = {
            "image_key": key,
            "etag": digest,
            "outcome": outcome,
            "outcome_shard": f"{outcome}#{shard}",
        } | {
            "finished_at": at,
            "reason": "filled by a benchmark, and as long as most reasons are",
            "version_id": digest,
        }
        if outcome == "review":
            item |= {"state_shard": f"person#{shard}", "state_since": at}
        numbers = {"size": str(100_000 + one)}
        if outcome not in {"rejected", "failed"}:
            item |= {"label": stack.labels[one % len(stack.labels)], "model_version": digest[:12]}
            numbers |= {"confidence": str(round(0.5 + chance / 2, 6))}
        yield {name: {"S": value} for name, value in item.items()} | {
            name: {"N": value} for name, value in numbers.items()
        }


def fill(client: DynamoDBClient, stack: Stack, number: int) -> float:
    """Write the claims; return the seconds it took."""

    def write(batch: tuple[dict[str, Any], ...]) -> None:
        client.batch_write_item(
            RequestItems={stack.claims_table: [{"PutRequest": {"Item": item}} for item in batch]}
        )

    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        batches = batched(claims(number, stack, datetime.now(UTC)), BATCH, strict=False)
        while some := list(islice(batches, 1000)):
            list(pool.map(write, some))
    return time.monotonic() - started


def measure(
    start: Callable[[], Reading[Any]], shown: Callable[[Iterator[Any]], Iterator[Any]] = iter
) -> dict[str, float]:
    """Read the first 50 several times, as `scones results` and the console show them where `shown` says how."""
    seconds, units = [], 0.0
    for _ in range(RUNS):
        started, reading = time.monotonic(), start()
        with closing(iter(reading)) as images:
            found = list(islice(shown(images), NEWEST))
        seconds.append(time.monotonic() - started)
        units = reading.units
    return {
        "found": len(found),
        "median_s": round(statistics.median(seconds), 3),
        "max_s": round(max(seconds), 3),
        "read_units": units,
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100_000, help="how many (default: %(default)s)")
    options = parser.parse_args()
    connection = connect(Target())
    stack, client = read_stack(connection), connection.dynamodb()
    table = stack.claims_table
    filled = fill(client, stack, options.images)
    report = {
        "images": options.images,
        "fill_s": round(filled, 1),
        "newest_50": measure(lambda: ended(client, table, wanted=NEWEST)),
        "newest_50_as_shown": measure(
            lambda: ended(client, table, wanted=NEWEST), BlindList(client, table).rows
        ),
        "newest_50_in_review": measure(lambda: ended(client, table, [Outcome.REVIEW], wanted=NEWEST)),
        "newest_50_of_a_day_before": measure(
            lambda: ended(client, table, until=datetime.now(UTC) - timedelta(days=20), wanted=NEWEST)
        ),
        "oldest_50_for_a_person": measure(lambda: in_state(client, table, "person", wanted=NEWEST)),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
