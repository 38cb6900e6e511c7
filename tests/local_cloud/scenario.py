"""A scenario: a set of images, events that happen to them, and a count of their outcomes."""

from __future__ import annotations

import io
import time
from collections import Counter
from dataclasses import dataclass, field

from PIL import Image as Pictures

from tests.local_cloud.cloud import DIED, ENDED, LocalCloud, ObjectVersion
from tests.local_cloud.mailbox import Mailbox
from tests.local_cloud.memory import PeakMemory
from tests.local_cloud.table import Row

POLL_S = 0.25
QUIET_S = 60.0
OUTCOMES = ("passed", "review", "rejected", "failed")


def picture() -> bytes:
    """Return a unique PNG of 64 x 64 pixels."""
    buffer = io.BytesIO()
    Pictures.effect_noise((64, 64), 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Scenario:
    """Counts the outcomes of the images that are put under the scenario's folder."""

    name: str
    folder: str
    cloud: LocalCloud
    reviews: Mailbox
    alerts: Mailbox
    memory: PeakMemory
    images: list[ObjectVersion] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    before: set[str] = field(default_factory=set)

    def drop(self, count: int) -> list[ObjectVersion]:
        """Upload new pictures; their events start the workflow."""
        numbers = range(len(self.images), len(self.images) + count)
        bodies = {f"incoming/{self.folder}/{number:05}.png": picture() for number in numbers}
        self.started = time.monotonic()
        dropped = self.cloud.put_all(bodies)
        self.images = [*self.images, *dropped]
        return dropped

    def results(self) -> dict[tuple[str, str], list[str]]:
        """Return the outcomes of each image: one for every time that its result was written."""
        s3, bucket = self.cloud.client("s3"), self.cloud.outputs["ResultsBucketName"]
        labels = self.cloud.outputs["ModelLabels"].split(",")
        prefixes = [f"passed/{label}/" for label in labels] + [f"{name}/" for name in OUTCOMES[1:]]
        found: dict[tuple[str, str], list[str]] = {}
        for prefix in prefixes:
            pages = s3.get_paginator("list_object_versions").paginate(
                Bucket=bucket, Prefix=f"{prefix}{self.folder}/"
            )
            for page in pages:
                for version in page.get("Versions", []):
                    name, etag = version["Key"].removeprefix(prefix).removesuffix(".json").rsplit("/", 1)
                    found.setdefault((f"incoming/{name}", etag), []).append(prefix.split("/")[0])
        return found

    def wait(self, timeout_s: float, poll_s: float = POLL_S) -> float:
        """Wait until every image has an outcome and nothing runs; return the seconds since the first upload.

        It does not wait for lost images: it ends when nothing has run or ended for `QUIET_S`.
        """
        deadline = time.monotonic() + timeout_s
        wanted = {(image.key, image.etag) for image in self.images}
        left, quiet_since = len(wanted), time.monotonic()
        while missing := wanted - set(self.results()):
            if len(missing) != left or self.cloud.is_busy():
                left, quiet_since = len(missing), time.monotonic()
            if time.monotonic() > deadline or time.monotonic() - quiet_since > QUIET_S:
                return self.seconds
            self._pause(min(5.0, max(poll_s, len(missing) / 1000)))
        seconds = self.seconds
        while self.cloud.executions("RUNNING") and time.monotonic() < deadline:
            self._pause(poll_s)
        return seconds

    def failed_attempts(self, *errors: str) -> int:
        """Count the tasks that failed with one of these errors, whether retried or not."""
        executions = self.cloud.execution_arns(*ENDED) - self.before
        found = Counter(error for one in executions for error in self.cloud.failed_attempts(one))
        return sum(found[error] for error in errors)

    def wait_for_results(self, count: int, timeout_s: float) -> None:
        """Wait until this many images have an outcome."""
        deadline = time.monotonic() + timeout_s
        while len(self.results()) < count:
            assert time.monotonic() < deadline, f"only {len(self.results())} of {count} results"
            self._pause(POLL_S)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def row(self, seconds: float, *, calm: bool = True) -> Row:
        """Count, and record violations: a lost image, one handled twice, or more than one notification about it.

        If the cloud itself was killed (not `calm`), its last steps may be repeated: only lost images are violations.
        """
        results, reviews = self.results(), self._received(self.reviews)
        images = [(image.key, image.etag) for image in self.images]
        outcomes = {image: results[image] for image in images if image in results}
        in_review = {image for image, written in outcomes.items() if written[0] == "review"}
        died = self.cloud.execution_arns(*DIED) - self.before
        row = Row(
            scenario=self.name,
            images=len(images),
            outcomes=len(outcomes),
            failed=sum("failed" in written for written in outcomes.values()),
            twice=sum(len(written) > 1 for written in results.values()),
            died=len(died),
            reviews=len(in_review),
            messages=reviews.total(),
            alerts=self._received(self.alerts).total(),
            seconds=seconds,
            peak_mib=self.memory.mib,
        )
        row.require(len(images) == len(set(images)), "two images of the scenario are the same")
        row.require(row.outcomes == row.images, f"{row.images - row.outcomes} images without an outcome")
        row.require(set(results) <= set(images), "results of images that were never uploaded")
        row.require(row.twice == 0 or not calm, f"{row.twice} images handled twice")
        told = reviews == Counter(in_review) or (not calm and set(reviews) >= in_review)
        row.require(told, f"{row.messages} messages about {row.reviews} reviews")
        return row

    def _received(self, mailbox: Mailbox) -> Counter[tuple[str, str]]:
        messages = [one for one in mailbox.messages() if "image" in one]
        return Counter(
            (one["image"]["key"], one["image"]["etag"])
            for one in messages
            if one["image"]["key"].startswith(f"incoming/{self.folder}/")
        )

    @staticmethod
    def _pause(seconds: float) -> None:
        time.sleep(seconds)
