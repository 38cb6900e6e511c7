"""JSON in one form, so that the answers of two implementations can be compared."""

import contextlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """Write a value so that equal JSON is equal text: 1 and 1.0 are one number, 1 and true are not.

    A text that is a JSON document is compared by what it holds: in `$string` MiniStack's port escapes what is not ASCII
    and keeps numbers that the reference rounds to 15 digits.
    """
    match value:
        case bool() | None:
            return json.dumps(value)
        case int() | float():
            return f"{value:.15g}"
        case str() if value[:1] in ("{", "["):
            with contextlib.suppress(ValueError):
                return f"JSON: {canonical(json.loads(value))}"
        case dict():
            return json.dumps({name: canonical(part) for name, part in value.items()}, sort_keys=True)
        case list():
            return json.dumps([canonical(part) for part in value])
    return json.dumps(value)
