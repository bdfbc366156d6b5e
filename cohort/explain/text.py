"""Why a variable has the values it has: parents, equation, numbers and sources."""

from __future__ import annotations

from cohort.explain import citation
from cohort.model import CausalModel
from ontology.knowledge import KnowledgeGraph


def explain_variable(model: CausalModel, knowledge: KnowledgeGraph, variable: str) -> str:
    """A text for the terminal."""
    model._require(variable)
    specification = model.disease.variables[variable]
    mechanism = model.mechanisms[variable]
    lines = [f"{variable}: {specification.label} ({specification.kind})"]
    if variable in model.levels:
        lines.append("levels: " + ", ".join(model.levels[variable]))
    lines += ["", mechanism.equation(), ""]
    edges = {(e.cause, e.lag): [] for e in knowledge.edges() if e.effect == variable}  # type: ignore[var-annotated]
    for edge in knowledge.edges():
        if edge.effect == variable:
            edges[edge.cause, edge.lag].append(edge)
    lines.append("parents:" if mechanism.parents else "parents: none (exogenous)")
    for parent, lag in mechanism.parents:
        at = " at the previous visit" if lag else ""
        for edge in edges.get((parent, lag), []):
            contrast = f" at {edge.contrast}" if edge.contrast else ""
            lines.append(
                f"  {parent}{at}  sign {edge.sign}{contrast}  [{'; '.join(edge.evidence)}]"
            )
    numbers = list(specification.numbers())
    if numbers:
        lines += ["", "numbers:"]
    width = max((len(name) for name, _ in numbers), default=0)
    lines += [f"  {name:<{width}}  {citation.number(p, model.disease)}" for name, p in numbers]
    children = sorted(model.descendants_graph.successors(variable))
    lines += ["", "acts on: " + (", ".join(children) or "nothing")]
    return "\n".join(lines)
