"""The two pieces of code that hostile bytes reach, loaded as Lambda loads them, and the property of each."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import properties, seeds

FUNCTIONS = Path(__file__).parents[2] / "functions"
FOLDERS = {"serialize": "serialize", "prediction": "classify"}

type Check = Callable[[bytes], str]


def modules(name: str) -> list[str]:
    """Names of the modules of the function that a target is about."""
    return sorted(path.stem for path in (FUNCTIONS / FOLDERS[name]).glob("*.py"))


def load(name: str) -> Check:
    """Import one function, whose flat modules then stay in this process, and return its check."""
    sys.path.insert(0, str(FUNCTIONS / FOLDERS[name]))
    if name == "serialize":
        serialize = importlib.import_module("image").serialize_image
        return lambda data: properties.image_outcome(serialize, data)
    parse = importlib.import_module("prediction").parse_probabilities
    return lambda data: properties.answer_outcome(parse, data, seeds.LABELS)


def corpus(name: str) -> list[bytes]:
    """Return what the fuzzer starts from."""
    return list(seeds.images().values()) if name == "serialize" else seeds.answers()
