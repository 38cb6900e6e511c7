"""Says what a drop waits for when outcomes stay away: a pause, an endpoint that does not answer, or nothing more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones.claims import read_claims
from scones.drop.uploads import Image
from scones.endpoint_waits import EndpointWait, find_endpoint_wait
from scones.errors import SconesError
from scones.pause_state import Pause
from scones.result_documents import fetch
from scones.terminal import comma

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

_CLAIMS = 100


@dataclass(slots=True)
class Silence:
    """
    Looks at a few of the images that wait; whoever may only upload images is not told.

    An image about which a person has decided is classified by no execution: its document is the one it has.
    """

    s3: "S3Client"
    results_bucket: str
    dynamodb: "DynamoDBClient"
    stepfunctions: "SFNClient"
    claims_table: str
    say: Callable[[str], None]
    pause: Callable[[], Pause | None] = lambda: None
    _is_allowed: bool = True
    _said: str | None = None

    def look(self, waiting: Sequence[Image]) -> None:
        """Find out what images wait for, write it into them, and say it when that is new."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        for image in waiting:
            image.waits_for = None
        if pause := self.pause():
            for image in waiting:
                image.waits_for = pause.sentence
            self._say(pause.sentence)
            return
        if not self._is_allowed:
            return
        try:
            wait = self._find(waiting)
        except (ClientError, SconesError):  # of a permission or a throttle: the drop itself needs neither
            self._is_allowed = False
            return
        if wait is None:
            self._said = None
            return
        least = "" if wait.looked_at >= len(waiting) else "at least "
        self._say(f"{least}{comma(len(wait.executions), 'image is', 'images are')} {wait.text}")

    def _say(self, line: str) -> None:
        if line != self._said:
            self.say(line)
            self._said = line

    def _find(self, waiting: Sequence[Image]) -> EndpointWait | None:
        by_name = {(image.key, image.uploaded.etag): image for image in waiting[:_CLAIMS] if image.uploaded}
        claims = read_claims(self.dynamodb, self.claims_table, by_name)
        by_execution = {
            claim.execution: by_name[name]
            for name, claim in claims.items()
            if claim.execution and not claim.finished_at
        }
        for name, claim in claims.items():
            if claim.decision and claim.result_key:
                by_name[name].document = fetch(self.s3, self.results_bucket, claim.result_key)
        wait = find_endpoint_wait(self.stepfunctions, list(by_execution))
        for execution in wait.executions if wait else ():
            by_execution[execution].waits_for = wait.text if wait else None
        return wait
