"""Checks a request against AWS's service models, beyond botocore's own validation.

botocore checks names, types, required members, and minimum lengths and values. It leaves enumerations, patterns, and
maximum lengths and values, which are in the same models, to the service. Here they are checked too.
"""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import xform_name
from botocore.client import BaseClient
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import Shape

# Syntax of Java in the models' patterns that Python's `re` does not have: character classes, ...
_CLASSES = {
    "L": "A-Za-z\u00aa-\u1fff\u2c00-\uffff",
    "M": "\u0300-\u036f",
    "Z": " \u00a0\u2000-\u200a",
    "Zs": " \u00a0\u2000-\u200a",
    "N": "0-9",
    "P": r"!-#%-*,-/:;?@\[-\]_{}",
    "S": r"$+<=>^`|~",
    "Alnum": "A-Za-z0-9",
    "Alpha": "A-Za-z",
    "Digit": "0-9",
    "Graph": "!-~",
    "Print": " -~",
    "ASCII": "\\0-\\x7f",
}
# ... and other notations.
_SPELLINGS = {
    "\ud800\udc00-\udbff\udfff": "\U00010000-\U0010ffff",
    r"\uD800\uDC00-\uDBFF\uDFFF": "\U00010000-\U0010ffff",
    r"\z": r"\Z",
    r"\w-\/": r"\w\-/",
    ")${1,": "){1,",
}


@functools.cache
def service_model(service: str) -> Any:
    """Return botocore's model of a service, for example "sagemaker"."""
    return botocore.session.get_session().get_service_model(service)


def violations(service: str, operation: str, arguments: dict[str, Any]) -> list[str]:
    """Return the violations of the service's model by a request, one sentence each; empty if it is valid.

    Parameters
    ----------
    operation
        In AWS's spelling, for example "CreateModel".
    """
    shape = service_model(service).operation_model(operation).input_shape
    if shape is None:
        return [f"{operation} takes no arguments"] if arguments else []
    report = ParamValidator().validate(arguments, shape)
    if report.has_errors():
        return [f"{operation}: {line}" for line in report.generate_report().splitlines()]
    return [f"{operation}{problem}" for problem in _problems(shape, arguments, "")]


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:  # noqa: C901 - a case for each kind of shape
    match shape.type_name:
        case "structure":
            if shape.metadata.get("union") and len(value) != 1:
                yield f"{path}: {len(value)} members of a union"
            for name, member in value.items():
                yield from _problems(shape.members[name], member, f"{path}.{name}")
        case "list":
            yield from _size_problems(shape, len(value), path)
            for index, entry in enumerate(value):
                yield from _problems(shape.member, entry, f"{path}[{index}]")
        case "map":
            yield from _size_problems(shape, len(value), path)
            for key, entry in value.items():
                yield from _problems(shape.key, key, f"{path} key")
                yield from _problems(shape.value, entry, f"{path}.{key}")
        case "string":
            yield from _text_problems(shape, value, path)
        case "integer" | "long" | "float" | "double":
            yield from _size_problems(shape, value, path)
        case "blob" if isinstance(value, bytes):
            yield from _size_problems(shape, len(value), path)


def _text_problems(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from _size_problems(shape, len(value), path)
    allowed = getattr(shape, "enum", None) or shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{path}: {value!r} is not one of {', '.join(allowed)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield f"{path}: {value!r} does not match {pattern}"


def _size_problems(shape: Shape, size: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{path}: {size} is less than {least}"
    if most is not None and size > most:
        yield f"{path}: {size} is more than {most}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _SPELLINGS.items():
        pattern = pattern.replace(java, python)

    def in_python(found: re.Match[str]) -> str:
        before = pattern[: found.start()]
        is_in_brackets = before.count("[") > before.count("]")
        characters = _CLASSES[found[1]]
        return characters if is_in_brackets else f"[{characters}]"

    return re.compile(re.sub(r"\\p\{(\w+)\}", in_python, pattern))


class ModelledClient:
    """A client of one service that rejects requests which violate the service's model.

    Parameters
    ----------
    answer
        Called with the operation and its arguments; returns the response, or an exception to raise.
    """

    def __init__(self, service: str, answer: Callable[[str, dict[str, Any]], Any]) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._service, self._answer = service, answer
        names = service_model(service).operation_names
        self._operations = {xform_name(name): name for name in names}

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method not in self._operations:
            raise AttributeError(method)
        return functools.partial(self._call, self._operations[method])

    def _call(self, operation: str, **arguments: Any) -> Any:
        if found := violations(self._service, operation, arguments):
            raise AssertionError("; ".join(found))
        self.requests.append((operation, arguments))
        answer = self._answer(operation, arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def checked_requests() -> Iterator[list[str]]:
    """Check every request of every boto3 client; yield the list to which violations are added."""
    found: list[str] = []
    client_class: Any = BaseClient  # whose stubs omit private attributes
    make = client_class._make_api_call

    def checked(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        found.extend(violations(client.meta.service_model.service_name, operation, arguments))
        return make(client, operation, arguments)

    client_class._make_api_call = checked
    try:
        yield found
    finally:
        client_class._make_api_call = make
