"""Let scripted reviewers decide about the images that wait in a running local cloud, at a human pace.

    scones up --detach
    python benchmarks/reviewers.py --reviewers 20 --images 1000 --pace 3.6

Every image is uploaded, must reach the review queue (``scones threshold 1`` sends all of them there), is decided by
one of the reviewers, and is looked up at the end. Prints one JSON document; the exit code is 1 if one was lost or
decided twice.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from scones.connection import Connection, Target, connect
from scones.decisions.review_errors import ReviewError
from scones.decisions.reviewer import Reviewer
from scones.index import ended, in_state
from scones.result_documents import Outcome
from scones.stack import Stack, read_stack

SAMPLE = Path(__file__).parents[1] / "events" / "images" / "bicycle.jpg"
DEADLINE_S = 600  # for the last decisions to be recorded, and for images to reach the queue


@dataclass(slots=True)
class Work:
    """What one reviewer did."""

    decided: list[str] = field(default_factory=list)
    take_s: list[float] = field(default_factory=list)
    decide_s: list[float] = field(default_factory=list)
    lost_races: int = 0


def waiting(connection: Connection, stack: Stack, folder: str) -> set[str]:
    """Return the keys below a folder that wait for a person."""
    found = in_state(connection.dynamodb(), stack.claims_table, "person")
    return {claim.image_key for claim in found if claim.image_key.startswith(folder)}


def upload(connection: Connection, stack: Stack, folder: str, images: int) -> None:
    """Upload images that differ in one byte, and wait until all are in the queue."""
    s3, body = connection.s3(), SAMPLE.read_bytes()

    def put(number: int) -> None:
        s3.put_object(
            Bucket=stack.image_bucket, Key=f"{folder}{number:05}.jpg", Body=body + number.to_bytes(4)
        )

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, range(images)))
    deadline = time.monotonic() + DEADLINE_S
    while (found := len(waiting(connection, stack, folder))) < images:
        if time.monotonic() > deadline:
            sys.exit(f"{found} of {images} images are in the queue: set `scones threshold 1` first")
        print(f"{found} of {images} in the queue", file=sys.stderr)
        time.sleep(5)


def review(reviewer: Reviewer, images: int, pace_s: float, dice: random.Random) -> Work:
    """Decide about so many images, each after about ``pace_s`` seconds of looking."""
    work = Work()
    while len(work.decided) < images:
        began = time.monotonic()
        taken = reviewer.take()
        work.take_s.append(time.monotonic() - began)
        if not taken:
            break
        try:
            reviewer.open(taken[0])
            time.sleep(max(0.0, dice.uniform(0.5, 1.5) * pace_s - (time.monotonic() - began)))
            began = time.monotonic()
            reviewer.decide(taken[0], dice.choice(reviewer.labels), int(pace_s * 1000))
            work.decide_s.append(time.monotonic() - began)
        except ReviewError:
            work.lost_races += 1
        else:
            work.decided.append(taken[0].key)
    return work


def recorded(connection: Connection, stack: Stack, folder: str) -> set[str]:
    """Return the keys below a folder whose outcome is `reviewed`."""
    found = ended(connection.dynamodb(), stack.claims_table, [Outcome.REVIEWED])
    return {one.image_key for one in found if one.image_key.startswith(folder)}


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile, in milliseconds."""
    return {
        "median_ms": round(1000 * statistics.median(seconds)),
        "p95_ms": round(1000 * statistics.quantiles(seconds, n=20)[-1]),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviewers", type=int, default=20, help="how many (default: %(default)s)")
    parser.add_argument("--images", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument(
        "--pace", type=float, default=3.6, help="seconds of a reviewer for an image (default: %(default)s)"
    )
    options = parser.parse_args()
    connection = connect(Target())
    stack = read_stack(connection)
    folder = f"{stack.incoming_prefix}reviewers-{secrets.token_hex(4)}/"
    upload(connection, stack, folder, options.images)
    began = time.monotonic()
    share = -(-options.images // options.reviewers)
    with ThreadPoolExecutor(options.reviewers) as threads:
        works = list(
            threads.map(
                lambda seed: review(
                    Reviewer(connect(Target()), stack),
                    share,
                    options.pace,
                    random.Random(seed),  # noqa: S311
                ),
                range(options.reviewers),
            )
        )
    decided_s = time.monotonic() - began
    decided = [key for work in works for key in work.decided]
    deadline = time.monotonic() + DEADLINE_S
    while len(done := recorded(connection, stack, folder)) < len(decided) and time.monotonic() < deadline:
        time.sleep(1)
    report = {
        "reviewers": options.reviewers,
        "images": options.images,
        "decided": len(decided),
        "decided_twice": len(decided) - len(set(decided)),
        "recorded": len(done),
        "left": len(waiting(connection, stack, folder)),
        "lost_races": sum(work.lost_races for work in works),
        "decided_s": round(decided_s, 1),
        "decisions_an_hour": round(3600 * len(decided) / decided_s),
        "take": quantiles([one for work in works for one in work.take_s]),
        "decide": quantiles([one for work in works for one in work.decide_s]),
    }
    print(json.dumps(report, indent=2))
    whole = len(set(decided)) == options.images and done == set(decided) and not report["decided_twice"]
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
