"""The claims table as a reviewer uses it: one conditional write for a decision, and the reads around it."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from scones.decisions.decision import (
    FIELDS,
    MAX_DECISIONS,
    MAY_LOOK,
    UNDONE,
    VERDICT_FIELDS,
    Decision,
    ReviewedClaim,
    may_look_values,
)
from scones.decisions.review_errors import (
    DecidedByOtherError,
    DecisionNotWrittenError,
    DecisionUnknownError,
    NotAllowedError,
    NotRecordedYetError,
    NotWaitingError,
    ReviewError,
    TooManyDecisionsError,
    named_permissions,
)
from scones.errors import error_code, explain

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError
    from mypy_boto3_dynamodb import DynamoDBClient

    from scones.decisions.review_image import ReviewImage

_FAULT: Final = 500
"""HTTP statuses from here on are AWS's own faults, after which a write may have been done."""


class DecisionTable:
    """The claims of one stack; threads may share it."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self, image: "ReviewImage", *, with_verdict: bool = False) -> ReviewedClaim:
        """Read the claim of an image; the model's verdict only where it is asked for, which is after a decision."""
        fields = FIELDS + (VERDICT_FIELDS if with_verdict else ())
        names = {f"#{number}": field for number, field in enumerate(fields)}
        with named_permissions():
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key=image.claim_key,
                ConsistentRead=True,
                ProjectionExpression=", ".join(names),
                ExpressionAttributeNames=names,
            )
        return ReviewedClaim.parse(answer.get("Item", {}))

    def write(self, decision: Decision) -> bool:
        """
        Write a decision; one that is written already changes nothing.

        Returns
        -------
        bool
            True for a second look: it stands beside the decision, and nothing follows from it.

        Raises
        ------
        ReviewError
            When it is not written, or not known to be.
        """
        try:
            self._update(decision)
        except _RefusedError as refused:
            claim = self._read_again(decision)
            if claim.has(decision.id):  # the write won, its answer was lost, and botocore sent it again
                return claim.is_second_look(decision.id)
            if not (decision.image.waits and claim.second_look and claim.is_in("person")):
                raise _lost_to(decision, claim) from refused
            self._write_second_look(decision)
            return True
        return False

    def _write_second_look(self, decision: Decision) -> None:
        try:
            self._add_second_look(decision)
        except _RefusedError as refused:
            claim = self._read_again(decision)
            if claim.has(decision.id):
                return
            if claim.second_look and claim.is_in("person"):
                message = f"{decision.image.key} is for another person: take the next image"
                raise NotWaitingError(message) from refused
            raise _lost_to(decision, claim) from refused

    def _read_again(self, decision: Decision) -> ReviewedClaim:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

        try:
            return self.read(decision.image)
        except (BotoCoreError, ClientError, NotAllowedError) as unread:
            raise _unknown(decision, explain(unread) or str(unread)) from unread

    def _send(self, decision: Decision, update: str, condition: str, values: Mapping[str, Any]) -> None:
        """Send an update; a `_RefusedError` where its condition is not met, a `ReviewError` for all else."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

        try:
            with named_permissions():
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=decision.image.claim_key,
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValues="NONE",
                )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise _RefusedError from error
            self._settle(decision, error)
        except BotoCoreError as error:
            self._settle(decision, error)

    def _add_second_look(self, decision: Decision) -> None:
        """Put a second look beside the decision that stands."""
        self._send(
            decision,
            "SET second_looks = list_append(if_not_exists(second_looks, :none), :new) "
            "REMOVE state_shard, state_since, lease_by, lease_until, second_look, second_not",
            f"state_shard = :person AND second_look = :yes AND {MAY_LOOK}",
            {
                ":new": {"L": [decision.as_attribute()]},
                ":none": {"L": []},
                ":person": {"S": f"person#{decision.image.shard}"},
                ":yes": {"BOOL": True},
            }
            | may_look_values(decision.by, datetime.fromisoformat(decision.at)),
        )

    def _update(self, decision: Decision) -> None:
        image = decision.image
        values: dict[str, Any] = {
            ":id": {"S": decision.id},
            ":new": {"L": [decision.as_attribute()]},
            ":none": {"L": []},
            ":record": {"S": f"record#{image.shard}"},
            ":at": {"S": decision.at},
            ":most": {"N": str(_most(decision))},
        }
        if decision.replaces:
            # Whoever finds his own mistake need not wait until somebody has looked a second time.
            condition = "decision = :replaces AND (attribute_not_exists(state_shard) OR second_look = :yes)"
            values |= {":replaces": {"S": decision.replaces}, ":yes": {"BOOL": True}}
        elif image.waits:
            condition = "state_shard = :person AND attribute_not_exists(decision)"
            values[":person"] = {"S": f"person#{image.shard}"}
        else:
            condition = (
                "finished_at = :passed_at AND attribute_not_exists(state_shard) "
                "AND attribute_not_exists(decision)"
            )
            values[":passed_at"] = {"S": image.passed_at or "never"}
        self._send(
            decision,
            "SET decision = :id, decisions = list_append(if_not_exists(decisions, :none), :new), "
            "state_shard = :record, state_since = :at REMOVE lease_by, lease_until, second_look, second_not",
            f"{condition} AND (attribute_not_exists(decisions) OR size(decisions) < :most)",
            values,
        )

    def _settle(self, decision: Decision, error: "ClientError | BotoCoreError") -> None:
        """Return where a decision was written although its request ended with an error; else say what is known."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

        reason = explain(error) or str(error)
        if not _is_refusal(error):
            try:
                if self.read(decision.image).has(decision.id):
                    return
            except (BotoCoreError, ClientError, NotAllowedError):
                raise _unknown(decision, reason) from error
        message = f"the decision was not written: {reason}"
        raise DecisionNotWrittenError(message, decision) from error


class _RefusedError(Exception):
    """The condition of a write was not met."""


def _lost_to(decision: Decision, claim: ReviewedClaim) -> ReviewError:
    if len(claim.entries) >= _most(decision):
        return _too_many(decision.image, claim)
    return lost(decision.image, claim)


def _unknown(decision: Decision, reason: str) -> DecisionUnknownError:
    message = (
        f"it is not known whether the decision was written, and deciding again cannot count twice: {reason}"
    )
    return DecisionUnknownError(message, decision)


def _most(decision: Decision) -> int:
    """Return how many decisions a claim may have before this one: an undo leaves room for the next decision."""
    return MAX_DECISIONS - (decision.label == UNDONE)


def _is_refusal(error: "ClientError | BotoCoreError") -> bool:
    """Tell whether AWS answered the first and only request with a refusal: then nothing was written."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    if not isinstance(error, ClientError):
        return False
    answer = error.response["ResponseMetadata"]
    return answer["HTTPStatusCode"] < _FAULT and not answer.get("RetryAttempts")


def _too_many(image: "ReviewImage", claim: ReviewedClaim) -> TooManyDecisionsError:
    message = (
        f"{image.key} has {len(claim.entries)} decisions, and {MAX_DECISIONS} are kept: its last one stands"
    )
    return TooManyDecisionsError(message)


def lost(image: "ReviewImage", claim: ReviewedClaim) -> ReviewError:
    """Say why an image is not in the state that a decision, or a lease, was for."""
    if len(claim.entries) >= MAX_DECISIONS:
        return _too_many(image, claim)
    if claim.decision and claim.entries:
        by = claim.entries[-1].by
        return DecidedByOtherError(f"{image.key} was decided by {by}: that decision stands")
    if claim.is_in("open"):
        return NotWaitingError(f"{image.key} is being classified again: take the next image")
    if claim.is_in("person"):
        return NotWaitingError(f"{image.key} waits in the queue: decide about it there")
    if claim.is_in("record"):
        return undo_not_recorded(image)
    return NotWaitingError(f"{image.key} does not wait any more: take the next image")


def undo_not_recorded(image: "ReviewImage") -> NotRecordedYetError:
    """Say that the decision about an image is being taken back."""
    return NotRecordedYetError(f"an undo of {image.key} is being recorded: try again in a minute")
