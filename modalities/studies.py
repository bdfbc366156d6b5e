"""Render the planned visits: imaging and notes, patient by patient."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from alignment import arrow, clinic, molecular, schemas
from alignment.artifact import Artifact, Rendering
from alignment.clinic import ClinicPlan
from alignment.dataset import write_artifact
from alignment.identifiers import note_name, note_path
from alignment.molecular import MolecularPlan
from alignment.noting import NotePlan
from alignment.plan import EncounterPlan
from modalities.imaging import render_patient, renderer
from modalities.notes import (
    Report,
    write_clinic_note,
    write_molecular_report,
    write_radiograph_report,
    write_report,
)

Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


def render_studies(
    plans: Sequence[EncounterPlan],
    noted: Sequence[NotePlan],
    kinds: Sequence[str],
    modalities: Sequence[str],
    folder: Path,
    each: Each,
    tell: Callable[[str, int, int], None],
) -> dict[str, pa.Table]:
    """Write the files of all visits below ``folder``; return the tables that describe them.

    ``noted``: plans of the notes that are not read off an image; ``kinds``: of notes, in order.
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
        made[schemas.NOTES.path] = _write_notes(plans, noted, kinds, folder)
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


@dataclass(frozen=True, slots=True)
class _Written:
    """One note: of whom, of which day, of which kind."""

    patient_id: str
    day: int
    kind: str
    report: Report

    @property
    def path(self) -> PurePosixPath:
        return note_path(self.patient_id, note_name(self.kind, self.day))


def _write_notes(
    plans: Sequence[EncounterPlan], noted: Sequence[NotePlan], kinds: Sequence[str], folder: Path
) -> pa.Table:
    """Write the notes of every wanted kind; return notes.parquet, by patient, day and kind."""
    authors: dict[str, Callable[[], Iterator[_Written]]] = {
        "ct_chest_report": lambda: _ct_reports(plans),
        "radiograph_report": lambda: _radiograph_reports(plans),
        clinic.KIND: lambda: _clinic_notes(noted),
        molecular.KIND: lambda: _molecular_reports(noted),
    }
    made = [note for kind in kinds for note in authors[kind]()]
    made.sort(key=lambda note: (note.patient_id, note.day, kinds.index(note.kind)))
    for note in made:
        write_artifact(folder, Artifact(note.path, note.report.text.encode(), "text/plain"))
    return _table(
        schemas.NOTES,
        {
            "patient_id": [note.patient_id for note in made],
            "day": [note.day for note in made],
            "kind": [note.kind for note in made],
            "path": [note.path.as_posix() for note in made],
            "author": [note.report.author for note in made],
            "text": [note.report.text for note in made],
        },
    )


def _ct_reports(plans: Sequence[EncounterPlan]) -> Iterator[_Written]:
    for plan, prior in _with_prior(plans):
        report = write_report(plan, prior)
        yield _Written(plan.patient_id, plan.day, "ct_chest_report", report)


def _radiograph_reports(plans: Sequence[EncounterPlan]) -> Iterator[_Written]:
    """Of the studies that have radiographs."""
    for plan, prior in _with_prior(plans):
        if plan.protocol.radiographs:
            report = write_radiograph_report(plan, prior)
            yield _Written(plan.patient_id, plan.day, "radiograph_report", report)


def _clinic_notes(noted: Sequence[NotePlan]) -> Iterator[_Written]:
    for plan in noted:
        if isinstance(plan, ClinicPlan):
            yield _Written(plan.patient_id, plan.day, clinic.KIND, write_clinic_note(plan))


def _molecular_reports(noted: Sequence[NotePlan]) -> Iterator[_Written]:
    for plan in noted:
        if isinstance(plan, MolecularPlan):
            report = write_molecular_report(plan)
            yield _Written(plan.patient_id, plan.day, molecular.KIND, report)


def _with_prior(
    plans: Sequence[EncounterPlan],
) -> Iterator[tuple[EncounterPlan, EncounterPlan | None]]:
    """Each plan with the one before it of the same patient."""
    prior: EncounterPlan | None = None
    for plan in plans:
        same = prior is not None and prior.patient_id == plan.patient_id
        yield plan, prior if same else None
        prior = plan


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
