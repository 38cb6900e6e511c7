"""Places for the states of a workflow: a layered drawing from top to bottom, after Sugiyama.

Every state gets a layer below those it follows, a way that crosses layers gets a bend in each of them, each layer is
ordered so that few ways cross, and what belongs together is moved above one another.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

type Arc = tuple[str, str]
type Node = str | tuple[str, str, int]  # a state, or the bend of an arc in a layer
type Point = tuple[float, float]

LAYER_HEIGHT: Final = 104
_SWEEPS: Final = 24
_SETTLE: Final = 200
_STRAIGHT: Final = 8.0
"""How much more two bends of one way pull at each other than two states do."""
_CHAIN: Final = 3.0
"""The same for a state and the only one that follows it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The centre of each state, and of each arc the bends in between."""

    centres: Mapping[str, Point]
    bends: Mapping[Arc, tuple[Point, ...]]
    width: float
    height: float


def lay_out(
    states: Sequence[str], start: str, arcs: Iterable[Arc], width_of: Callable[[Node], float]
) -> Layout:
    """Place states and bends.

    Parameters
    ----------
    states
        Names, in the order in which they are placed where nothing else decides.
    start
        The state of the first layer.
    arcs
        Pairs of states; one that leads back up is placed like one that leads down.
    width_of
        The room that a state needs in its layer, or a bend of an arc.
    """
    pairs = _acyclic(states, start, [arc for arc in dict.fromkeys(arcs) if arc[0] != arc[1]])
    layer_of = _layers(states, start, pairs)
    chains = {arc: _chain(arc, layer_of) for arc in pairs}
    links = [link for chain in chains.values() for link in itertools.pairwise(chain)]
    layers = _ordered(_filled(states, layer_of, chains), links)
    x = _columns(layers, links, width_of)
    left = min(x[node] - width_of(node) / 2 for node in x)
    right = max(x[node] + width_of(node) / 2 for node in x)
    depth = {node: index for index, layer in enumerate(layers) for node in layer}

    def at(node: Node) -> Point:
        return round(x[node] - left, 1), depth[node] * LAYER_HEIGHT + LAYER_HEIGHT / 2

    return Layout(
        {state: at(state) for state in states},
        {arc: tuple(at(node) for node in chain[1:-1]) for arc, chain in chains.items()},
        round(right - left, 1),
        len(layers) * LAYER_HEIGHT,
    )


def _acyclic(states: Sequence[str], start: str, arcs: list[Arc]) -> list[Arc]:
    """Leave out the arcs that close a circle, found by a search from the start."""
    after = _after(arcs)
    done: set[str] = set()
    back: set[Arc] = set()

    def visit(state: str, above: frozenset[str]) -> None:
        done.add(state)
        for target in after[state]:
            if target in above or target == state:
                back.add((state, target))
            elif target not in done:
                visit(target, above | {state})

    for state in (start, *states):
        if state not in done:
            visit(state, frozenset())
    return [arc for arc in arcs if arc not in back]


def _layers(states: Sequence[str], start: str, arcs: list[Arc]) -> dict[str, int]:
    """Give each state the layer below all that lead to it; what the start does not reach stands as low as it can."""
    before, after = _before(arcs), _after(arcs)
    reached, ahead = {start}, [start]
    while ahead:
        ahead = [target for state in ahead for target in after[state] if target not in reached]
        reached.update(ahead)
    layer: dict[str, int] = {}

    def lowest(state: str) -> int:
        if state not in layer:
            layer[state] = max((lowest(other) + 1 for other in before[state]), default=0)
        return layer[state]

    for state in states:
        lowest(state)

    def pulled(state: str) -> int:
        below = [pulled(target) for target in after[state] if target in reached or after[target]]
        return layer[state] if state in reached or not below else min(below) - 1

    entries = {state: pulled(state) for state in states if state not in reached and after[state]}
    layer.clear()
    layer.update({state: at for state, at in entries.items() if not before[state]})
    return {state: lowest(state) for state in states}


def _chain(arc: Arc, layer_of: Mapping[str, int]) -> list[Node]:
    source, target = arc
    return [
        source,
        *((source, target, layer) for layer in range(layer_of[source] + 1, layer_of[target])),
        target,
    ]


def _filled(
    states: Sequence[str], layer_of: Mapping[str, int], chains: Mapping[Arc, list[Node]]
) -> list[list[Node]]:
    layers: list[list[Node]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for state in states:
        layers[layer_of[state]].append(state)
    for (source, _), chain in chains.items():
        for index, bend in enumerate(chain[1:-1], layer_of[source] + 1):
            layers[index].append(bend)
    return layers


def _ordered(layers: list[list[Node]], links: list[tuple[Node, Node]]) -> list[list[Node]]:
    """Order each layer by the mean place of its neighbours, down and up; keep the order with the fewest crossings."""
    above, below = _before(links), _after(links)
    best, fewest = layers, _crossings(layers, below)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        layers = [list(layer) for layer in layers]
        steps = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for index in steps:
            fixed = {node: at for at, node in enumerate(layers[index - 1 if down else index + 1])}
            own = {node: at for at, node in enumerate(layers[index])}

            def place(node: Node, fixed: dict[Node, int] = fixed, own: dict[Node, int] = own) -> float:
                near = [fixed[other] for other in neighbours[node]]  # noqa: B023 (used within the loop)
                return sum(near) / len(near) if near else own[node]

            layers[index].sort(key=place)
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: list[list[Node]], below: Mapping[Node, list[Node]]) -> int:
    count = 0
    for upper, lower in itertools.pairwise(layers):
        at = {node: index for index, node in enumerate(lower)}
        ends = [at[target] for node in upper for target in sorted(below[node], key=at.__getitem__)]
        count += sum(one > other for index, one in enumerate(ends) for other in ends[index + 1 :])
    return count


def _columns(
    layers: list[list[Node]], links: list[tuple[Node, Node]], width_of: Callable[[Node], float]
) -> dict[Node, float]:
    """Move each layer, its order kept, to where its neighbours are; long ways become straight."""
    neighbours: defaultdict[Node, list[tuple[Node, float]]] = defaultdict(list)
    following = _after(links)
    for one, other in links:
        straight = isinstance(one, tuple) and isinstance(other, tuple)
        weight = _STRAIGHT if straight else _CHAIN if following[one] == [other] else 1.0
        neighbours[one].append((other, weight))
        neighbours[other].append((one, weight))
    x: dict[Node, float] = {}
    for layer in layers:
        offsets = _offsets(layer, width_of)
        x.update(zip(layer, (offset - offsets[-1] / 2 for offset in offsets), strict=True))
    for sweep in range(_SETTLE):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [
                sum(x[other] * weight for other, weight in neighbours[node])
                / sum(weight for _, weight in neighbours[node])
                if neighbours[node]
                else x[node]
                for node in layer
            ]
            offsets = _offsets(layer, width_of)
            pulls = [sum(weight for _, weight in neighbours[node]) or 1.0 for node in layer]
            free = _nondecreasing(
                [want - offset for want, offset in zip(wanted, offsets, strict=True)], pulls
            )
            x.update(
                zip(layer, (place + offset for place, offset in zip(free, offsets, strict=True)), strict=True)
            )
    return x


def _offsets(layer: list[Node], width_of: Callable[[Node], float]) -> list[float]:
    """Return how far each node must at least stand from the first."""
    offsets = [0.0]
    for one, other in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (width_of(one) + width_of(other)) / 2)
    return offsets


def _nondecreasing(values: list[float], weights: list[float]) -> list[float]:
    """Return the nondecreasing sequence nearest to these, by weighted least squares (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, pull, size = value, weight, 1
        while pools and pools[-1][0] > mean:
            other, more, count = pools.pop()
            mean, pull, size = (mean * pull + other * more) / (pull + more), pull + more, size + count
        pools.append((mean, pull, size))
    return [mean for mean, _, size in pools for _ in range(size)]


def _after[T](arcs: Iterable[tuple[T, T]]) -> defaultdict[T, list[T]]:
    found: defaultdict[T, list[T]] = defaultdict(list)
    for source, target in arcs:
        found[source].append(target)
    return found


def _before[T](arcs: Iterable[tuple[T, T]]) -> defaultdict[T, list[T]]:
    return _after((target, source) for source, target in arcs)
