"""The part of the causal graph around a variable: causes left, effects right, over visits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cohort.explain.observed import is_observed
from cohort.mechanisms.base import coefficient
from cohort.model import CausalModel
from cohort.numbers import Effect
from ontology.knowledge import CausalEdge, KnowledgeGraph


@dataclass(frozen=True, slots=True)
class Node:
    """A variable at a visit. ``visit``: relative to the centre's; None: once a patient.

    ``column``: hops from the centre, causes negative.
    """

    variable: str
    visit: int | None
    column: int
    observed: bool
    forced: str | None = None  # the value that do() gives it

    @property
    def when(self) -> str:
        """``previous visit``; "" for the same visit or once a patient."""
        if not self.visit:
            return ""
        if abs(self.visit) == 1:
            return "previous visit" if self.visit < 0 else "next visit"
        return f"{abs(self.visit)} visits {'before' if self.visit < 0 else 'later'}"


@dataclass(frozen=True, slots=True)
class Link:
    """An edge between two nodes. ``sign``: "+", "-", "any", or "mixed" where levels differ."""

    cause: Node
    effect: Node
    lag: int
    sign: str
    evidence: tuple[str, ...]
    effects: tuple[Effect, ...]

    @property
    def passes(self) -> bool:
        """Whether it leads from a cause to a consequence past the centre: listed, not drawn."""
        return self.cause.column < 0 < self.effect.column

    @property
    def amounts(self) -> tuple[str, ...]:
        """``x 1.35``, ``OR 2.1 at never``: one a term; empty where the equation has no such."""
        return tuple(amount(e) for e in self.effects)


@dataclass(frozen=True)
class Neighbourhood:
    """Nodes by column and row, and all edges among them."""

    model: CausalModel
    centre: Node
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    @cached_property
    def columns(self) -> dict[int, list[Node]]:
        """Nodes by column, from causes to consequences; top to bottom as they come about."""
        rank = {name: i for i, name in enumerate(self.model.order)}
        made: dict[int, list[Node]] = {}
        for node in self.nodes:
            made.setdefault(node.column, []).append(node)
        for nodes in made.values():
            nodes.sort(key=lambda n: (-99 if n.visit is None else n.visit, rank[n.variable]))
        return dict(sorted(made.items()))


def neighbourhood(
    model: CausalModel, knowledge: KnowledgeGraph, variable: str, hops: int = 1
) -> Neighbourhood:
    """Everything within ``hops`` edges against and along the arrows."""
    visit = 0 if variable in model.dynamic else None
    found = {(variable, visit): 0}
    for direction in (-1, 1):
        border = [(variable, visit)]
        for hop in range(1, hops + 1):
            reached = [n for node in border for n in _next(model, node, direction)]
            border = []
            for node in reached:
                if node not in found:
                    found[node] = direction * hop
                    border.append(node)
    nodes = {key: _node(model, *key, column) for key, column in found.items()}
    known = {(e.cause, e.effect, e.lag): [] for e in knowledge.edges()}  # type: ignore[var-annotated]
    for edge in knowledge.edges():
        known[edge.cause, edge.effect, edge.lag].append(edge)
    links = []
    for effect in nodes.values():
        for (cause, lag), key in _causes(model, effect.variable, effect.visit):
            if key in nodes:
                evidence = known.get((cause, effect.variable, lag), [])
                links.append(_link(model, nodes[key], effect, lag, evidence))
    centre = nodes[variable, visit]
    return Neighbourhood(model, centre, tuple(nodes.values()), tuple(links))


def amount(effect: Effect) -> str:
    """What one unit, or one level, of the parent does."""
    size = coefficient(effect)
    if effect.odds_ratio is not None:
        text = f"OR {effect.odds_ratio:.3g}"
    elif effect.ratio is not None:
        text = f"x {effect.ratio:.3g}"
    elif effect.factor is not None:
        text = f"factor 1 + {effect.factor:.3g} x"
    else:
        text = f"{size:+.3g}".replace("-", "\N{MINUS SIGN}")
    if effect.level is not None:
        text += f" if {effect.level}"
    elif effect.log:
        text += " per ln unit"
    elif effect.per != 1:
        text += f" per {effect.per:g}"
    return text + (f", toward {effect.toward}" if effect.toward else "")


Key = tuple[str, int | None]


def _next(model: CausalModel, node: Key, direction: int) -> list[Key]:
    variable, visit = node
    if direction < 0:
        return [key for _, key in _causes(model, variable, visit)]
    made: list[Key] = []
    for name, mechanism in model.mechanisms.items():
        for parent, lag in mechanism.parents:
            if parent == variable:
                made.append((name, (visit or 0) + lag if name in model.dynamic else None))
    return made


def _causes(
    model: CausalModel, variable: str, visit: int | None
) -> Iterator[tuple[tuple[str, int], Key]]:
    for parent, lag in model.mechanisms[variable].parents:
        at = (visit or 0) - lag if parent in model.dynamic else None
        yield (parent, lag), (parent, at)


def _node(model: CausalModel, variable: str, visit: int | None, column: int) -> Node:
    forced = [i for i in model.interventions if i.variable == variable]
    text = None
    if forced:
        line = f" in line {forced[-1].line}" if forced[-1].line is not None else ""
        text = f"{forced[-1].value}{line}"
    return Node(variable, visit, column, is_observed(model, variable), text)


def _link(model: CausalModel, cause: Node, effect: Node, lag: int, edges: list[CausalEdge]) -> Link:
    signs = {edge.sign for edge in edges}
    evidence = dict.fromkeys(text for edge in edges for text in edge.evidence)
    effects = tuple(
        e
        for e in model.disease.variables[effect.variable].effects
        if e.parent == cause.variable and e.lag == lag
    )
    sign = signs.pop() if len(signs) == 1 else "mixed" if signs else "any"
    return Link(cause, effect, lag, sign, tuple(evidence), effects)
