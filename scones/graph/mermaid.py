"""A workflow as a Mermaid flowchart, which GitHub and many editors draw."""

from collections.abc import Mapping
from typing import Final

from scones.graph.definition import Kind, Workflow
from scones.graph.execution import Path

_SHAPES: Final[Mapping[str, tuple[str, str]]] = {
    "Choice": ("{{", "}}"),
    "Succeed": ("([", "])"),
    "Fail": ("([", "])"),
}
_SIGNS: Final[Mapping[str, str]] = {"Succeed": "✓ ", "Fail": "✕ "}
_LONGEST_LABEL: Final = 60


def draw_mermaid(workflow: Workflow, path: Path | None = None) -> str:
    """Write the flowchart; states that an execution went through carry its times and a thick border."""
    ids = {name: f"s{number}" for number, name in enumerate(workflow.states)}
    visited = path.by_state() if path else {}
    lines = ["flowchart TD", "  accTitle: The workflow", f"  accDescr: {_one_line(workflow.comment)}"]
    for name, state in workflow.states.items():
        before, after = _SHAPES.get(state.type, ("[", "]"))
        parts = [f"{_SIGNS.get(state.type, '')}{name}{' (!)' if name in workflow.guarded else ''}"]
        parts += [state.call] if state.call else []
        parts += [f"{visited[name][0]}: {visited[name][1]}"] if name in visited else []
        lines.append(f'  {ids[name]}{before}"{"<br>".join(map(_escaped, parts))}"{after}')
    for way in workflow.drawn_ways:
        arrow = "-.->" if way.kind is Kind.CATCH else "-->"
        label = f'|"{_escaped(_short(way.label))}"|' if way.label else ""
        lines.append(f"  {ids[way.source]} {arrow}{label} {ids[way.target]}")
    if workflow.fallback:
        lines.append('  error["(!) any error that is left after the retries"]')
        lines.append(f"  error -.-> {ids[workflow.fallback]}")
    if visited:
        lines.append("  classDef visited stroke-width:4px")
        lines.append(f"  class {','.join(ids[name] for name in visited if name in ids)} visited")
    return "\n".join(lines) + "\n"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def _one_line(text: str) -> str:
    return " ".join(text.split()) or "A workflow of AWS Step Functions."


def _escaped(text: str) -> str:
    """Return text for a quoted label: what Mermaid or HTML would read as its own becomes an entity."""
    return "".join(f"#{ord(one)};" if one in '"#<>&`' else one for one in text)
