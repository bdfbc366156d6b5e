"""Render the planned visits: imaging patient by patient, notes in batches of patients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from alignment import arrow, clinic, molecular, schemas
from alignment.artifact import Artifact, Rendering
from alignment.clinic import ClinicPlan
from alignment.dataset import write_artifact
from alignment.noting import NotePlan
from alignment.plan import EncounterPlan
from alignment.run import NotesOptions
from modalities.imaging import render_patient, renderer
from modalities.note_files import write_notes

Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


def render_studies(
    plans: Sequence[EncounterPlan],
    noted: Sequence[NotePlan],
    modalities: Sequence[str],
    notes: NotesOptions,
    folder: Path,
    each: Each,
    tell: Callable[[str, int, int], None],
) -> dict[str, pa.Table]:
    """Write the files of all visits below ``folder``; return the tables that describe them.

    A patient whose studies a resumed run finds finished, from the same plans, is not rendered
    again.
    """
    made = {schemas.TRUTH_PLANS.path: _plan_table(plans)}
    if "imaging" in modalities:
        patients = [tuple(group) for _, group in groupby(plans, key=lambda plan: plan.patient_id)]
        rows: list[tuple[EncounterPlan, Rendering]] = []
        done = 0
        for group, rendered in zip(
            patients, each(partial(render_and_store, folder), patients), strict=True
        ):
            rows += [(plan, r) for plan, rs in zip(group, rendered, strict=True) for r in rs]
            done += len(group)
            tell("CT studies", done, len(plans))
        made[schemas.TRUTH_RENDERING.path] = _rendering_table(rows)
    if "notes" in modalities:
        made[schemas.NOTES.path] = write_notes(plans, noted, notes, folder, tell)
        made[schemas.TRUTH_NOTE_PLANS.path] = _note_plan_table(noted)
    return made


def render_and_store(folder: Path, plans: tuple[EncounterPlan, ...]) -> list[list[Rendering]]:
    """Render one patient's studies into ``folder``, or take the finished ones of a resumed run."""
    marker = folder / ".done" / f"{plans[0].patient_id}.json"
    digests = [f"{plan.digest} {renderer(plan)}" for plan in plans]
    if marker.is_file():
        record = json.loads(marker.read_text(encoding="utf-8"))
        if record["digests"] == digests:
            return [[Rendering(**r) for r in study] for study in record["renderings"]]
    renderings: list[list[Rendering]] = []
    for study in render_patient(plans):
        for artifact in study.artifacts:
            write_artifact(folder, artifact)
        renderings.append(list(study.renderings))
    record = {"digests": digests, "renderings": [[asdict(r) for r in s] for s in renderings]}
    write_artifact(
        folder,
        Artifact(marker.relative_to(folder), json.dumps(record).encode(), "application/json"),  # type: ignore[arg-type]
    )
    return renderings


def _note_plan_table(noted: Sequence[NotePlan]) -> pa.Table:
    rows = sorted(
        (plan.patient_id, plan.day, clinic.KIND if isinstance(plan, ClinicPlan) else molecular.KIND,
         plan.digest, plan.json)
        for plan in noted
    )  # fmt: skip
    names = [column.name for column in schemas.TRUTH_NOTE_PLANS.columns]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return _table(schemas.TRUTH_NOTE_PLANS, columns)


def _plan_table(plans: Sequence[EncounterPlan]) -> pa.Table:
    return _table(
        schemas.TRUTH_PLANS,
        {
            "patient_id": [plan.patient_id for plan in plans],
            "day": [plan.day for plan in plans],
            "digest": [plan.digest for plan in plans],
            "plan": [plan.json for plan in plans],
        },
    )


def _rendering_table(rows: Sequence[tuple[EncounterPlan, Rendering]]) -> pa.Table:
    return _table(
        schemas.TRUTH_RENDERING,
        {
            "patient_id": [plan.patient_id for plan, _ in rows],
            "day": [plan.day for plan, _ in rows],
            "finding_id": [r.finding_id for _, r in rows],
            "modality": [r.modality for _, r in rows],
            "rendered": [r.rendered for _, r in rows],
            "reason": [r.reason for _, r in rows],
            "segment": [r.segment for _, r in rows],
            "description": [r.description for _, r in rows],
            "volume_ml": [r.volume_ml for _, r in rows],
        },
    )


def _table(table: schemas.Table, columns: Mapping[str, list[Any]]) -> pa.Table:
    arrays = {
        c.name: pa.array(columns[c.name], pa.string()).dictionary_encode()
        if c.type == schemas.TEXT
        else pa.array(columns[c.name], c.type)
        for c in table.columns
    }
    return arrow.build(table, arrays)
