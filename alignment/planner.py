"""From tables to encounter plans: what each imaging visit of a patient must show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from alignment import identifiers, schemas
from alignment.clinic import is_local
from alignment.plan import EncounterPlan, Finding, Protocol, Purpose, Subject, change_between

CONCEPTS = {
    "lung": "lung_lesion",
    "mediastinal_node": "lymphadenopathy",
    "pleura": "pleural_effusion",
    "liver": "liver_lesion",
    "adrenal": "adrenal_lesion",
    "bone": "bone_lesion",
}
"""The finding by which a lesion of a site shows on chest CT; other sites are out of its view."""

NEGATIVES = {
    "pleural_effusion": "pleura",
    "pneumothorax": "pleura",
    "lymphadenopathy": "mediastinal_node",
    "liver_lesion": "liver",
    "adrenal_lesion": "adrenal",
    "bone_lesion": "bone",
}
"""Findings whose absence a chest CT report states, and their site."""

Rows = list[dict[str, Any]]

READER = "investigator"
"""The reader of the site writes the report and the SR; a central review only measures."""


def plan_patients(
    tables: Mapping[str, pa.Table],
    *,
    seed: int,
    model: str,
    protocol: Protocol,
    visible_in: Mapping[str, tuple[str, ...]],
    max_studies: int | None = None,
) -> list[EncounterPlan]:
    """Plans of all patients in ``tables`` (by path), by patient and day.

    ``visible_in``: modalities that show each finding concept, from the knowledge graph.
    """
    patients = _rows(tables[schemas.PATIENTS.path])
    observed = _by_patient(_merged_lesions(tables))
    responses = _by_patient(
        [r for r in _rows(tables[schemas.RESPONSES_TABLE.path]) if r["assessor"] == READER]
    )
    treatments = _by_patient(_rows(tables[schemas.TREATMENTS.path]))
    events = _by_patient(
        _rows(tables[schemas.EVENTS.path]) if schemas.EVENTS.path in tables else []
    )
    plans: list[EncounterPlan] = []
    for person in patients:
        key = person["patient_id"]
        answers = {row["day"]: row["overall_response"] for row in responses.get(key, [])}
        by_day: dict[int, Rows] = {}
        for row in observed.get(key, []):
            by_day.setdefault(row["day"], []).append(row)
        prior_day: int | None = None
        for day in sorted(by_day)[:max_studies]:
            line = _line_on(treatments.get(key, []), day)
            local = _local_before(treatments.get(key, []), day)
            recurred = _recurred_before(events.get(key, []), day)
            plans.append(
                EncounterPlan(
                    seed=seed,
                    model=model,
                    patient_id=key,
                    day=day,
                    date=identifiers.calendar_date(person["index_date"], day),
                    subject=_subject(person),
                    protocol=protocol,
                    histology=person["histology"],
                    stage=person["stage"],
                    line=line["line"] if line else 0,
                    regimen=line["regimen"] if line else None,
                    prior_day=prior_day,
                    prior_date=None
                    if prior_day is None
                    else identifiers.calendar_date(person["index_date"], prior_day),
                    overall_response=answers.get(day),
                    findings=_findings(by_day[day], by_day.get(prior_day, []), visible_in),  # type: ignore[arg-type]
                    purpose=_purpose(line, local, day, recurred=recurred),
                    local=local,
                    confirmed=day >= 0,
                    recurred=recurred,
                )
            )
            prior_day = day
    return plans


def _findings(
    rows: Rows, prior: Rows, visible_in: Mapping[str, tuple[str, ...]]
) -> tuple[Finding, ...]:
    before = {row["lesion_id"]: row for row in prior}
    found = [
        _finding(row, before.get(row["lesion_id"]), visible_in[CONCEPTS[row["site"]]])
        for row in rows
        if row["site"] in CONCEPTS and not _long_gone(row, before.get(row["lesion_id"]))
    ]
    shown = {finding.concept for finding in found}
    absent = [
        Finding(f"no-{concept}", concept, present=False, site=site)
        for concept, site in NEGATIVES.items()
        if concept not in shown
    ]
    return (*found, *absent)


def _finding(
    row: dict[str, Any], before: dict[str, Any] | None, modalities: tuple[str, ...]
) -> Finding:
    long, short = _whole(row["long_axis_mm"]), _whole(row["short_axis_mm"])
    prior_long = _whole(before["long_axis_mm"]) if before else None
    prior_short = _whole(before["short_axis_mm"]) if before else None
    node = row["site"] in schemas.NODE_SITES
    change = change_between(
        prior_short if node else prior_long,
        short if node else long,
        is_new=row["is_new"] and before is None,
    )
    if long is None and before is not None:
        change = "stable"  # no size to compare: unequivocal change would be in the response
    return Finding(
        finding_id=row["lesion_id"],
        concept=CONCEPTS[row["site"]],
        present=long != 0,
        site=row["site"],
        lobe=row["lobe"],
        side=row["side"],
        latent_long_mm=_number(row["latent_long_mm"]),
        latent_short_mm=_number(row["latent_short_mm"]),
        measured_long_mm=long,
        measured_short_mm=short,
        prior_long_mm=prior_long,
        prior_short_mm=prior_short,
        change=change,
        is_target=row["is_target"],
        is_new=row["is_new"],
        rendered=modalities,
    )


def _long_gone(row: dict[str, Any], before: dict[str, Any] | None) -> bool:
    """Gone already at the prior study: the report has nothing to say of it."""
    return before is not None and row["long_axis_mm"] == 0 and before["long_axis_mm"] == 0


def _subject(person: dict[str, Any]) -> Subject:
    return Subject(
        sex=person["sex"],
        age=int(person["age"]),
        height_cm=person["height_cm"],
        weight_kg=person["weight_kg"],
        smoking_status=person["smoking_status"],
        pack_years=person["pack_years"],
        copd=person["copd"],
    )


def _line_on(treatments: Rows, day: int) -> dict[str, Any] | None:
    """The line that a scan on ``day`` assesses: the last that began before it."""
    begun = [row for row in treatments if row["line"] > 0 and row["start_day"] < day]
    return max(begun, key=lambda row: row["line"]) if begun else None


def _local_before(treatments: Rows, day: int) -> str | None:
    """Surgery or stereotactic radiotherapy before the day."""
    done = [r for r in treatments if is_local(r) and r["start_day"] < day]
    return str(done[0]["regimen"]) if done else None


def _recurred_before(events: Rows, day: int) -> bool:
    """Whether a recurrence was recorded before the day: that of the scan itself is its result."""
    return any(row["category"] == "recurrence" and row["day"] < day for row in events)


def _purpose(
    line: dict[str, Any] | None, local: str | None, day: int, *, recurred: bool
) -> Purpose:
    """Why a scan was asked for, from what was recorded before its day."""
    if line is not None:
        if line["intent"] == "supportive":
            return "supportive"
        over = line["stop_day"] is not None and line["stop_day"] < day
        return "follow_up" if over else "response"
    if local is None:
        return "staging"
    return "recurrence" if recurred else "surveillance"


def _merged_lesions(tables: Mapping[str, pa.Table]) -> Rows:
    observed, latent = (
        tables[table.path].to_pandas() for table in (schemas.LESIONS, schemas.TRUTH_LESIONS)
    )
    observed = observed[observed["assessor"] == READER]
    keys = list(schemas.TRUTH_LESIONS.key)
    for frame in (observed, latent):
        frame[["patient_id", "lesion_id"]] = frame[["patient_id", "lesion_id"]].astype(str)
    latent = latent.rename(
        columns={"long_axis_mm": "latent_long_mm", "short_axis_mm": "latent_short_mm"}
    )
    merged = observed.merge(latent, on=keys, how="left", validate="one_to_one")
    for name in ("lobe", "side", "site"):
        merged[name] = merged[name].astype(object).where(merged[name].notna(), None)
    rows: Rows = merged.to_dict("records")
    return rows


def _rows(table: pa.Table) -> Rows:
    rows: Rows = table.to_pylist()
    return rows


def _by_patient(rows: Sequence[dict[str, Any]]) -> dict[str, Rows]:
    grouped: dict[str, Rows] = {}
    for row in rows:
        grouped.setdefault(row["patient_id"], []).append(row)
    return grouped


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
