"""The graph loads, says what the field says, and refuses to be broken."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import networkx as nx
import pytest
from rdflib import URIRef

from ontology.errors import ConsilienceError
from ontology.knowledge import CS, KnowledgeGraph

ROOT = Path(str(resources.files("ontology"))) / "graph"
FILES = [
    ROOT / "core.ttl",
    ROOT / "variants.ttl",
    ROOT / "nsclc.ttl",
    *sorted((ROOT / "nsclc").glob("*.ttl")),
]


def test_the_causal_graph_is_acyclic_within_a_visit(knowledge: KnowledgeGraph) -> None:
    same_visit = nx.DiGraph((e.cause, e.effect) for e in knowledge.edges() if e.lag == 0)
    assert nx.is_directed_acyclic_graph(same_visit)
    assert all(effect[1] == 0 for _, effect in knowledge.causal().edges)


def test_every_edge_has_evidence(knowledge: KnowledgeGraph) -> None:
    edges = knowledge.edges()
    assert len(edges) > 150
    assert all(edge.evidence for edge in edges)
    cited = [e for e in edges if e.evidence[0].startswith(("PMID", "PMC", "doi"))]
    assert len(cited) >= 50


def test_lobes_are_part_of_their_lung(knowledge: KnowledgeGraph) -> None:
    for key in ("RUL", "RML", "RLL", "LUL", "LLL"):
        side = "right" if key[0] == "R" else "left"
        lobe = URIRef(knowledge.term(key).iri)
        assert side in knowledge.term(key).label
        assert str(knowledge.graph.value(lobe, CS.laterality)) == side
        assert str(knowledge.graph.value(lobe, CS.partOf)) == knowledge.term(f"{side}_lung").iri


def test_an_unknown_key_names_the_nearest(knowledge: KnowledgeGraph) -> None:
    with pytest.raises(ConsilienceError, match="did you mean 'adenocarcinoma'"):
        knowledge.term("adenocarcinma")
    with pytest.raises(ConsilienceError, match="LOINC"):
        knowledge.code("adenocarcinoma", "LOINC")
    with pytest.raises(ConsilienceError, match="nsclc"):
        KnowledgeGraph.load("nslcc")


def test_regimens_have_drugs_targets_and_indications(knowledge: KnowledgeGraph) -> None:
    regimens = knowledge.regimens()
    assert {"docetaxel", "platinum_pemetrexed", "pembrolizumab", "osimertinib"} <= set(regimens)
    pemetrexed = regimens["platinum_pemetrexed"]
    assert [(c.variable, c.value) for c in pemetrexed.contraindications] == [
        ("histology", "squamous")
    ]
    assert regimens["osimertinib"].targets == ("EGFR",)


def test_findings_say_where_they_show(knowledge: KnowledgeGraph) -> None:
    findings = knowledge.findings()
    assert findings["lung_lesion"].visible_in == ("ct", "note")
    assert findings["pleural_effusion"].site == "pleura"


BREAKS = {
    "an edge without evidence": (
        "[] a cs:CausalEdge ; cs:cause v:age ; cs:effect v:tmb ; cs:sign \"+\" ; cs:lag 0 .",
        ("age -> tmb", "CausalEdgeShape", "evidence"),
    ),
    "evidence that is none": (
        "[] a cs:CausalEdge ; cs:cause v:age ; cs:effect v:tmb ; cs:sign \"+\" ; cs:lag 0 ; "
        'cs:evidence "I think so" .',
        ("age -> tmb", "CausalEdgeShape", "PMID"),
    ),
    "a sign that is none": (
        "[] a cs:CausalEdge ; cs:cause v:age ; cs:effect v:tmb ; cs:sign \"up\" ; cs:lag 0 ; "
        'cs:evidence "PMID 1" .',
        ("age -> tmb", "CausalEdgeShape", "sign"),
    ),
    "a negative lag": (
        "[] a cs:CausalEdge ; cs:cause v:age ; cs:effect v:tmb ; cs:sign \"+\" ; cs:lag -1 ; "
        'cs:evidence "PMID 1" .',
        ("age -> tmb", "CausalEdgeShape", "lag"),
    ),
    "an effect that is no variable": (
        "[] a cs:CausalEdge ; cs:cause v:age ; cs:effect v:nothing ; cs:sign \"+\" ; cs:lag 0 ; "
        'cs:evidence "PMID 1" .',
        ("nothing", "CausalEdgeShape", "cs:Variable"),
    ),
    "a term without a label": (
        'v:unlabelled a cs:Variable ; cs:key "unlabelled" .', ("unlabelled", "TermShape", "label"),
    ),
    "a term without an IRI": (
        '[] a cs:Gene ; cs:key "XYZ" ; rdfs:label "XYZ" ; cs:code "HGNC 1" .',
        ("XYZ", "TermShape", "IRI"),
    ),
    "a gene without a code": (
        'v:gene a cs:Gene ; cs:key "XYZ" ; rdfs:label "XYZ" .', ("XYZ", "CodedShape", "code"),
    ),
    "a regimen without a target": (
        'v:r a cs:Regimen ; cs:key "r" ; rdfs:label "r" ; '
        'cs:drug <http://purl.bioontology.org/ontology/RXNORM/72962> ; '
        'cs:indication [ cs:variable v:line ; cs:equals "1" ] .',
        ("'r'", "RegimenShape", "target"),
    ),
    "a key that stands for two": (
        'v:age2 a cs:Variable ; cs:key "age" ; rdfs:label "age" .', ("'age'", "two terms"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_graph_is_refused(tmp_path: Path, name: str) -> None:
    text, wanted = BREAKS[name]
    prefixes = "".join(
        line for line in FILES[2].read_text().splitlines(keepends=True)
        if line.startswith("@prefix")
    )  # fmt: skip
    path = tmp_path / "broken.ttl"
    path.write_text(prefixes + text)
    with pytest.raises(ConsilienceError) as error:
        KnowledgeGraph([*FILES, path])
    for part in wanted:
        assert part in str(error.value)


def test_a_cycle_at_lag_0_is_refused(tmp_path: Path) -> None:
    edge = '[] a cs:CausalEdge ; cs:cause v:egfr ; cs:effect v:age ; cs:sign "any" ; cs:lag %d ; cs:evidence "PMID 1" .'
    prefixes = "".join(
        line
        for line in FILES[2].read_text().splitlines(keepends=True)
        if line.startswith("@prefix")
    )
    path = tmp_path / "cycle.ttl"
    path.write_text(prefixes + edge % 0)
    with pytest.raises(ConsilienceError, match="cycle at lag 0"):
        KnowledgeGraph([*FILES, path])
    path.write_text(prefixes + edge % 1)
    KnowledgeGraph([*FILES, path])


def test_all_violations_come_at_once(tmp_path: Path) -> None:
    prefixes = "".join(
        line
        for line in FILES[2].read_text().splitlines(keepends=True)
        if line.startswith("@prefix")
    )
    path = tmp_path / "broken.ttl"
    path.write_text(
        prefixes + 'v:a1 a cs:Variable ; cs:key "a1" .\nv:a2 a cs:Variable ; cs:key "a2" .'
    )
    with pytest.raises(ConsilienceError, match="2 violation"):
        KnowledgeGraph([*FILES, path])


def test_no_turtle(tmp_path: Path) -> None:
    path = tmp_path / "no.ttl"
    path.write_text("this is no turtle")
    with pytest.raises(ConsilienceError, match="not valid Turtle"):
        KnowledgeGraph([path])
    with pytest.raises(ConsilienceError, match="cannot read"):
        KnowledgeGraph([tmp_path / "missing.ttl"])
