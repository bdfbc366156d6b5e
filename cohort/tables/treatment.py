"""Tables of treatment: lines and regimens, survival, events of the disease, deaths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from alignment import arrow, schemas
from cohort.codebook import Codebook
from cohort.frame import Array
from cohort.model import CausalModel, Draw
from cohort.tables.lines import Lines, lost_day, observe
from cohort.tables.person import ids

CURATIVE = ("chemoradiation", "chemoradiation_durvalumab")
SUPPORTIVE = "best_supportive_care"
ADJUVANT_START_D = 42
ADJUVANT_DAYS = {"osimertinib": 1095}
ADJUVANT_CHEMOTHERAPY_DAYS = 84
"""Four cycles of three weeks; osimertinib three years; begun six weeks after surgery."""


def treatments(draw: Draw, codebook: Codebook, lines: Lines) -> dict[str, Any]:
    """Columns of ``tables/treatments``."""
    regimens = draw.levels["regimen"]
    names = (*regimens, "surgery", "sbrt")
    stop, reason = lines.stops()
    intents = [
        "curative" if name in (*CURATIVE, "surgery", "sbrt")
        else "supportive" if name == SUPPORTIVE else "palliative"
        for name in names
    ]  # fmt: skip
    intent = np.array([schemas.INTENTS.index(i) for i in intents])[lines.regimen]
    of_lines = (lines.patient, lines.line, intent, lines.regimen, lines.start, stop, reason)
    parts = [of_lines, *_local(draw, names)]
    patient, line, intent, regimen, start, stop, reason = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    order = np.lexsort((start, line, patient))
    codes = [codebook.rxnorm.get(name, "") for name in names]
    return {
        "patient_id": ids(draw, patient[order]),
        "line": line[order].astype(np.int8),
        "intent": arrow.coded(intent[order], schemas.INTENTS),
        "regimen": arrow.coded(regimen[order], names),
        "rxnorm": arrow.coded(regimen[order], codes),
        "start_day": start[order].astype(np.int32),
        "stop_day": pa.array(stop[order], from_pandas=True).cast(pa.int32()),
        "stop_reason": arrow.coded(reason[order], schemas.STOP_REASONS),
    }


def _local(draw: Draw, names: tuple[str, ...]) -> list[tuple[Array, ...]]:
    """Surgery, stereotactic radiotherapy and adjuvant treatment, line 0."""
    base, levels = draw.baseline, draw.levels
    curative, adjuvant = (schemas.INTENTS.index(i) for i in ("curative", "adjuvant"))
    completed, ongoing = (schemas.STOP_REASONS.index(r) for r in ("completed", "ongoing"))
    parts: list[tuple[Array, ...]] = []

    def add(rows: Array, intent: int, name: str, start: int, stop: Array, reason: Array) -> None:
        whole = np.full(len(rows), 1)
        parts.append((rows, 0 * whole, intent * whole, names.index(name) * whole, start * whole,
                      stop, reason))  # fmt: skip

    for name in ("surgery", "sbrt"):
        rows = np.flatnonzero(base["initial_treatment"] == levels["initial_treatment"].index(name))
        add(rows, curative, name, 0, np.zeros(len(rows)), np.full(len(rows), completed))
    until = np.minimum(observe(draw).end, base["recurrence_day"])
    for code, name in enumerate(levels["adjuvant"][1:], 1):
        chosen = (base["adjuvant"] == code) & (until > ADJUVANT_START_D)
        rows = np.flatnonzero(chosen)
        planned = ADJUVANT_START_D + ADJUVANT_DAYS.get(name, ADJUVANT_CHEMOTHERAPY_DAYS)
        done = planned <= until[rows]
        recurred = base["recurrence_day"][rows] <= until[rows]
        died = observe(draw).died[rows]
        stop = np.where(done, planned, np.where(recurred | died, until[rows], np.nan))
        progression, death = (schemas.STOP_REASONS.index(r) for r in ("progression", "death"))
        early = np.where(recurred, progression, np.where(died, death, ongoing))
        add(rows, adjuvant, name, ADJUVANT_START_D, stop, np.where(done, completed, early))
    return parts


def survival(model: CausalModel, draw: Draw, lines: Lines) -> dict[str, Any]:
    """Columns of ``tables/survival``: one row a line and reader; line 0 after local therapy."""
    parts = [line_survival(lines, a) for a in model.assessors]
    parts.append(_local_survival(draw))
    merged = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.lexsort((merged["assessor"], merged["line"], merged["patient"]))
    row = {key: values[order] for key, values in merged.items()}
    return {
        "patient_id": ids(draw, row["patient"]),
        "study_id": arrow.constant(model.disease.study_id, len(order)),
        "line": row["line"].astype(np.int8),
        "origin_day": row["start"].astype(np.int32),
        "os_days": (row["end"] - row["start"]).astype(np.int32),
        "os_event": row["died"],
        "pfs_days": (row["pfs_end"] - row["start"]).astype(np.int32),
        "pfs_event": row["pfs_event"],
        "pfs_cause": arrow.coded(row["cause"], schemas.PFS_CAUSES),
        "assessor": arrow.coded(row["assessor"], schemas.ASSESSORS),
        "cause_of_death": arrow.coded(row["cause_of_death"], schemas.DEATH_CAUSES),
        "censor_reason": arrow.coded(row["censored_as"], schemas.CENSOR_REASONS),
    }


def line_survival(lines: Lines, assessor: str) -> dict[str, Array]:
    """Progression, death or the last look of every line, as the assessor has it."""
    found = lines.progression[assessor]
    progressed = ~np.isnan(found.day)
    # Progression ends the line; death counts where no progression came before it.
    stopped = ~np.isnan(lines.progression["investigator"].day)
    unseen = stopped & (assessor != "investigator")  # after that, no scan for another reader
    fatal = lines.died & ~progressed & ~lines.next_starts & ~unseen
    last_seen = np.where(np.isnan(lines.last_scan), lines.start, lines.last_scan)
    last_seen = np.clip(last_seen, lines.start, np.maximum(lines.end, lines.start))
    pfs_end = np.where(progressed, found.day, np.where(fatal, lines.death, last_seen))
    death, none = 3, 4
    return {
        "patient": lines.patient,
        "line": lines.line,
        "start": lines.start,
        "end": lines.end,
        "died": lines.died,
        "pfs_end": pfs_end,
        "pfs_event": progressed | fatal,
        "cause": np.where(progressed, found.cause, np.where(fatal, death, none)),
        "assessor": np.full(len(lines.line), schemas.ASSESSORS.index(assessor)),
        "cause_of_death": lines.cause_of_death,
        "censored_as": lines.censored_as,
    }


def _local_survival(draw: Draw) -> dict[str, Array]:
    """Disease-free survival from local therapy."""
    seen = observe(draw)
    rows = np.flatnonzero(draw.baseline["local_therapy"])
    recurrence, end, died = draw.baseline["recurrence_day"][rows], seen.end[rows], seen.died[rows]
    recurred = recurrence <= end
    new_lesion, death, none = 2, 3, 4
    zero = np.zeros(len(rows))
    return {
        "patient": rows,
        "line": np.zeros(len(rows), np.int64),
        "start": zero,
        "end": end,
        "died": died,
        "pfs_end": np.where(recurred, recurrence, end),
        "pfs_event": recurred | died,
        "cause": np.where(recurred, new_lesion, np.where(died, death, none)),
        "assessor": np.zeros(len(rows), np.int64),
        "cause_of_death": seen.cause[rows],
        "censored_as": seen.censored_as[rows],
    }


def events(draw: Draw, codebook: Codebook, lines: Lines) -> dict[str, Any]:
    """Columns of ``tables/events``: progression, recurrence, death."""
    found = lines.progression["investigator"].day
    progressed = np.flatnonzero(~np.isnan(found))
    seen = observe(draw)
    dead = np.flatnonzero(seen.died)
    recurrence = draw.baseline["recurrence_day"]
    recurred = np.flatnonzero(draw.baseline["local_therapy"] & (recurrence <= seen.end))
    patient = np.concatenate([lines.patient[progressed], recurred, dead])
    day = np.concatenate([found[progressed], recurrence[recurred], seen.end[dead]])
    kind = np.repeat([0, 1, 2], [len(progressed), len(recurred), len(dead)])
    order = np.lexsort((kind, day, patient))
    progression, death = codebook.progression, codebook.death
    codes, systems, names = zip(progression, progression, death, strict=True)
    none = pa.nulls(len(order), pa.int32())
    return {
        "patient_id": ids(draw, patient[order]),
        "day": day[order].astype(np.int32),
        "category": arrow.coded(kind[order], schemas.EVENT_CATEGORIES),
        "code": arrow.coded(kind[order], codes),
        "system": arrow.coded(kind[order], systems),
        "name": arrow.coded(kind[order], names),
        "grade": np.where(kind[order] == 2, 5, 0).astype(np.int8),
        "end_day": none,
        "related_to": arrow.coded(np.full(len(order), -1), ("",)),
    }


def truth_deaths(draw: Draw) -> dict[str, Any]:
    """Columns of ``truth/deaths``."""
    return {
        "patient_id": ids(draw, np.arange(draw.n)),
        "cancer_day": draw.deaths["cancer_death"],
        "other_day": draw.baseline["other_death"],
        "lost_day": lost_day(draw),
    }
