"""What the Image page shows of one image: its versions, claim, document, execution and decisions.

While an image has no outcome or waits for a person, the page shows nothing that the model said: who decides about it
may look at this page before. Its document is not read then. While it waits for a person, its outcome, the states of
its execution and a first decision are not shown either: an image of the audit looks like any other. Except for the
decision, the same holds while that may still be taken back as a slip (`scones.decisions.slips`).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from scones.claims import Claim, read_claims_of_key
from scones.console.denials import Refused, allowed
from scones.console.previews import ImageRef
from scones.console.state import OpenCloud
from scones.errors import error_code
from scones.execution_progress import STANDARD
from scones.graph.definition import Workflow
from scones.graph.execution import Path, read_path
from scones.redrive.executions import is_alive
from scones.result_documents import Document, Outcome, fetch
from scones.why.evidence import ObjectVersion, age_order, list_versions

_OF_THE_CLAIM: Final = (
    "attempts",
    "claimed_at",
    "claim_ends",
    "size",
    "version_id",
    "sequencer",
    "state_shard",
    "state_since",
    "finished_at",
    "sweeps",
    "swept_at",
    "reported_at",
    "lease_until",
    "expires_at",
)
"""Attributes of a claim that say nothing of the verdict, and that the page does not show elsewhere."""
_PLAIN: Final = TypeDeserializer()


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that were uploaded under the key: the newest version of them, and what their claim says."""

    image: ImageRef
    version: ObjectVersion | None
    claim: Claim


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """An execution: the workflow that it began with, and its path; EXPRESS keeps none."""

    arn: str
    workflow: Workflow
    path: Path | None


@dataclass(frozen=True, slots=True)
class ImageStory:
    """
    An image.

    Attributes
    ----------
    contents
        All that was uploaded under its key, the newest first, this one among them.
    attributes
        Those of its claim that are shown as they are.
    decisions
        Of people, the oldest first.
    is_open
        Whether no verdict may be shown: it has no outcome yet, waits for a person, or was decided just now.
    document, run
        None where there is none (any more), or where the verdict must not be shown.
    not_again
        Why no execution can be started for it; None where one can.
    """

    content: Content
    contents: Sequence[Content]
    attributes: Mapping[str, Any]
    decisions: Sequence[Mapping[str, Any]]
    is_open: bool
    document: Document | Refused | None
    run: DrawnRun | Refused | None
    not_again: str | None

    @property
    def image(self) -> ImageRef:
        """The key and the bytes that it is about."""
        return self.content.image


def read_story(cloud: OpenCloud, image: ImageRef) -> ImageStory | None:
    """Read all of an image; None where neither the bucket nor the table knows it."""
    contents = read_contents(cloud, image.key)
    content = next((one for one in contents if one.image.etag == image.etag), None)
    if content is None:
        return None
    claim = content.claim
    is_open = claim.hides_verdict
    with ThreadPoolExecutor(4) as pool:
        item = pool.submit(_read_item, cloud, content.image)
        document = pool.submit(allowed, lambda: None if is_open else _document(cloud, claim))
        run = pool.submit(allowed, lambda: None if is_open and claim.outcome else _run(cloud, claim))
        alive = pool.submit(allowed, lambda: is_alive(cloud.stepfunctions, claim))
        attributes = item.result()
        return ImageStory(
            content,
            contents,
            {name: attributes[name] for name in _OF_THE_CLAIM if name in attributes},
            [] if claim.waits_for_person and claim.decision else attributes.get("decisions", []),
            is_open,
            document.result(),
            run.result(),
            not_again(content, alive.result()),
        )


def read_contents(cloud: OpenCloud, key: str) -> list[Content]:
    """Return what was uploaded under a key, the newest first; deleted bytes have a claim only."""
    versions: dict[str, ObjectVersion] = {}
    for version in list_versions(cloud.s3, cloud.stack.image_bucket, key):
        versions.setdefault(version.etag, version)
    claims = read_claims_of_key(cloud.dynamodb, cloud.stack.claims_table, key)
    found = [
        _content(key, etag, versions.get(etag), claims.get(etag, Claim()))
        for etag in dict.fromkeys([*versions, *claims])
    ]
    return sorted(found, key=lambda content: age_order(content.version, content.claim), reverse=True)


def _content(key: str, etag: str, version: ObjectVersion | None, claim: Claim) -> Content:
    """Take the version of the claim, for that is the one that was classified."""
    version_id = claim.version_id or (version.version_id if version else None)
    return Content(ImageRef(key, etag, version_id), version, claim)


def not_again(content: Content, alive: bool | Refused) -> str | None:  # noqa: FBT001 (an answer)
    """Say why an image is not started again: as `scones redrive` decides it."""
    claim = content.claim
    if claim.waits_for_person:
        return "it waits for a person: only an image that failed or has no outcome is run again"
    if claim.decision:
        return "a person has decided about it, and no execution takes that over"
    if claim.outcome not in {None, Outcome.FAILED}:
        return f"its outcome is {claim.outcome}: only an image that failed or has no outcome is run again"
    if content.version is None:
        return "the image was deleted"
    if isinstance(alive, Refused):
        return alive.sentence
    return "its execution is still running" if alive else None


def _read_item(cloud: OpenCloud, image: ImageRef) -> Mapping[str, Any]:
    answer = cloud.dynamodb.get_item(
        TableName=cloud.stack.claims_table,
        Key={"image_key": {"S": image.key}, "etag": {"S": image.etag}},
        ConsistentRead=True,
    )
    item = answer.get("Item", {})
    return {name: _number_as_python(_PLAIN.deserialize(value)) for name, value in item.items()}


def _number_as_python(value: Any) -> Any:  # noqa: ANN401 (JSON)
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case list():
            return [_number_as_python(inner) for inner in value]
        case dict():
            return {name: _number_as_python(inner) for name, inner in value.items()}
        case _:
            return value


def _document(cloud: OpenCloud, claim: Claim) -> Document | None:
    if claim.result_key is None:
        return None
    return fetch(cloud.s3, cloud.stack.results_bucket, claim.result_key)


def _run(cloud: OpenCloud, claim: Claim) -> DrawnRun | None:
    if claim.execution is None:
        return None
    states = cloud.stepfunctions
    if STANDARD not in claim.execution:
        definition = states.describe_state_machine(stateMachineArn=cloud.stack.workflow_arn)["definition"]
        return DrawnRun(claim.execution, Workflow.parse_text(definition), None)
    try:
        path = read_path(states, claim.execution)
        definition = states.describe_state_machine_for_execution(executionArn=claim.execution)["definition"]
    except ClientError as error:
        if error_code(error) != "ExecutionDoesNotExist":
            raise
        return None
    return DrawnRun(claim.execution, Workflow.parse_text(definition), path)
