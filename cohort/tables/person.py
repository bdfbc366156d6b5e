"""Tables of the patient: who, when seen, which variants, which latent traits."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from alignment import arrow, schemas
from cohort import spec
from cohort.codebook import VARIANT_SUFFIX, Codebook
from cohort.frame import Array
from cohort.mechanisms.visits import NO_REGIMEN
from cohort.model import CausalModel, Draw

DERIVED = (
    spec.Lookup,
    spec.Cases,
    spec.Member,
    spec.Tally,
    spec.Bernoulli,
    spec.Setting,
    spec.Allele,
)
"""Kinds whose values follow from others or stand in a table already."""

ACQUIRED = {"t790m_acquired": "EGFR_T790M"}
"""Variables of acquired resistance and the allele that a later specimen then shows."""

COUNTS = ("age", "ecog", "pdl1_tps")
FLAGS = ("copd", "diabetes", "cardiovascular")


def ids(draw: Draw, patient: Array) -> pa.DictionaryArray:
    """Patient identifiers of positions in the draw."""
    return arrow.patient_column(draw.start, draw.n, patient)


def patients(model: CausalModel, draw: Draw) -> dict[str, Any]:
    """Columns of ``tables/patients``."""
    base, levels = draw.baseline, draw.levels
    cutoff = (model.disease.data_cutoff - dt.date(1970, 1, 1)).days
    index = (cutoff - base["days_to_cutoff"]).astype(np.int32)
    columns: dict[str, Any] = {"patient_id": ids(draw, np.arange(draw.n))}
    for column in schemas.PATIENTS.columns[1:-1]:
        name = column.name
        if name in levels and name not in COUNTS:
            columns[name] = arrow.coded(base[name], levels[name])
        elif name == "ecog":
            columns[name] = np.array([int(level) for level in levels[name]], np.int8)[base[name]]
        elif name in COUNTS:
            columns[name] = base[name].astype(np.int16)
        else:
            columns[name] = base[name]
    columns["index_date"] = pa.array(index, pa.int32()).cast(pa.date32())
    return columns


def visits(draw: Draw) -> dict[str, Any]:
    """Columns of ``tables/visits``."""
    visit, scans = draw.visits, draw.scans
    baseline, cycle, scan, brain_scan, follow_up = range(5)
    idle = visit["regimen"] == draw.levels["regimen"].index(NO_REGIMEN)
    kind = np.where(visit["opens"], baseline, np.where(idle, follow_up, cycle))
    brain = np.flatnonzero(scans["brain_scan"])
    came = np.flatnonzero(visit["visit_missed"] == 0)
    patient = np.concatenate([visit["patient"][came], scans["patient"], scans["patient"][brain]])
    scan_day = scans["scan_day"]
    day = np.concatenate([visit["visit_day"][came], scan_day, scan_day[brain]]).astype(np.int32)
    kind = np.concatenate(
        [kind[came], np.full(len(scan_day), scan), np.full(len(brain), brain_scan)]
    )
    at_scan = scans["line_at_visit"]
    line = np.concatenate([visit["line"][came], at_scan, at_scan[brain]]).astype(np.int8)
    order = np.lexsort((kind, day, patient))
    return {
        "patient_id": ids(draw, patient[order]),
        "day": day[order],
        "kind": arrow.coded(kind[order], schemas.VISIT_KINDS),
        "line": line[order],
    }


def variants(draw: Draw, codebook: Codebook) -> dict[str, Any]:
    """Columns of ``tables/variants``: at index, and what a tumour acquired under treatment."""
    base, levels = draw.baseline, draw.levels
    found, carriers_of, fractions, days = [], [], [], []
    for name in (n for n in base if n.endswith(VARIANT_SUFFIX)):
        codes = base[name]
        carriers = np.flatnonzero(codes > 0)
        found += [codebook.variants[levels[name][codes[i]]] for i in carriers]
        carriers_of.append(carriers)
        fractions.append(base[name.replace(VARIANT_SUFFIX, "_vaf")][carriers])
        days.append(np.zeros(len(carriers)))
    for name, allele in ACQUIRED.items():
        carriers, day = _first_seen(draw, name)
        found += [codebook.variants[allele]] * len(carriers)
        carriers_of.append(carriers)
        fractions.append(base[f"{name}_vaf"][carriers])
        days.append(day)
    patient, day = np.concatenate(carriers_of), np.concatenate(days)
    order = np.lexsort((day, patient))
    rows = [found[i] for i in order]
    text = ("gene", "hgnc", "hgvs_c", "hgvs_p", "chrom", "ref", "alt")
    return {
        "patient_id": ids(draw, patient[order]),
        "day": day[order].astype(np.int32),
        **{name: _text([getattr(row, name) for row in rows]) for name in text},
        "pos": np.array([row.pos for row in rows], np.int32),
        "vaf": np.concatenate(fractions)[order],
        "origin": arrow.constant("somatic", len(rows)),
    }


def _first_seen(draw: Draw, name: str) -> tuple[Array, Array]:
    """Patients in whom a dynamic variable became true, and the day of that visit."""
    visits = draw.visits
    if name not in visits:
        return np.zeros(0, np.int64), np.zeros(0)
    rows = np.flatnonzero(visits[name])
    patient, first = np.unique(visits["patient"][rows], return_index=True)
    return patient, visits["visit_day"][rows][first]


def truth_patients(model: CausalModel, draw: Draw) -> dict[str, Any]:
    """Columns of ``truth/patients``: the latent variables, and kg and ks of each line."""
    n = draw.n
    observed = {column.name for column in schemas.PATIENTS.columns}
    entries: list[tuple[str, Array, Array, tuple[str, ...] | None]] = []
    for name, values in draw.baseline.items():
        hidden = name not in observed and not name.endswith((VARIANT_SUFFIX, "_vaf"))
        if hidden and not isinstance(model.disease.variables[name], DERIVED):
            entries.append((name, np.arange(n), values, draw.levels.get(name)))
    starts = np.flatnonzero(draw.visits["line_starts"])
    for name in ("kg", "ks"):
        for line in np.unique(draw.visits["line"][starts]).astype(int):
            rows = starts[draw.visits["line"][starts] == line]
            label = f"{name}@{line}"
            entries.append((label, draw.visits["patient"][rows], draw.visits[name][rows], None))
    patient = np.concatenate([p for _, p, _, _ in entries])
    which = np.repeat(np.arange(len(entries)), [len(p) for _, p, _, _ in entries])
    value = np.concatenate([np.full(len(p), np.nan) if levels else v.astype(np.float64)
                            for _, p, v, levels in entries])  # fmt: skip
    words = sorted({level for *_, levels in entries if levels for level in levels})
    level = np.concatenate([
        np.array([words.index(w) for w in levels])[v] if levels else np.full(len(p), -1)
        for _, p, v, levels in entries
    ])  # fmt: skip
    order = np.argsort(patient, kind="stable")
    return {
        "patient_id": ids(draw, patient[order]),
        "variable": arrow.coded(which[order], [name for name, *_ in entries]),
        "value": value[order],
        "level": arrow.coded(level[order], words),
    }


def _text(values: list[str]) -> pa.DictionaryArray:
    levels = sorted(set(values))
    index = {level: i for i, level in enumerate(levels)}
    return arrow.coded(np.array([index[v] for v in values], np.int32), levels)
