"""Tables of doses, adverse events and the marrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alignment import arrow, schemas
from alignment.noise import Noise
from cohort import spec
from cohort.codebook import Codebook
from cohort.frame import Array
from cohort.mechanisms.toxicity import Reporting
from cohort.mechanisms.visits import NO_REGIMEN
from cohort.model import CausalModel, Draw
from cohort.tables.lines import Lines, observe
from cohort.tables.person import ids

HAEMATOLOGICAL = ("ae_neutropenia", "ae_thrombocytopenia", "ae_febrile_neutropenia")
"""Events dated by the nadir of the cycle."""

MEASURED = ("ae_anaemia", "ae_alt_increased")
"""Events dated by the visit at which the value was drawn."""

DOSE_REASONS = ("neutrophils or platelets", "neutrophils", "toxicity", "visit missed")


def events_of(model: CausalModel) -> tuple[str, ...]:
    """The adverse events in the order of the bits of ``ae_reported``."""
    return cast(Reporting, model.mechanisms["ae_reported"]).events


def _collected_until(model: CausalModel, draw: Draw, lines: Lines) -> Array:
    """(n, lines + 1) last day on which adverse events of a line are collected."""
    window = cast(Reporting, model.mechanisms["ae_reported"]).v.window.value
    until = np.full((draw.n, int(lines.line.max(initial=1)) + 1), np.inf)
    stop, _ = lines.stops()
    until[lines.patient, lines.line] = np.where(np.isnan(stop), np.inf, stop + window)
    return until


def worst_grade(draw: Draw, event: str, line: int) -> Array:
    """(n,) the worst grade of an event in a line."""
    worst = np.zeros(draw.n, np.int8)
    here = draw.visits["line_at_visit"] == line
    np.maximum.at(worst, draw.visits["patient"][here], draw.visits[event][here])
    return worst


def reported_grade(model: CausalModel, draw: Draw, event: str, line: int) -> Array:
    """(n,) the worst grade of an event in a line as reported."""
    bit = events_of(model).index(event)
    said = (draw.visits["ae_reported"] >> bit) & 1 > 0
    worst = np.zeros(draw.n, np.int8)
    here = said & (draw.visits["line_at_visit"] == line)
    np.maximum.at(worst, draw.visits["patient"][here], draw.visits[event][here])
    return worst


@dataclass(frozen=True)
class Episodes:
    """One entry an episode: consecutive visits at which an event was there, in one line.

    ``event``: index into ``events_of``; ``end``: NaN where it was still there at the last visit;
    ``regimen``: the one running before the first of these visits.
    """

    patient: Array
    event: Array
    start: Array
    end: Array
    grade: Array
    reported: Array
    regimen: Array

    @classmethod
    def of(cls, model: CausalModel, draw: Draw, lines: Lines) -> Episodes:
        """All episodes of a draw, by patient, day and event.

        One that begins long after treatment of its line ended is not reported.
        """
        parts = [_episodes(draw, bit, event) for bit, event in enumerate(events_of(model))]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        *columns, line = columns
        patient, _, start, _, _, reported, _ = columns
        until = _collected_until(model, draw, lines)[patient, line.astype(np.int64)]
        columns[5] = reported & ~(start > until)
        order = np.lexsort((columns[1], columns[2], columns[0]))
        return cls(*(column[order] for column in columns))


def _episodes(draw: Draw, bit: int, event: str) -> tuple[Array, ...]:
    visits = draw.visits
    grade, patient, line = visits[event], visits["patient"], visits["line_at_visit"]
    there = grade > 0
    rows = np.flatnonzero(there)
    follows = np.zeros(len(grade), bool)
    if event != "ae_febrile_neutropenia":  # each is an episode of its own
        follows[1:] = (patient[1:] == patient[:-1]) & (line[1:] == line[:-1])
    first = rows[~(follows[rows] & there[rows - 1])]
    # Rows of an episode are consecutive: reduceat runs from one first row to the next.
    starts = np.searchsorted(rows, first)
    last = rows[np.append(starts[1:], len(rows)) - 1] if len(rows) else rows
    if not len(rows):
        nothing = np.zeros(0)
        return (rows, rows, nothing, nothing, rows, rows.astype(bool), rows, rows)
    said = ((visits["ae_reported"] >> bit) & 1)[rows]
    start = _onset(draw, event, first)
    after = np.minimum(last + 1, len(grade) - 1)
    seen_again = (patient[after] == patient[last]) & (after > last)
    end = np.where(seen_again, visits["visit_day"][last], np.nan)
    return (
        patient[first],
        np.full(len(first), bit),
        start,
        np.where(np.isnan(end), end, np.maximum(end, start)),
        np.maximum.reduceat(grade[rows], starts),
        np.maximum.reduceat(said, starts) > 0,
        visits["regimen"][first - 1],
        line[first],
    )


def _onset(draw: Draw, event: str, rows: Array) -> Array:
    visits = draw.visits
    day = visits["visit_day"][rows]
    if event in MEASURED:
        return np.asarray(day)
    if event in HAEMATOLOGICAL:
        nadir = visits["marrow_nadir_day"][rows]
        return np.where(np.isnan(nadir), day, nadir)
    before = visits["visit_day"][rows - 1]
    noise, u = Noise(draw.seed, f"{event}/day"), np.empty(len(rows))
    for step in np.unique(visits["step"][rows]):
        at = visits["step"][rows] == step
        u[at] = noise.uniform(draw.start, draw.n, int(step))[visits["patient"][rows[at]]]
    return np.asarray(before + 1.0 + np.floor(u * (day - before)))


def adverse_events(
    model: CausalModel, draw: Draw, codebook: Codebook, episodes: Episodes
) -> dict[str, Any]:
    """Columns of ``tables/events``: what investigators reported; to be joined to the others."""
    rows = np.flatnonzero(episodes.reported)
    codes, names = _coding(model, codebook)
    event = episodes.event[rows]
    regimen = episodes.regimen[rows]
    return {
        "patient_id": ids(draw, episodes.patient[rows]),
        "day": episodes.start[rows].astype(np.int32),
        "category": arrow.constant("adverse_event", len(rows)),
        "code": arrow.coded(event, codes),
        "system": arrow.constant("HPO", len(rows)),
        "name": arrow.coded(event, names),
        "grade": episodes.grade[rows].astype(np.int8),
        "end_day": pa.array(episodes.end[rows], from_pandas=True).cast(pa.int32()),
        "related_to": arrow.coded(np.where(regimen > 0, regimen, -1), draw.levels["regimen"]),
    }


def at_visits(model: CausalModel, draw: Draw, codebook: Codebook, lines: Lines) -> dict[str, Any]:
    """Columns of ``tables/toxicities``: what investigators recorded at visits that took place."""
    visits, names = draw.visits, events_of(model)
    grades = np.stack([visits[name] for name in names], axis=1)  # (visits, events)
    said = (visits["ae_reported"][:, None] >> np.arange(len(names))) & 1 > 0
    until = _collected_until(model, draw, lines)
    line = visits["line_at_visit"].astype(np.int64)
    collected = visits["visit_day"] <= until[visits["patient"], line]
    seen = collected & (visits["visit_missed"] == 0)
    row, event = np.nonzero((grades > 0) & said & seen[:, None])
    codes, labels = _coding(model, codebook)
    return {
        "patient_id": ids(draw, visits["patient"][row]),
        "day": visits["visit_day"][row].astype(np.int32),
        "line": line[row].astype(np.int8),
        "code": arrow.coded(event, codes),
        "name": arrow.coded(event, labels),
        "grade": grades[row, event].astype(np.int8),
    }


def with_adverse_events(events: pa.Table, adverse: pa.Table) -> pa.Table:
    """Both parts of ``tables/events``, by patient, day and code."""
    joined = pa.concat_tables([events, adverse]).unify_dictionaries().combine_chunks()
    patient, code = (
        joined.column(name).chunk(0).indices.to_numpy() if len(joined) else np.zeros(0)
        for name in ("patient_id", "code")
    )
    return joined.take(pa.array(np.lexsort((code, joined.column("day").to_numpy(), patient))))


def truth_events(
    model: CausalModel, draw: Draw, codebook: Codebook, episodes: Episodes
) -> dict[str, Any]:
    """Columns of ``truth/events``: all episodes, reported or not."""
    codes, names = _coding(model, codebook)
    return {
        "patient_id": ids(draw, episodes.patient),
        "day": episodes.start.astype(np.int32),
        "code": arrow.coded(episodes.event, codes),
        "name": arrow.coded(episodes.event, names),
        "grade": episodes.grade.astype(np.int8),
        "reported": episodes.reported,
    }


def _coding(model: CausalModel, codebook: Codebook) -> tuple[list[str], list[str]]:
    coded = [codebook.adverse_events[event] for event in events_of(model)]
    return [f"HP:{code}" for code, _ in coded], [name for _, name in coded]


def truth_marrow(draw: Draw) -> dict[str, Any]:
    """Columns of ``truth/marrow``: cycles whose next visit took place."""
    visits = draw.visits
    rows = np.flatnonzero(~np.isnan(visits["marrow_nadir"]))
    opened = visits["visit_day"][rows - 1] + visits["dose_delay"][rows - 1]
    return {
        "patient_id": ids(draw, visits["patient"][rows]),
        "day": opened.astype(np.int32),
        "nadir_day": np.maximum(visits["marrow_nadir_day"][rows], opened).astype(np.int32),
        "nadir": visits["marrow_nadir"][rows].astype(np.float32),
        "days_below_half": visits["marrow_low_days"][rows].astype(np.int16),
    }


def doses(model: CausalModel, draw: Draw, codebook: Codebook) -> dict[str, Any]:
    """Columns of ``tables/doses``: infusions given or omitted; oral drugs where doses change.

    ``rxnorm`` names the drugs of that cycle: after the induction cycles platinum and radiotherapy
    are over. An antibody that goes on alone is given in full.
    """
    visits, regimens = draw.visits, draw.levels["regimen"]
    dose, omitted, delay = visits["dose"], visits["dose_omitted"], visits["dose_delay"]
    begins = visits["line_starts"]
    before = np.concatenate([[0.0], dose[:-1]])
    oral = np.isin(visits["regimen"], [i for i, r in enumerate(regimens) if r in codebook.oral])
    rows = np.flatnonzero((dose > 0) | omitted)
    rows = rows[~oral[rows] | begins[rows] | (dose[rows] != before[rows])]
    # A dose put off for a week may come too late.
    on = visits["visit_day"][rows] + delay[rows]
    rows = rows[on <= observe(draw).end[visits["patient"][rows]]]
    levels = _highest(model)
    cycle = visits["dose_cycle"][rows] + omitted[rows]
    drugs, code_of = _drugs(model, codebook, regimens, visits["regimen"][rows], cycle)
    alone = np.isin(code_of, sorted(codebook.antibodies))[drugs]
    dose = np.where(alone & (dose[rows] > 0), levels, dose[rows])
    given, delayed, reduced, left_out = range(4)
    action = np.where(delay[rows] > 0, delayed, np.where(dose < levels, reduced, given))
    action = np.where(omitted[rows], left_out, action)
    low = visits["neutrophils"][rows] < _omit_below(model)
    counts, neutrophils, toxicity, missed = range(4)
    why_late = np.where(visits["dose_low_counts"][rows], counts, toxicity)
    reason = np.where(action == delayed, why_late, np.where(action == reduced, toxicity, -1))
    reason = np.where(action == left_out, np.where(low, neutrophils, toxicity), reason)
    reason = np.where(visits["visit_missed"][rows] > 0, missed, reason)
    return {
        "patient_id": ids(draw, visits["patient"][rows]),
        "day": (visits["visit_day"][rows] + delay[rows]).astype(np.int32),
        "line": visits["line"][rows].astype(np.int8),
        "cycle": cycle.astype(np.int16),
        "regimen": arrow.coded(visits["regimen"][rows], regimens),
        "rxnorm": arrow.coded(drugs, code_of),
        "relative_dose": dose,
        "delay_days": delay[rows].astype(np.int16),
        "action": arrow.coded(action, schemas.DOSE_ACTIONS),
        "reason": arrow.coded(reason, DOSE_REASONS),
    }


def _drugs(
    model: CausalModel, codebook: Codebook, regimens: Sequence[str], regimen: Array, cycle: Array
) -> tuple[Array, list[str]]:
    """Index of the drugs of each dose, and the codes that it points to: induction, then after."""
    marrow = model.disease.variables.get("marrow")
    induction = marrow.induction_cycles.values if isinstance(marrow, spec.Marrow) else {}
    last = np.array([cast(float, induction.get(r, np.inf)) for r in regimens])
    phases = [codebook.phases.get(r, ("", "")) for r in regimens]
    codes, index = np.unique(
        [*(p for p, _ in phases), *(p for _, p in phases)], return_inverse=True
    )
    later = np.where(cycle > last[regimen], len(regimens), 0)
    return index[regimen + later], list(map(str, codes))


def _highest(model: CausalModel) -> float:
    dose = cast(spec.Dose, model.disease.variables["dose"])
    return max(value for _, value in dose.levels.flat())


def _omit_below(model: CausalModel) -> float:
    return cast(spec.Dose, model.disease.variables["dose"]).omit_neutrophils.value


def panels(draw: Draw, codebook: Codebook) -> NDArray[np.bool_]:
    """(k, m) which analytes are drawn at which visit: not every panel every time."""
    visits, none = draw.visits, draw.levels["regimen"].index(NO_REGIMEN)
    step, regimen = visits["step"], visits["regimen"]
    checkpoint = [i for i, r in enumerate(draw.levels["regimen"]) if r in codebook.checkpoint]
    assert none not in checkpoint
    always = np.ones(len(step), bool)
    schedule = {
        "haematology": always,
        "chemistry": always,
        "markers": step % 3 == 0,
        "thyroid": (step == 0) | ((step % 2 == 0) & np.isin(regimen, checkpoint)),
    }
    return np.stack([schedule[analyte.panel] for analyte in codebook.analytes])
