"""The two functions that handle untrusted bytes, and the property of each."""

from collections.abc import Callable
from pathlib import Path

from tests.fuzz import properties, seeds

FUNCTIONS = Path(__file__).parents[2] / "functions"
PACKAGES = {"serialize": "serialize", "prediction": "classify"}
"""Of a target: the function it is about. A process that loads it has that function's folder on its path."""

type Check = Callable[[bytes], str]


def load(name: str) -> Check:
    """Import what a target is about, here so that the fuzzer can instrument it, and return its check."""
    if name == "serialize":
        from serialize.image import serialize_image

        return lambda data: properties.image_outcome(serialize_image, data)
    from classify.prediction import parse_probabilities

    return lambda data: properties.answer_outcome(parse_probabilities, data, seeds.LABELS)


def corpus(name: str) -> list[bytes]:
    """Return what the fuzzer starts from."""
    return list(seeds.images().values()) if name == "serialize" else seeds.answers()
