"""Tables of how the patient is, as far as it was recorded, and of what was not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alignment import arrow, schemas
from cohort import spec
from cohort.codebook import Codebook
from cohort.frame import Array
from cohort.model import CausalModel, Draw
from cohort.tables.person import ids

VITALS = ("heart_rate", "systolic_bp", "spo2")
MISSING_VARIABLES = {"visit": "visit_missed", "panel": "panel_missing", "vitals": "vitals_missing"}


def attended(draw: Draw) -> NDArray[np.bool_]:
    """(m,) visits that took place."""
    return np.asarray(draw.visits["visit_missed"] == 0)


def drawn(draw: Draw) -> NDArray[np.bool_]:
    """(m,) visits at which blood was drawn."""
    return np.asarray(attended(draw) & (draw.visits["panel_missing"] == 0))


def vitals(draw: Draw) -> dict[str, Any]:
    """Columns of ``tables/vitals``: attended visits; null where not recorded."""
    visits = draw.visits
    rows = np.flatnonzero(attended(draw))
    lost = visits["vitals_missing"][rows] > 0

    def column(name: str, kind: pa.DataType) -> pa.Array:
        return pa.array(visits[name][rows], mask=lost, from_pandas=False).cast(kind, safe=False)

    return {
        "patient_id": ids(draw, visits["patient"][rows]),
        "day": visits["visit_day"][rows].astype(np.int32),
        "weight_kg": pa.array(np.round(visits["weight_now"][rows], 1), mask=lost),
        "ecog": column("ecog_now", pa.int8()),
        **{name: column(name, pa.int16()) for name in VITALS},
        "temperature": pa.array(visits["temperature"][rows], mask=lost),
    }


def symptoms(model: CausalModel, draw: Draw, codebook: Codebook) -> dict[str, Any]:
    """Columns of ``tables/symptoms``: those present at attended visits."""
    visits = draw.visits
    seen = attended(draw)
    names = [n for n, v in model.disease.variables.items() if isinstance(v, spec.Symptom)]
    found = [np.flatnonzero(seen & (visits[name] > 0)) for name in names]
    row = np.concatenate(found)
    which = np.repeat(np.arange(len(names)), [len(rows) for rows in found])
    order = np.lexsort((which, row))
    row, which = row[order], which[order]
    grade = np.stack([visits[name] for name in names])[which, row]
    return {
        "patient_id": ids(draw, visits["patient"][row]),
        "day": visits["visit_day"][row].astype(np.int32),
        "code": arrow.coded(which, [codebook.symptoms[name][0] for name in names]),
        "name": arrow.coded(which, [codebook.symptoms[name][1] for name in names]),
        "grade": grade.astype(np.int8),
    }


def ctdna(model: CausalModel, draw: Draw) -> dict[str, Any]:
    """Columns of ``tables/ctdna``: plasma of the scan days."""
    scans = draw.scans
    limit = next(
        v.limit.value
        for v in model.disease.variables.values()
        if isinstance(v, spec.TumourFraction)
    )
    share = scans["tumour_fraction"]
    detected = share >= limit
    return {
        "patient_id": ids(draw, scans["patient"]),
        "day": scans["scan_day"].astype(np.int32),
        "tumour_fraction": np.where(detected, np.round(share, 4), 0.0),
        "detected": detected,
    }


def truth_missing(draw: Draw) -> dict[str, Any]:
    """Columns of ``truth/missing``: what was not recorded, and by which mechanism."""
    visits = draw.visits
    seen = attended(draw)
    parts: list[tuple[Array, Array, int]] = []
    for what, name in MISSING_VARIABLES.items():
        strikes = visits[name] > 0
        rows = np.flatnonzero(strikes if what == "visit" else strikes & seen)
        parts.append((rows, visits[name][rows] - 1, schemas.MISSING_KINDS.index(what)))
    row = np.concatenate([rows for rows, _, _ in parts])
    mechanism = np.concatenate([codes for _, codes, _ in parts])
    kind = np.repeat([code for _, _, code in parts], [len(rows) for rows, _, _ in parts])
    order = np.lexsort((kind, row))
    row, kind = row[order], kind[order]
    return {
        "patient_id": ids(draw, visits["patient"][row]),
        "day": visits["visit_day"][row].astype(np.int32),
        "kind": arrow.coded(kind, schemas.MISSING_KINDS),
        "mechanism": arrow.coded(mechanism[order], schemas.MECHANISMS),
    }
