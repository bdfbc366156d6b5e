"""Notes of all kinds in a tiny cohort: written, spanned, read back by the judge."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import consilience as cs
from alignment import plan as encounter
from alignment import schemas
from alignment.clinic_planner import REPORTED
from alignment.noting import plan_notes
from alignment.run import load_config
from cohort.codebook import Codebook
from cohort.model import Intervention
from consilience_run import Job, make
from modalities.notes import (
    Report,
    write_clinic_note,
    write_molecular_report,
    write_radiograph_report,
)
from ontology.errors import ConsilienceError

TINY = """
disease: nsclc
patients: 24
seed: 5
modalities: [labs, genomics, notes]
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "tiny.yaml").write_text(TINY + "notes: {author: grammar}\n")
    return cs.generate(folder / "tiny.yaml", out=folder / "cohort").folder


@pytest.fixture(scope="module")
def notes(tiny: Path) -> pd.DataFrame:
    frame = pd.read_parquet(tiny / "notes.parquet")
    return frame.astype({"kind": str, "patient_id": str})


def test_the_judge_finds_no_untruth(tiny: Path) -> None:
    report = cs.evaluate(tiny, page=False)
    assert report.holds, report.violations[:5]
    told = ("clinic_", "molecular_", "cxr_", "note", "toxicities", "text_reported")
    assert [c.key for c in report.checks if c.key.startswith(told) and not c.tested] == []


def test_every_kind_is_written_where_it_belongs(tiny: Path, notes: pd.DataFrame) -> None:
    assert set(notes["kind"]) == set(schemas.NOTE_KINDS)
    for patient, day, kind, path, text in zip(
        *(notes[c] for c in ("patient_id", "day", "kind", "path", "text")), strict=True
    ):
        name = {"ct_chest_report": "ct", "radiograph_report": "cxr", "clinic_note": "clinic",
                "molecular_report": "molecular"}[kind]  # fmt: skip
        assert path == f"notes/{patient}/{name}-{'m' if day < 0 else 'd'}{abs(day):04d}.txt"
        assert (tiny / path).read_text() == text
    counts = notes["kind"].value_counts()
    assert counts["ct_chest_report"] == counts["radiograph_report"]
    assert counts["molecular_report"] >= 24  # one a patient, one more for a repeat specimen
    clinic = notes[notes["kind"] == "clinic_note"].groupby("patient_id").size()
    assert clinic.min() >= 1
    assert notes["text"].is_unique


def test_plans_of_notes_are_in_the_truth(
    tiny: Path, notes: pd.DataFrame, codebook: Codebook
) -> None:
    plans = pd.read_parquet(tiny / "truth" / "note_plans.parquet")
    mine = notes[notes["kind"].isin(["clinic_note", "molecular_report"])]
    keys = ["patient_id", "day", "kind"]
    assert list(map(tuple, plans[keys].astype(str).to_numpy())) == list(
        map(tuple, mine[keys].astype(str).to_numpy())
    )
    tables = {t.path: _table(tiny, t) for t in schemas.OBSERVED}
    again = sorted(
        plan_notes(
            tables,
            schemas.NOTE_KINDS,
            codebook.lexicon,
            seed=5,
            model=json.loads(plans["plan"][0])["model"],
        ),
        key=lambda p: (p.patient_id, p.day),
    )
    assert sorted(p.digest for p in again) == sorted(plans["digest"].astype(str))


def test_a_repeat_specimen_is_reported(tmp_path: Path) -> None:
    """Where erlotinib comes first, as it once did, some tumours acquire T790M."""
    run = load_config("nsclc").model_copy(
        update={
            "patients": 4, "seed": 8, "modalities": ("labs", "genomics", "notes"),
            "population": {"egfr_sensitising": True, "stage": ("IVA", "IVB")},
            "notes": load_config("nsclc").notes.model_copy(update={"author": "grammar"}),
        }
    )  # fmt: skip
    job = Job.prepare(run, (Intervention("first_generation_tki", True),))
    made = make(job, range(run.patients), tmp_path / "cohort", 1, False, None)
    variants, notes = made.table("variants"), made.table("notes")
    later = variants[variants["day"] > 0]
    assert set(later["hgvs_p"].astype(str)) == {"p.Thr790Met"}
    told = notes[(notes["kind"].astype(str) == "molecular_report") & (notes["day"] > 0)]
    assert set(zip(told["patient_id"], told["day"], strict=True)) == set(
        zip(later["patient_id"], later["day"], strict=True)
    )
    assert all(re.search("T790M", t) and re.search("(?i)resistance", t) for t in told["text"])
    report = cs.evaluate(made.folder, page=False)
    assert report.holds, report.violations[:5]


def _table(folder: Path, table: schemas.Table) -> object:
    import pyarrow.parquet as pq

    return pq.read_table(folder / table.path)


@pytest.fixture(scope="module")
def planned(tiny: Path, codebook: Codebook) -> list[object]:
    tables = {t.path: _table(tiny, t) for t in schemas.OBSERVED}
    return list(plan_notes(tables, schemas.NOTE_KINDS, codebook.lexicon, seed=5, model="m"))  # type: ignore[arg-type]


def _spans(report: Report, kind: str) -> list[tuple[str, str]]:
    return [(f.value, report.words(f)) for f in report.facts if f.kind == kind]


def test_a_clinic_note_states_its_plan(planned: list[object]) -> None:
    plans = [p for p in planned if hasattr(p, "step")]
    assert len(plans) > 60
    for plan in plans:
        report = write_clinic_note(plan)
        assert report == write_clinic_note(plan)
        assert [v for v, _ in _spans(report, "step")] == [plan.step]
        assert {v for v, _ in _spans(report, "regimen")} == {t.regimen for t in plan.treatments}
        assert [w.lower() for _, w in _spans(report, "stage")] == [f"stage {plan.stage}".lower()]
        graded = {(t.code, str(t.grade)) for t in plan.toxicities if t.grade}
        stated = {(f.finding_id, f.value) for f in report.facts if f.kind == "grade"}
        assert graded <= stated
        values = dict.fromkeys(f.finding_id for f in report.facts if f.kind == "lab")
        assert list(values) == [lab.loinc for lab in plan.labs]
        for value, words in _spans(report, "lab"):
            assert value in words
        if plan.assessment is not None:
            assert [v for v, _ in _spans(report, "response")] == [plan.assessment.response]
        assert "  " not in report.text
        assert not re.search(r"[<>{}\[\]@](?!1%)", report.text), report.text


def test_labs_come_in_the_usual_order(planned: list[object]) -> None:
    for plan in (p for p in planned if hasattr(p, "step")):
        names = [lab.name for lab in plan.labs]
        usual = [name for name in names if name in REPORTED]
        assert usual == sorted(usual, key=REPORTED.index)
        assert names[: len(usual)] == usual
        assert all(lab.grade > 0 for lab in plan.labs if lab.name not in REPORTED)


def test_a_molecular_report_states_its_plan(planned: list[object]) -> None:
    plans = [p for p in planned if hasattr(p, "alterations")]
    for plan in plans:
        report = write_molecular_report(plan)
        assert [v for v, _ in _spans(report, "hgvs_c")] == [a.hgvs_c for a in plan.alterations]
        assert all(v == w for v, w in _spans(report, "hgvs_c"))
        assert {v for v, _ in _spans(report, "gene")} == {a.gene for a in plan.alterations}
        if not plan.repeat:
            assert {v for v, _ in _spans(report, "not_detected")} == set(plan.negative)
            assert [v for v, _ in _spans(report, "tps")] == [str(plan.pdl1_tps)]
            assert [v for v, _ in _spans(report, "tmb")] == [f"{plan.tmb:.1f}"]


def test_a_radiograph_says_only_what_it_can_show(tiny: Path) -> None:
    texts = pd.read_parquet(tiny / "truth" / "plans.parquet")["plan"]
    prior: encounter.EncounterPlan | None = None
    told = 0
    for plan in map(encounter.from_json, texts):
        before = prior if prior and prior.patient_id == plan.patient_id else None
        report = write_radiograph_report(plan, before)
        prior = plan
        body = re.split(r"(?i)findings:\n", report.text)[1]
        assert not re.search(r"\bmm\b|\blobe|\bnodes?\b|liver|hepatic|adrenal|bone|rib\b", body)
        by_id = {f.finding_id: f for f in plan.findings}
        for fact in (f for f in report.facts if f.kind == "size"):
            finding = by_id[fact.finding_id]
            assert finding.concept == "lung_lesion"
            assert finding.measured_long_mm is not None
            assert finding.measured_long_mm >= 15
            assert abs(int(fact.value) - finding.measured_long_mm) <= 2.5
            assert re.match(r"(about|approximately) \d+(\.5)? cm", report.words(fact))
            told += 1
        seen = {f.finding_id for f in report.facts if f.kind == "finding"}
        fluid = [f for f in plan.findings if f.present and f.concept == "pleural_effusion"]
        assert {f.finding_id for f in fluid} <= seen
    assert told > 50


def test_kinds_are_chosen_in_the_config(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(TINY.replace("24", "8") + "notes: {kinds: [molecular_report, clinic_note]}\n")
    made = cs.generate(path, out=tmp_path / "cohort", modalities=["notes"])
    kinds = set(made.table("notes")["kind"].astype(str))
    assert kinds == {"clinic_note"}  # without variants there is nothing to report
    assert not list((made.folder / "notes").rglob("ct-*.txt"))
    assert cs.evaluate(made.folder, page=False).holds


def test_kinds_do_not_change_the_patients(tmp_path: Path) -> None:
    few = load_config("nsclc").model_copy(
        update={"notes": load_config("nsclc").notes.model_copy(update={"kinds": ("clinic_note",)})}
    )
    assert few.digest() == load_config("nsclc").digest()


@pytest.mark.parametrize("kinds", ["[]", "[discharge_letter]"])
def test_kinds_that_are_none_are_refused(kinds: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(TINY + f"notes: {{kinds: {kinds}}}\n")
    with pytest.raises(ConsilienceError, match="kinds"):
        load_config(path)
