"""Every path through "Record decision": each kind of decision, documents that are elsewhere, each task's Catch."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

from tests.judges.scenario import Answer, Scenario, fails, machines, returns
from tests.unit.workflow.decided import AT, ETAG, FIRST, KEY, KIM, model_claim, model_document

MACHINE: Final = "RecordDecision"
CAUSE: Final = "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: 1)"
GONE: Final = fails("S3.NoSuchKeyException", CAUSE)
SAID: Final = {"outcome": {"S": "review"}, "label": {"S": "bicycle"}, "confidence": {"N": "0.61"}}


def claimed(outcome: str, label: str, *earlier: dict[str, Any], **attributes: Any) -> list[Answer]:
    """Return the answer of "Hold claim": an image with this outcome and a newest decision with this label."""
    decision = {
        "id": {"S": FIRST},
        "label": {"S": label},
        "by": {"S": KIM},
        "at": {"S": AT},
        "took_ms": {"N": "1"},
    }
    if earlier:
        decision["replaces"] = {"S": "0" * 32}
    items = [{"M": each} for each in (*({**decision, "model_said": {"M": one}} for one in earlier), decision)]
    more = {"decision": {"S": FIRST}, "decisions": {"L": items}, "state_shard": {"S": "record#7"}}
    if earlier:
        more |= {"outcome": {"S": "reviewed"}, "label": {"S": "motorcycle"}}
    return returns({"Attributes": model_claim(outcome) | more | attributes})


def stored(outcome: str = "review", **fields: Any) -> list[Answer]:
    return returns({"Body": json.dumps(model_document(outcome) | fields), "ETag": '"1"'})


REVIEWED: Final = stored(
    outcome="reviewed",
    label="motorcycle",
    confidence=None,
    decision={"id": "0" * 32},
    model_said={
        "outcome": "review",
        "label": "bicycle",
        "confidence": 0.61,
        "reason": "r",
        "finished_at": AT,
    },
)
WELL: Final[dict[str, list[Answer]]] = {
    "Hold claim": claimed("review", "motorcycle"),
    "Read document": stored(),
    "Read moved document": GONE,
    "Store document": returns({"ETag": '"1"'}),
    "Store label": returns({"ETag": '"1"'}),
    "Remove earlier document": returns({"VersionId": "1"}),
    "Close claim": returns({}),
    "Raise alert": returns({"MessageId": "1"}),
}
# The answers that lead to a state which the path of a reviewed image does not pass.
WAYS: Final[dict[str, dict[str, list[Answer]]]] = {
    "Read moved document": {"Read document": GONE},
    "Raise alert": {"Store document": fails("S3.S3Exception", CAUSE)},
}


def scenario(name: str, *, repeated: bool = False, key: str = KEY, **answers: list[Answer]) -> Scenario:
    named = {state.replace("_", " "): listed for state, listed in answers.items()}
    given = {"image_key": key, "etag": ETAG} | ({"repeated": True} if repeated else {})
    return Scenario(f"decision: {name}", MACHINE, given, WELL | named)


def outcomes() -> list[Scenario]:
    """Return each way that an execution can end when services are well."""
    undone = claimed("review", "undone", SAID)
    return [
        scenario("a class"),
        *(
            scenario(label, Hold_claim=claimed("review", label))
            for label in ("neither", "cannot_tell", "gone")
        ),
        scenario(
            "a passed image", Hold_claim=claimed("passed", "motorcycle"), Read_document=stored("passed")
        ),
        scenario("a correction", Hold_claim=claimed("review", "neither", SAID), Read_document=REVIEWED),
        scenario("the same again", Hold_claim=claimed("review", "motorcycle", SAID), Read_document=REVIEWED),
        scenario("undone", Hold_claim=undone, Read_document=REVIEWED),
        scenario(
            "undone, passed before",
            Hold_claim=claimed("passed", "undone", SAID | {"outcome": {"S": "passed"}}),
            Read_document=REVIEWED,
        ),
        scenario("moved before", Read_document=GONE, Read_moved_document=REVIEWED),
        scenario("expired", Read_document=GONE),
        scenario("undone after it expired", Hold_claim=undone, Read_document=GONE),
        scenario("sparse claim", Hold_claim=sparse(), Read_document=GONE),
        scenario("failed again", repeated=True, Store_document=fails("S3.S3Exception", CAUSE)),
        scenario("retries that help", Store_label=fails("S3.S3Exception", CAUSE) * 3 + WELL["Store label"]),
        *(scenario(f"key {number}", key=key) for number, key in enumerate(HOSTILE_KEYS)),
    ]


HOSTILE_KEYS: Final = [
    "elsewhere/" + "\U0001f6b2" * 40,
    "incoming/" + "\u00fc" * 500,
    'incoming/a\'; $x := "{% 1 %}".jpg',
    "incoming/%2F+ \\ \n.jpg",
]


def sparse() -> list[Answer]:
    """Return a claim without what a claim may lack."""
    answer = claimed("review", "neither")
    for name in ("version_id", "sequencer", "confidence", "reason", "model_version"):
        del answer[0]["Return"]["Attributes"][name]
    return answer


def catches() -> Iterator[Scenario]:
    """Yield a scenario for each error that each Catch names, with and without a cause."""
    for state, definition in machines()[MACHINE]["States"].items():
        for catcher in definition.get("Catch", []):
            for error, cause in itertools.product(catcher["ErrorEquals"], [CAUSE, None]):
                name = "Unforeseen.Exception" if error == "States.ALL" else error
                answers = WAYS.get(state, {}) | {state: fails(name, cause)}
                told = "with" if cause else "without"
                yield Scenario(
                    f"{state}: {name} {told} a cause (decision)",
                    MACHINE,
                    {"image_key": KEY, "etag": ETAG},
                    WELL | answers,
                )
