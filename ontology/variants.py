"""The catalogue of hotspot variants, as the graph has it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rdflib import Graph, Namespace
from rdflib.namespace import RDF
from rdflib.term import Node

from ontology.errors import ConsilienceError

CS = Namespace("https://consilience.dev/ns#")

CONTIGS = {
    "chr1": 248956422, "chr2": 242193529, "chr3": 198295559, "chr4": 190214555,
    "chr5": 181538259, "chr6": 170805979, "chr7": 159345973, "chr8": 145138636,
    "chr9": 138394717, "chr10": 133797422, "chr11": 135086622, "chr12": 133275309,
    "chr13": 114364328, "chr14": 107043718, "chr15": 101991189, "chr16": 90338345,
    "chr17": 83257441, "chr18": 80373285, "chr19": 58617616, "chr20": 64444167,
    "chr21": 46709983, "chr22": 50818468, "chrX": 156040895, "chrY": 57227415,
}  # fmt: skip
"""Lengths of the GRCh38 chromosomes in bases."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant as it stands in a VCF on GRCh38: 1-based, left-aligned, anchored.

    ``mate``: ``chr2:42297000`` where the variant is one breakend of a fusion.
    """

    key: str
    gene: str
    hgnc: str
    hgvs_c: str
    hgvs_p: str
    chrom: str
    pos: int
    ref: str
    alt: str
    status: str
    mate: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.chrom not in CONTIGS:
            problems.append(f"chromosome '{self.chrom}' is not of GRCh38")
        elif not 0 < self.pos <= CONTIGS[self.chrom]:
            problems.append(f"position {self.pos} is outside {self.chrom}")
        if not re.fullmatch("[ACGTN]+", self.ref):
            problems.append(f"REF '{self.ref}' is not of ACGTN")
        breakend = r"[ACGTN]+[\[\]]chr\w+:\d+[\[\]]|[\[\]]chr\w+:\d+[\[\]][ACGTN]+"
        if not re.fullmatch(breakend if self.mate else "[ACGT]+", self.alt):
            problems.append(f"ALT '{self.alt}' is neither bases nor, with a mate, a breakend")
        if len(self.ref) > 1 and len(self.alt) > 1 and self.ref[0] == self.alt[0]:
            problems.append("REF and ALT share their first base: not normalised")
        if problems:
            raise ConsilienceError("; ".join(problems), where=f"variant '{self.key}'")


def catalogue(graph: Graph) -> dict[str, Variant]:
    """Variants by key, sorted by key."""
    made = {}
    for node in graph.subjects(RDF.type, CS.Variant):
        variant = _variant(graph, node)
        made[variant.key] = variant
    named: dict[tuple[str, str], str] = {}
    for variant in made.values():
        other = named.setdefault((variant.gene, variant.hgvs_c), variant.key)
        if other != variant.key:
            raise ConsilienceError(
                "two variants have one HGVS name", got=f"{other} and {variant.key}"
            )
    return dict(sorted(made.items()))


def _variant(graph: Graph, node: Node) -> Variant:
    def text(name: str) -> str:
        value = graph.value(node, CS[name])
        if value is None:
            raise ConsilienceError(f"a variant needs cs:{name}", where=node)
        return str(value)

    gene = graph.value(node, CS.gene)
    symbol = graph.value(gene, CS.key) if gene is not None else None
    if gene is None or symbol is None:
        raise ConsilienceError("a variant needs cs:gene, a gene of the graph", where=node)
    mate = graph.value(node, CS.mate)
    return Variant(
        key=text("key"),
        gene=str(symbol),
        hgnc="HGNC:" + str(gene).rpartition("/")[2],
        hgvs_c=text("hgvsC"),
        hgvs_p=text("hgvsP"),
        chrom=text("chrom"),
        pos=int(text("pos")),
        ref=text("ref"),
        alt=text("alt"),
        status=text("status"),
        mate=None if mate is None else str(mate),
    )
