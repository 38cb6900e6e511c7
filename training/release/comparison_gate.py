"""The gate of a release: the comparison that `scones what-if --output` has written for the candidate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training.errors import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = "1"
_REPEAT = "compare again: scones what-if --model FILE --output COMPARISON"


def check_comparison(path: Path, version: str, *, force: bool = False) -> list[str]:
    """Return what the comparison says about a release, a line for each fact.

    Parameters
    ----------
    path
        The file.
    version
        The version that is released.
    force
        Release a candidate that is worse, or whose comparison was interrupted, all the same; the lines say so.

    Raises
    ------
    ReleaseError
        The file is not a comparison, it is about another model, or the candidate is worse.
    """
    document = _read(path)
    try:
        _require_version(path, document["candidate"]["version"], version)
        objections = _objections(document)
        lines = [_said(document, name) for name in ("labelled", "audited")]
        lines.append(_verdict(document))
    except (KeyError, TypeError) as error:
        raise ReleaseError(f"{path} is not a comparison of scones what-if ({error!r}); {_REPEAT}") from error
    if objections and not force:
        raise ReleaseError(
            f"{path}: {'; '.join(objections)}; {lines[0]}; {lines[1]}; --force releases it all the same"
        )
    return [*lines, *(f"released all the same (--force): {one}" for one in objections)]


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReleaseError(f"{path} is not JSON ({error}); {_REPEAT}") from error
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        raise ReleaseError(
            f"{path} is not a comparison of schema version {SCHEMA_VERSION}, which scones what-if writes; {_REPEAT}"
        )
    return document


def _require_version(path: Path, compared: str | None, version: str) -> None:
    if compared is None:
        raise ReleaseError(
            f"{path} compares a candidate that states no version, so it cannot be known to be {version}; {_REPEAT}"
        )
    if compared != version:
        raise ReleaseError(f"{path} is about model {compared}, and {version} is to be released; {_REPEAT}")


def _objections(document: dict[str, Any]) -> list[str]:
    """Return why it must not be released."""
    objections = []
    if document["verdict"] == "worse":
        objections.append("the candidate is worse than the deployed model")
    if document["is_interrupted"]:
        objections.append("the comparison was interrupted")
    return objections


def _said(document: dict[str, Any], name: str) -> str:
    found = document[name]
    errors = (
        f"the deployed model {found['baseline']['wrong']} errors, the candidate {found['candidate']['wrong']}"
    )
    return f"{name}: {found['images']} images, {errors} (p = {found['p_value']:.2g})"


def _verdict(document: dict[str, Any]) -> str:
    compared = f"{document['images']['compared']} images until {document['images']['newest']}"
    match document["verdict"]:
        case "worse":
            return f"the candidate is worse on {compared}"
        case "better":
            return f"the candidate is better on {compared}"
        case "not shown":
            return f"the candidate is not shown to be better on {compared}"
        case other:
            raise TypeError(f"verdict {other!r}")
