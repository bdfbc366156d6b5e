"""Reads the cohort's VCF with cyvcf2 (htslib, whoever wrote the file)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from cyvcf2 import VCF

from eval.readers.tables import REGENERATE
from ontology.errors import ConsilienceError


@dataclass(frozen=True, slots=True)
class Call:
    """One carrier of one record. ``af``: allele fraction of the alternate, None if not given;
    ``day``: of the specimen."""

    patient_id: str
    day: int
    record_id: str
    gene: str
    hgvs_c: str
    hgvs_p: str
    chrom: str
    pos: int
    ref: str
    alt: str
    af: float | None
    mate_id: str | None


@dataclass(frozen=True, slots=True)
class Genotypes:
    """Samples and carriers of the whole file."""

    samples: tuple[str, ...]
    calls: tuple[Call, ...]


def read_vcf(path: Path) -> Genotypes:
    """Every carrier of every record; raises :class:`ConsilienceError` where unreadable."""
    _require_complete(path)
    try:
        vcf = VCF(str(path), gts012=True)
        samples = tuple(vcf.samples)
        calls: list[Call] = []
        for record in vcf:
            carriers = np.nonzero((record.gt_types == 1) | (record.gt_types == 2))[0]
            fractions = record.format("AF")
            for i in carriers.tolist():
                af = None if fractions is None else float(fractions[i][0])
                calls.append(_call(record, samples[i], af))
        vcf.close()
    except Exception as error:  # cyvcf2 raises bare Exception on a broken file
        raise _unreadable(path, error) from error
    return Genotypes(samples, tuple(calls))


_SPECIMEN = re.compile(r"(.+)-D(\d+)")


def specimen(sample: str) -> tuple[str, int]:
    """Patient and day of a sample: ``P0000007-D126`` is of day 126, ``P0000007`` of day 0."""
    later = _SPECIMEN.fullmatch(sample)
    return (later[1], int(later[2])) if later else (sample, 0)


def _call(record: object, sample: str, af: float | None) -> Call:
    info = record.INFO  # type: ignore[attr-defined]
    patient, day = specimen(sample)
    return Call(
        patient_id=patient,
        day=day,
        record_id=str(record.ID or ""),  # type: ignore[attr-defined]
        gene=str(info.get("GENE") or ""),
        hgvs_c=unquote(str(info.get("HGVSC") or "")),  # VCF 4.3 writes ; and = as %3B and %3D
        hgvs_p=unquote(str(info.get("HGVSP") or "")),
        chrom=str(record.CHROM),  # type: ignore[attr-defined]
        pos=int(record.POS),  # type: ignore[attr-defined]
        ref=str(record.REF),  # type: ignore[attr-defined]
        alt=str(record.ALT[0]) if record.ALT else "",  # type: ignore[attr-defined]
        af=af,
        mate_id=str(info.get("MATEID")) if info.get("MATEID") else None,
    )


_BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def _require_complete(path: Path) -> None:
    """Htslib only warns on a truncated file; the empty end block of BGZF (SAMv1 4.1.2) tells."""
    try:
        data_end = path.read_bytes()[-len(_BGZF_EOF) :]
    except OSError as error:
        raise _unreadable(path, error) from error
    if data_end != _BGZF_EOF:
        raise _unreadable(path, ValueError("the BGZF end-of-file block is missing"))


def _unreadable(path: Path, error: Exception) -> ConsilienceError:
    return ConsilienceError(
        "the VCF cannot be read: it is truncated or corrupt",
        where=path,
        got=str(error).splitlines()[0] if str(error) else type(error).__name__,
        wanted="a bgzipped VCF 4.3",
        remedy=REGENERATE,
    )
