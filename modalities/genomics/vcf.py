"""A multi-sample VCF 4.3 on GRCh38, bgzipped and indexed.

One record a distinct variant, two for a fusion (its breakends). The table's variant allele
fraction is the authority: FORMAT/AF is that number, and AD is the nearest count of reads to it at
a keyed depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
from numpy.typing import NDArray

from alignment.identifiers import patient_index
from alignment.noise import Noise
from ontology.variants import CONTIGS

DEPTH_MEAN = 500
"""Typical depth of a targeted panel, reads."""
ABSENT = "0/0:.:.:."
ORDER = {chrom: i for i, chrom in enumerate(CONTIGS)}


@dataclass(frozen=True, slots=True)
class Record:
    """The fixed columns of one line."""

    chrom: str
    pos: int
    identifier: str
    ref: str
    alt: str
    info: str
    source: tuple[str, str]  # gene and HGVS name: the variant whose carriers it lists


def write_vcf(
    variants: pd.DataFrame, patients: Sequence[str], path: Path, *, seed: int, model: str
) -> tuple[Path, Path]:
    """Write ``path`` (.vcf.gz) and its .tbi; returns both.

    ``variants`` has the columns of ``schemas.VARIANTS``; ``patients`` are the samples, carriers
    or not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    column = {patient: i for i, patient in enumerate(patients)}
    groups = {
        (str(gene), str(name)): frame
        for (gene, name), frame in variants.groupby(["gene", "hgvs_c"], observed=True, sort=True)
    }
    records = [record for key, frame in groups.items() for record in _records(key, frame)]
    records.sort(key=lambda r: (ORDER[r.chrom], r.pos, r.ref, r.alt))
    with pysam.BGZFile(str(path), "wb", None) as file:
        file.write(_header(patients, model).encode())
        for record in records:
            cells = np.full(len(patients), ABSENT, dtype=object)
            frame = groups[record.source]
            carriers = frame["patient_id"].astype(str).tolist()
            where = [column[p] for p in carriers]
            vaf = frame["vaf"].to_numpy(float)
            depth = _depths(seed, record.source, carriers)
            alternate = np.rint(vaf * depth).astype(np.int64)
            cells[where] = [
                f"0/1:{dp - ad},{ad}:{dp}:{af:.3f}"
                for af, dp, ad in zip(vaf.tolist(), depth.tolist(), alternate.tolist(), strict=True)
            ]
            fixed = (record.chrom, record.pos, record.identifier, record.ref, record.alt, ".",
                     "PASS", record.info, "GT:AD:DP:AF")  # fmt: skip
            line = "\t".join([*map(str, fixed), *cells]) + "\n"
            file.write(line.encode())
    index = pysam.tabix_index(str(path), preset="vcf", force=True)
    return path, Path(f"{index}.tbi")


def _records(key: tuple[str, str], frame: pd.DataFrame) -> list[Record]:
    row = frame.iloc[0]
    gene, name = key
    info = f"GENE={gene};HGVSC={_escaped(name)};HGVSP={_escaped(row['hgvs_p'])}"
    chrom, pos, ref, alt = str(row["chrom"]), int(row["pos"]), str(row["ref"]), str(row["alt"])
    if "]" not in alt and "[" not in alt:
        return [Record(chrom, pos, ".", ref, alt, info, key)]
    # An inversion joins both ends alike: t]p] here, t]p] at the mate.
    mate_chrom, _, mate_pos = alt.strip("ACGTN[]").partition(":")
    bracket = "]" if "]" in alt else "["
    mine, other = f"{gene}_{pos}", f"{gene}_mate_{mate_pos}"
    mate_alt = f"N{bracket}{chrom}:{pos}{bracket}"
    return [
        Record(chrom, pos, mine, ref, alt, f"{info};SVTYPE=BND;MATEID={other}", key),
        Record(mate_chrom, int(mate_pos), other, "N", mate_alt,
               f"{info};SVTYPE=BND;MATEID={mine}", key),
    ]  # fmt: skip


def _depths(seed: int, source: tuple[str, str], carriers: Sequence[str]) -> NDArray[np.int64]:
    """(n,) reads, keyed by (seed, variant, patient)."""
    noise = Noise(seed, f"depth/{'/'.join(source)}")
    indices = np.array([patient_index(p) for p in carriers])
    start = int(indices.min())
    z = noise.normal(start, int(indices.max()) - start + 1)[indices - start]
    reads = np.rint(DEPTH_MEAN * np.exp(0.25 * z))
    return np.asarray(np.maximum(reads, 60.0), np.int64)


def _escaped(text: str) -> str:
    """INFO values percent-encode the characters that VCF reserves."""
    for character in "%;=,":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _header(patients: Sequence[str], model: str) -> str:
    lines = [
        "##fileformat=VCFv4.3",
        f"##source=Consilience {metadata.version('consilience')} (synthetic data)",
        f"##model={model}",
        "##reference=GRCh38",
        *(f"##contig=<ID={c},length={n},assembly=GRCh38>" for c, n in CONTIGS.items()),
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##INFO=<ID=GENE,Number=1,Type=String,Description="HGNC symbol">',
        '##INFO=<ID=HGVSC,Number=1,Type=String,Description="HGVS coding change">',
        '##INFO=<ID=HGVSP,Number=1,Type=String,Description="HGVS protein change">',
        '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type of structural variant">',
        '##INFO=<ID=MATEID,Number=.,Type=String,Description="ID of the mate breakend">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads by allele">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">',
        '##FORMAT=<ID=AF,Number=A,Type=Float,Description="Variant allele fraction">',
        "\t".join(
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *patients]
        ),
    ]
    return "\n".join(lines) + "\n"
