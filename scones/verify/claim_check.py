"""Each image's claim is closed, with the outcome and the document that were seen, and no longer counts as open."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from scones.result_documents import Document
from scones.verify.verification import Verification

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CLAIM: Final = "claim"
CLOSING_S: Final = 60
"""Seconds from the result document to the closed claim: what comes between is a message and a write."""
type ClaimItem = Mapping[str, str]


def check_claims(verification: Verification) -> None:
    """Judge the claim of each image that has an outcome."""
    dynamodb = verification.connection.dynamodb()
    for image, document in verification.documents():
        name = verification.name_of(image)
        with verification.checklist.checking(CLAIM, name):
            item = wait_until_closed(verification, dynamodb, document)
            faults = claim_faults(item, document)
            detail = f"closed as {document.outcome}, attempt {item.get('attempts', '?')}"
            verification.checklist.judge(CLAIM, name, faults, detail)


def wait_until_closed(
    verification: Verification, dynamodb: "DynamoDBClient", document: Document
) -> ClaimItem:
    """Return a claim once it is closed, or as it is when the time is over."""
    table, key = verification.stack.claims_table, (document.image_key, document.image_etag)

    def look() -> ClaimItem | None:
        item = read_claim(dynamodb, table, *key)
        return item if "finished_at" in item else None

    return verification.poll(CLOSING_S, look) or read_claim(dynamodb, table, *key)


def claim_faults(item: ClaimItem, document: Document) -> list[str]:
    """Say what in a claim is not as "Close claim" leaves it."""
    if not item:
        return ["no claim"]
    if "finished_at" not in item:
        return [f"still open {CLOSING_S} s after the result document"]
    expected = {
        "outcome": str(document.outcome),
        "result_key": document.result_key,
        "execution": str(document.content.get("execution")),
    }
    faults = [
        f"{name} {item.get(name)}, not {value}" for name, value in expected.items() if item.get(name) != value
    ]
    open_still = [name for name in ("state_shard", "state_since") if name in item]
    if open_still:
        faults.append(f"closed, yet it has {' and '.join(open_still)}: the sweep counts it as open")
    return faults


def read_claim(dynamodb: "DynamoDBClient", table: str, image_key: str, etag: str) -> ClaimItem:
    """Read the claim of an image; empty when there is none."""
    answer = dynamodb.get_item(
        TableName=table,
        Key={"image_key": {"S": image_key}, "etag": {"S": etag}},
        ConsistentRead=True,
    )
    item: Mapping[str, Any] = answer.get("Item", {})
    return {name: str(next(iter(value.values()))) for name, value in item.items()}
