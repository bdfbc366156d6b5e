"""The knowledge graph: terms with codes, regimens, findings, exclusivities, causal edges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

import networkx as nx
from rdflib import Graph, Literal, Namespace
from rdflib.namespace import RDF, RDFS
from rdflib.term import Node

from ontology.errors import ConsilienceError, nearest
from ontology.validate import validate_graph

CS = Namespace("https://consilience.dev/ns#")
SHARED = ("core", "rules", "shapes", "variants")
"""Graph files that are of no one disease."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the graph. ``codes``: (system, code), sorted."""

    key: str
    iri: str
    label: str
    codes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """``variable = value``, in the words of the causal model."""

    variable: str
    value: str


@dataclass(frozen=True, slots=True)
class Regimen:
    """Drugs given together. Any one indication suffices; any one contraindication forbids.

    ``induction``: those of ``drugs`` that end after the induction cycles; ``maintenance``: those
    that begin then.
    """

    key: str
    label: str
    drugs: tuple[str, ...]
    targets: tuple[str, ...]
    indications: tuple[Condition, ...]
    contraindications: tuple[Condition, ...]
    induction: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingTerm:
    """An imaging finding, where it sits and in which modalities it shows."""

    key: str
    label: str
    site: str
    visible_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exclusivity:
    """Two drivers that nearly exclude each other; ``exception_rate``: share with both."""

    genes: tuple[str, str]
    exception_rate: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CausalEdge:
    """``cause`` acts on ``effect`` after ``lag`` visits.

    ``sign`` is "+", "-" or "any"; with ``contrast`` it holds for that level of the cause against
    the others.
    """

    cause: str
    effect: str
    sign: str
    lag: int
    contrast: str | None
    evidence: tuple[str, ...]


class KnowledgeGraph:
    """A validated graph: once constructed, what it says can be used."""

    def __init__(self, files: Sequence[Path], *, validate: bool = True) -> None:
        self.graph = Graph()
        digest = hashlib.sha256()
        for path in files:
            try:
                text = path.read_text(encoding="utf-8")
                self.graph.parse(data=text, format="turtle")
            except OSError as error:
                raise ConsilienceError(
                    "cannot read the file", where=path, got=error.strerror, remedy="check the path"
                ) from None
            except (SyntaxError, ValueError) as error:
                raise ConsilienceError(
                    f"not valid Turtle: {error}", where=path, remedy="correct the file"
                ) from None
            digest.update(text.encode())
        self.version = digest.hexdigest()
        if validate:
            validate_graph(self.graph)
        self._check_keys()
        self._check_cycles()

    @classmethod
    def load(cls, disease: str) -> KnowledgeGraph:
        """The bundled graph of a disease, on top of the core."""
        return _load(disease)

    def term(self, key: str) -> Term:
        """The term with a key; an unknown key is an error that names the nearest."""
        node = self._by_key.get(key)
        if node is None:
            raise ConsilienceError(f"unknown term '{key}'", wanted=nearest(key, self._by_key))
        return self._term(node)

    def terms(self, kind: str) -> tuple[Term, ...]:
        """All terms of a class (``Gene``, ``Analyte``, ...), by key."""
        nodes = self.graph.subjects(RDF.type, CS[kind])
        return tuple(sorted((self._term(n) for n in nodes), key=lambda t: t.key))

    def code(self, key: str, system: str) -> str:
        """A term's code in a system (``LOINC``, ``RxNorm``, ``NCIT``, ...)."""
        codes = dict(self.term(key).codes)
        if system not in codes:
            raise ConsilienceError(
                f"'{key}' has no {system} code", wanted=", ".join(codes) or "a cs:code in the graph"
            )
        return codes[system]

    def unit(self, key: str) -> str:
        """UCUM unit of an analyte or variable; "" where none is given."""
        return self._text(self._by_key[self.term(key).key], "unit") or ""

    def regimens(self) -> dict[str, Regimen]:
        """Regimens by key; supportive care is one without drugs."""
        made = {}
        for node in (*self._subjects("Regimen"), *self._subjects("SupportiveCare")):
            key = self._key(node)
            made[key] = Regimen(
                key,
                str(self.graph.value(node, RDFS.label)),
                self._keys(node, "drug"),
                self._keys(node, "target"),
                self._conditions(node, "indication"),
                self._conditions(node, "contraindication"),
                self._keys(node, "inductionDrug"),
                self._keys(node, "maintenanceDrug"),
            )
        return made

    def oral_drugs(self) -> frozenset[str]:
        """Keys of the drugs that are taken daily by mouth."""
        found = self.graph.subjects(CS.route, Literal("oral"))
        return frozenset(self._key(node) for node in found)

    def antibodies(self) -> frozenset[str]:
        """Keys of the drugs that are given in full or not at all."""
        found = self.graph.subjects(CS.role, Literal("antibody"))
        return frozenset(self._key(node) for node in found)

    def drivers(self) -> tuple[str, ...]:
        """Symbols of the genes whose alterations choose a treatment, sorted."""
        return tuple(sorted(self._key(n) for n in self.graph.subjects(CS.role, Literal("driver"))))

    def consequences(self) -> dict[str, str]:
        """HGVS coding name: what a variant does, where that is not its protein change."""
        made = {}
        for node, what in self.graph.subject_objects(CS.consequence):
            made[str(self.graph.value(node, CS.hgvsC))] = str(what)
        return dict(sorted(made.items()))

    def findings(self) -> dict[str, FindingTerm]:
        """Imaging findings by key."""
        made = {}
        for node in self._subjects("Finding"):
            key = self._key(node)
            site = self.graph.value(node, CS.site)
            assert site is not None  # the shape says so
            label = str(self.graph.value(node, RDFS.label))
            made[key] = FindingTerm(key, label, self._key(site), self._keys(node, "visibleIn"))
        return made

    def exclusivities(self) -> tuple[Exclusivity, ...]:
        """Pairs of drivers that nearly exclude each other, by genes."""
        made = []
        for node in self._subjects("Exclusivity"):
            first, second = self._keys(node, "gene")
            rate = float(str(self.graph.value(node, CS.exceptionRate)))
            made.append(Exclusivity((first, second), rate, self._evidence(node)))
        return tuple(sorted(made, key=lambda e: e.genes))

    @cached_property
    def _edges(self) -> tuple[CausalEdge, ...]:
        made = []
        for node in self._subjects("CausalEdge"):
            cause, effect = (self.graph.value(node, CS[end]) for end in ("cause", "effect"))
            assert cause is not None and effect is not None  # the shape says so
            made.append(
                CausalEdge(
                    self._key(cause),
                    self._key(effect),
                    str(self.graph.value(node, CS.sign)),
                    int(str(self.graph.value(node, CS.lag))),
                    self._text(node, "contrast"),
                    self._evidence(node),
                )
            )
        return tuple(sorted(made, key=lambda e: (e.effect, e.cause, e.lag, e.contrast or "")))

    def edges(self) -> tuple[CausalEdge, ...]:
        """All causal edges, by effect and cause."""
        return self._edges

    @cached_property
    def _causal(self) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_nodes_from((term.key, 0) for term in self.terms("Variable"))
        graph.add_edges_from(((e.cause, e.lag), (e.effect, 0)) for e in self._edges)
        return graph

    def causal(self) -> nx.DiGraph:
        """Nodes (variable, lag); an edge of lag k goes from (cause, k) to (effect, 0)."""
        return self._causal

    @cached_property
    def _by_key(self) -> dict[str, Node]:
        return {str(key): node for node, key in self.graph.subject_objects(CS.key)}

    def _subjects(self, kind: str) -> Iterable[Node]:
        return sorted(self.graph.subjects(RDF.type, CS[kind]), key=str)

    def _term(self, node: Node) -> Term:
        codes = tuple(
            (system, code)
            for system, _, code in sorted(
                str(c).partition(" ") for c in self.graph.objects(node, CS.code)
            )
        )
        return Term(self._key(node), str(node), str(self.graph.value(node, RDFS.label)), codes)

    def _key(self, node: Node) -> str:
        return str(self.graph.value(node, CS.key))

    def _text(self, node: Node, name: str) -> str | None:
        value = self.graph.value(node, CS[name])
        return None if value is None else str(value)

    def _keys(self, node: Node, name: str) -> tuple[str, ...]:
        return tuple(sorted(self._key(o) for o in self.graph.objects(node, CS[name])))

    def _evidence(self, node: Node) -> tuple[str, ...]:
        return tuple(sorted(str(e) for e in self.graph.objects(node, CS.evidence)))

    def _conditions(self, node: Node, name: str) -> tuple[Condition, ...]:
        made = []
        for condition in self.graph.objects(node, CS[name]):
            variable = self.graph.value(condition, CS.variable)
            assert variable is not None  # the shape says so
            made.append(Condition(self._key(variable), str(self.graph.value(condition, CS.equals))))
        return tuple(sorted(made, key=lambda c: (c.variable, c.value)))

    def _check_keys(self) -> None:
        seen: dict[str, Node] = {}
        twice = []
        for node, key in self.graph.subject_objects(CS.key):
            other = seen.setdefault(str(key), node)
            if other != node:
                twice.append(f"'{key}': {other} and {node}")
        if twice:
            raise ConsilienceError(
                "a key stands for two terms", got="; ".join(sorted(twice)), wanted="unique cs:key"
            )

    def _check_cycles(self) -> None:
        same_visit = nx.DiGraph((e.cause, e.effect) for e in self._edges if e.lag == 0)
        if not nx.is_directed_acyclic_graph(same_visit):
            cycle = " -> ".join(cause for cause, _ in nx.find_cycle(same_visit))
            raise ConsilienceError(
                f"the causal graph has a cycle at lag 0: {cycle}",
                where="cs:CausalEdgeShape",
                remedy="give one of these edges a lag",
            )


@cache
def _load(disease: str) -> KnowledgeGraph:
    root = Path(str(resources.files("ontology"))) / "graph"
    path = root / f"{disease}.ttl"
    if not path.is_file():
        names = [p.stem for p in root.glob("*.ttl") if p.stem not in SHARED]
        raise ConsilienceError(
            f"no knowledge graph of disease '{disease}'", wanted=nearest(disease, names)
        )
    parts = sorted((root / disease).glob("*.ttl"))
    return KnowledgeGraph([root / "core.ttl", root / "variants.ttl", path, *parts])
