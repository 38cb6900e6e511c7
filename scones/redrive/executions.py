"""Executions of a redrive: whether an image's last one is alive, a new one, and how those under way end."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones.claims import Claim, read_claims
from scones.errors import error_code
from scones.execution_progress import ALIVE, GONE, status_of
from scones.redrive.images import Redriven, RedriveState
from scones.result_documents import Document, Outcome, fetch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

_ASKED = 5
"""Executions asked after in a round: Step Functions takes about ten such requests a second."""
_THREADS = 8


def begin(client: "SFNClient", workflow_arn: str, entry: Redriven, claim: Claim, *, dry_run: bool) -> None:
    """Decide on an image that was found, and start its execution where one is needed.

    An image that has an outcome other than failed is left, and one that another execution has is only watched.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    entry.before = claim
    if claim.outcome not in {None, Outcome.FAILED}:
        entry.state, entry.outcome, entry.result_key = RedriveState.ALREADY, claim.outcome, claim.result_key
        return
    try:
        if is_alive(client, claim):
            entry.execution, entry.state = claim.execution, RedriveState.WAITING
            entry.reason = "its execution is still running"
        elif not dry_run:
            event = json.dumps(entry.image.event(), ensure_ascii=False)
            started = client.start_execution(stateMachineArn=workflow_arn, input=event)
            entry.execution, entry.state = started["executionArn"], RedriveState.WAITING
    except ClientError as error:
        if error_code(error) in {"AccessDeniedException", "StateMachineDoesNotExist"}:
            raise  # it would be the same for the others
        entry.state, entry.reason = RedriveState.NOT_STARTED, f"not started: {error}"


def is_alive(client: "SFNClient", claim: Claim) -> bool:
    """Tell whether an execution is working on an image that has no outcome."""
    if claim.execution is None or claim.finished_at is not None:
        return False
    status = status_of(client, claim.execution)
    return time.time() < claim.claim_ends if status is None else status in ALIVE


@dataclass(slots=True)
class Watch:
    """Looks at the images under way, all in the table, a few in Step Functions, in turn."""

    dynamodb: "DynamoDBClient"
    claims_table: str
    stepfunctions: "SFNClient"
    s3: "S3Client"
    results_bucket: str
    _turn: int = 0

    def look(self, waiting: Sequence[Redriven]) -> list[Redriven]:
        """Return the images that have ended or died since the last look, with their outcomes and reasons."""
        claims = read_claims(self.dynamodb, self.claims_table, [entry.image.name for entry in waiting])
        ended, others = [], []
        for entry in waiting:
            claim = claims.get(entry.image.name, Claim())
            if claim.outcome and claim.end != entry.before.end:
                entry.state, entry.outcome, entry.result_key = (
                    RedriveState.ENDED,
                    claim.outcome,
                    claim.result_key,
                )
                ended.append(entry)
            elif entry.last_status is not None:  # it had died before this look, so nothing is to come
                entry.state = RedriveState.DIED
                entry.reason = f"its execution {entry.last_status} without an outcome: {entry.execution}"
                ended.append(entry)
            else:
                others.append((entry, claim))
        self._ask_after(others)
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(self._explain, [entry for entry in ended if entry.state is RedriveState.ENDED]))
        return ended

    def _ask_after(self, others: Sequence[tuple[Redriven, Claim]]) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        for offset in range(min(_ASKED, len(others))):
            entry, claim = others[(self._turn + offset) % len(others)]
            if claim.execution is not None and claim.execution != entry.before.execution:
                entry.execution = claim.execution  # who has the image now, mostly the one started here
            if entry.execution is None:
                continue
            try:
                status = status_of(self.stepfunctions, entry.execution)
            except ClientError as error:
                if "Throttl" not in error_code(error):
                    raise
                continue
            if status is None:
                over = claim.execution == entry.execution and claim.claim_ends < time.time()
                entry.last_status = "ran out of time" if over else None
            elif status not in ALIVE and status != GONE:  # one just started may not be seen for a moment
                entry.last_status = f"ended {status}"
        self._turn += _ASKED

    def _explain(self, entry: Redriven) -> None:
        document = self._document(entry)
        entry.reason = document.reason if document else None
        self.remove_failed(entry)

    def remove_failed(self, entry: Redriven) -> None:
        """Delete the failed document of an image that has another outcome now, should the workflow not have."""
        key = entry.failed_key
        if key is None or key == entry.result_key or not entry.is_fine:
            return
        if fetch(self.s3, self.results_bucket, key) is not None:  # else the bucket would keep one more marker
            self.s3.delete_object(Bucket=self.results_bucket, Key=key)

    def _document(self, entry: Redriven) -> Document | None:
        return fetch(self.s3, self.results_bucket, entry.result_key) if entry.result_key else None
