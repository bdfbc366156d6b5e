"""A multi-sample VCF 4.3 on GRCh38, bgzipped and indexed.

One record a distinct variant, two for a fusion (its breakends). A sample is a specimen: the
patient's identifier for the one before treatment, and ``P0000007-D126``, right after it, for one
whose result is of day 126. The table's variant allele fraction is the authority: FORMAT/AF is that
number, and AD is the nearest count of reads to it at a keyed depth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
from numpy.typing import NDArray
from scipy.special import ndtri

from alignment.identifiers import patient_id, patient_index
from alignment.noise import Noise, to_uniform
from modalities.genomics.bgzf import END, blocks
from ontology.errors import ConsilienceError
from ontology.variants import BREAKEND, CONTIGS

DEPTH_MEAN = 500
"""Typical depth of a targeted panel, reads."""
ABSENT = "\t0/0:.:.:."
NEW_LINE = blocks(b"\n")
WIDTH = len(patient_id(0))
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


@dataclass(frozen=True)
class Genotypes:
    """The columns of some patients, compressed: what a shard can make for itself.

    ``cells``: by variant, a tab and a cell for every sample, as BGZF blocks; ``records``: the lines
    of each variant.
    """

    samples: tuple[str, ...]
    records: dict[tuple[str, str], tuple[Record, ...]]
    cells: dict[tuple[str, str], bytes]


def write_vcf(
    variants: pd.DataFrame, patients: Sequence[str], path: Path, *, seed: int, model: str
) -> tuple[Path, Path]:
    """Write ``path`` (.vcf.gz) and its .tbi of all patients at once; returns both."""
    return write_genotypes([genotypes(variants, patients, seed=seed)], path, model=model)


def genotypes(variants: pd.DataFrame, patients: Sequence[str], *, seed: int) -> Genotypes:
    """The columns of ``patients``.

    ``variants`` has the columns of ``schemas.VARIANTS``; ``patients`` all have a first sample,
    carriers or not, and those with rows of a later day a further one a day. A carrier is 0/1,
    everybody else 0/0 without reads. Raises :class:`ConsilienceError` for a row that no VCF could
    hold.
    """
    index = pd.Index(patients)
    _check(variants, index)
    codes, carriers = pd.factorize(variants["patient_id"])
    position = index.get_indexer(carriers.astype(str))[codes]
    number = _numbers(carriers.astype(str))[codes]
    day = variants["day"].to_numpy(np.int64)
    samples, column = _samples(patients, position, day)
    vaf = variants["vaf"].to_numpy(float)
    records, cells = {}, {}
    for found in variants.groupby(["gene", "hgvs_c"], observed=True).indices.values():
        rows = np.asarray(found, np.int64)
        rows = rows[np.argsort(column[rows])]
        lines = _records(variants.iloc[rows[0]])
        source = lines[0].source
        depth = _depths(seed, source, number[rows], day[rows])
        records[source] = lines
        cells[source] = blocks(_cells(column[rows], len(samples), vaf[rows], depth).encode())
    return Genotypes(tuple(samples), records, cells)


def write_genotypes(shards: Sequence[Genotypes], path: Path, *, model: str) -> tuple[Path, Path]:
    """Put the columns of ``shards`` side by side, write ``path`` and its .tbi; returns both.

    A line is the fixed columns and the shards' blocks one behind the other: nothing is compressed
    twice. Raises :class:`ConsilienceError` where shards disagree on a variant or share a sample.
    """
    records: dict[tuple[str, str], tuple[Record, ...]] = {}
    for shard in shards:
        for source, lines in shard.records.items():
            if records.setdefault(source, lines) != lines:
                raise ConsilienceError(
                    "the variants do not make a VCF", got=f"one name at two places ({source})"
                )
    samples = [sample for shard in shards for sample in shard.samples]
    if not samples or len(set(samples)) != len(samples):
        raise ConsilienceError(
            "the variants do not make a VCF", got="samples that are none or not unique"
        )
    ordered = [record for lines in records.values() for record in lines]
    ordered.sort(key=lambda r: (ORDER[r.chrom], r.pos, r.ref, r.alt))
    absent = [blocks(_nobody(len(shard.samples))) for shard in shards]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(blocks(_header(samples, model).encode()))
        for record in ordered:
            fixed = (record.chrom, record.pos, record.identifier, record.ref, record.alt, ".",
                     "PASS", record.info, "GT:AD:DP:AF")  # fmt: skip
            file.write(blocks("\t".join(map(str, fixed)).encode()))
            for shard, nobody in zip(shards, absent, strict=True):
                file.write(shard.cells.get(record.source, nobody))
            file.write(NEW_LINE)
        file.write(END)
    indexed = pysam.tabix_index(str(path), preset="vcf", force=True)
    return path, Path(f"{indexed}.tbi")


def _numbers(identifiers: Iterable[str]) -> NDArray[np.int64]:
    """(n,) patient numbers, as :func:`patient_index`, at once for all."""
    text = [str(identifier) for identifier in identifiers]
    if any(len(identifier) != WIDTH for identifier in text):
        return np.array([patient_index(identifier) for identifier in text], np.int64)
    letters = np.frombuffer("".join(text).encode("latin-1"), np.uint8).reshape(-1, WIDTH)
    digits = letters[:, 1:].astype(np.int64) - ord("0")
    wrong = (letters[:, 0] != ord("P")) | ((digits < 0) | (digits > 9)).any(axis=1)
    for i in np.flatnonzero(wrong)[:1]:
        patient_index(text[i])  # says what is wrong
    number = np.zeros(len(text), np.int64)
    for place in range(WIDTH - 1):
        number = 10 * number + digits[:, place]
    return number


def _samples(
    patients: Sequence[str], position: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.int64]]:
    """Names of all samples, and the column of each row's: patient at ``position``, ``day``."""
    later = np.flatnonzero(day > 0)
    # One (patient, day) a further specimen, ascending: k-th of all stands k + 1 columns further.
    keys = position[later] * (1 << 32) + day[later]
    specimens = np.unique(keys)
    of, on = specimens >> 32, specimens & 0xFFFFFFFF
    names = list(patients)
    for k in range(len(specimens) - 1, -1, -1):  # from the back, so that places stay valid
        names.insert(int(of[k]) + 1, f"{patients[int(of[k])]}-D{int(on[k])}")
    column = position + np.searchsorted(of, position, side="left")
    nth = np.searchsorted(specimens, keys)
    column[later] = of[nth] + nth + 1
    return names, column


def _cells(
    column: NDArray[np.int64], n: int, vaf: NDArray[np.float64], depth: NDArray[np.int64]
) -> str:
    """A tab and a cell for each of ``n`` samples; carriers at the ascending ``column``."""
    alternate = np.rint(vaf * depth).astype(np.int64)
    gaps = np.diff(column, prepend=-1) - 1
    # Runs of non-carriers are repeated as a whole: most cells of most records are the same.
    parts = [
        f"{ABSENT * gap}\t0/1:{dp - ad},{ad}:{dp}:{af:.3f}"
        for gap, af, dp, ad in zip(
            gaps.tolist(), vaf.tolist(), depth.tolist(), alternate.tolist(), strict=True
        )
    ]
    parts.append(ABSENT * int(n - 1 - column[-1]))
    return "".join(parts)


def _nobody(n: int) -> bytes:
    """A tab and a cell for each of ``n`` samples without the variant."""
    return (ABSENT * n).encode()


def _check(variants: pd.DataFrame, samples: pd.Index[str]) -> None:
    """Report every row that would be lost or written wrongly, before anything is written."""
    carriers, vaf, day = variants["patient_id"], variants["vaf"], variants["day"]
    names = variants.drop_duplicates(["gene", "hgvs_c", "chrom", "pos", "ref", "alt"])
    problems: dict[str, pd.Series] = {
        "carriers that are no sample": carriers[~carriers.isin(samples)],
        "a carrier twice": carriers[variants.duplicated(["patient_id", "day", "gene", "hgvs_c"])],
        "a specimen before day 0": day[day < 0],
        "an allele fraction outside (0, 1]": vaf[~((vaf > 0) & (vaf <= 1))],
        "chromosomes not of GRCh38": names["chrom"][~names["chrom"].isin(list(CONTIGS))],
        "one name at two places": names["hgvs_c"][names.duplicated(["gene", "hgvs_c"])],
    }
    found = [
        f"{what} ({', '.join(map(str, bad.head(3).tolist()))})"
        for what, bad in problems.items()
        if len(bad)
    ]
    if samples.empty or not samples.is_unique:
        found.append("samples that are none or not unique")
    if found:
        raise ConsilienceError("the variants do not make a VCF", got="; ".join(found))


def _records(row: pd.Series) -> tuple[Record, ...]:
    """The record of one variant, or the two of a pair of breakends."""
    gene, name = key = str(row["gene"]), str(row["hgvs_c"])
    info = f"GENE={gene};HGVSC={_escaped(name)};HGVSP={_escaped(row['hgvs_p'])}"
    chrom, pos, ref, alt = str(row["chrom"]), int(row["pos"]), str(row["ref"]), str(row["alt"])
    end = BREAKEND.fullmatch(alt)
    if end is None:
        return (Record(chrom, pos, ".", ref, alt, info, key),)
    mate_chrom, mate_pos = end["chrom"], int(end["pos"])
    mine, other = f"{gene}_{pos}", f"{gene}_mate_{mate_pos}"
    # The mate keeps what my brackets open to, and its brackets open to what I keep (5.4).
    bracket = "]" if end["before"] else "["
    here = f"{bracket}{chrom}:{pos}{bracket}"
    mate_alt = f"N{here}" if end["bracket"] == "]" else f"{here}N"
    return (
        Record(chrom, pos, mine, ref, alt, f"{info};SVTYPE=BND;MATEID={other}", key),
        Record(mate_chrom, mate_pos, other, "N", mate_alt,
               f"{info};SVTYPE=BND;MATEID={mine}", key),
    )  # fmt: skip


def _depths(
    seed: int, source: tuple[str, str], number: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n,) reads, keyed by (seed, variant, patient number, day)."""
    noise = Noise(seed, f"depth/{'/'.join(source)}")
    start = int(number.min())
    words = noise.raw(start, int(number.max()) - start + 1)[number - start]
    z = np.asarray(ndtri(to_uniform(words)))
    for i in np.flatnonzero(day):
        z[i] = noise.normal(int(number[i]), 1, int(day[i]))[0]
    reads = np.rint(DEPTH_MEAN * np.exp(0.25 * z))
    return np.asarray(np.maximum(reads, 60.0), np.int64)


def _escaped(text: str) -> str:
    """INFO values percent-encode the characters that VCF reserves."""
    for character in "%;=,":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _header(samples: Sequence[str], model: str) -> str:
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
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
        ),
    ]
    return "\n".join(lines) + "\n"
