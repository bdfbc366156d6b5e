"""What the laboratory reports: analytical error, rounding, flag and CTCAE grade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import ndtri

from alignment import arrow
from alignment.noise import Noise, to_uniform
from alignment.panel import Analyte, LabPanel
from alignment.schemas import FLAGS, LAB_KEYS, LABS, TRUTH_LABS
from ontology.errors import ConsilienceError, nearest
from ontology.evidence import Status
from ontology.yamlfile import read_yaml

Bound = float | dict[str, float]


class Correction(BaseModel):
    """Grades are those of ``value + per (target - other analyte)``, both as reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    analyte: str
    target: float
    per: float


class Reference(BaseModel):
    """Reference interval and CTCAE thresholds of one analyte."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: Bound
    high: Bound
    falling: tuple[float, ...] = ()
    rising: tuple[float, ...] = ()
    rising_to: tuple[float, ...] = ()
    corrected_for: Correction | None = None
    status: Status


class ReferenceFile(BaseModel):
    """``configs/labs.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, str]
    analytes: dict[str, Reference]


@cache
def references() -> Mapping[str, Reference]:
    """The bundled reference intervals."""
    return read_yaml(_path()).parse(ReferenceFile).analytes


def check_references(analytes: Iterable[str], sexes: Iterable[str], smoking: Iterable[str]) -> None:
    """Refuse analytes without a reference interval for every sex and smoking status, with the
    line; all at once."""
    file = read_yaml(_path())
    known = file.parse(ReferenceFile).analytes
    wanted = (frozenset(sexes), frozenset(smoking))
    problems = []
    for key in analytes:
        if key not in known:
            at = file.where(("analytes",))
            problems.append(f"{at}: no reference interval for '{key}'; {nearest(key, known)}")
            continue
        for side in ("low", "high"):
            bound = getattr(known[key], side)
            if not isinstance(bound, dict) or any(levels <= set(bound) for levels in wanted):
                continue
            meant = min(wanted, key=lambda levels: len(levels - set(bound)))
            missing = ", ".join(sorted(meant - set(bound)))
            at = file.where(("analytes", key, side))
            problems.append(f"{at}: '{key}' has no {side} limit for {missing}")
    if problems:
        raise ConsilienceError(
            f"{len(problems)} reference interval(s) missing:\n  " + "\n  ".join(problems),
            where=file.path,
            remedy="add what the lines above lack",
        )


def _path() -> Path:
    return Path(str(resources.files("configs"))) / "labs.yaml"


def report(panel: LabPanel) -> tuple[pa.Table, pa.Table]:
    """``tables/labs`` as reported and ``truth/labs`` before analytical error.

    Rows are sorted by patient, day and the panel's order of analytes; only what was drawn.
    """
    k, m = panel.values.shape
    drawn = np.ones((k, m), bool) if panel.drawn is None else panel.drawn
    value, flag, grade = _reported(panel)
    rows = np.flatnonzero(drawn.T.ravel())  # by visit, then analyte
    visit, which = rows // k, (rows % k).astype(np.int32)
    day = panel.day.astype(np.int32)
    observed = arrow.build(
        LABS,
        {
            "patient_id": arrow.patient_column(panel.start, panel.n, panel.patient[visit]),
            "day": day[visit],
            "loinc": arrow.coded(which, [a.loinc for a in panel.analytes]),
            "name": arrow.coded(which, [a.key for a in panel.analytes]),
            "value": value.T.ravel()[rows],
            "unit": arrow.coded(which, [a.unit for a in panel.analytes]),
            "flag": arrow.coded(flag.T.ravel()[rows], FLAGS),
            "ctcae_grade": grade.T.ravel()[rows],
        },
    )
    latent: dict[str, Any] = {key: pa.nulls(m, pa.float32()) for key in LAB_KEYS}
    for i, analyte in enumerate(panel.analytes):
        values = panel.values[i].astype(np.float32)
        latent[analyte.key] = pa.array(values, mask=None if drawn[i].all() else ~drawn[i])
    patient = arrow.patient_column(panel.start, panel.n, panel.patient)
    return observed, arrow.build(TRUTH_LABS, {"patient_id": patient, "day": day, **latent})


def _reported(panel: LabPanel) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(k, m) value as printed, flag and grade.

    A sum is reported as the sum of its parts as reported, plus the rest with its own error.
    """
    k, m = panel.values.shape
    error = _analytical_noise(panel)
    value = np.empty((k, m))
    flag, grade = np.empty((k, m), np.int8), np.empty((k, m), np.int8)
    row = {analyte.key: i for i, analyte in enumerate(panel.analytes)}
    for i in sorted(range(k), key=lambda i: _rank(panel.analytes[i])):
        analyte = panel.analytes[i]
        parts = [row[part] for part in analyte.parts if part in row]
        own = panel.values[i]
        for part in parts:
            own = own - panel.values[part]
        reported = own * np.exp(analyte.analytical_cv * error[i])
        for part in parts:
            reported = reported + value[part]
        # The reported value is rounded first: flag and grade follow what the report shows.
        value[i] = np.round(reported, analyte.decimals)
        correction = _reference(analyte).corrected_for
        graded = value[i]
        if correction is not None and correction.analyte in row:
            shift = correction.per * (correction.target - value[row[correction.analyte]])
            graded = np.round(graded + shift, 6)
        flag[i], _ = _flag_and_grade(value[i], analyte, panel)
        _, grade[i] = _flag_and_grade(graded, analyte, panel)
    return value, flag, grade


def _rank(analyte: Analyte) -> tuple[int, bool]:
    """Sums come after their parts, what is corrected after all others."""
    return len(analyte.parts), _reference(analyte).corrected_for is not None


def _reference(analyte: Analyte) -> Reference:
    known = references()
    if analyte.key not in known:
        raise ConsilienceError(
            f"no reference interval for '{analyte.key}'",
            where="configs/labs.yaml",
            wanted=nearest(analyte.key, known),
            remedy="add the analyte there",
        )
    return known[analyte.key]


def _analytical_noise(panel: LabPanel) -> NDArray[np.float64]:
    """(k, m) standard normals keyed by (seed, analyte, patient, step)."""
    words = np.empty((len(panel.analytes), len(panel.patient)), np.uint64)
    order = np.argsort(panel.step, kind="stable")
    steps, first = np.unique(panel.step[order], return_index=True)
    for i, analyte in enumerate(panel.analytes):
        noise = Noise(panel.seed, f"{analyte.key}/analytical")
        for step, rows in zip(steps, np.split(order, first[1:]), strict=True):
            if panel.drawn is not None and not panel.drawn[i, rows].any():
                words[i, rows] = 0
                continue
            raw = noise.raw(panel.start, panel.n, int(step))
            words[i, rows] = raw[panel.patient[rows]]
    return np.asarray(ndtri(to_uniform(words)))


def _flag_and_grade(
    value: NDArray[np.float64], analyte: Analyte, panel: LabPanel
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    reference = _reference(analyte)
    low, high = (_bound(b, analyte, panel) for b in (reference.low, reference.high))
    below, above = value < low, value > high
    grade = np.zeros(len(value), np.int8)
    if reference.falling:
        grade += below
        for bound in reference.falling:
            grade += value < bound
    if reference.rising or reference.rising_to:
        grade += above
        for bound in reference.rising_to:
            grade += value > bound
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
