"""The template's parameters as `scones up` takes them: names and values are checked before anything starts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scones.errors import SconesError
from scones.label_thresholds import Thresholds
from scones.suggest import did_you_mean

type Declared = Mapping[str, Mapping[str, Any]]

QUOTED: Final = 60
"""Characters of a wrong value that an error repeats."""


def parse_parameters(pairs: tuple[str, ...]) -> dict[str, str]:
    """Split NAME=VALUE pairs.

    Raises
    ------
    SconesError
        For a pair without a name or without `=`, and for a name that is given twice.
    """
    parsed: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not (name and separator):
            message = f"--parameter takes NAME=VALUE, not {pair!r}"
            raise SconesError(message)
        if name in parsed:
            message = f"--parameter {name} is given twice, as {parsed[name]!r} and {value!r}: leave one out"
            raise SconesError(message)
        parsed[name] = value
    return parsed


def declared_parameters(root: Path) -> Declared:
    """Read the `Parameters` of the project's template.

    Raises
    ------
    SconesError
        When the template cannot be read.
    """
    import yaml  # noqa: PLC0415  slow, and part of the extra `local`: SAM CLI needs it

    class Loader(yaml.CSafeLoader):  # type: ignore[misc]  # PyYAML has no types
        """YAML with CloudFormation's tags, whose values nobody reads here."""

    Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
    template = root / "template.yaml"
    try:
        with template.open(encoding="utf-8") as file:
            declared: Declared = Loader(file).get_single_data()["Parameters"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        message = f"cannot read the parameters of {template}: {' '.join(str(error).split())}"
        raise SconesError(message) from error
    return declared


def check_parameters(given: Mapping[str, str], declared: Declared) -> None:
    """Check names and values as CloudFormation does.

    Raises
    ------
    SconesError
        For the first parameter that the template does not have, or whose value it does not take.
    """
    for name, value in given.items():
        if name not in declared:
            suggestion = did_you_mean(name, declared)
            message = (
                f"the template has no parameter {name}.{suggestion or ' docs/parameters.md has them all.'}"
            )
            raise SconesError(message)
        if problem := _problem(value, declared[name]):
            message = f"parameter {name} {problem}, not {_quoted(value)}"
            raise SconesError(message)


def check_thresholds(given: Mapping[str, str], declared: Declared) -> None:
    """Check that thresholds are those of the labels, as Filter does; a template cannot compare two parameters.

    Raises
    ------
    SconesError
        Where a name is not a label, or a label has no threshold.
    """
    text, labels = (given.get(name, declared[name]["Default"]) for name in ("ConfidenceThreshold", "Labels"))
    try:
        Thresholds.parse(text, tuple(labels.split(",")))
    except ValueError as error:
        message = f"parameter ConfidenceThreshold {error}"
        raise SconesError(message) from None


def _problem(value: str, rules: Mapping[str, Any]) -> str | None:
    """Say what a value must be, where it is something else."""
    allowed = [str(one) for one in rules.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"must be one of {', '.join(allowed)}"
    # CloudFormation user guide, "CloudFormation template Parameters syntax": the whole value must match.
    pattern = rules.get("AllowedPattern")
    if pattern and not re.fullmatch(str(pattern), value):
        return str(rules.get("ConstraintDescription") or f"must match {pattern}")
    return _number_problem(value, rules) if rules.get("Type") == "Number" else None


def _number_problem(value: str, rules: Mapping[str, Any]) -> str | None:
    low, high = rules.get("MinValue"), rules.get("MaxValue")
    bounds = {(True, True): f" from {low} to {high}", (True, False): f" of at least {low}"}
    wanted = f"must be a number{bounds.get((low is not None, high is not None), '')}"
    try:
        number = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        return wanted
    is_within = (low is None or number >= float(low)) and (high is None or number <= float(high))
    return None if math.isfinite(number) and is_within else wanted


def _quoted(value: str) -> str:
    return repr(value if len(value) <= QUOTED else f"{value[:QUOTED]}…")
