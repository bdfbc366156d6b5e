"""Write the notes of all visits and their table; a language model's in batches over patients."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from alignment import arrow, clinic, molecular, schemas
from alignment.artifact import Artifact
from alignment.clinic import ClinicPlan
from alignment.dataset import write_artifact
from alignment.identifiers import note_name, note_path
from alignment.molecular import MolecularPlan
from alignment.noting import NotePlan
from alignment.plan import EncounterPlan
from alignment.run import NotesOptions
from modalities.notes import write_clinic_note, write_molecular_report, write_radiograph_report
from modalities.notes.authors import Author, choose
from modalities.notes.report import FactSpan, Report, Written
from ontology.errors import ConsilienceError

BATCH = 64
"""Patients whose reports are written together; a batch done is kept if the run is interrupted."""
STAND_IN_LIMIT = 0.10
"""Above this share of reports that the grammar had to write, a run warns (assumption)."""
WHOLE_RUN = 20
"""More reports than these, all by the grammar, and the run stops: by chance alone that would need
a model whose reports all but never come out true (assumption)."""
_GRAMMAR = "grammar"

Tell = Callable[[str, int, int], None]
Visit = tuple[EncounterPlan, EncounterPlan | None]


@dataclass(frozen=True, slots=True)
class _Note:
    """One note: of whom, of which day, of which kind."""

    patient_id: str
    day: int
    kind: str
    written: Written

    @property
    def path(self) -> PurePosixPath:
        return note_path(self.patient_id, note_name(self.kind, self.day))


def write_notes(
    plans: Sequence[EncounterPlan],
    noted: Sequence[NotePlan],
    options: NotesOptions,
    folder: Path,
    tell: Tell,
) -> pa.Table:
    """The notes of every wanted kind, written below ``folder``; returns ``notes.parquet``.

    By patient, day and kind. Bytes of a note depend on its own plan and the prior alone, so that a
    resumed run, or another batch, gives the same. Raises ConsilienceError where the language model
    wrote none of the first batches' reports, more than :data:`WHOLE_RUN`.
    """
    visits = list(_visits(plans))
    authors: dict[str, Callable[[], Iterator[_Note]]] = {
        "ct_chest_report": lambda: _ct_reports(visits, options, folder, tell),
        "radiograph_report": lambda: _radiograph_reports(visits),
        clinic.KIND: lambda: _clinic_notes(noted),
        molecular.KIND: lambda: _molecular_reports(noted),
    }
    made = [note for kind in options.kinds for note in authors[kind]()]
    made.sort(key=lambda note: (note.patient_id, note.day, options.kinds.index(note.kind)))
    for note in made:
        text = note.written.report.text.encode()
        write_artifact(folder, Artifact(note.path, text, "text/plain"))
    return _table(made)


def summary(table: pa.Table, options: NotesOptions) -> dict[str, Any]:
    """For the manifest: who wrote how many, and a warning where the grammar wrote too many.

    ``by_grammar``: of the CT reports, that no draft of the language model was true.
    """
    every = table.select(["kind", "author", "model", "draws"]).to_pylist()
    rows = [row for row in every if row["kind"] == "ct_chest_report"]
    stood_in = sum(row["author"] == _GRAMMAR for row in rows)
    found: dict[str, Any] = {
        "author": options.author,
        "models": sorted({row["model"] for row in rows if row["model"]}),
        "notes": len(every),
        "ct_reports": len(rows),
        "by_grammar": stood_in,
    }
    if options.author != "grammar" and rows and stood_in / len(rows) > STAND_IN_LIMIT:
        found["warning"] = (
            f"the grammar wrote {stood_in} of {len(rows)} reports, since no draft of the language "
            f"model was true; above {STAND_IN_LIMIT:.0%} the model is not fit for these patients"
        )
        logging.getLogger("consilience.notes").warning(found["warning"])
    return found


def _ct_reports(
    visits: Sequence[Visit], options: NotesOptions, folder: Path, tell: Tell
) -> Iterator[_Note]:
    author = choose(options)
    done = stood_in = 0
    for batch in _batches(visits):
        for (plan, _), one in zip(batch, _written(batch, author, options, folder), strict=True):
            stood_in += one.report.author == _GRAMMAR
            yield _Note(plan.patient_id, plan.day, "ct_chest_report", one)
        done += len(batch)
        if options.author != "grammar" and stood_in == done > WHOLE_RUN:
            raise _unfit(done, options)
        tell("CT reports", done, len(visits))


def _unfit(reports: int, options: NotesOptions) -> ConsilienceError:
    return ConsilienceError(
        "no silent fall-back to the grammar for a whole run: no draft was true",
        where="notes", got=f"all of the first {reports} CT reports by the grammar",
        wanted=f"reports by {options.base_model} with adapter {options.adapter or 'as shipped'}",
        remedy="train the adapter for longer or take another, or ask for notes.author: grammar",
    )  # fmt: skip


def _radiograph_reports(visits: Sequence[Visit]) -> Iterator[_Note]:
    """Of the studies that have radiographs."""
    for plan, prior in visits:
        if plan.protocol.radiographs:
            written = Written(write_radiograph_report(plan, prior))
            yield _Note(plan.patient_id, plan.day, "radiograph_report", written)


def _clinic_notes(noted: Sequence[NotePlan]) -> Iterator[_Note]:
    for plan in noted:
        if isinstance(plan, ClinicPlan):
            yield _Note(plan.patient_id, plan.day, clinic.KIND, Written(write_clinic_note(plan)))


def _molecular_reports(noted: Sequence[NotePlan]) -> Iterator[_Note]:
    for plan in noted:
        if isinstance(plan, MolecularPlan):
            written = Written(write_molecular_report(plan))
            yield _Note(plan.patient_id, plan.day, molecular.KIND, written)


def _visits(plans: Sequence[EncounterPlan]) -> Iterator[Visit]:
    for _, group in groupby(plans, key=lambda plan: plan.patient_id):
        prior: EncounterPlan | None = None
        for plan in group:
            yield plan, prior
            prior = plan


def _batches(visits: Sequence[Visit]) -> Iterator[list[Visit]]:
    patients = groupby(visits, key=lambda visit: visit[0].patient_id)
    groups = (list(group) for _, group in patients)
    while batch := list(islice(groups, BATCH)):
        yield [visit for group in batch for visit in group]


def _written(
    visits: Sequence[Visit], author: Author, options: NotesOptions, folder: Path
) -> list[Written]:
    """Write one batch, or take the finished one of a resumed run."""
    first = visits[0][0].patient_id
    marker = PurePosixPath(".done") / f"notes-{first}.json"
    digests = [plan.digest for plan, _ in visits]
    key = hashlib.sha256(
        json.dumps([options.model_dump(), author.version, digests]).encode()
    ).hexdigest()
    if (folder / marker).is_file():
        record = json.loads((folder / marker).read_text(encoding="utf-8"))
        if record["key"] == key:
            return [_from_json(one) for one in record["written"]]
    written = author.write(visits)
    record = {"key": key, "written": [asdict(one) for one in written]}
    write_artifact(folder, Artifact(marker, json.dumps(record).encode(), "application/json"))
    return written


def _from_json(data: dict[str, Any]) -> Written:
    report = data["report"]
    facts = tuple(FactSpan(**fact) for fact in report["facts"])
    return Written(Report(report["text"], report["author"], facts), data["draws"], data["model"])


def _facts(report: Report) -> str:
    rows = [[f.finding_id, f.kind, f.value, f.start, f.end] for f in report.facts]
    return json.dumps(rows, separators=(",", ":"))


def _table(notes: Sequence[_Note]) -> pa.Table:
    reports = [note.written.report for note in notes]
    columns: dict[str, list[Any]] = {
        "patient_id": [note.patient_id for note in notes],
        "day": [note.day for note in notes],
        "kind": [note.kind for note in notes],
        "path": [note.path.as_posix() for note in notes],
        "author": [report.author for report in reports],
        "draws": [note.written.draws for note in notes],
        "model": [note.written.model for note in notes],
        "facts": [_facts(report) for report in reports],
        "text": [report.text for report in reports],
    }
    arrays = {
        c.name: pa.array(columns[c.name], pa.string()).dictionary_encode()
        if c.type == schemas.TEXT
        else pa.array(columns[c.name], c.type)
        for c in schemas.NOTES.columns
    }
    return arrow.build(schemas.NOTES, arrays)
