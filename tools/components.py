"""Shipped components that a list of packages does not name: native libraries in wheels, and the base image."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.metadata import Distribution

type Component = dict[str, Any]

_BASE: Final = re.compile(
    r"^ARG BASE=(?P<name>[\w/.-]+):(?P<tag>[\w.-]+)@sha256:(?P<digest>[0-9a-f]{64})$", re.MULTILINE
)


def native_libraries(distribution: Distribution) -> list[Component]:
    """Return the shared libraries of other projects that a wheel carries in `<name>.libs`, with their hashes."""
    return [
        {
            "type": "file",
            "name": file.name,
            "hashes": [{"alg": "SHA-256", "content": _hexadecimal(file.hash.value)}],
        }
        for file in sorted(distribution.files or ())
        if file.parts[0].endswith(".libs") and file.hash
    ]


def base_image(dockerfile: str) -> Component:
    """Return the image that the text of a Dockerfile pins as its BASE.

    Raises
    ------
    ValueError
        When BASE is not pinned by tag and digest.
    """
    pinned = _BASE.search(dockerfile)
    if pinned is None:
        raise ValueError("endpoint/Dockerfile does not pin its BASE by tag and digest")
    name, tag, digest = pinned["name"], pinned["tag"], pinned["digest"]
    return {
        "type": "container",
        "bom-ref": f"{name}:{tag}",
        "name": name,
        "version": tag,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "purl": f"pkg:oci/{name}@sha256%3A{digest}?repository_url=docker.io/library/{name}&tag={tag}",
    }


def _hexadecimal(value: str) -> str:
    """Return a hash of a RECORD, base64 without padding, as hexadecimal."""
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
