"""The VCF, re-read by two readers that share nothing with its writer."""

from __future__ import annotations

from pathlib import Path

import cyvcf2
import numpy as np
import pandas as pd
import pysam
import pytest

from alignment.identifiers import patient_id
from modalities.genomics import genotypes, write_genotypes, write_vcf
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph
from ontology.variants import CONTIGS, Variant, catalogue

PLACES = {
    # A typing check against the graph: both were written by one author from memory, so this is no
    # independent evidence. test_genomics_vcf derives the places from neighbouring variants.
    "EGFR_L858R": ("chr7", 55191822, "T", "G"),
    "EGFR_T790M": ("chr7", 55181378, "C", "T"),
    "EGFR_exon19del": ("chr7", 55174771, "AGGAATTAAGAGAAGC", "A"),
    "KRAS_G12C": ("chr12", 25245351, "C", "A"),
    "KRAS_G12D": ("chr12", 25245350, "C", "T"),
    "KRAS_G12V": ("chr12", 25245350, "C", "A"),
    "BRAF_V600E": ("chr7", 140753336, "A", "T"),
    "TP53_R175H": ("chr17", 7675088, "C", "T"),
    "TP53_R248Q": ("chr17", 7674220, "C", "T"),
    "TP53_R273H": ("chr17", 7673802, "C", "T"),
    "PIK3CA_H1047R": ("chr3", 179234297, "A", "G"),
    "PIK3CA_E545K": ("chr3", 179218303, "G", "A"),
    "KRAS_G13D": ("chr12", 25245347, "C", "T"),
    "EGFR_G719S": ("chr7", 55174014, "G", "A"),
}
MINUS = {"KRAS", "BRAF", "TP53", "KEAP1", "ALK", "CDKN2A"}
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def rows(variants: list[tuple[int, Variant, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"patient_id": patient_id(i), "day": 0, "gene": v.gene, "hgnc": v.hgnc, "hgvs_c": v.hgvs_c,
             "hgvs_p": v.hgvs_p, "chrom": v.chrom, "pos": v.pos, "ref": v.ref, "alt": v.alt,
             "vaf": vaf, "origin": "somatic"}
            for i, v, vaf in variants
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def known(knowledge: KnowledgeGraph) -> dict[str, Variant]:
    return catalogue(knowledge.graph)


@pytest.mark.parametrize("key", PLACES)
def test_hotspots_are_at_their_place(known: dict[str, Variant], key: str) -> None:
    variant = known[key]
    assert (variant.chrom, variant.pos, variant.ref, variant.alt) == PLACES[key]


def test_substitutions_match_their_coding_change(known: dict[str, Variant]) -> None:
    for variant in known.values():
        if ">" not in variant.hgvs_c:
            continue
        change = variant.hgvs_c[-3:].replace(">", "")
        bases = variant.ref + variant.alt
        expected = change.translate(COMPLEMENT) if variant.gene in MINUS else change
        assert bases == expected, variant.key


def test_distances_on_the_genome_are_those_on_the_transcript(known: dict[str, Variant]) -> None:
    """Within one exon, c. positions and g. positions differ by the same number."""
    exons = [
        ("TP53_R175H", "TP53_V157F", -1), ("TP53_R175H", "TP53_R158L", -1),
        ("TP53_R248Q", "TP53_R248W", -1), ("KRAS_G12C", "KRAS_G12D", -1),
        ("KEAP1_R320Q", "KEAP1_G333C", -1), ("KRAS_G12D", "KRAS_G13D", -1),
        ("EGFR_G719S", "EGFR_G719A", 1), ("EGFR_L858R", "EGFR_L861Q", 1),
        ("EGFR_T790M", "EGFR_S768I", 1), ("BRAF_V600E", "BRAF_D594G", -1),
        ("BRAF_V600E", "BRAF_K601E", -1), ("BRAF_G469A", "BRAF_G466V", -1),
        ("PIK3CA_E545K", "PIK3CA_E542K", 1), ("CDKN2A_R80X", "CDKN2A_R58X", -1),
    ]  # fmt: skip
    for first, second, strand in exons:
        coding = [int(known[k].hgvs_c.split("c.")[1][:-3]) for k in (first, second)]
        genomic = [known[k].pos for k in (first, second)]
        assert genomic[1] - genomic[0] == strand * (coding[1] - coding[0]), (first, second)


def test_two_readers_see_the_table(known: dict[str, Variant], tmp_path: Path) -> None:
    patients = [patient_id(i) for i in range(5)]
    carried = [(0, known["EGFR_L858R"], 0.214), (0, known["TP53_R175H"], 0.302),
               (2, known["KRAS_G12C"], 0.118), (3, known["EGFR_L858R"], 0.087)]  # fmt: skip
    path, index = write_vcf(rows(carried), patients, tmp_path / "c.vcf.gz", seed=1, model="m")
    assert index.is_file()
    reader = cyvcf2.VCF(str(path))
    assert reader.samples == patients
    found = {
        (r.CHROM, r.POS, r.REF, r.ALT[0], reader.samples[i], round(float(r.format("AF")[i][0]), 3))
        for r in reader for i in np.flatnonzero(r.gt_types == 1)
    }  # fmt: skip
    assert found == {(v.chrom, v.pos, v.ref, v.alt, patient_id(i), vaf) for i, v, vaf in carried}
    with pysam.VariantFile(str(path)) as other:
        assert str(other.header).startswith("##fileformat=VCFv4.3")
        assert {c: other.header.contigs[c].length for c in other.header.contigs} == CONTIGS
        (egfr,) = other.fetch("chr7", 55191821, 55191822)
        carriers = [s for s in patients if egfr.samples[s]["GT"] == (0, 1)]
        assert carriers == [patient_id(0), patient_id(3)]
        for sample in carriers:
            reads = egfr.samples[sample]
            assert sum(reads["AD"]) == reads["DP"]
            assert reads["AD"][1] / reads["DP"] == pytest.approx(
                reads["AF"][0], abs=0.5 / reads["DP"]
            )
        assert not list(other.fetch("chr12", 1, 1000))


def test_a_fusion_is_a_pair_of_breakends(known: dict[str, Variant], tmp_path: Path) -> None:
    fusion = known["EML4_ALK_v1"]
    path, _ = write_vcf(rows([(1, fusion, 0.2)]), [patient_id(0), patient_id(1)],
                        tmp_path / "f.vcf.gz", seed=1, model="m")  # fmt: skip
    with pysam.VariantFile(str(path)) as reader:
        first, second = list(reader)
    assert (first.info["SVTYPE"], second.info["SVTYPE"]) == ("BND", "BND")
    assert (first.info["MATEID"], second.info["MATEID"]) == ((second.id,), (first.id,))
    assert first.alts == (f"N]chr2:{second.pos}]",)
    assert second.alts == (f"N]chr2:{first.pos}]",)


def test_the_same_table_gives_the_same_bytes(known: dict[str, Variant], tmp_path: Path) -> None:
    frame = rows([(0, known["KRAS_G12D"], 0.25), (7, known["STK11_Q37X"], 0.31)])
    patients = [patient_id(i) for i in range(8)]
    first = write_vcf(frame, patients, tmp_path / "a" / "c.vcf.gz", seed=1, model="m")
    second = write_vcf(frame, patients, tmp_path / "b" / "c.vcf.gz", seed=1, model="m")
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_a_later_specimen_is_a_sample_of_its_own(known: dict[str, Variant], tmp_path: Path) -> None:
    """``P0000001-D126`` stands right after its patient; who has one specimen keeps one column."""
    patients = [patient_id(i) for i in range(4)]
    baseline = rows([(0, known["KRAS_G12C"], 0.2), (1, known["EGFR_exon19del"], 0.3),
                     (3, known["EGFR_exon19del"], 0.25)])  # fmt: skip
    later = rows([(1, known["EGFR_exon19del"], 0.28), (1, known["EGFR_T790M"], 0.11),
                  (3, known["EGFR_T790M"], 0.09)]).assign(day=[126, 126, 378])  # fmt: skip
    last = rows([(1, known["EGFR_T790M"], 0.14)]).assign(day=1001)
    frame = pd.concat([last, later, baseline], ignore_index=True)
    path, _ = write_vcf(frame, patients, tmp_path / "c.vcf.gz", seed=1, model="m")
    reader = cyvcf2.VCF(str(path))
    assert reader.samples == ["P0000000", "P0000001", "P0000001-D126", "P0000001-D1001",
                              "P0000002", "P0000003", "P0000003-D378"]  # fmt: skip
    found = {
        (reader.samples[i], r.INFO["HGVSP"], round(float(r.format("AF")[i][0]), 3))
        for r in reader for i in np.flatnonzero(r.gt_types == 1)
    }  # fmt: skip
    assert found == {
        (row.patient_id + (f"-D{row.day}" if row.day else ""), row.hgvs_p, row.vaf)
        for row in frame.itertuples()
    }
    alone, _ = write_vcf(baseline, patients, tmp_path / "b.vcf.gz", seed=1, model="m")
    with pysam.VariantFile(str(path)) as both, pysam.VariantFile(str(alone)) as one:
        for record in one:
            (same,) = both.fetch(record.chrom, record.pos - 1, record.pos)
            for patient in patients:
                cells = [dict(r.samples[patient]) for r in (record, same)]
                assert cells[0] == cells[1]


def text(path: Path) -> list[str]:
    with pysam.BGZFile(str(path), "r") as file:
        return file.read().decode().splitlines()


def test_shards_side_by_side_are_the_whole(known: dict[str, Variant], tmp_path: Path) -> None:
    """Columns made in shards give the text that one shard of all gives, fusions and later
    specimens included, and can be found through the index."""
    patients = [patient_id(i) for i in range(40)]
    keys = sorted(known)
    carried = [(i, known[keys[(7 * i) % len(keys)]], 0.2) for i in range(40) if i % 3]
    frame = rows([*carried, (5, known["CD74_ROS1"], 0.3), (25, known["EGFR_T790M"], 0.1)])
    frame.loc[len(frame) - 1, "day"] = 126
    whole, _ = write_vcf(frame, patients, tmp_path / "whole.vcf.gz", seed=3, model="m")
    shards = []
    for start, stop in ((0, 15), (15, 16), (16, 40)):
        mine = frame[frame["patient_id"].isin(patients[start:stop])]
        shards.append(genotypes(mine, patients[start:stop], seed=3))
    assert not shards[1].cells  # patient 15 carries nothing
    parts, index = write_genotypes(shards, tmp_path / "parts.vcf.gz", model="m")
    assert text(parts) == text(whole)
    assert index.is_file()
    with pysam.VariantFile(str(parts)) as reader:
        (record,) = reader.fetch("chr7", 55181377, 55181378)
        assert record.samples["P0000025-D126"]["GT"] == (0, 1)


def test_shards_that_do_not_fit_are_refused(known: dict[str, Variant], tmp_path: Path) -> None:
    one = genotypes(rows([(0, known["KRAS_G12D"], 0.2)]), [patient_id(0)], seed=1)
    moved = rows([(1, known["KRAS_G12D"], 0.2)]).assign(pos=25245399)
    other = genotypes(moved, [patient_id(1)], seed=1)
    path = tmp_path / "c.vcf.gz"
    with pytest.raises(ConsilienceError, match="not unique"):
        write_genotypes([one, one], path, model="m")
    with pytest.raises(ConsilienceError, match="one name at two places"):
        write_genotypes([one, other], path, model="m")
    assert not path.exists()


def test_a_specimen_before_the_first_is_refused(known: dict[str, Variant], tmp_path: Path) -> None:
    frame = rows([(0, known["KRAS_G12D"], 0.25)]).assign(day=-3)
    with pytest.raises(ConsilienceError, match="before day 0"):
        write_vcf(frame, [patient_id(0)], tmp_path / "c.vcf.gz", seed=1, model="m")


def test_nobody_carries_anything(tmp_path: Path, known: dict[str, Variant]) -> None:
    empty = rows([(0, known["KRAS_G12D"], 0.25)]).iloc[:0]
    path, index = write_vcf(empty, [patient_id(0)], tmp_path / "c.vcf.gz", seed=1, model="m")
    assert index.is_file()
    assert list(cyvcf2.VCF(str(path))) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [({"chrom": "chr99"}, "not of GRCh38"), ({"pos": 10**9}, "outside"), ({"ref": "X"}, "ACGTN"),
     ({"alt": "N]chr2:5]"}, "breakend"), ({"ref": "AC", "alt": "AG"}, "normalised")],
)  # fmt: skip
def test_an_impossible_variant_is_refused(
    known: dict[str, Variant], change: dict[str, object], message: str
) -> None:
    base = known["EGFR_L858R"]
    fields = {name: getattr(base, name) for name in Variant.__dataclass_fields__}
    with pytest.raises(ConsilienceError, match=message):
        Variant(**{**fields, **change})
