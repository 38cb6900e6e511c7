"""Which keys are images: the workflow's claim, the sweep, scones and the rule on uploads say the same."""

from __future__ import annotations

import itertools
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import stepfunctions
from ministack.services.eventbridge import _matches_wildcard
from samcli.yamlhelper import yaml_parse

from scones.image_keys import ImageKeys
from scones.result_documents import is_verification_image
from sweep.taken import is_taken, prefix_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("expressions_without_a_clock")

REFUSED = " AND attribute_exists(image_key) AND attribute_not_exists(image_key)"
CASES = [
    ("incoming/*", "", "incoming/a.jpg", True),
    ("incoming/*", "", "incoming/", True),
    ("incoming/*", "", "incomings/a.jpg", False),
    ("incoming/*", "", "a.jpg", False),
    ("incoming/*", "incoming/raw/", "incoming/raw/a.jpg", False),
    ("incoming/*", "incoming/raw/", "incoming/raw", True),
    ("incoming/2026/*.jpg", "", "incoming/2026/a.jpg", True),
    ("*", "", "a", True),
    ("*", "", "incoming/a", False),
    ("*.jpg", "", "incoming/a.jpg", False),
    ("*.jpg", "", "deep/down/a.jpg", True),
    ("*.jpg", "", "a.JPG", False),
    ("*.jpg", "", ".jpg", True),
    ("photos/*/front.jpg", "", "photos/front.jpg", False),
    ("photos/*/front.jpg", "", "photos//front.jpg", True),
    ("photos/*/front.jpg", "photos/old,photos/test/", "photos/older/front.jpg", False),
    ("photos/*/front.jpg", "photos/old,photos/test/", "photos/new/front.jpg", True),
    ("aba*aba", "", "ababa", False),
    ("aba*aba", "", "abaaba", True),
    ("*a*b*", "", "xaxbx", True),
    ("*a*b*", "", "xbxax", False),
    ("photos (2)/*+.(x)", "", "photos (2)/a+.(x)", True),
    ("photos (2)/*+.(x)", "", "photos 2/a+.(x)", False),
    ("*.jpg", "", "\U0001f6b2/größe.jpg", True),
    ("\U0001f6b2*\U0001f6b2", "", "\U0001f6b2", False),
    ("*.jpg", "", "two\nlines.jpg", True),
]


@cache
def expressions(root: Path) -> tuple[str, str]:
    definition = json.loads((root / "statemachine" / "classify_image.asl.json").read_text(encoding="utf-8"))
    claim = definition["States"]["Claim image"]
    return claim["Arguments"]["ConditionExpression"], claim["Catch"][0]["Output"]["outcome"]


def evaluated(expression: str, pattern: str, excluded: str, key: str, size: int = 1) -> Any:
    text = expression.removeprefix("{%").removesuffix("%}").strip()
    text = text.replace("${ImagePattern}", pattern).replace("${ExcludePrefixes}", excluded)
    event = {"detail": {"object": {"key": key, "etag": "e", "size": size}}}
    return stepfunctions._evaluate_jsonata(text, event)


def by_definition(root: Path, pattern: str, excluded: str, key: str) -> bool:
    condition, outcome = expressions(root)
    writes = not evaluated(condition, pattern, excluded, key).endswith(REFUSED)
    assert evaluated(outcome, pattern, excluded, key) == ("claimed before" if writes else "excluded")
    return writes


@pytest.mark.parametrize(("pattern", "excluded", "key", "taken"), CASES)
def test_every_side_takes_the_same_keys(
    root: Path, pattern: str, excluded: str, key: str, *, taken: bool
) -> None:
    prefixes = tuple(filter(None, excluded.split(",")))

    assert ImageKeys(pattern, prefixes).take(key) == taken
    assert is_taken(key, pattern, prefixes) == taken
    assert by_definition(root, pattern, excluded, key) == taken


def test_a_pattern_means_what_eventbridge_makes_of_it(root: Path) -> None:
    """Each pattern and key of up to four characters, with a regular expression as the judge."""
    texts = ["".join(one) for length in range(5) for one in itertools.product("a/*", repeat=length)]
    patterns = [text for text in texts if "*" in text and "**" not in text]
    keys = [text for text in texts if "*" not in text]

    for pattern in patterns:
        for key in keys:
            taken = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), key) is not None
            found = {
                ImageKeys(pattern).take(key),
                is_taken(key, pattern, ()),
                _matches_wildcard(key, pattern),
            }
            assert found == {taken}, (pattern, key)
    for pattern, key in zip(patterns, keys * 3, strict=False):
        assert by_definition(root, pattern, "", key) == ImageKeys(pattern).take(key), (pattern, key)


def test_a_folder_marker_is_claimed_before_and_not_excluded(root: Path) -> None:
    condition, outcome = expressions(root)

    assert evaluated(condition, "incoming/*", "", "incoming/a/", size=0).endswith(REFUSED)
    assert evaluated(outcome, "incoming/*", "", "incoming/a/", size=0) == "claimed before"


@pytest.mark.parametrize(
    ("pattern", "key"),
    [("incoming/*", "incoming/scones-verify/run/a.png"), ("*", "scones-verify/run/a.png"),
     ("photos/2026-*", "photos/2026-/scones-verify/run/a.png")],
)  # fmt: skip
def test_a_folder_of_verify_is_one_whatever_keys_begin_with(pattern: str, key: str) -> None:
    keys = ImageKeys(pattern)
    assert keys.folder("scones-verify/run/a.png") == key
    assert keys.take(key)
    assert is_verification_image(key)


@pytest.mark.parametrize(
    ("pattern", "example"),
    [("incoming/*", "incoming/"), ("*", ""), ("photos/*.jpg", "photos/PHOTO.jpg"), ("img-*", "img-PHOTO"),
     ("photos/*/front.jpg", "photos/PHOTO/front.jpg"), ("photos/*/full/*.jpg", "photos/any/full/PHOTO.jpg")],
)  # fmt: skip
def test_the_example_of_a_key_is_one_that_the_pattern_takes(pattern: str, example: str) -> None:
    assert ImageKeys(pattern).example("PHOTO") == example
    is_folder = example.endswith("/") or not example  # the name of the uploaded file follows
    assert ImageKeys(pattern).take(f"{example}PHOTO" if is_folder else example)


def test_every_listing_begins_where_the_pattern_does() -> None:
    for pattern, *_ in CASES:
        assert prefix_of(pattern) == ImageKeys(pattern).prefix == pattern.split("*")[0]


@pytest.mark.parametrize(
    ("parameter", "value", "allowed"),
    [
        ("ImagePattern", "incoming/*", True),
        ("ImagePattern", "photos/*/front (1).jpg", True),
        ("ImagePattern", "*", True),
        ("ImagePattern", "photos/", False),
        ("ImagePattern", "photos/**", False),
        ("ImagePattern", "photos/?*", False),
        ("ImagePattern", "photos/'*", False),
        ("ImagePattern", 'photos/"*', False),
        ("ImagePattern", "photos/\\*", False),
        ("ImagePattern", "${aws:username}/*", False),
        ("ImagePattern", "", False),
        ("ImagePattern", "/photos/*", False),
        ("ImagePattern", " photos/*", False),
        ("ImagePattern", "photos/* ", False),
        ("ImagePattern", "*/photos/*", True),
        ("ExcludePrefixes", "", True),
        ("ExcludePrefixes", "thumbs/,raw/", True),
        ("ExcludePrefixes", "thumbs/*", False),
        ("ExcludePrefixes", "thumbs/, raw/", False),
        ("ExcludePrefixes", "/thumbs/", False),
        ("ExcludePrefixes", "our thumbs/,raw", True),
        ("ExcludePrefixes", "thumbs/,", False),
        ("ExcludePrefixes", "'", False),
        ("ExistingImageBucket", "", True),
        ("ExistingImageBucket", "photos.example", True),
        ("ExistingImageBucket", "s3://photos", False),
        ("ExistingImageBucket", "arn:aws:s3:::photos", False),
        ("ExistingImageBucket", "photos/incoming", False),
    ],
)
def test_no_parameter_says_one_thing_here_and_another_there(
    root: Path, parameter: str, value: str, *, allowed: bool
) -> None:
    """No ? or ${} of IAM, no quote of JSONata or JSON, no escape of EventBridge."""
    pattern = yaml_parse((root / "template.yaml").read_text())["Parameters"][parameter]["AllowedPattern"]

    assert (re.fullmatch(pattern, value) is not None) == allowed
