"""Write the reports of all visits: in batches over patients, one file each, and their table."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby, islice
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from alignment import arrow, schemas
from alignment.artifact import Artifact
from alignment.dataset import write_artifact
from alignment.identifiers import note_path
from alignment.plan import EncounterPlan
from alignment.run import NotesOptions
from modalities.notes.authors import Author, choose
from modalities.notes.report import FactSpan, Report, Written

KIND = "ct_chest_report"
BATCH = 64
"""Patients whose reports are written together; a batch done is kept if the run is interrupted."""
STAND_IN_LIMIT = 0.10
"""Above this share of reports that the grammar had to write, a run warns (assumption)."""
_GRAMMAR = "grammar"

Tell = Callable[[str, int, int], None]
Visit = tuple[EncounterPlan, EncounterPlan | None]


def write_notes(
    plans: Sequence[EncounterPlan], options: NotesOptions, folder: Path, tell: Tell
) -> pa.Table:
    """The reports of all visits, written below ``folder``; returns ``notes.parquet``.

    Bytes of a report depend on its visit and prior alone, so that a resumed run, or another batch,
    gives the same.
    """
    author = choose(options)
    visits = list(_visits(plans))
    written: list[Written] = []
    for batch in _batches(visits):
        written += _written(batch, author, options, folder)
        tell("reports", len(written), len(visits))
    for plan, one in zip(plans, written, strict=True):
        path = note_path(plan.patient_id, plan.study)
        write_artifact(folder, Artifact(path, one.report.text.encode(), "text/plain"))
    return _table(plans, written)


def summary(table: pa.Table, options: NotesOptions) -> dict[str, Any]:
    """For the manifest: who wrote how many, and a warning where the grammar wrote too many."""
    rows = table.select(["author", "model"]).to_pylist()
    stood_in = sum(row["author"] == _GRAMMAR for row in rows)
    found: dict[str, Any] = {
        "author": options.author,
        "models": sorted({row["model"] for row in rows if row["model"]}),
        "reports": len(rows),
        "by_grammar": stood_in,
    }
    if options.author != "grammar" and rows and stood_in / len(rows) > STAND_IN_LIMIT:
        found["warning"] = (
            f"the grammar wrote {stood_in} of {len(rows)} reports, since no draft of the language "
            f"model was true; above {STAND_IN_LIMIT:.0%} the model is not fit for these patients"
        )
        logging.getLogger("consilience.notes").warning(found["warning"])
    return found


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
    key = hashlib.sha256(json.dumps([options.model_dump(), digests]).encode()).hexdigest()
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


def _table(plans: Sequence[EncounterPlan], written: Sequence[Written]) -> pa.Table:
    columns: dict[str, list[Any]] = {
        "patient_id": [plan.patient_id for plan in plans],
        "day": [plan.day for plan in plans],
        "kind": [KIND] * len(plans),
        "path": [note_path(plan.patient_id, plan.study).as_posix() for plan in plans],
        "author": [one.report.author for one in written],
        "draws": [one.draws for one in written],
        "model": [one.model for one in written],
        "facts": [_facts(one.report) for one in written],
        "text": [one.report.text for one in written],
    }
    arrays = {
        c.name: pa.array(columns[c.name], pa.string()).dictionary_encode()
        if c.type == schemas.TEXT
        else pa.array(columns[c.name], c.type)
        for c in schemas.NOTES.columns
    }
    return arrow.build(schemas.NOTES, arrays)
