"""SHACL validation of the graph, every violation in one error."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

import pyshacl
from rdflib import Graph, Namespace
from rdflib.namespace import RDFS
from rdflib.term import BNode, Node

from ontology.errors import ConsilienceError

SH = Namespace("http://www.w3.org/ns/shacl#")
CS = Namespace("https://consilience.dev/ns#")


@cache
def shapes() -> Graph:
    """The bundled shapes."""
    path = Path(str(resources.files("ontology"))) / "graph" / "shapes.ttl"
    return Graph().parse(path, format="turtle")


def validate_graph(graph: Graph) -> None:
    """Raise ``ConsilienceError`` with node, shape and message of every violation."""
    conforms, report, _ = pyshacl.validate(graph, shacl_graph=shapes(), advanced=False)
    if conforms:
        return
    problems = []
    for result in report.objects(None, SH.result):
        node = report.value(result, SH.focusNode)
        shape = report.value(result, SH.sourceShape)
        message = report.value(result, SH.resultMessage)
        problems.append(f"  {describe(graph, node)} [{_owner(shape)}]: {message}")
    raise ConsilienceError(
        f"the knowledge graph has {len(problems)} violation(s):\n" + "\n".join(sorted(problems)),
        remedy="correct the nodes named above",
    )


def describe(graph: Graph, node: Node | None) -> str:
    """A node by key, by the ends of its edge, or by its IRI."""
    if node is None:
        return "?"
    key = graph.value(node, CS.key)
    if key is not None:
        return f"'{key}'"
    ends = [graph.value(node, CS[end]) for end in ("cause", "effect")]
    if any(ends):
        names = [str(graph.value(e, CS.key) or e) if e is not None else "?" for e in ends]
        return f"edge {names[0]} -> {names[1]}"
    label = graph.value(node, RDFS.label)
    return str(label or ("a blank node" if isinstance(node, BNode) else node))


def _owner(shape: Node | None) -> str:
    node = shape
    for _ in range(4):  # a property shape stands inside its node shape
        if node is None or not isinstance(node, BNode):
            break
        node = next(shapes().subjects(None, node), None)
    return str(node).removeprefix(str(CS)) if node is not None else "shape"
