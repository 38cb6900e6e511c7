"""Names, causes, answers and inventory rows that break careless expressions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.judges.paths import EARLIER, scenario, verdict
from tests.judges.scenario import Scenario, fails, returns, uploaded

NAMES: Final = [
    """it's "quoted".jpg""",
    "100%.jpg",
    "%",
    "%zz%e9.jpg",
    "a+b c.jpg",
    "a%2Bb.jpg",
    "back\\slash\\",
    "\\",
    "new\nline\ttab\r.jpg",
    "\u00fcber \u65e5\u672c.jpg",
    "\U0001f6b2 \U0001f600.jpg",
    "e\u0301.jpg",
    "\u202etxt.gpj",
    "\x01\x7f\u0085",
    "/leading",
    "a//b/../c",
    " ",
    "~",
    "$states.input",
    "{% 1 %}",
    "${ResultsBucket}",
    "`tick`",
    "<b>&amp;</b>",
    '"}',
    "#?&=;:@,!*()",
    "\u2028\u2029",
    "\ufeffbom",
    "\ufffe",
]
# 1,024 bytes is the longest key: as it is, and where each byte or character takes the most room.
LONGEST: Final = [
    "incoming/" + "a" * 1015,
    "incoming/" + "%" * 1015,
    "incoming/" + "\u00e9" * 507 + "a",
    "incoming/" + "\U0001f6b2" * 253 + "abc",
    "incoming/" + "a" + "\U0001f6b2" * 253 + "ab",
    "incoming/" + "\U0001f6b2" * 225,
]
MESSAGES: Final = [
    "",
    "plain",
    'a "quote"',
    "back\\slash",
    "ends in a backslash\\",
    'both \\" of them',
    "new\nline\ttab",
    "\U0001f6b2 and \u00e9",
    "\\u0041",
    '"errorMessage": "inner"',
    '{"errorMessage": "inner"}',
    "x" * 5000,
    "\\" * 3000,
    '"' * 3000,
    "\U0001f6b2" * 3000,
    "{{}}",
    "null",
    "a" * 999 + "\U0001f6b2b",
    "\x01\x1f",
]
CAUSES: Final = [
    "",
    " ",
    "null",
    "{}",
    "[]",
    "{",
    '"',
    "\\",
    "plain text",
    '{"errorMessage": ',
    '{"errorMessage":"cut off',
    '{"errorMessage":"cut \\',
    '{"errorMessage": null}',
    '{"errorMessage": 5}',
    '{"errorMessage": ["a"]}',
    '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1 Error: Task timed out"}',
    '{"other": "errorMessage", "errorMessage" : "with spaces"}',
    '{"errorMessage":"\\ud83d\\ude00 \\u00e9 \\/"}',
    '{"errorMessage":"\\ud83d alone"}',
    "x" * 40000,
    '{"errorMessage":"' + "y" * 40000,
]
CONFIDENCES: Final = [
    0,
    1,
    0.8,
    0.79999,
    0.799996,
    0.8000001,
    1e-7,
    1.5e-9,
    0.123456789012,
    0.1 + 0.2,
    2 / 3,
    0.5,
    1e-300,
]
ABSENT: Final = ["version-id", "sequencer", "request-id", "time"]


def uploads() -> Iterator[Scenario]:
    """Yield uploads with hostile names, events with fields that are absent, and odd tags and sizes."""
    for name in NAMES:
        yield scenario(f"key {name!r}", uploaded(f"incoming/{name}"))
        yield scenario(f"key {name!r}, reviewed", uploaded(f"incoming/{name}"), Filter=verdict(passed=False))
    for key in [*LONGEST, "elsewhere/a.jpg", "incoming/", "incoming"]:
        yield scenario(f"key {key[:20]!r} of {len(key.encode())} bytes", uploaded(key))
        yield scenario(
            f"failed key {key[:20]!r} of {len(key.encode())} bytes", uploaded(key), Filter=fails("E")
        )
    for absent in ABSENT:
        yield scenario(f"no {absent}", uploaded("incoming/a.jpg", absent))
        yield scenario(
            f"no {absent}, claim fails", uploaded("incoming/a.jpg", absent), Claim_image=fails("E", None)
        )
    yield scenario("no optional field", uploaded("incoming/a.jpg", *ABSENT, redrive=True))
    for tag in ['"quoted"', "1-12", "", "\U0001f6b2", "%22"]:
        yield scenario(f"entity tag {tag!r}", uploaded(etag=tag))
    for size in (0, 1, 5 * 1024**3, 50 * 1024**4):
        yield scenario(f"{size} bytes", uploaded(size=size))
    claims: list[dict[str, Any]] = [
        {},
        {"Attributes": {}},
        {"Attributes": {"execution": {"S": "another"}}},
        {"Attributes": None},
    ]
    for earlier in claims:
        yield scenario(f"claimed before: {earlier}", Claim_image=returns(earlier))
    yield scenario("redrive of nothing", uploaded(redrive=True))
    yield scenario("redrive is a word", uploaded() | {"redrive": "true"})
    yield scenario("earlier result of a hostile key", Claim_image=_earlier('failed/%"\\ \U0001f6b2/1.json'))


def causes() -> Iterator[Scenario]:
    """Yield failures whose cause is anything from an empty text to 40,000 characters."""
    wrapped = [
        json.dumps({"errorMessage": message, "errorType": "E", "stackTrace": []}) for message in MESSAGES
    ]
    raw = [json.dumps({"errorMessage": message}, ensure_ascii=False) for message in MESSAGES]
    for number, cause in enumerate(dict.fromkeys([*CAUSES, *MESSAGES, *wrapped, *raw])):
        yield scenario(f"cause {number}: {cause[:30]!r}", Serialize_image=fails("ClientError", cause))
    yield scenario("no cause", Serialize_image=fails("ClientError", None))
    yield scenario(
        "alert with a hostile cause", Classify=fails("E", wrapped[2]), Store_result=fails("F", raw[5])
    )


def verdicts() -> Iterator[Scenario]:
    """Yield confidences whose text is hard to write, and labels of all characters that a label may have."""
    for confidence in CONFIDENCES:
        for passed in (True, False):
            answer = verdict(passed=passed, confidence=confidence)
            yield scenario(f"confidence {confidence!r}, passed {passed}", Filter=answer)
    for label in ("e-bike 2.0", "a_b", "A" * 64):
        yield scenario(f"label {label}", Filter=verdict(label=label), Claim_image=EARLIER)


def rows() -> Iterator[Scenario]:
    """Yield what a listing and an inventory hold, and what the workflow of each image answers."""
    succeeded = _execution("SUCCEEDED", Output=json.dumps({"outcome": "passed", "result": "s3://r/k"}))
    for encoded, machine in (
        (False, "Backfill: Images below the prefix"),
        (True, "Backfill: Images of the inventory"),
    ):
        keys = [f"incoming/{name}" for name in NAMES] + LONGEST + _ENCODED
        objects: list[dict[str, Any]] = [
            {"Key": key, "ETag": '"1"', "Size": "5" if encoded else 5} for key in keys
        ]
        objects += _ODD
        for number, item in enumerate(objects):
            given = {"bucket": "images", "object": item, "encoded": encoded}
            yield Scenario(f"{machine} {number}", machine, given, _for_maps(succeeded))
        for number, answer in enumerate(_ANSWERS):
            given = {"bucket": "images", "object": objects[0], "encoded": encoded}
            yield Scenario(f"{machine}, answer {number}", machine, given, _for_maps(answer))


_ENCODED: Final = [
    "a%20b",
    "a+b",
    "a%2Bb",
    "100%25",
    "%F0%9F%9A%B2",
    "%E9",
    "%C3",
    "%C3%28",
    "%ED%A0%80",
    "%F5%80%80%80",
    "%C0%80",
    "%00",
    "%0A",
    "%",
    "%4",
    "%%41",
    "a%2Fb",
    "%E2%82%AC+%E2%82%AC",
    "%25%32%30",
    "%ZZ",
]
_ODD: Final[list[dict[str, Any]]] = [
    {"Key": "a", "Etag": "1", "Size": 5},
    {"Key": "a", "Etag": '"1-3"', "Size": 5, "StorageClass": "STANDARD", "LastModified": 1790000000},
    {"Key": "folder/", "ETag": "1", "Size": 0},
    {"Key": "folder/", "ETag": "1", "Size": "0"},
    {"Key": "a", "ETag": "1", "Size": ""},
    {"Key": "a", "ETag": "", "Size": ""},
    {"Key": "a", "ETag": "", "Size": "5"},
    {"Key": "", "ETag": "1", "Size": "5"},
    {"Key": "a", "ETag": "1", "Size": "five"},
    {"Key": "a", "ETag": "1", "Size": "-5"},
    {"Key": "a", "ETag": "1", "Size": "5e3"},
    {"Key": "a", "ETag": "1", "Size": "00"},
    {"Key": "a", "ETag": "1"},
    {"Key": "a", "Size": "5"},
    {"ETag": "1", "Size": "5"},
    {},
    *(
        {"Key": "a", "ETag": "1", "Size": "5", "IsLatest": latest, "IsDeleteMarker": marker, "VersionId": "v"}
        for latest in ("true", "false", "True", "FALSE", "", True, False)
        for marker in ("false", "true", False)
    ),
    {"Key": "a", "ETag": "", "Size": "", "IsLatest": "true", "IsDeleteMarker": "true"},
]


def _execution(status: str, **fields: Any) -> list[dict[str, Any]]:
    return returns({"ExecutionArn": "arn", "Name": "1", "Status": status} | fields)


_ANSWERS: Final = [
    _execution("SUCCEEDED", Output='{"outcome": "failed"}'),
    _execution("SUCCEEDED", Output='{"outcome": "claimed before"}'),
    _execution("SUCCEEDED", Output='{"outcome": "parked"}'),
    _execution("FAILED", Error="E", Cause='a "cause" \\ \U0001f6b2'),
    _execution("FAILED", Error="E"),
    _execution("FAILED"),
    _execution("TIMED_OUT"),
]


def _for_maps(answer: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {"Classify image": answer, "Classify image (inventory)": answer}


def _earlier(key: str) -> list[dict[str, Any]]:
    return returns({"Attributes": {"result_key": {"S": key}}})
