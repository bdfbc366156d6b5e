"""tables/variants against the VCF, and both against known places of hotspots."""

from __future__ import annotations

from typing import Any

from alignment import identifiers, schemas
from eval.dataset import Dataset, strings
from eval.readers.vcf import Call, Genotypes, read_vcf, specimen
from eval.reference import HOTSPOTS, short_protein
from eval.result import CheckResult, Tally, results

AF_TOLERANCE = 0.00051
"""Half of the third decimal, and what 32-bit floats of a VCF lose."""

Key = tuple[str, int, str, int, str, str]
"""Patient, day of the specimen, chromosome, position, reference, alternate."""


def load_genotypes(data: Dataset) -> Genotypes | None:
    """The cohort's VCF, or None where the dataset has none."""
    path = data.folder / identifiers.VCF_PATH
    return read_vcf(path) if path.is_file() else None


def check_variants(data: Dataset, genotypes: Genotypes | None) -> list[CheckResult]:
    """Carriers, allele fractions and places, in both directions."""
    carriers = Tally("vcf_carriers", "variants table and VCF have the same carriers")
    fractions = Tally("vcf_fractions", "allele fractions of table and VCF are the same")
    places = Tally("hotspots", "known hotspots are at their GRCh38 place")
    frame = data.table(schemas.VARIANTS)
    if frame is None:
        return results([carriers, fractions, places])
    rows = {name: strings(frame[name]).tolist() for name in frame.columns}
    for i in range(len(frame)):
        _check_place(places, {name: values[i] for name, values in rows.items()})
    if genotypes is None:
        carriers.skip("no VCF in this dataset", len(frame))
        return results([carriers, fractions, places])
    calls: dict[Key, Call] = {
        (c.patient_id, c.day, c.chrom, c.pos, c.ref, c.alt): c for c in genotypes.calls
    }
    tabled: set[Key] = set()
    for i in range(len(frame)):
        row = {name: values[i] for name, values in rows.items()}
        place = (row["chrom"], int(row["pos"]), row["ref"], row["alt"])
        key = (row["patient_id"], int(row["day"]), *place)
        tabled.add(key)
        _check_carrier(carriers, fractions, row, calls.get(key))
    _check_untabled(carriers, calls, tabled)
    _check_samples(carriers, data, genotypes)
    return results([carriers, fractions, places])


def _check_carrier(
    carriers: Tally, fractions: Tally, row: dict[str, Any], call: Call | None
) -> None:
    patient, where = row["patient_id"], str(identifiers.VCF_PATH)
    name = f"{row['gene']} {row['hgvs_c']}"
    holds = call is not None and call.gene in ("", row["gene"])
    carriers.compare(
        holds,
        patient,
        int(row["day"]),
        where,
        expected=name,
        found="no genotype there" if call is None else call.gene,
        message="the VCF has no such variant in this patient",
    )
    if call is None:
        return
    if call.af is None:
        fractions.skip("the VCF gives no AF")
        return
    fractions.compare(
        abs(call.af - row["vaf"]) <= AF_TOLERANCE,
        patient,
        int(row["day"]),
        where,
        expected=row["vaf"],
        found=round(call.af, 5),
        message=f"allele fraction of {name} differs",
    )


def _check_untabled(carriers: Tally, calls: dict[Key, Call], tabled: set[Key]) -> None:
    """Every genotype is in the table; the far breakend of a fusion counts with its mate."""
    held = {(k[:2], calls[k].record_id) for k in tabled if k in calls and calls[k].record_id}
    for key, call in calls.items():
        if key in tabled or (call.mate_id and (key[:2], call.mate_id) in held):
            continue
        carriers.violate(
            call.patient_id,
            call.day,
            "tables/variants.parquet",
            expected=f"{call.gene} {call.chrom}:{call.pos} {call.ref}>{call.alt}",
            found="no row",
            message="the VCF has a genotype that the table lacks",
        )


def _check_samples(carriers: Tally, data: Dataset, genotypes: Genotypes) -> None:
    patients = data.table(schemas.PATIENTS)
    if patients is None:
        return
    cohort = set(strings(patients["patient_id"]))
    samples = {sample: specimen(sample)[0] for sample in genotypes.samples}
    for patient in sorted(cohort - set(samples)):
        carriers.violate(
            patient,
            None,
            str(identifiers.VCF_PATH),
            expected="a sample",
            found="none",
            message="the patient is no sample of the VCF",
        )
    for sample in sorted(s for s, patient in samples.items() if patient not in cohort):
        carriers.violate(
            samples[sample],
            None,
            str(identifiers.VCF_PATH),
            expected="a patient of the cohort",
            found=sample,
            message="the sample is of no patient",
        )


def _check_place(tally: Tally, row: dict[str, Any]) -> None:
    known = HOTSPOTS.get((row["gene"], short_protein(row["hgvs_p"] or "")))
    if known is None:
        return
    found = (row["chrom"], int(row["pos"]), row["ref"], row["alt"])
    tally.compare(
        found == known,
        row["patient_id"],
        None,
        "tables/variants.parquet",
        expected="{}:{} {}>{}".format(*known),
        found="{}:{} {}>{}".format(*found),
        message=f"{row['gene']} {row['hgvs_p']} is not at its place",
    )
