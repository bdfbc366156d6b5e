"""The catalogue of hotspot variants, as the graph has it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from rdflib import Graph, Namespace
from rdflib.namespace import RDF
from rdflib.term import Node

from ontology.errors import ConsilienceError, nearest
from ontology.evidence import STATUSES

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

BREAKEND = re.compile(
    r"(?P<before>[ACGTN]+)?(?P<bracket>[\[\]])(?P<chrom>chr\w+):(?P<pos>\d+)(?P=bracket)"
    r"(?(before)|(?P<after>[ACGTN]+))"
)
"""ALT of a breakend (VCF 4.3, section 5.4): t[p[, t]p], ]p]t or [p[t."""


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
        if self.mate is not None:
            problems += self._breakend_problems(self.mate)
        elif not re.fullmatch("[ACGT]+", self.alt):
            problems.append(f"ALT '{self.alt}' is neither bases nor, with a mate, a breakend")
        elif self.ref == self.alt:
            problems.append("REF and ALT are the same")
        if len(self.ref) > 1 and len(self.alt) > 1 and self.ref[0] == self.alt[0]:
            problems.append("REF and ALT share their first base: not normalised")
        if not re.fullmatch(r"HGNC:\d+", self.hgnc):
            problems.append(f"'{self.hgnc}' is not an HGNC id")
        if self.status not in STATUSES:
            problems.append(f"status '{self.status}' is not {nearest(self.status, STATUSES)}")
        if problems:
            raise ConsilienceError("; ".join(problems), where=f"variant '{self.key}'")

    def _breakend_problems(self, mate: str) -> list[str]:
        found = BREAKEND.fullmatch(self.alt)
        if found is None:
            return [f"ALT '{self.alt}' is neither bases nor, with a mate, a breakend"]
        chrom, pos = found["chrom"], int(found["pos"])
        if mate != f"{chrom}:{pos}":
            return [f"mate '{mate}' is not the place {chrom}:{pos} that ALT names"]
        if not 0 < pos <= CONTIGS.get(chrom, 0):
            return [f"mate '{mate}' is outside GRCh38"]
        return []


def catalogue(graph: Graph) -> dict[str, Variant]:
    """Variants by key, sorted by key.

    Raises :class:`ConsilienceError` naming every key, HGVS name (within a gene) or place that two
    variants share: such a pair would be one record of a VCF, and which of the two it shows would
    hang on the order of the triples.
    """
    found = [_variant(graph, node) for node in graph.subjects(RDF.type, CS.Variant)]
    shared: list[str] = []
    for what, name in (
        ("key", lambda v: v.key),
        ("HGVS name", lambda v: f"{v.gene} {v.hgvs_c}"),
        ("place", lambda v: f"{v.chrom}:{v.pos} {v.ref}>{v.alt}"),
    ):
        counts = Counter(map(name, found))
        shared += [f"{what} {value}" for value, count in sorted(counts.items()) if count > 1]
    if shared:
        raise ConsilienceError(
            "two variants share what must tell them apart", got="; ".join(shared)
        )
    return {variant.key: variant for variant in sorted(found, key=lambda v: v.key)}


def _variant(graph: Graph, node: Node) -> Variant:
    def text(name: str) -> str:
        values = list(graph.objects(node, CS[name]))
        if len(values) != 1:
            raise ConsilienceError(f"a variant needs one cs:{name}", where=node, got=len(values))
        return str(values[0])

    gene = graph.value(node, CS.gene)
    symbol = graph.value(gene, CS.key) if gene is not None else None
    if gene is None or symbol is None:
        raise ConsilienceError("a variant needs cs:gene, a gene of the graph", where=node)
    text("evidence")  # an unsourced place cannot be audited
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
