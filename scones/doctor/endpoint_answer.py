"""One request to the endpoint with a drawn image, and whether Classify would accept the answer."""

import json
import re
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any, Final

from scones.doctor.findings import Finding, broken, ok, warning
from scones.errors import error_code, is_denied
from scones.terminal import shown

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

CONTENT_TYPE: Final = "image/png"
SIDE: Final = 32
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_EIGHT_BITS, _RGB = 8, 2
ANSWER: Final = "endpoint's answer"
ANSWER_S: Final = 20
"""Seconds that Classify waits for one answer; it asks twice. A test holds it to Classify's client."""
SLOW_S: Final = 10.0
"""The default of EndpointSlowMilliseconds."""
_LABELS: Final = "the parameter Labels must name the model's classes, in its order"
_FLOAT_ERROR: Final = 1e-3
_ROUNDING_PER_CLASS: Final = 5e-4
_GREATEST_TOLERANCE: Final = 5e-2
_LONGEST_SHOWN: Final = 80
MODEL_VERSION: Final = re.compile(r"(?:^|[,; ])model_version=([A-Za-z0-9._-]{1,64})(?:$|[,; ])")
_NUMBER: Final = rb"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d{1,3})?"
_CSV: Final = re.compile(rb"\s*+%b(?:[ \t]*+,[ \t]*+%b)++\s*+" % (_NUMBER, _NUMBER))
_THROTTLED: Final = frozenset({"ThrottlingException", "ThrottledException", "TooManyRequestsException"})
_NOT_TAKING_REQUESTS: Final = frozenset({"ValidationError", "ValidationException"})


def draw_probe() -> bytes:
    """Return a grey sky over a road with two dark wheels, 32 by 32 pixels: about what a model sees of a vehicle."""
    rows = b"".join(b"\0" + bytes(value for x in range(SIDE) for value in _colour(x, y)) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, _EIGHT_BITS, _RGB, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _colour(x: int, y: int) -> tuple[int, int, int]:
    for centre in (8, 23):
        distance = (x - centre) ** 2 + (y - 21) ** 2
        if 20 <= distance <= 36:  # noqa: PLR2004  the tyre
            return 25, 25, 28
    if abs(y - 13) <= 1 and 8 <= x <= 23:  # noqa: PLR2004  the frame
        return 178, 30, 35
    grey = 225 - y if y < 22 else 140  # noqa: PLR2004  the horizon
    return grey, grey, grey + 6


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def check_answer(
    client: "SageMakerRuntimeClient",
    endpoint: str,
    labels: Sequence[str],
    *,
    repair: str,
    clock: Callable[[], float] = time.monotonic,
) -> Finding:
    """Send the endpoint one drawn image and check what it answers, as Classify does.

    Parameters
    ----------
    client
        Waits as long as Classify's own: see `ANSWER_S`.
    repair
        The next step when the endpoint is at fault.
    """
    from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError  # noqa: PLC0415 (slow)
    from botocore.exceptions import ConnectionError as NoConnection  # noqa: PLC0415 (slow)

    started = clock()
    try:
        response = client.invoke_endpoint(
            EndpointName=endpoint, ContentType=CONTENT_TYPE, Accept="application/json", Body=draw_probe()
        )
        body = response["Body"].read()
    except ClientError as error:
        if is_denied(error):
            raise
        return _refused(endpoint, error, repair)
    except (HTTPClientError, IncompleteReadError, NoConnection) as error:
        kind = type(error).__name__
        return broken(ANSWER, f"{endpoint} gave no complete answer within {ANSWER_S} s ({kind})", repair)
    seconds = clock() - started
    problem = find_problem(body, labels)
    if problem:
        return broken(
            ANSWER, f"{endpoint} {problem.sentence}", _LABELS if problem.is_about_labels else repair
        )
    found = MODEL_VERSION.search(response.get("CustomAttributes") or "")
    version = f"model version {found[1]}" if found else "no model version named"
    message = f"{len(labels)} probabilities for {len(labels)} labels in {seconds:.2f} s, {version}"
    if seconds > SLOW_S:
        return warning(
            ANSWER, message, "ask again: only a serverless endpoint that starts from zero may be so slow"
        )
    return ok(ANSWER, message)


def _refused(endpoint: str, error: "ClientError", repair: str) -> Finding:
    code, said = error_code(error), error.response.get("Error", {}).get("Message") or ""
    reason = shown(" ".join(said.split()))[: 3 * _LONGEST_SHOWN]
    if code in _THROTTLED:
        return warning(
            ANSWER, f"{endpoint} is throttling ({code}): images wait in retries", "ask again in a minute"
        )
    if code in _NOT_TAKING_REQUESTS:
        return broken(ANSWER, f"{endpoint} does not accept requests: {reason}", repair)
    return broken(ANSWER, f"{endpoint} answered {code}: {reason}", repair)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why Classify would not believe an answer."""

    sentence: str
    is_about_labels: bool = False


def find_problem(body: bytes, labels: Sequence[str]) -> Problem | None:
    """Say why Classify would not believe an answer, or None; a test holds it to Classify's own reading."""
    quoted = shown(body[: 4 * _LONGEST_SHOWN].decode("utf-8", "replace"))[:_LONGEST_SHOWN]
    try:
        values, named = _read_form(body)
    except ValueError as error:
        return Problem(f"{error}: {quoted}")
    if named is not None:
        names = [name for name in named if isinstance(name, str)]
        if sorted(names) != sorted(labels) or len(names) != len(named):
            wanted = f"not exactly {', '.join(labels)}"
            return Problem(f"names other labels, {wanted}: {quoted}", is_about_labels=True)
    if len(values) != len(labels):
        wanted = f"{len(labels)} labels ({', '.join(labels)})"
        return Problem(f"answers {len(values)} values for {wanted}: {quoted}", is_about_labels=True)
    if not all(_is_probability(value) for value in values):
        return Problem(f"answers a value that is not a probability: {quoted}")
    tolerance = max(_FLOAT_ERROR, min(_ROUNDING_PER_CLASS * len(labels), _GREATEST_TOLERANCE))
    if abs((total := fsum(min(max(value, 0.0), 1.0) for value in values)) - 1) > tolerance:
        return Problem(f"answers probabilities whose sum is {total:.4f}, not 1: {quoted}")
    return None


def probabilities_of(body: bytes, labels: Sequence[str]) -> list[float]:
    """Return the probabilities of an answer without a problem, in the order of the labels, as Classify reads them."""
    values, named = _read_form(body)
    clipped = [min(max(float(value), 0.0), 1.0) for value in values]
    if named is None:
        return clipped
    by_name = dict(zip(named, clipped, strict=True))
    return [by_name[label] for label in labels]


def _read_form(body: bytes) -> tuple[list[Any], list[Any] | None]:
    """Return the values of an answer, and their labels where it names them, as Classify reads them.

    Raises
    ------
    ValueError
        When it has none of the forms that Classify knows; the message continues a sentence about the endpoint.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        if not _CSV.fullmatch(body):
            message = "answers neither JSON nor a line of numbers"
            raise ValueError(message) from None
        content = [float(value) for value in body.split(b",")]
    named = None
    if isinstance(content, dict):
        keys = [key for key in ("probabilities", "predictions", "prediction") if key in content]
        if len(keys) == 1:
            named = _of_one_image(content.get("labels")) if keys[0] == "probabilities" else None
            content = content[keys[0]]
    values = _of_one_image(content)
    if not isinstance(values, list):
        message = "does not answer a list"
        raise ValueError(message)  # noqa: TRY004  what the endpoint answered, not an argument
    if values and all(isinstance(value, dict) and {"label", "score"} <= value.keys() for value in values):
        return [value["score"] for value in values], [value["label"] for value in values]
    if named is not None and (not isinstance(named, list) or len(named) != len(values)):
        message = "answers other labels than values"
        raise ValueError(message)
    return values, named


def _of_one_image(values: Any) -> Any:  # noqa: ANN401  any JSON
    """Return the only row of a batch."""
    is_batch = isinstance(values, list) and len(values) == 1 and isinstance(values[0], list)
    return values[0] if is_batch else values


def _is_probability(value: object) -> bool:
    # bool is an int to Python; NaN fails both comparisons.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_FLOAT_ERROR <= value <= 1 + _FLOAT_ERROR
