"""What the laboratory reports: analytical error, rounding, flag and CTCAE grade."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import ndtri

from alignment import arrow
from alignment.noise import Noise, to_uniform
from alignment.panel import Analyte, LabPanel
from alignment.schemas import FLAGS, LABS, TRUTH_LABS
from ontology.errors import ConsilienceError, nearest
from ontology.evidence import Status
from ontology.yamlfile import read_yaml

Bound = float | dict[str, float]


class Reference(BaseModel):
    """Reference interval and CTCAE thresholds of one analyte."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: Bound
    high: Bound
    falling: tuple[float, ...] = ()
    rising: tuple[float, ...] = ()
    status: Status


class ReferenceFile(BaseModel):
    """``configs/labs.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, str]
    analytes: dict[str, Reference]


@cache
def references() -> Mapping[str, Reference]:
    """The bundled reference intervals."""
    with resources.as_file(resources.files("configs") / "labs.yaml") as path:
        return read_yaml(Path(path)).parse(ReferenceFile).analytes


def report(panel: LabPanel) -> tuple[pa.Table, pa.Table]:
    """``tables/labs`` as reported and ``truth/labs`` before analytical error.

    Rows are sorted by patient, day and the panel's order of analytes.
    """
    k, m = panel.values.shape
    analytical = _analytical_noise(panel)
    value = np.empty((k, m))
    flag, grade = np.empty((k, m), np.int8), np.empty((k, m), np.int8)
    for i, analyte in enumerate(panel.analytes):
        # The reported value is rounded first: flag and grade follow what the report shows.
        reported = panel.values[i] * np.exp(analyte.analytical_cv * analytical[i])
        value[i] = np.round(reported, analyte.decimals)
        flag[i], grade[i] = _flag_and_grade(value[i], analyte, panel)
    patient = arrow.patient_column(panel.start, panel.n, np.repeat(panel.patient, k))
    day = pa.array(np.repeat(panel.day.astype(np.int32), k))
    which = np.tile(np.arange(k, dtype=np.int32), m)
    loinc = arrow.coded(which, [a.loinc for a in panel.analytes])
    observed = arrow.build(
        LABS,
        {
            "patient_id": patient,
            "day": day,
            "loinc": loinc,
            "name": arrow.coded(which, [a.key for a in panel.analytes]),
            "value": value.T.ravel(),
            "unit": arrow.coded(which, [a.unit for a in panel.analytes]),
            "flag": arrow.coded(flag.T.ravel(), FLAGS),
            "ctcae_grade": grade.T.ravel(),
        },
    )
    truth = arrow.build(
        TRUTH_LABS,
        {
            "patient_id": patient,
            "day": day,
            "loinc": loinc,
            "value": panel.values.astype(np.float32).T.ravel(),
        },
    )
    return observed, truth


def _analytical_noise(panel: LabPanel) -> NDArray[np.float64]:
    """(k, m) standard normals keyed by (seed, analyte, patient, step)."""
    words = np.empty((len(panel.analytes), len(panel.patient)), np.uint64)
    order = np.argsort(panel.step, kind="stable")
    steps, first = np.unique(panel.step[order], return_index=True)
    for i, analyte in enumerate(panel.analytes):
        noise = Noise(panel.seed, f"{analyte.key}/analytical")
        for step, rows in zip(steps, np.split(order, first[1:]), strict=True):
            raw = noise.raw(panel.start, panel.n, int(step))
            words[i, rows] = raw[panel.patient[rows]]
    return np.asarray(ndtri(to_uniform(words)))


def _flag_and_grade(
    value: NDArray[np.float64], analyte: Analyte, panel: LabPanel
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    known = references()
    if analyte.key not in known:
        raise ConsilienceError(
            f"no reference interval for '{analyte.key}'",
            where="configs/labs.yaml",
            wanted=nearest(analyte.key, known),
            remedy="add the analyte there",
        )
    reference = known[analyte.key]
    low, high = (_bound(b, analyte, panel) for b in (reference.low, reference.high))
    below, above = value < low, value > high
    grade = np.zeros(len(value), np.int8)
    if reference.falling:
        grade += below
        for bound in reference.falling:
            grade += value < bound
    if reference.rising:
        grade += above
        for multiple in reference.rising:
            # 1.5 x 1.2 is 1.7999999999999998: a bound is a decimal number, as it is printed.
            grade += value > np.round(multiple * high, 6)
    return (1 - below + above).astype(np.int8), grade


def _bound(bound: Bound, analyte: Analyte, panel: LabPanel) -> NDArray[np.float64] | float:
    if not isinstance(bound, dict):
        return bound
    for levels in panel.person.values():
        if set(np.unique(levels)) <= set(bound):
            by_person = np.empty(panel.n)
            for level, number in bound.items():
                by_person[levels == level] = number
            return by_person[panel.patient]
    raise ConsilienceError(
        f"the reference interval of '{analyte.key}' lacks a level",
        where="configs/labs.yaml",
        got=", ".join(bound),
        wanted="every level of " + " or ".join(panel.person),
    )
