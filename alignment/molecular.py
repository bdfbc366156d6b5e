"""MolecularPlan: what the molecular pathology report of one specimen may say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

from alignment import identifiers, schemas
from alignment.canonical import canonical_json, sha256_of
from alignment.lexicon import Lexicon
from alignment.record import Record

KIND = "molecular_report"
LOST_COPIES = ("CDKN2A",)
"""Genes never called unaltered: what they lose is their copies, which the assay does not count."""
GENES = 500
"""Assumption: genes that the assay reads, as many as a large panel has, so that mutations a
megabase can be counted."""


TURNAROUND_D = 14
"""Assumption: days from specimen to result; guidelines ask for ten working days."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """One somatic variant of the specimen; ``vaf`` is a share, three decimals."""

    gene: str
    hgvs_c: str
    hgvs_p: str
    chrom: str
    pos: int
    vaf: float
    consequence: str = ""
    """What it does where that is not its protein change: exon 14 skipping."""

    @property
    def fusion(self) -> bool:
        """Whether it joins two genes."""
        return "::" in self.hgvs_c


@dataclass(frozen=True)
class MolecularPlan:
    """One specimen, reported on ``date``, ``collected`` before.

    ``repeat``: taken after treatment began, and read for what is new in it only.

    ``panel``: genes that are reported either way, ``drivers`` among them; ``genes``: how many the
    assay reads. ``pdl1_tps`` (whole per cent) and ``tmb`` (mutations per megabase) are of the
    first specimen.
    """

    seed: int
    model: str
    patient_id: str
    day: int
    date: dt.date
    collected: dt.date
    age: int
    sex: str
    histology: str
    repeat: bool
    alterations: tuple[Alteration, ...]
    pdl1_tps: int | None
    tmb: float | None
    drivers: tuple[str, ...]
    panel: tuple[str, ...]
    genes: int = GENES

    @property
    def patient_index(self) -> int:
        """The number that keys the patient's noise."""
        return identifiers.patient_index(self.patient_id)

    @property
    def negative(self) -> tuple[str, ...]:
        """Genes of the panel without an alteration."""
        found = {a.gene for a in self.alterations}
        return tuple(gene for gene in self.panel if gene not in found)

    @cached_property
    def json(self) -> str:
        """Canonical JSON."""
        return canonical_json(self)

    @cached_property
    def digest(self) -> str:
        """sha256 of ``json``."""
        return sha256_of(self.json)


def specimen_days(record: Record) -> tuple[int, ...]:
    """Days of the results: day 0, and those of alterations acquired later.

    None where the dataset has no table of variants: what was not sequenced is not reported.
    """
    if not record.holds(schemas.VARIANTS):
        return ()
    return tuple(sorted({0} | {row["day"] for row in record.of(schemas.VARIANTS)}))


def plan_molecular(
    record: Record, day: int, lexicon: Lexicon, *, seed: int, model: str
) -> MolecularPlan:
    """The plan of the specimen of ``day``, from what the record held then."""
    known = record.until(day)
    person = known.person
    rows = [row for row in known.of(schemas.VARIANTS) if row["day"] == day]
    panel = (*lexicon.drivers, *(gene for gene in lexicon.genes if gene not in LOST_COPIES))
    place = {gene: number for number, gene in enumerate(panel)}
    rows.sort(key=lambda row: (place.get(row["gene"], len(panel)), row["pos"]))
    repeat = day > 0
    return MolecularPlan(
        seed=seed,
        model=model,
        patient_id=person["patient_id"],
        day=day,
        date=known.date(day),
        collected=known.date(day - TURNAROUND_D),
        age=identifiers.age_on(person["age"], day),
        sex=person["sex"],
        histology=person["histology"],
        repeat=repeat,
        alterations=tuple(
            Alteration(
                row["gene"], row["hgvs_c"], row["hgvs_p"], row["chrom"], row["pos"],
                round(row["vaf"], 3), lexicon.consequences.get(row["hgvs_c"], ""),
            )
            for row in rows
        ),
        pdl1_tps=None if repeat else person["pdl1_tps"],
        tmb=None if repeat else person["tmb"],
        drivers=lexicon.drivers,
        panel=panel,
    )  # fmt: skip
