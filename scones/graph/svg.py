"""A workflow as an SVG picture: readable on light and dark pages, by a screen reader, and without colours."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from scones.graph.definition import Kind, Way, Workflow, WorkflowState
from scones.graph.execution import Path
from scones.graph.layout import Arc, Layout, Node, Point, lay_out

_WIDTH, _HEIGHT = 186.0, 52.0
_GAP, _BEND, _MARGIN = 28.0, 36.0, 24.0
_LABEL_LINE, _LABEL_LINES, _LABEL_CHARACTER, _LABEL_HEIGHT = 24, 2, 5.6, 12.0
_LEGEND: Final = 46.0

STYLE: Final = """
  text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; text-anchor: middle; fill: #1f2328 }
  .page { fill: #ffffff }
  .name { font-size: 14px; font-weight: 600 }
  .more { font-size: 11.5px; fill: #59636e }
  .label { font-size: 11px; fill: #59636e; stroke: #ffffff; stroke-width: 4px; paint-order: stroke }
  .note { font-size: 12px; fill: #59636e; text-anchor: start }
  .box { fill: #f6f8fa; stroke: #59636e; stroke-width: 1.2 }
  .Pass { stroke-dasharray: 5 3 }
  .way { fill: none; stroke: #59636e; stroke-width: 1.4 }
  .catch { stroke-dasharray: 3 4 }
  .head { fill: #59636e }
  .mark { fill: #ffffff; stroke: #bc4c00; stroke-width: 1.5 }
  .sign { font-size: 12px; font-weight: 700; fill: #bc4c00 }
  .visited .box { fill: #ddf4ff; stroke: #0969da; stroke-width: 3 }
  .visited .more { fill: #1f2328 }
  .taken { stroke: #0969da; stroke-width: 3.5 }
  .taken-head { fill: #0969da }
  .step { fill: #0969da }
  .number { font-size: 11px; font-weight: 700; fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .page { fill: #0d1117 }
    .more, .note { fill: #9198a1 }
    .label { fill: #9198a1; stroke: #0d1117 }
    .box { fill: #151b23; stroke: #9198a1 }
    .way { stroke: #9198a1 }
    .head { fill: #9198a1 }
    .mark { fill: #0d1117; stroke: #f0883e }
    .sign { fill: #f0883e }
    .visited .box { fill: #0c2d4f; stroke: #4493f8 }
    .visited .more { fill: #f0f6fc }
    .taken { stroke: #4493f8 }
    .taken-head, .step { fill: #4493f8 }
    .number { fill: #0d1117 }
  }
"""


def draw_svg(workflow: Workflow, path: Path | None = None, *, style: str = STYLE) -> str:
    """Draw the picture; of an execution, numbered visits, its times and a thick line along its path.

    Parameters
    ----------
    style
        The style sheet in the picture; empty where the page that it stands in has `STYLE`.
    """
    ways = workflow.drawn_ways
    labels = {(way.source, way.target): _label(way) for way in ways}
    layout = lay_out(list(workflow.states), workflow.start, labels, lambda node: _room(node, labels))
    steps = path.steps if path else set()
    entry = [] if workflow.fallback is None else [workflow.fallback]
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN + _LEGEND
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" aria-labelledby="title description">'
        ),
        f'<title id="title">{escape(_title(path))}</title>',
        f'<desc id="description">{escape(_description(workflow, path))}</desc>',
        f"<style>{style}</style>" if style else "",
        "<defs>" + "".join(_arrow_head(name) for name in ("head", "taken-head")) + "</defs>",
        f'<rect class="page" width="{width:g}" height="{height:g}" rx="8"/>',
        f'<g transform="translate({_MARGIN:g} {_MARGIN:g})">',
        *(_line(way, layout, (way.source, way.target) in steps) for way in ways),
        *(_caught(layout.centres[one], layout.centres[other]) for one, other in _catches(workflow, steps)),
        *(_entry(layout.centres[name]) for name in entry),
        *_texts(labels, layout),
        *_boxes(workflow, layout, path),
        *_legend(workflow, layout, path),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _catches(workflow: Workflow, steps: set[Arc]) -> list[Arc]:
    """Name the steps of an execution to the fallback, to which ways are not drawn else."""
    drawn = {(way.source, way.target) for way in workflow.drawn_ways}
    return sorted(step for step in steps - drawn if step[0] in workflow.guarded)


def _title(path: Path | None) -> str:
    return "The workflow" if path is None else f"The path of execution {path.name}, {path.status}"


def _description(workflow: Workflow, path: Path | None) -> str:
    if path is not None:
        return "; ".join(
            f"{number}. {visit.state}: {visit.text}" for number, visit in enumerate(path.visits, 1)
        )
    sentences = [workflow.comment]
    for name in workflow.states:
        after = [way for way in workflow.drawn_ways if way.source == name]
        targets = ", ".join(f"{way.target}{f' ({way.label})' if way.label else ''}" for way in after)
        errors = f"; errors go to {workflow.fallback}" if name in workflow.guarded else ""
        sentences.append(f"{name}: {f'then {targets}' if targets else 'the end'}{errors}.")
    return " ".join(sentences)


def _room(node: Node, labels: Mapping[Arc, list[str]]) -> float:
    """Return the width that a state or a bend takes in its layer; the label of a way stands at its first bend."""
    if isinstance(node, str):
        arriving = [lines for (_, target), lines in labels.items() if target == node]
        return max([_WIDTH, *map(_text_width, arriving)]) + _GAP
    return max(_BEND, _text_width(labels[node[0], node[1]])) + _GAP / 2


def _label(way: Way) -> list[str]:
    if way.kind is Kind.CATCH:
        return ["on error", way.label.rsplit(".", 1)[-1]] if "," not in way.label else ["on some errors"]
    return textwrap.wrap(way.label, _LABEL_LINE, max_lines=_LABEL_LINES, placeholder=" …")


def _text_width(lines: list[str]) -> float:
    return max((len(line) for line in lines), default=0) * _LABEL_CHARACTER


def _line(way: Way, layout: Layout, taken: bool) -> str:  # noqa: FBT001 (one of two looks)
    (x1, y1), (x2, y2) = layout.centres[way.source], layout.centres[way.target]
    classes = "way" + (" catch" if way.kind is Kind.CATCH else "") + (" taken" if taken else "")
    bends = layout.bends.get((way.source, way.target), ())
    return _curve(classes, [(x1, y1 + _HEIGHT / 2), *bends, (x2, y2 - _HEIGHT / 2 - 7)], taken=taken)


def _curve(classes: str, points: Sequence[Point], *, taken: bool) -> str:
    """Draw a smooth line that leaves, bends and arrives upright."""
    x, y = points[0]
    steps = [f"M{x:g} {y:g}"]
    for to_x, to_y in points[1:]:
        middle = (y + to_y) / 2
        steps.append(f"C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    head = "taken-head" if taken else "head"
    return f'<path class="{classes}" d="{"".join(steps)}" marker-end="url(#{head})"/>'


def _caught(source: Point, target: Point) -> str:
    """Draw a dashed line from the side of a state to the side of the fallback."""
    (x1, y1), (x2, y2) = source, target
    side = 1 if x2 >= x1 else -1
    start, end = x1 + side * _WIDTH / 2, x2 - side * (_WIDTH / 2 + 7)
    middle = (start + end) / 2
    return (
        f'<path class="way catch taken" d="M{start:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {end:g} {y2:g}" '
        'marker-end="url(#taken-head)"/>'
    )


def _entry(target: Point) -> str:
    """Draw where the errors of all marked states arrive."""
    x, y = target[0], target[1] - _HEIGHT / 2
    mark = _mark(x, y - 36)
    return f'<path class="way catch" d="M{x:g} {y - 26:g}V{y - 7:g}" marker-end="url(#head)"/>{mark}'


def _texts(labels: Mapping[Arc, list[str]], layout: Layout) -> Iterator[str]:
    """Write each label above the first bend of its way; without bends, above the state, or before others join it."""
    arriving = Counter(target for _, target in labels)
    for (source, target), lines in labels.items():
        bends = layout.bends.get((source, target), ())
        x, y = bends[0] if bends else layout.centres[target]
        if not bends and arriving[target] > 1:
            x += (layout.centres[source][0] - x) / 5
        top = y - _HEIGHT / 2 - 16 - _LABEL_HEIGHT * (len(lines) - 1)
        for index, line in enumerate(lines):
            yield f'<text class="label" x="{x:g}" y="{top + index * _LABEL_HEIGHT:g}">{escape(line)}</text>'


def _boxes(workflow: Workflow, layout: Layout, path: Path | None) -> Iterator[str]:
    visited = path.by_state() if path else {}
    for name, state in workflow.states.items():
        x, y = layout.centres[name]
        number, times = visited.get(name, (0, ""))
        lines = [text for text in (times or state.call,) if text]
        yield f'<g class="{"visited" if number else "state"}">'
        yield f"<title>{escape(state.comment or name)}</title>"
        yield _outline(state, x, y)
        sign = {"Succeed": "✓ ", "Fail": "✕ "}.get(state.type, "")
        yield f'<text class="name" x="{x:g}" y="{y + (-2 if lines else 5):g}">{escape(sign + name)}</text>'
        for line in lines:
            yield f'<text class="more" x="{x:g}" y="{y + 15:g}">{escape(line)}</text>'
        if name in workflow.guarded:
            yield _mark(x + _WIDTH / 2 - 4, y - _HEIGHT / 2 + 2)
        if number:
            left, top = x - _WIDTH / 2 + 4, y - _HEIGHT / 2 + 2
            yield f'<circle class="step" cx="{left:g}" cy="{top:g}" r="10"/>'
            yield f'<text class="number" x="{left:g}" y="{top + 4:g}">{number}</text>'
        yield "</g>"


def _outline(state: WorkflowState, x: float, y: float) -> str:
    """Return the shape of a type: a hexagon chooses, a rounded end ends, a dashed box computes, a box calls."""
    left, right, top, bottom = x - _WIDTH / 2, x + _WIDTH / 2, y - _HEIGHT / 2, y + _HEIGHT / 2
    if state.type == "Choice":
        corners = [(left, y), (left + 14, top), (right - 14, top), (right, y), (right - 14, bottom)]
        points = " ".join(f"{one:g},{other:g}" for one, other in (*corners, (left + 14, bottom)))
        return f'<polygon class="box Choice" points="{points}"/>'
    radius = _HEIGHT / 2 if state.type in {"Succeed", "Fail"} else 6
    return (
        f'<rect class="box {escape(state.type)}" x="{left:g}" y="{top:g}" width="{_WIDTH:g}" '
        f'height="{_HEIGHT:g}" rx="{radius:g}"/>'
    )


def _mark(x: float, y: float) -> str:
    return f'<circle class="mark" cx="{x:g}" cy="{y:g}" r="9"/><text class="sign" x="{x:g}" y="{y + 4:g}">!</text>'


def _legend(workflow: Workflow, layout: Layout, path: Path | None) -> Iterator[str]:
    y = layout.height + 8
    lines = [
        "Box: a call. Hexagon: a choice. Dashed box: values are computed. Rounded: the end, ✓ or ✕ (FAILED)."
    ]
    if path is not None:
        lines[0] = f"Execution {path.name}, {path.status}. Numbers: the order of its states."
    if workflow.fallback:
        yield _mark(9, y + 18)
        lines.append(f"any error that is left after the retries goes to “{workflow.fallback}”")
    for index, line in enumerate(lines):
        yield f'<text class="note" x="{24 * index:g}" y="{y + 22 * index:g}">{escape(line)}</text>'


def _arrow_head(name: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path class="{name}" d="M0 0L8 4L0 8z"/></marker>'
    )
