"""The workflow as one durable Lambda function; AWS's own test runner counts its operations.

Every effect is a step, so that a replay does not repeat it: claim, classify (with Serialize's work, so that the picture
is not part of a checkpoint), store, close. The effects are stand-ins that return what ours return.
"""

import json
import sys
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

THRESHOLD = 0.8
stored: dict[str, Any] = {}


def claim(image: dict[str, Any]) -> bool:
    """Stand for the conditional write of a claim."""
    return bool(stored.setdefault(image["etag"], image["key"]) == image["key"])


def classify(_image: dict[str, Any]) -> dict[str, Any]:
    """Stand for Serialize's work and the call of the endpoint."""
    return {"inferences": [0.9991, 0.0009], "endpoint": {"name": "scones", "model_version": "1be9e120cc7d"}}


def store(image: dict[str, Any], answer: dict[str, Any]) -> str:
    """Stand for the result document; return its key."""
    outcome = "passed/bicycle" if max(answer["inferences"]) >= THRESHOLD else "review"
    key = f"{outcome}/{image['key']}/{image['etag']}.json"
    stored[key] = answer
    return key


def close(image: dict[str, Any], key: str) -> None:
    """Stand for the update of the claim."""
    stored[image["etag"]] = key


@durable_execution  # type: ignore[untyped-decorator]  # not in the environment of the type check
def handler(image: dict[str, Any], context: DurableContext) -> str | None:
    """Classify one image."""
    if not context.step(lambda _: claim(image), name="claim"):
        return None
    answer = context.step(lambda _: classify(image), name="classify")
    key = context.step(lambda _: store(image, answer), name="store")
    context.step(lambda _: close(image, key), name="close")
    return str(key)


def counted() -> dict[str, int]:
    """Run the function once; return its steps and the bytes of their results."""
    image = {
        "bucket": "images",
        "key": "couriers/anna.jpg",
        "etag": "d41d8cd98f00b204e9800998ecf8427e",
        "size": 1,
    }
    with DurableFunctionTestRunner(handler, poll_interval=0.01) as runner:
        result = runner.run(input=json.dumps(image))
    if result.status.name != "SUCCEEDED":
        raise RuntimeError(result.status)
    texts = [json.dumps(image), *(step.result or "" for step in result.operations)]
    return {"steps": len(result.operations), "bytes": sum(map(len, texts))}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(counted()), encoding="utf-8")
