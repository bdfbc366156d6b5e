"""The catalogue against places entered a second time, and the VCF on random carriers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import cyvcf2
import numpy as np
import pandas as pd
import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdflib import Graph, Literal, URIRef

from alignment.identifiers import patient_id
from modalities.genomics import write_vcf
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph
from ontology.variants import CONTIGS, CS, Variant, catalogue

# Exon anchors on GRCh38, one published variant a coding exon, entered apart from the graph:
# (gene, strand, coding position, chr position), and what else the source says of it.
ANCHORS = [
    ("EGFR", 1, 2236, 55174773, "c.2236_2250del, anchored at 55174772, exon 19"),
    ("EGFR", 1, 2155, 55174014, "c.2155G>A, G719S, rs28929495, exon 18"),
    ("EGFR", 1, 2317, 55181326, "c.2317_2318insCCCACCCCA, a variant report, exon 20"),
    ("EGFR", 1, 2369, 55181378, "rs121434569, exon 20"),
    ("EGFR", 1, 2573, 55191822, "rs121434568, exon 21"),
    ("KRAS", -1, 38, 25245347, "c.38G>A, G13D, rs112445441, exon 2"),
    ("KRAS", -1, 181, 25227343, "c.181C>A, Q61K, rs121913238, exon 3"),
    ("BRAF", -1, 1383, 140781625, "c.1383A>G, a variant report, exon 11"),
    ("BRAF", -1, 1799, 140753336, "rs113488022, exon 15"),
    ("MET", 1, 3028, 116771989, "last base of exon 14, RefSeq NM_000245.4"),
    ("ERBB2", 1, 2324, 39724742, "Ensembl VEP, exon 20"),
    ("TP53", -1, 524, 7675088, "rs28934578, exon 5"),
    ("TP53", -1, 743, 7674220, "rs11540652, exon 7"),
    ("TP53", -1, 844, 7673776, "c.844C>T, R282W, exon 8"),
    ("STK11", 1, 112, 1207025, "c.112C>G, exon 1"),
    ("STK11", 1, 580, 1220488, "c.580G>C, exon 4"),
    ("KEAP1", -1, 1225, 10491677, "c.1225del, Ensembl VEP, exon 3"),
    ("PIK3CA", 1, 1633, 179218303, "3:g.179218303G>A, E545K"),
    ("PIK3CA", 1, 3139, 179234296, "c.3139C>T, H1047Y, a variant report"),
    ("RB1", 1, 940, 48367494, "c.940-1G>A at 48367493, a variant report, exon 10"),
    ("CDKN2A", -1, 199, 21971160, "c.199G>A, a variant report, exon 2"),
    ("CDKN2A", -1, 259, 21971100, "c.259C>G, a variant report, exon 2"),
    ("SMARCA4", 1, 1333, 10991237, "c.1333C>T, a variant report, exon 8"),
]
REACH = 300
"""No exon of these anchors is longer: a variant further away lies in another exon."""

# Reference codons that a substitution of the catalogue falls into (coding strand).
CODONS = {
    "EGFR_L858R": ("CTG", 858), "EGFR_T790M": ("ACG", 790), "KRAS_G12C": ("GGT", 12),
    "KRAS_G12D": ("GGT", 12), "KRAS_G12V": ("GGT", 12), "BRAF_V600E": ("GTG", 600),
    "TP53_R175H": ("CGC", 175), "TP53_R248Q": ("CGG", 248), "TP53_R248W": ("CGG", 248),
    "TP53_R273H": ("CGT", 273), "TP53_R273L": ("CGT", 273), "TP53_V157F": ("GTC", 157),
    "TP53_R158L": ("CGC", 158), "STK11_Q37X": ("CAG", 37), "STK11_D194Y": ("GAC", 194),
    "KEAP1_R320Q": ("CGG", 320), "KEAP1_G333C": ("GGC", 333), "MET_exon14": ("GAT", 1010),
    "EGFR_G719S": ("GGC", 719), "EGFR_G719A": ("GGC", 719), "EGFR_S768I": ("AGC", 768),
    "EGFR_L861Q": ("CTG", 861), "KRAS_G12A": ("GGT", 12), "KRAS_G13D": ("GGC", 13),
    "KRAS_Q61H": ("CAA", 61), "BRAF_G466V": ("GGA", 466), "BRAF_G469A": ("GGA", 469),
    "BRAF_D594G": ("GAT", 594), "BRAF_K601E": ("AAA", 601), "PIK3CA_E542K": ("GAA", 542),
    "PIK3CA_E545K": ("GAG", 545), "PIK3CA_H1047R": ("CAT", 1047), "CDKN2A_R58X": ("CGA", 58),
    "CDKN2A_R80X": ("CGA", 80), "RB1_R320X": ("CGA", 320), "SMARCA4_Q445X": ("CAG", 445),
}  # fmt: skip
BASES = "TCAG"
RESIDUES = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
THREE = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu",
    "G": "Gly", "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe",
    "P": "Pro", "S": "Ser", "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val", "*": "Ter",
}  # fmt: skip

# RefSeq NM_005228.5 and NM_004448.4 around the indels, and where on the transcript they start.
EGFR_2230 = "ATCAAGGAATTAAGAGAAGCAACATCTCCG"
EGFR_2296 = "ATGGCCAGCGTGGACAACCCCCACGTGTGC"
ERBB2_2305 = "ATGGAAGCATACGTGATGGCTGGTGTGGGC"
ALK_INTRON_19 = range(29223529, 29225461)
# The last base of EML4 exons 13 and 6, and of the gene (Ensembl). Where the exons after them
# start is not stated here: these places are representative, and the graph says so.
EML4_EXON_ENDS = {"EML4_ALK_v1": 42295516, "EML4_ALK_v3": 42264731}
EML4_END = 42332548


@pytest.fixture(scope="module")
def known(knowledge: KnowledgeGraph) -> dict[str, Variant]:
    return catalogue(knowledge.graph)


def table(carried: list[tuple[int, Variant, float]]) -> pd.DataFrame:
    columns = ["patient_id", "gene", "hgnc", "hgvs_c", "hgvs_p", "chrom", "pos", "ref", "alt"]
    rows = [
        (patient_id(i), v.gene, v.hgnc, v.hgvs_c, v.hgvs_p, v.chrom, v.pos, v.ref, v.alt, vaf)
        for i, v, vaf in carried
    ]
    return pd.DataFrame(rows, columns=[*columns, "vaf"]).assign(origin="somatic", day=0)


def translated(codon: str) -> str:
    index = sum(BASES.index(base) * 4 ** (2 - i) for i, base in enumerate(codon))
    return RESIDUES[index]


def coding(variant: Variant) -> int:
    match = re.search(r"c\.(\d+)", variant.hgvs_c)
    assert match is not None
    return int(match[1])


def test_every_place_follows_from_an_anchor_in_the_same_exon(known: dict[str, Variant]) -> None:
    for variant in known.values():
        if variant.mate:
            continue
        anchors = [a for a in ANCHORS if a[0] == variant.gene]
        _gene, strand, c, pos, _source = min(anchors, key=lambda a: abs(a[2] - coding(variant)))
        assert abs(c - coding(variant)) < REACH
        first = pos + strand * (coding(variant) - c)
        # Indels stand one base before: anchored, and duplications are shifted left by two or three.
        shift = {"EGFR_exon19del": -1, "ERBB2_exon20ins": -3, "EGFR_exon20ins": -4}.get(
            variant.key, 0
        )
        assert variant.pos == first + shift, variant.key


def test_the_genetic_code_gives_the_protein_change(known: dict[str, Variant]) -> None:
    substitutions = {key for key, v in known.items() if ">" in v.hgvs_c}
    assert substitutions == set(CODONS)
    for key, (codon, residue) in CODONS.items():
        variant = known[key]
        old, new = variant.hgvs_c[-3], variant.hgvs_c[-1]
        offset = (coding(variant) - 1) % 3
        assert (coding(variant) - 1) // 3 + 1 == residue
        assert codon[offset] == old, key
        mutant = codon[:offset] + new + codon[offset + 1 :]
        change = f"p.{THREE[translated(codon)]}{residue}{THREE[translated(mutant)]}"
        assert variant.hgvs_p == change


def test_the_deletion_of_exon_19_is_left_aligned_and_in_frame(known: dict[str, Variant]) -> None:
    variant = known["EGFR_exon19del"]
    start = 2235 - 2230
    deleted = EGFR_2230[start : start + 15]
    assert variant.ref == EGFR_2230[start - 1] + deleted
    assert variant.alt == EGFR_2230[start - 1]
    assert deleted[-1] != variant.alt  # or it could move left
    assert [translated("AA" + EGFR_2230[2250 - 2230])] == ["K"]  # K745 is kept


def test_the_insertion_of_exon_20_is_left_aligned(known: dict[str, Variant]) -> None:
    variant = known["ERBB2_exon20ins"]
    at = 2310 - 2305
    after = ERBB2_2305[: at + 1] + variant.alt[1:] + ERBB2_2305[at + 1 :]
    named = 2324 - 2305 + 1
    duplicated = ERBB2_2305[2313 - 2305 : named]
    assert after == ERBB2_2305[:named] + duplicated + ERBB2_2305[named:]
    assert variant.ref == variant.alt[0] == ERBB2_2305[at]
    assert variant.alt[-1] != variant.ref  # or it could move left
    residues = "".join(translated(after[i : i + 3]) for i in range(0, 36, 3))
    assert residues.startswith("MEAYVMAYVMAG")


def test_the_insertion_of_egfr_exon_20_is_left_aligned(known: dict[str, Variant]) -> None:
    variant = known["EGFR_exon20ins"]
    after = variant.alt + EGFR_2296[1:]
    duplicated = EGFR_2296[2300 - 2296 : 2309 - 2296]
    assert after == EGFR_2296[: 2309 - 2296] + duplicated + EGFR_2296[2309 - 2296 :]
    assert variant.ref == variant.alt[0] == EGFR_2296[0]
    assert variant.alt[-1] != variant.ref  # or it could move left
    residues = "".join(translated(after[i : i + 3]) for i in range(0, 36, 3))
    assert residues.startswith("MASVASVDNPHV")
    assert EGFR_2296[2317 - 2296] == "C"  # the reference base of the anchor c.2317


@pytest.mark.parametrize("key", EML4_EXON_ENDS)
def test_breakpoints_lie_in_their_introns(known: dict[str, Variant], key: str) -> None:
    """EML4 reads forwards, ALK backwards: both keep what is left of the break, hence t]p]."""
    variant = known[key]
    assert variant.gene == "ALK" and variant.pos in ALK_INTRON_19
    chrom, _, mate = str(variant.mate).partition(":")
    assert chrom == variant.chrom == "chr2"
    following = [end for end in EML4_EXON_ENDS.values() if end > EML4_EXON_ENDS[key]]
    assert EML4_EXON_ENDS[key] < int(mate) < min(following, default=EML4_END)
    assert variant.alt == f"N]chr2:{mate}]"


# Junctions of exons in a fusion reference material (GRCh38): last base of the 5' partner, first of
# the kinase gene, and their strands. Entered apart from the graph.
JUNCTIONS = {
    "CD74_ROS1": ("chr5", 150404680, -1, "chr6", 117324415, -1),
    "SLC34A2_ROS1": ("chr4", 25664330, 1, "chr6", 117324415, -1),
    "KIF5B_RET": ("chr10", 32017143, -1, "chr10", 43114480, 1),
    "CCDC6_RET": ("chr10", 59906122, -1, "chr10", 43116584, 1),
    "TPM3_NTRK1": ("chr1", 154170400, -1, "chr1", 156874571, 1),
    "LMNA_NTRK1": ("chr1", 156130773, 1, "chr1", 156874906, 1),
}


@pytest.mark.parametrize("key", JUNCTIONS)
def test_a_fusion_keeps_the_start_of_its_partner_and_the_kinase(
    known: dict[str, Variant], key: str
) -> None:
    """Breaks lie within 1,000 bases of the junction, in the introns; brackets say what is kept."""
    variant = known[key]
    five_chrom, five, five_strand, three_chrom, three, three_strand = JUNCTIONS[key]
    chrom, _, mate = str(variant.mate).partition(":")
    assert (variant.chrom, chrom) == (three_chrom, five_chrom)
    assert 0 < five_strand * (int(mate) - five) <= 1000
    assert 0 < three_strand * (three - variant.pos) <= 1000
    # The partner's start lies left of its break on the plus strand, right of it on the minus
    # strand; the kinase is what comes after its break in its own direction.
    bracket = "]" if five_strand > 0 else "["
    place = f"{bracket}{variant.mate}{bracket}"
    assert variant.alt == (f"{place}N" if three_strand > 0 else f"N{place}")


@pytest.mark.parametrize(
    ("alt", "mate_alt"),
    [("N]chr2:900]", "N]chr2:500]"), ("[chr2:900[N", "[chr2:500[N"),
     ("N[chr2:900[", "]chr2:500]N"), ("]chr2:900]N", "N[chr2:500[")],
)  # fmt: skip
def test_mates_follow_the_four_joins_of_the_standard(
    tmp_path: Path, alt: str, mate_alt: str
) -> None:
    """VCF 4.3, section 5.4: each of the four joins seen from its other end."""
    end = Variant("x", "ALK", "HGNC:427", "x", "p.?", "chr2", 500, "N", alt, "assumption",
                  "chr2:900")  # fmt: skip
    path, _ = write_vcf(table([(0, end, 0.3)]), [patient_id(0)], tmp_path / "c.vcf.gz",
                        seed=1, model="m")  # fmt: skip
    with pysam.VariantFile(str(path)) as reader:
        assert [(r.pos, r.alts) for r in reader] == [(500, (alt,)), (900, (mate_alt,))]


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_random_carriers_come_back_from_both_readers(
    known: dict[str, Variant], data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, 12))
    pairs = st.tuples(st.integers(0, n - 1), st.sampled_from(sorted(known)))
    thousandths = st.integers(20, 950)
    drawn = data.draw(st.dictionaries(pairs, thousandths, max_size=30))
    carried = [(i, known[key], t / 1000) for (i, key), t in drawn.items()]
    patients = [patient_id(i) for i in range(n)]
    expected = {(patients[i], v.chrom, v.pos, v.ref, v.alt): vaf for i, v, vaf in carried}
    with TemporaryDirectory() as folder:
        path, _ = write_vcf(table(carried), patients, Path(folder) / "c.vcf.gz", seed=3, model="m")
        assert by_cyvcf2(path) == expected
        assert by_pysam(path) == expected


def by_cyvcf2(path: Path) -> dict[tuple[str, str, int, str, str], float]:
    reader = cyvcf2.VCF(str(path))
    found = {}
    for record in reader:
        if "_mate_" in (record.ID or ""):
            continue
        assert set(np.unique(record.gt_types)) <= {0, 1}
        for i in np.flatnonzero(record.gt_types == 1):
            place = (record.CHROM, record.POS, record.REF, record.ALT[0])
            found[reader.samples[i], *place] = round(float(record.format("AF")[i][0]), 3)
    return found


def by_pysam(path: Path) -> dict[tuple[str, str, int, str, str], float]:
    """By region, through the index: one query a chromosome."""
    found = {}
    with pysam.VariantFile(str(path)) as reader:
        last = (0, 0)
        for rank, chrom in enumerate(CONTIGS):
            for record in reader.fetch(chrom):
                assert last <= (rank, record.pos)
                last = (rank, record.pos)
                if "_mate_" in (record.id or ""):
                    continue
                for sample, call in record.samples.items():
                    if call["GT"] != (0, 1):
                        assert call["GT"] == (0, 0) and call["DP"] is None
                        continue
                    assert record.alts is not None
                    assert sum(call["AD"]) == call["DP"] >= 60
                    assert abs(call["AD"][1] - call["AF"][0] * call["DP"]) <= 0.5001
                    place = (record.chrom, record.pos, record.ref, record.alts[0])
                    found[sample, *place] = round(call["AF"][0], 3)
    return found


def test_regions_and_header(known: dict[str, Variant], tmp_path: Path) -> None:
    carried = [(i % 4, v, 0.25) for i, v in enumerate(known.values())]
    patients = [patient_id(i) for i in range(4)]
    path, _ = write_vcf(table(carried), patients, tmp_path / "c.vcf.gz", seed=1, model="abc")
    with pysam.TabixFile(str(path)) as index:
        header = list(index.header)
        assert header[0] == "##fileformat=VCFv4.3"
        assert re.fullmatch(r"##source=Consilience \S+ \(synthetic data\)", header[1])
        assert not any("date" in line.lower() for line in header)
        assert header[-1].split("\t")[9:] == patients
        hits = [line.split("\t")[:5] for line in index.fetch("chr12", 25245349, 25245350)]
        assert hits == [["chr12", "25245350", ".", "C", alt] for alt in ("A", "G", "T")]
        assert len(list(index.fetch("chr17", 7673000, 7676000))) == 7
        assert len(list(index.fetch("chr2"))) == 4
        for line in index.fetch():
            columns = line.split("\t")
            assert len(columns) == 9 + len(patients)
            info = dict(field.split("=") for field in columns[7].split(";"))
            assert unquote(info["HGVSC"]) in {v.hgvs_c for v in known.values()}


def test_a_patient_is_the_same_in_any_cohort(known: dict[str, Variant], tmp_path: Path) -> None:
    """Depth and reads do not change because other patients came, carry or stand elsewhere."""
    mine = (0, 3, 40)
    carried = [(i, known[key], 0.31) for key in ("KRAS_G12C", "TP53_V157F") for i in mine]
    others = [(i, known["KRAS_G12C"], 0.11) for i in (2, 17, 60)]
    cells = []
    for frame, numbers in (
        (table(carried), range(41)),
        (table(others + carried[::-1]), range(77)),
        (table(carried), (40, 3, 0)),
    ):
        patients = [patient_id(i) for i in numbers]
        path, _ = write_vcf(frame, patients, tmp_path / "c.vcf.gz", seed=5, model="m")
        with pysam.TabixFile(str(path)) as index:
            lines = [line.split("\t") for line in index.fetch()]
        cells.append([[line[9 + patients.index(patient_id(i))] for i in mine] for line in lines])
    assert cells[0] == cells[1] == cells[2]
    assert len({cell for line in cells[0] for cell in line}) > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda f: f.assign(patient_id="P0000009"), r"no sample \(P0000009"),
     (lambda f: pd.concat([f, f]), "a carrier twice"),
     (lambda f: f.assign(vaf=[0.2, 1.2]), r"outside \(0, 1\] \(1.2\)"),
     (lambda f: f.assign(vaf=[0.2, float("nan")]), r"outside \(0, 1\]"),
     (lambda f: f.assign(chrom="chr99"), "not of GRCh38"),
     (lambda f: f.assign(pos=[1, 2]), "one name at two places")],
)  # fmt: skip
def test_rows_that_no_vcf_could_hold_are_refused(
    known: dict[str, Variant],
    tmp_path: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
) -> None:
    frame = table([(0, known["KRAS_G12C"], 0.2), (1, known["KRAS_G12C"], 0.3)])
    path = tmp_path / "new" / "c.vcf.gz"
    with pytest.raises(ConsilienceError, match=message):
        write_vcf(change(frame), [patient_id(0), patient_id(1)], path, seed=1, model="m")
    assert not path.parent.exists()


@pytest.mark.parametrize("samples", [[], ["P0000000", "P0000000"]])
def test_samples_are_some_and_unique(
    known: dict[str, Variant], tmp_path: Path, samples: list[str]
) -> None:
    with pytest.raises(ConsilienceError, match="none or not unique"):
        write_vcf(table([]), samples, tmp_path / "c.vcf.gz", seed=1, model="m")


BASE = "https://consilience.dev/variant/"


def copied(graph: Graph, source: str, name: str) -> Graph:
    """The variants of a graph, and one of them again under another IRI."""
    small = Graph()
    for node in graph.subjects(CS.hgvsC):
        small += graph.triples((node, None, None))
        for gene in graph.objects(node, CS.gene):
            small += graph.triples((gene, CS.key, None))
    for _, predicate, value in graph.triples((URIRef(BASE + source), None, None)):
        small.add((URIRef(BASE + name), predicate, value))
    return small


def test_two_variants_never_share_key_name_or_place(knowledge: KnowledgeGraph) -> None:
    graph = copied(knowledge.graph, "KRAS_G12C", "again")
    with pytest.raises(ConsilienceError) as error:
        catalogue(graph)
    for part in ("key KRAS_G12C", "HGVS name KRAS NM_004985.5:c.34G>T",
                 "place chr12:25245351 C>A"):  # fmt: skip
        assert part in str(error.value)


def test_a_variant_has_one_of_each(knowledge: KnowledgeGraph) -> None:
    graph = copied(knowledge.graph, "KRAS_G12C", "KRAS_G12C")
    node = URIRef(BASE + "KRAS_G12C")
    graph.add((node, CS.pos, Literal(25245352)))
    with pytest.raises(ConsilienceError, match="one cs:pos"):
        catalogue(graph)
    graph.remove((node, CS.pos, Literal(25245352)))
    graph.remove((node, CS.evidence, None))
    with pytest.raises(ConsilienceError, match="one cs:evidence"):
        catalogue(graph)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"status": "certain"}, "status 'certain'"), ({"hgnc": "3236"}, "HGNC id"),
     ({"mate": "chr2:42297001"}, "that ALT names"), ({"alt": "NN"}, "breakend"),
     ({"alt": "N]chr99:5]", "mate": "chr99:5"}, "outside GRCh38"),
     ({"alt": "N]chr2:42297000[", "mate": "chr2:42297000"}, "breakend"),
     ({"mate": None, "alt": "N"}, "neither bases"),
     ({"mate": None, "ref": "A", "alt": "A"}, "the same")],
)  # fmt: skip
def test_a_breakend_names_its_mate(
    known: dict[str, Variant], change: dict[str, object], message: str
) -> None:
    base = known["EML4_ALK_v1"]
    fields = {name: getattr(base, name) for name in Variant.__dataclass_fields__}
    with pytest.raises(ConsilienceError, match=message):
        Variant(**{**fields, **change})
