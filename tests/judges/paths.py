"""Every path through the workflow of an image: each outcome, and the Catch of each Task state."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

from tests.judges.scenario import Answer, Scenario, fails, machines, returns, uploaded

WORKFLOW: Final = "ClassifyImage"
CAUSE: Final = (
    '{"errorMessage": "the file is \\"broken\\"", "errorType": "CorruptImageError", "stackTrace": []}'
)


def verdict(**fields: Any) -> list[Answer]:
    sure = {"passed": True, "label": "bicycle", "confidence": 0.95, "threshold": 0.8}
    return returns({"StatusCode": 200, "Payload": sure | fields})


UNSURE: Final = verdict(passed=False, confidence=0.61)
# What each service answers when all is well.
WELL: Final[dict[str, list[Answer]]] = {
    "Claim image": returns({}),
    "Serialize image": returns(
        {
            "StatusCode": 200,
            "Payload": {
                "image_data": "aW1hZ2U=",
                "content_type": "image/png",
                "width": 32,
                "height": 32,
                "original": {"format": "PNG", "width": 640, "height": 480},
            },
        }
    ),
    "Classify": returns(
        {
            "StatusCode": 200,
            "Payload": {"inferences": [0.95, 0.05], "endpoint": {"name": "scones", "variant": "AllTraffic"}},
        }
    ),
    "Filter": verdict(),
    "Park claim": returns({}),
    "Hold image": returns({"MessageId": "1"}),
    "Store result": returns({"ETag": '"1"'}),
    "Ask for review": returns({"MessageId": "1"}),
    "Count failure": returns({}),
    "Raise alert": returns({"MessageId": "1"}),
    "Remove earlier result": returns({"VersionId": "1"}),
    "Close claim": returns({}),
}
EARLIER: Final = returns(
    {"Attributes": {"result_key": {"S": "failed/bicycle.jpg/1.json"}, "outcome": {"S": "failed"}}}
)
REFUSED: Final = "DynamoDB.ConditionalCheckFailedException"
# The answers that lead to a state which the path of a sure image does not pass.
WAYS: Final[dict[str, dict[str, list[Answer]]]] = {
    "Ask for review": {"Filter": UNSURE},
    "Park claim": {"Classify": fails("EndpointPausedError")},
    "Hold image": {"Classify": fails("EndpointPausedError")},
    "Count failure": {"Classify": fails("EndpointNotFoundError")},
    "Raise alert": {"Classify": fails("EndpointNotFoundError")},
    "Remove earlier result": {"Claim image": EARLIER},
}


def scenario(name: str, event: Any = None, **answers: list[Answer]) -> Scenario:
    """Return a scenario of the workflow; answers are named by their state, with underscores for spaces."""
    named = {state.replace("_", " "): listed for state, listed in answers.items()}
    return Scenario(name, WORKFLOW, uploaded() if event is None else event, WELL | named)


def outcomes() -> list[Scenario]:
    """Return each way that an image's execution can end when services are well."""
    unsupported = fails("UnsupportedImageError", CAUSE)
    return [
        scenario("passed"),
        scenario("review", Filter=UNSURE),
        scenario("passed and drawn", Filter=verdict(u="0.0123456789012345")),
        scenario("review and drawn", Filter=verdict(passed=False, confidence=0.61, u="0.0000000001000000")),
        scenario("passed, the draw missed", Filter=verdict(draw_missed="secret: AccessDeniedException")),
        scenario("rejected", Serialize_image=unsupported),
        scenario("failed", Classify=fails("EndpointNotFoundError", CAUSE)),
        scenario("passed with an earlier result", Claim_image=EARLIER),
        scenario("review with an earlier result", Claim_image=EARLIER, Filter=UNSURE),
        scenario("rejected with an earlier result", Claim_image=EARLIER, Serialize_image=unsupported),
        scenario("failed with an earlier result", Claim_image=EARLIER, Classify=fails("ValueError")),
        scenario("redrive", uploaded(redrive=True), Claim_image=EARLIER),
        scenario(
            "excluded",
            uploaded("others/bicycle.jpg"),
            Claim_image=fails("DynamoDB.ConditionalCheckFailedException"),
        ),
        scenario("retries that help", Classify=fails("EndpointThrottledError") * 3 + WELL["Classify"]),
    ]


def catches() -> Iterator[Scenario]:
    """Yield a scenario for each error that each Catch of the workflow names, with and without a cause."""
    for state, definition in machines()[WORKFLOW]["States"].items():
        for catcher in definition.get("Catch", []):
            for error, cause in itertools.product(catcher["ErrorEquals"], [CAUSE, None]):
                name = "Unforeseen.Exception" if error == "States.ALL" else error
                answers = WAYS.get(state, {}) | {state: fails(name, cause)}
                told = "with" if cause else "without"
                yield Scenario(f"{state}: {name} {told} a cause", WORKFLOW, uploaded(), WELL | answers)


def caught_in(one: Scenario) -> str:
    """Return the state that a scenario of `catches` is about."""
    return one.name.partition(":")[0]
