"""Molecular pathology reports against tables/variants, tables/patients and the VCF.

The specimen of a report is that of its own day, or else of a day that it names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from alignment import schemas
from eval.checks.asking import Ask
from eval.checks.notes import MOLECULAR, Note, index_dates, of_kind, rows_by_patient
from eval.checks.person import check_person
from eval.dataset import Dataset
from eval.readers.genes import DRIVER_GENES
from eval.readers.molecular import MolecularReading, VariantFact, read_molecular, same_coding
from eval.readers.vcf import Call, Genotypes
from eval.reference import driver_names, short_protein
from eval.result import CheckResult, Tally, results

PRINTED = 0.00051
"""Half of the last digit of an allele fraction printed as a per cent with one decimal."""
HIGH_TPS, LOW_TPS = 50, 1
"""From these per cents on PD-L1 is called high, and positive: the classes of KEYNOTE-024 (NEJM
2016;375:1823) and KEYNOTE-042 (Lancet 2019;393:1819); from memory."""
TESTED = ("EGFR", "ALK", "ROS1", "BRAF", "KRAS", "MET", "RET", "ERBB2")
"""Genes that a lung report answers for, with a variant or without: CAP/IASLC/AMP guideline,
Lindeman et al., J Mol Diagn 2018;20:129; from memory."""
BUILD = 38
"""Variants and VCF are on GRCh38."""


def check_molecular(
    data: Dataset, notes: Sequence[Note], genotypes: Genotypes | None
) -> list[CheckResult]:
    """Variants both ways, genes called negative, PD-L1 and tumour mutational burden."""
    t = _Tallies()
    told = of_kind(notes, MOLECULAR)
    patients = {note.patient_id for note, _ in told}
    tables = rows_by_patient(data, schemas.VARIANTS, patients)
    people = rows_by_patient(data, schemas.PATIENTS, patients) or {}
    calls: dict[tuple[str, int], list[Call]] = defaultdict(list)
    for call in genotypes.calls if genotypes else ():
        calls[call.patient_id, call.day].append(call)
    zero = index_dates(data)
    first: dict[str, int] = {}
    for note, _ in told:
        first.setdefault(note.patient_id, note.day)
    for note, text in told:
        ask, said = Ask(note), read_molecular(text)
        mine = [] if tables is None else tables.get(note.patient_id, [])
        named = [(d - zero[note.patient_id]).days for d in said.dates if note.patient_id in zero]
        day = _specimen_day(note, named, mine)
        repeat = note.day > first[note.patient_id]
        if tables is None:
            t.variants.skip("no table of variants")
        else:
            rows = [r for r in mine if r["day"] == day]
            before = [r for r in mine if r["day"] < day]
            _check_variants(t.variants, ask, said, rows)
            _check_negative(t.negative, ask, said, rows, before, repeat)
            _check_conclusion(t.conclusion, ask, said, rows, before, repeat)
        if genotypes is None:
            t.calls.skip("no VCF in this dataset", len(said.variants))
        else:
            for fact in said.variants:
                _check_call(t.calls, ask, fact, calls[note.patient_id, day])
        for person in people.get(note.patient_id, []):
            _check_markers(t.markers, ask, said, person, repeat)
            if said.person is not None:
                check_person(t.person, ask, said.person, person)
        t.person.compare(
            said.build in (None, BUILD), note.patient_id, note.day, note.path,
            expected=f"GRCh{BUILD}", found=said.build, message="another genome build",
        )  # fmt: skip
    return t.results()


class _Tallies:
    """The questions asked of every molecular report."""

    def __init__(self) -> None:
        self.variants = Tally(
            "molecular_variants", "molecular reports state the variants of the specimen"
        )
        self.calls = Tally("molecular_vcf", "variants of molecular reports are in the VCF")
        self.negative = Tally("molecular_negative", "genes called negative have no variant")
        self.markers = Tally("molecular_markers", "PD-L1 and TMB of molecular reports")
        self.conclusion = Tally("molecular_conclusion", "conclusions of molecular reports")
        self.person = Tally("molecular_person", "patient and genome build of molecular reports")

    def results(self) -> list[CheckResult]:
        return results([self.variants, self.calls, self.negative, self.markers, self.conclusion,
                        self.person])  # fmt: skip


def _specimen_day(note: Note, named: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> int:
    """The note's own day if the specimen is of it, else the first one named that has variants."""
    days = {int(row["day"]) for row in rows}
    return next((day for day in [note.day, *named] if day in days), note.day)


def _check_markers(
    tally: Tally, ask: Ask, said: MolecularReading, person: Mapping[str, Any], repeat: bool
) -> None:
    """PD-L1 and TMB; the first report must have them."""
    tps = person["pdl1_tps"]
    if said.tps is not None or not repeat:
        ask.that(tally, said.tps == tps, expected=tps, found=said.tps,
                 message="PD-L1 TPS differs")  # fmt: skip
    if said.band is not None:
        band = "high" if tps >= HIGH_TPS else "low" if tps >= LOW_TPS else "none"
        ask.that(tally, said.band == band, expected=band, found=said.band,
                 message="the class of PD-L1 differs")  # fmt: skip
    if said.tmb is not None or not repeat:
        near = 0.51 * 10.0**-said.decimals  # half of the last printed digit
        ask.that(tally, said.tmb is not None and abs(said.tmb - person["tmb"]) <= near,
                 expected=person["tmb"], found=said.tmb, message="TMB differs")  # fmt: skip


def _check_variants(
    tally: Tally, ask: Ask, said: MolecularReading, rows: Sequence[dict[str, Any]]
) -> None:
    left = list(rows)
    for fact in said.variants:
        row = next((r for r in left if same_coding(fact.hgvs_c, r["hgvs_c"])), None)
        left = [r for r in left if r is not row]
        if row is None:
            ask.that(tally, False, expected="no such variant in this specimen", found=fact.words,
                     words=fact.words, message="a variant that was not found")  # fmt: skip
            continue
        stated = (fact.gene, fact.protein or _protein(row))
        held = (row["gene"], _protein(row))
        ask.that(tally, stated == held, expected=" ".join(held), found=" ".join(stated),
                 words=fact.words, message="gene or protein change differs")  # fmt: skip
        if fact.vaf is not None:
            ask.that(tally, abs(fact.vaf - row["vaf"]) <= PRINTED, expected=row["vaf"],
                     found=round(fact.vaf, 4), words=fact.words,
                     message="allele fraction differs")  # fmt: skip
    for row in left:
        ask.that(tally, False, expected=f"{row['gene']} {row['hgvs_c']}", found="no mention",
                 message="the report leaves out a variant")  # fmt: skip


def _check_conclusion(
    tally: Tally, ask: Ask, said: MolecularReading, rows: Sequence[dict[str, Any]],
    before: Sequence[dict[str, Any]], repeat: bool,
) -> None:  # fmt: skip
    """Every driver is named by its short name, none other; what came later is called acquired."""
    left = set(said.named)
    for row in rows:
        names = set(driver_names(row["gene"], row["hgvs_c"], row["hgvs_p"]))
        left -= names
        if row["gene"] not in DRIVER_GENES:
            continue
        ask.that(tally, bool(names & set(said.named)), expected=" or ".join(sorted(names)),
                 found="no mention", message="the conclusion leaves out a driver")  # fmt: skip
        if repeat:
            ask.that(tally, not names & (set(said.driving) - set(said.resistance)),
                     expected="acquired under treatment", found="a driver",
                     message="an acquired change is called a driver")  # fmt: skip
        else:
            ask.that(tally, not names & set(said.resistance), expected="found at first",
                     found="acquired",
                     message="a change found at first is called acquired")  # fmt: skip
    for row in before:  # a repeat may recall the first specimen
        left -= set(driver_names(row["gene"], row["hgvs_c"], row["hgvs_p"]))
    for name in sorted(left):
        ask.that(tally, False, expected="no such variant in this specimen", found=name,
                 message="the conclusion names another")  # fmt: skip
    if not repeat and not any(row["gene"] in DRIVER_GENES for row in rows):
        ask.that(tally, said.no_driver or said.nothing, expected="no driver", found="no mention",
                 message="the report has no conclusion")  # fmt: skip


def _protein(row: dict[str, Any]) -> str:
    return short_protein(row["hgvs_p"])


def _check_call(tally: Tally, ask: Ask, fact: VariantFact, calls: Sequence[Call]) -> None:
    found = next((c for c in calls if same_coding(fact.hgvs_c, c.hgvs_c)), None)
    same = found is not None and (
        fact.vaf is None or found.af is None or abs(found.af - fact.vaf) <= PRINTED
    )
    ask.that(tally, same, found=fact.words, words=fact.words,
             expected="no genotype" if found is None else f"{found.gene} AF {found.af}",
             message="the VCF has no such variant, or with another fraction")  # fmt: skip


def _check_negative(
    tally: Tally, ask: Ask, said: MolecularReading, rows: Sequence[dict[str, Any]],
    before: Sequence[dict[str, Any]], repeat: bool,
) -> None:  # fmt: skip
    carried = {row["gene"] for row in rows}
    for gene in said.negative:
        ask.that(tally, gene not in carried, expected=f"{gene} altered", found=f"{gene} negative",
                 message="a gene called negative has a variant")  # fmt: skip
    for gene in () if repeat or said.nothing else TESTED:
        ask.that(tally, gene in carried or gene in said.negative, expected=f"{gene} negative",
                 found="no mention", message="the report does not answer for a gene")  # fmt: skip
    if said.nothing:
        ask.that(tally, not carried, expected=", ".join(sorted(carried)), found="no alteration",
                 message="the report denies a variant")  # fmt: skip
    if said.no_driver:
        drivers = (carried | {row["gene"] for row in before}) & set(DRIVER_GENES)
        ask.that(tally, not drivers, expected=", ".join(sorted(drivers)), found="no driver",
                 message="the report denies a driver")  # fmt: skip
