"""The evaluator evaluated: break one thing in a consistent dataset, and exactly its check fails."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pandas as pd
import pytest

from alignment import schemas
from eval import evaluate

sys.path.insert(0, str(Path(__file__).parent))
from changes import Break, cell, column, copied, drop, failures, twice, words
from conftest import P0, P1, P2, edit_table, sign, write_vcf


def test_the_consistent_dataset_holds(consistent: Path) -> None:
    report = evaluate(consistent, page=False)
    assert report.violations == ()
    assert report.holds
    # Nothing holds by looking at nothing.
    assert [check.key for check in report.checks if check.tested == 0] == []


L01 = {"patient_id": P0, "day": 84, "lesion_id": "L01"}
RESPONSE = {"patient_id": P0, "day": 42, "assessor": "investigator"}
SURVIVAL = {"patient_id": P0, "assessor": "investigator"}
FIRST_VISIT = {"patient_id": P1, "day": 0}
HB = {"day": 21, "name": "haemoglobin"}

CASES: dict[str, tuple[Break, set[str]]] = {
    "flag": (cell(schemas.LABS, HB, "flag", "N"), {"lab_flags"}),
    "grade": (cell(schemas.LABS, HB, "ctcae_grade", 3), {"lab_grades"}),
    "unit": (cell(schemas.LABS, HB, "unit", "g/L"), {"lab_units"}),
    "lab after death": (cell(schemas.LABS, HB, "day", 151), {"dates", "at_visits"}),
    "stage": (cell(schemas.PATIENTS, {"patient_id": P1}, "stage", "IIB"), {"stage"}),
    "split lost": (drop(schemas.SPLITS_TABLE, {"patient_id": P1}), {"splits"}),
    "repeated key": (twice(schemas.VISITS), {"keys"}),
    "unknown value": (cell(schemas.VISITS, FIRST_VISIT, "kind", "party"), {"schema"}),
    "stray patient": (cell(schemas.VISITS, FIRST_VISIT, "patient_id", "P0000099"), {"keys"}),
    "sum": (cell(schemas.RESPONSES_TABLE, RESPONSE, "sld_mm", 33.0), {"recist_sum"}),
    "target response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE | {"day": 84}, "target_response", "PR"),
        {"recist_target"},
    ),
    "non-target response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE, "nontarget_response", "CR"),
        {"recist_nontarget"},
    ),
    "overall response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE, "overall_response", "SD"),
        {"recist_overall", "best_responses"},
    ),
    "pfs": (cell(schemas.SURVIVAL, SURVIVAL, "pfs_days", 90), {"survival"}),
    "pfs cause": (cell(schemas.SURVIVAL, SURVIVAL, "pfs_cause", "target"), {"survival"}),
    "os": (cell(schemas.SURVIVAL, SURVIVAL, "os_days", 149), {"survival", "censoring", "deaths"}),
    "censored death": (
        cell(schemas.SURVIVAL, SURVIVAL, "os_event", False),
        {"survival", "censoring", "deaths"},
    ),
    "unknown drug": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "1"),
        {"drugs", "doses"},
    ),
    "TKI without target": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "1721560"),
        {"indication", "doses"},
    ),
    "pemetrexed in squamous": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "68446+40048"),
        {"indication", "doses"},
    ),
    "genotype lost": (lambda f: write_vcf(f, genotype="0/0"), {"vcf_carriers", "indication"}),
    "variant row lost": (drop(schemas.VARIANTS, {"day": 0}), {"vcf_carriers"}),
    "allele fraction": (lambda f: write_vcf(f, af=0.315), {"vcf_fractions"}),
    "hotspot": (
        cell(schemas.VARIANTS, {"day": 0}, "pos", 55191821),
        {"hotspots", "vcf_carriers"},
    ),
    "side in text": (
        words("d0084", "in the\nleft lower lobe", "in the\nright lower lobe"),
        {"text_side"},
    ),
    "lobe in text": (
        words("d0084", "in the\nleft lower lobe", "in the\nleft upper lobe"),
        {"text_lobe"},
    ),
    "node side in text": (
        words("m0007", "A right paratracheal", "A left paratracheal"),
        {"text_side"},
    ),
    "size in text": (words("m0007", "30 x 22 mm", "33 x 22 mm"), {"text_size"}),
    "short axis in text": (words("m0007", "30 x 22 mm", "30 x 23 mm"), {"text_size"}),
    "prior in text": (words("d0042", "prior 3.0 cm", "prior 3.5 cm"), {"text_size"}),
    "change in text": (words("d0042", "3.0 cm), smaller", "3.0 cm), larger"), {"text_change"}),
    "new in text": (words("d0084", "New 13 x 11", "Stable 13 x 11"), {"text_change"}),
    "invented lesion": (
        words("m0007", "No pleural effusion.", "A 9 mm nodule in the left upper lobe."),
        {"text_invented"},
    ),
    "invented effusion": (
        words("m0007", "No pleural effusion.", "Small left pleural effusion."),
        {"text_invented"},
    ),
    "denied lesion": (
        words("d0084", "Unchanged lytic lesion of a left\nrib.", "No bone lesion."),
        {"text_denied", "text_reported"},
    ),
    "denied new lesion": (
        words("d0042", "No new pulmonary nodule.", "No pulmonary nodule or mass."),
        {"text_denied"},
    ),
    "left out": (words("d0042", "Bones: Lytic left rib lesion.\n", ""), {"text_reported"}),
    "latent size": (
        cell(schemas.TRUTH_LESIONS, L01, "long_axis_mm", 30.0),
        {"mask_truth", "pixel_truth", "reader_error"},
    ),
    "rendering": (
        cell(schemas.TRUTH_RENDERING, {"day": 84, "finding_id": "L01"}, "rendered", False),
        {"rendering"},
    ),
    "plan": (
        lambda f: edit_table(f, schemas.TRUTH_PLANS, lambda t: t.assign(digest="0" * 64)),
        {"plans"},
    ),
    "note text": (
        lambda f: edit_table(
            f, schemas.NOTES, lambda t: t.assign(text=[x + " " for x in t["text"]])
        ),
        {"notes_table"},
    ),
}

CENTRAL = {"patient_id": P1, "assessor": "central"}
SECOND_LINE = {"patient_id": P2, "line": 2}
BRAIN = {"patient_id": P2, "day": 484, "assessor": "investigator", "lesion_id": "L02"}
DOSE = {"day": 21}


CASES |= {
    "central target response": (
        cell(schemas.RESPONSES_TABLE, CENTRAL | {"day": 82}, "target_response", "SD"),
        {"recist_target", "recist_overall"},
    ),
    "assessed opening scan": (
        copied(schemas.RESPONSES_TABLE, CENTRAL | {"day": 82}, day=-5),
        {"recist_sum"},
    ),
    "gone where the brain was not scanned": (
        cell(
            schemas.RESPONSES_TABLE,
            {"patient_id": P2, "day": 526, "assessor": "central"},
            "nontarget_response",
            "CR",
        ),
        {"recist_nontarget", "recist_overall"},
    ),
    "brain lesion without a brain scan": (
        drop(schemas.VISITS, {"patient_id": P2, "day": 484, "kind": "brain_scan"}),
        {"lesion_coverage"},
    ),
    "brain lesion left out": (
        drop(schemas.LESIONS, BRAIN),
        {"lesion_coverage", "recist_nontarget"},
    ),
    "target too small": (
        cell(schemas.LESIONS, BRAIN | {"day": 442, "lesion_id": "L01"}, "long_axis_mm", 3.0),
        {"too_small", "recist_sum"},
    ),
    "new lesion called old": (
        cell(schemas.LESIONS, BRAIN | {"day": 568, "lesion_id": "L03"}, "is_new", False),
        {"new_lesions"},
    ),
    "confirmed response": (
        cell(
            schemas.BEST_RESPONSES,
            {"patient_id": P2, "line": 1, "assessor": "central"},
            "confirmed_response",
            "CR",
        ),
        {"best_responses"},
    ),
    "best response lost": (drop(schemas.BEST_RESPONSES, CENTRAL), {"best_responses"}),
    "central progression": (
        cell(schemas.SURVIVAL, CENTRAL, "pfs_event", True),
        {"survival"},
    ),
    "central pfs ends at death": (cell(schemas.SURVIVAL, CENTRAL, "pfs_days", 120), {"survival"}),
    "survival of a line lost": (
        drop(schemas.SURVIVAL, {"patient_id": P2, "line": 0}),
        {"survival"},
    ),
    "disease-free survival": (
        cell(schemas.SURVIVAL, {"patient_id": P2, "line": 0}, "pfs_days", 393),
        {"survival"},
    ),
    "cause of death": (
        column(schemas.SURVIVAL, P1, "cause_of_death", "cancer"),
        {"deaths"},
    ),
    "two causes of death": (
        cell(schemas.SURVIVAL, CENTRAL, "cause_of_death", "cancer"),
        {"censoring", "deaths"},
    ),
    "no cause of death": (
        column(schemas.SURVIVAL, P1, "cause_of_death", "none"),
        {"censoring", "deaths"},
    ),
    "withdrawal that was none": (
        column(schemas.SURVIVAL, P2, "censor_reason", "withdrawal"),
        {"deaths"},
    ),
    "known after the cutoff": (
        column(schemas.PATIENTS, P0, "index_date", dt.date(2020, 12, 1)),
        {"censoring", "dicom_header", "plans"},
    ),
    "latent death": (
        cell(schemas.TRUTH_DEATHS, {"patient_id": P2}, "cancer_day", 500.0),
        {"deaths"},
    ),
    "visit after censoring": (
        cell(schemas.VISITS, {"patient_id": P2, "day": 589}, "day", 630),
        {"dates"},
    ),
    "line without an end": (
        cell(schemas.TREATMENTS, {"patient_id": P2, "line": 1}, "stop_day", None),
        {"dates", "treatment_course"},
    ),
    "intent": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "intent", "adjuvant"),
        {"treatment_course"},
    ),
    "stopped and ongoing": (
        cell(schemas.TREATMENTS, SECOND_LINE, "stop_reason", "toxicity"),
        {"treatment_course"},
    ),
    "stopped by no death": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "stop_reason", "death"),
        {"treatment_course"},
    ),
    "a drug of surgery": (
        cell(schemas.TREATMENTS, {"regimen": "surgery"}, "rxnorm", "72962"),
        {"drugs"},
    ),
    "a drug lost": (cell(schemas.TREATMENTS, SECOND_LINE, "rxnorm", ""), {"drugs"}),
    "drug for a target found later": (
        lambda f: edit_table(f, schemas.TREATMENTS, _capmatinib),
        {"indication"},
    ),
    "dose after stop": (cell(schemas.DOSES, DOSE, "day", 105), {"doses"}),
    "dose of another regimen": (cell(schemas.DOSES, DOSE, "regimen", "gemcitabine"), {"doses"}),
    "dose of a drug outside the regimen": (
        cell(schemas.DOSES, DOSE, "rxnorm", "40048"),
        {"doses"},
    ),
    "omitted and given": (cell(schemas.DOSES, DOSE, "action", "omitted"), {"doses"}),
    "cycle twice": (cell(schemas.DOSES, DOSE, "cycle", 1), {"doses"}),
    "lab without a visit": (cell(schemas.LABS, HB, "day", 22), {"at_visits"}),
    "vitals without a visit": (
        cell(schemas.VITALS, {"patient_id": P0}, "day", 3),
        {"at_visits"},
    ),
    "ctDNA below the limit": (
        cell(schemas.CTDNA, {"patient_id": P0}, "detected", False),
        {"ctdna"},
    ),
    "progression not told": (
        drop(schemas.EVENTS, {"patient_id": P0, "category": "progression"}),
        {"events", "treatment_course"},
    ),
    "recurrence not told": (
        drop(schemas.EVENTS, {"category": "recurrence"}),
        {"events", "survival"},
    ),
    "summary stage": (
        cell(schemas.PATIENTS, {"patient_id": P2}, "summary_stage", "distant"),
        {"summary_stage"},
    ),
    "T below the size": (cell(schemas.PATIENTS, {"patient_id": P2}, "t", "T1b"), {"t_size"}),
    "value that was missing": (
        cell(schemas.TRUTH_MISSING, {"patient_id": P0}, "day", 21),
        {"missing"},
    ),
    "specimen of another day": (
        cell(schemas.VARIANTS, {"day": 82}, "day", 0),
        {"vcf_carriers"},
    ),
}


def _capmatinib(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[frame["patient_id"] == P1, "rxnorm"] = "2362165"
    return frame


@pytest.mark.parametrize("name", CASES)
def test_one_contradiction_fails_its_check_alone(name: str, dataset_without_letters: Path) -> None:
    change, expected = CASES[name]
    dataset = dataset_without_letters
    change(dataset)
    sign(dataset)
    report = evaluate(dataset, page=False)
    failed = failures(report)
    assert failed == expected, [v.message for v in report.violations]
    assert not report.holds


@pytest.mark.parametrize("change", ["edited", "deleted", "added"])
def test_files_that_are_not_the_manifests(change: str, dataset: Path) -> None:
    path = dataset / "notes" / P0 / "ct-d0042.txt"
    if change == "added":
        (path.parent / "more.txt").write_text("x")
    else:
        extra = dataset / "LICENSE.txt"
        extra.write_text("terms")
        sign(dataset)
        extra.write_text("other terms") if change == "edited" else extra.unlink()
    report = evaluate(dataset, page=False)
    assert failures(report) == {"files"}
    assert len(report["files"].violations) == 1


def test_a_biased_reader_is_noticed(dataset: Path) -> None:
    edit_table(
        dataset, schemas.TRUTH_LESIONS, lambda f: f.assign(long_axis_mm=f["long_axis_mm"] - 3)
    )
    sign(dataset)
    assert not evaluate(dataset, page=False)["reader_error"].holds


def test_a_reader_better_than_declared_is_noticed(dataset: Path) -> None:
    sign(dataset, config={"reader_error": {"sd_mm": 30.0, "sd_share": 0.0}})
    assert not evaluate(dataset, page=False)["reader_error"].holds
