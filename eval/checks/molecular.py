"""Molecular pathology reports against tables/variants, tables/patients and the VCF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignment import schemas
from eval.checks.asking import Ask
from eval.checks.notes import MOLECULAR, Note, of_kind, rows_by_patient
from eval.dataset import Dataset
from eval.readers.molecular import DRIVER_GENES, MolecularReading, VariantFact, read_molecular
from eval.readers.vcf import Call, Genotypes
from eval.reference import fused, short_protein
from eval.result import CheckResult, Tally, results

PRINTED = 0.00051
"""Half of the last digit of an allele fraction printed as a per cent with one decimal."""
TMB_PRINTED = 0.051
"""Half of the last digit of a burden printed with one decimal."""


def check_molecular(
    data: Dataset, notes: Sequence[Note], genotypes: Genotypes | None
) -> list[CheckResult]:
    """Variants both ways, genes called negative, PD-L1 and tumour mutational burden."""
    variants = Tally("molecular_variants", "molecular reports state the variants of the specimen")
    calls = Tally("molecular_vcf", "variants of molecular reports are in the VCF")
    negative = Tally("molecular_negative", "genes called negative have no variant")
    markers = Tally("molecular_markers", "PD-L1 and TMB of molecular reports")
    told = of_kind(notes, MOLECULAR)
    patients = {note.patient_id for note, _ in told}
    tables = rows_by_patient(data, schemas.VARIANTS, patients)
    people = rows_by_patient(data, schemas.PATIENTS, patients) or {}
    for note, text in told:
        ask, said = Ask(note), read_molecular(text)
        if tables is None:
            variants.skip("no table of variants")
        else:
            rows = [r for r in tables.get(note.patient_id, []) if r["day"] == note.day]
            _check_variants(variants, ask, said, rows)
            _check_negative(negative, ask, said, rows)
        if genotypes is None:
            calls.skip("no VCF in this dataset", len(said.variants))
        else:
            here = [c for c in genotypes.calls
                    if c.patient_id == note.patient_id and c.day == note.day]  # fmt: skip
            for fact in said.variants:
                _check_call(calls, ask, fact, here)
        for person in people.get(note.patient_id, []):
            ask.same(markers, said.tps, person["pdl1_tps"], "PD-L1 TPS")
            if said.tmb is not None:
                ask.that(markers, abs(said.tmb - person["tmb"]) <= TMB_PRINTED,
                         expected=person["tmb"], found=said.tmb, message="TMB differs")  # fmt: skip
    return results([variants, calls, negative, markers])


def _check_variants(
    tally: Tally, ask: Ask, said: MolecularReading, rows: Sequence[dict[str, Any]]
) -> None:
    left = {row["hgvs_c"]: row for row in rows}
    for fact in said.variants:
        row = left.pop(fact.hgvs_c, None)
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
    for name, row in left.items():
        ask.that(tally, False, expected=f"{row['gene']} {name}", found="no mention",
                 message="the report leaves out a variant")  # fmt: skip
    names = {(r["gene"], fused(r["hgvs_c"]) if _protein(r) == "?" else _protein(r))
             for r in rows}  # fmt: skip
    for gene, change in said.named:
        ask.that(tally, (gene, change) in names, expected="no such variant in this specimen",
                 found=f"{gene} {change}", message="the conclusion names another")  # fmt: skip


def _protein(row: dict[str, Any]) -> str:
    return short_protein(row["hgvs_p"])


def _check_call(tally: Tally, ask: Ask, fact: VariantFact, calls: Sequence[Call]) -> None:
    found = next((c for c in calls if c.hgvs_c == fact.hgvs_c), None)
    same = found is not None and (
        fact.vaf is None or found.af is None or abs(found.af - fact.vaf) <= PRINTED
    )
    ask.that(tally, same, found=fact.words, words=fact.words,
             expected="no genotype" if found is None else f"{found.gene} AF {found.af}",
             message="the VCF has no such variant, or with another fraction")  # fmt: skip


def _check_negative(
    tally: Tally, ask: Ask, said: MolecularReading, rows: Sequence[dict[str, Any]]
) -> None:
    carried = {row["gene"] for row in rows}
    for gene in said.negative:
        ask.that(tally, gene not in carried, expected=f"{gene} altered", found=f"{gene} negative",
                 message="a gene called negative has a variant")  # fmt: skip
    if said.nothing:
        ask.that(tally, not carried, expected=", ".join(sorted(carried)), found="no alteration",
                 message="the report denies a variant")  # fmt: skip
    if said.no_driver:
        drivers = carried & set(DRIVER_GENES)
        ask.that(tally, not drivers, expected=", ".join(sorted(drivers)), found="no driver",
                 message="the report denies a driver")  # fmt: skip
