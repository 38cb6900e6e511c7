"""What one run of `scones verify` makes, by name: its folder and its queue are found again by the run's id alone."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from scones.errors import SconesError
from scones.stack import Stack
from scones.verification_folder import FOLDER

UNREADABLE_ETAG: Final = "0" * 32
"""ETag of the image that no bucket holds: the one of `--failed`."""
_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class RunNames:
    """The id of a run, such as `20261126T201500Z-4f2a1c` (UTC), and the names made from it."""

    run: str

    @classmethod
    def new(cls) -> Self:
        """Return names that no other run has."""
        return cls(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}")

    @classmethod
    def of_earlier_run(cls, run: str) -> Self:
        """Return the names of a run whose id a user gave.

        Raises
        ------
        SconesError
            When it is not the id of a run.
        """
        if not _RUN.fullmatch(run):
            message = f"not the id of a run: {run!r}; a run prints its id, such as 20261126T201500Z-4f2a1c"
            raise SconesError(message)
        return cls(run)

    @property
    def folder(self) -> str:
        """The folder of its images and results, below incoming/ and below the outcome."""
        return f"{FOLDER}/{self.run}/"

    @property
    def unreadable_name(self) -> str:
        """Name of the image that the workflow's role cannot read, in the folder."""
        return "unreadable.png"

    @property
    def queue(self) -> str:
        """Name of the queue that is subscribed to both topics while it runs."""
        return f"{FOLDER}-{self.run}"

    def queue_arn(self, stack: Stack) -> str:
        """ARN of that queue: of the same partition, region and account as the topics."""
        _, partition, _, region, account, _ = stack.review_topic_arn.split(":")
        return f"arn:{partition}:sqs:{region}:{account}:{self.queue}"

    def execution(self, purpose: str) -> str:
        """Name of an execution that it starts itself."""
        return f"{self.queue}-{purpose}"
