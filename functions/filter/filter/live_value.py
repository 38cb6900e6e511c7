"""The live value of a stack: thresholds alone, or with the certificate that they were set by."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from filter.certificate import Certificate, EndpointConfig
from filter.threshold_rule import for_labels, parse_thresholds


def parse_live_value(
    text: str, labels: Sequence[str]
) -> tuple[dict[str, float], Certificate | None, str | None]:
    """
    Parse `0.8`, `bicycle=0.9,default=0.8`, or the JSON object that `scones certify --apply` writes.

    Returns
    -------
    tuple
        The lowest confidence that passes for each label; the certificate, where there is one; and why nothing passes,
        where the sweep's watch has stopped it.

    Raises
    ------
    ValueError
        For anything else: a value is used whole, or not at all. The message continues a sentence that starts with
        the parameter's name.
    """
    if not text.lstrip().startswith("{"):
        return parse_thresholds(text, labels), None, None
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("is not JSON, although it starts with {") from None
    numbers = value.get("thresholds")
    if not isinstance(numbers, dict) or not numbers or not all(map(_is_share, numbers.values())):
        raise ValueError("must have thresholds from 0 to 1, by label")
    certificate, stopped = value.get("certificate"), value.get("stopped")
    if not isinstance(stopped, str | None) or stopped == "":
        raise ValueError("has a stopped that is not a sentence")
    return for_labels(numbers, labels), None if certificate is None else _certificate(certificate), stopped


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"has {name[:20]!r} twice")
    return dict(pairs)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _certificate(found: Any) -> Certificate:  # noqa: ANN401 - any JSON
    if problem := _problem(found):
        raise ValueError(f"has a certificate {problem}")
    version, config, covers = (found.get(name) for name in ("model_version", "endpoint_config", "covers"))
    # `scones certify` reads the configuration when it makes the certificate: that is the first check.
    since = found.get("since")
    return Certificate(
        version,
        tuple(found["labels"]),
        found["serialize"],
        datetime.fromisoformat(found["until"]),
        endpoint_config=EndpointConfig(config["name"], config["time"]) if version is None else None,
        checked_at=datetime.fromisoformat(since) if _is_time(since) else None,
        withdrawn=found.get("withdrawn"),
        covers=None if covers is None else tuple(covers),
    )


def _problem(found: object) -> str | None:
    if not isinstance(found, Mapping):
        return "that is not an object"
    version, labels = found.get("model_version"), found.get("labels")
    if not isinstance(version, str | None) or (
        version is None and not _is_config(found.get("endpoint_config"))
    ):
        return "without model_version or endpoint_config"
    if not _are_labels(labels):
        return "without labels"
    if found.get("covers") is not None and not _are_labels(found["covers"]):
        return "whose covers is not a list of labels"
    if not isinstance(found.get("serialize"), str) or not isinstance(found.get("withdrawn"), str | None):
        return "whose serialize or withdrawn is not text"
    return None if _is_time(found.get("until")) else "whose until is not a time with its zone"


def _are_labels(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(label, str) for label in found)


def _is_config(found: object) -> bool:
    return isinstance(found, Mapping) and all(isinstance(found.get(name), str) for name in ("name", "time"))


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
