"""One untruth in a clinic note, a molecular report or a radiograph report fails its check alone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from alignment import schemas
from eval.checks import (
    clinic,
    course,
    history,
    molecular,
    notes,
    person,
    radiographs,
    report_largest,
    report_response,
    variants,
)
from eval.checks.lookup import lesions_by_scan
from eval.dataset import Dataset
from eval.result import CheckResult

sys.path.insert(0, str(Path(__file__).parent))
from changes import Break, cell, drop, told
from conftest import P0, P1, P2

D21, D105, D400, D0 = "clinic-d0021", "clinic-d0105", "clinic-d0400", "clinic-d0000"
FIRST, REPEAT = "molecular-d0000", "molecular-d0082"
TOX = {"patient_id": P0, "day": 21, "name": "anaemia"}
HB = {"patient_id": P0, "day": 21, "name": "haemoglobin"}

CASES: dict[str, tuple[Break, set[str]]] = {
    "a later day": (
        told(P0, D21, "mainly at night", "mainly at night; CT booked for 25 April 2019"),
        {"note_dates"},
    ),
    "another day's note": (told(P0, D0, "2019-03-14", "2019-03-13"), {"note_dates"}),
    "file and table": (
        lambda f: (f / "notes" / P1 / f"{FIRST}.txt").write_text("TMB 2.1 mut/Mb.\n") and None,
        {"notes_table", "molecular_variants", "molecular_negative", "molecular_markers",
         "molecular_conclusion"},
    ),
    "age": (told(P0, D21, "66-year-old", "67-year-old"), {"clinic_person"}),
    "stage": (told(P0, D21, "stage IVA", "stage IVB"), {"clinic_person"}),
    "PD-L1 in a clinic note": (told(P0, D21, "PD-L1: 10%", "PD-L1: 50%"), {"clinic_person"}),
    "no recurrence": (
        told(P2, D400, ", recurrent disease since\n17 April 2020", ""),
        {"clinic_person"},
    ),
    "driver of another": (told(P0, D21, "lung cancer.", "lung cancer, KRAS G12C."),
                          {"clinic_drivers"}),
    "driver found later": (told(P1, D0, "EGFR L858R", "EGFR L858R and EGFR T790M"),
                           {"clinic_drivers"}),
    "driver left out": (told(P1, D0, "The tumour carries EGFR L858R.", ""), {"clinic_drivers"}),
    "start of a line": (told(P0, D21, "since 14 March", "since 12 March"), {"clinic_treatment"}),
    "stop known too early": (
        told(P0, D21, "First-line docetaxel since 14 March 2019",
             "First-line docetaxel from 14 March 2019, until progression"),
        {"clinic_treatment"},
    ),
    "why it stopped": (told(P0, D105, "for progression", "for toxicity"), {"clinic_treatment"}),
    "another drug": (told(P0, D105, "docetaxel", "pemetrexed"), {"clinic_treatment"}),
    "line of therapy": (told(P0, D105, "First-line", "Second-line"), {"clinic_treatment"}),
    "cycles": (told(P0, D21, "2 cycles", "4 cycles"), {"clinic_treatment"}),
    "line left out": (told(P2, D400, "Lobectomy on 14 March 2019.\n", ""), {"clinic_treatment"}),
    "decision": (told(P0, D21, "proceed with", "discontinue"), {"clinic_plan"}),
    "dose": (told(P0, D21, "at 75%", "at 50%"), {"clinic_plan"}),
    "dose in full": (told(P0, D21, " at 75% of the full dose", ""), {"clinic_plan"}),
    "cycle of today": (told(P0, D21, "cycle 2 at", "cycle 3 at"), {"clinic_plan"}),
    "drug of the plan": (told(P1, D0, "Plan: start osimertinib", "Plan: start erlotinib"),
                         {"clinic_plan"}),
    "no decision": (told(P0, D105, "He remains off treatment.", ""), {"clinic_plan"}),
    "grade of an event": (told(P0, D21, "grade 2 anaemia", "grade 3 anaemia"),
                          {"clinic_toxicity"}),
    "invented event": (told(P0, D21, "grade 2 anaemia", "grade 2 anaemia, grade 1 mucositis"),
                       {"clinic_toxicity"}),
    "event left out": (told(P0, D21, "Side effects: grade 2 anaemia.\n", ""), {"clinic_toxicity"}),
    "event denied": (told(P0, D21, "Side effects: grade 2 anaemia", "No adverse events"),
                     {"clinic_toxicity", "clinic_sections"}),
    "event of the record": (cell(schemas.TOXICITIES, TOX, "grade", 1), {"clinic_toxicity"}),
    "event without an episode": (cell(schemas.TOXICITIES, TOX, "code", "HP:0002018"),
                                 {"toxicities"}),
    "symptom": (told(P0, D21, "Symptoms: cough, grade 1", "Symptoms: cough, grade 2"),
                {"clinic_symptoms"}),
    "symptom of another day": (drop(schemas.SYMPTOMS, {"patient_id": P0, "day": 21}),
                               {"clinic_symptoms"}),
    "symptom denied": (
        told(P0, D21, "Symptoms: cough, grade 1", "No symptoms reported"),
        {"clinic_symptoms"},
    ),
    "value": (told(P0, D21, "creatinine 1.9", "creatinine 1.6"), {"clinic_labs"}),
    "grade of a value": (told(P0, D21, "(grade 3, stable", "(grade 4, stable"), {"clinic_labs"}),
    "unit of a value": (told(P0, D21, "CEA 4 ng/mL", "CEA 4 g/L"), {"clinic_labs"}),
    "value of the record": (cell(schemas.LABS, HB, "value", 9.9), {"clinic_labs"}),
    "value before": (told(P0, D21, "it was 9.4 before", "it was 11.4 before"), {"clinic_trends"}),
    "trend": (told(P0, D21, "before, unchanged", "before, falling"), {"clinic_trends"}),
    "performance": (told(P0, D0, "ECOG 1", "ECOG 2"), {"clinic_state"}),
    "weight": (told(P0, D0, "78.5 kg", "79.5 kg"), {"clinic_state"}),
    "performance left out": (told(P0, D0, "ECOG 1, weight", "Weight"), {"clinic_state"}),
    "response": (told(P0, D105, "progressive disease", "stable disease"), {"clinic_response"}),
    "day of the scan": (told(P0, D105, "CT of 6 June 2019", "CT of 25 April 2019"),
                        {"clinic_response"}),
    "sum of diameters": (told(P0, D105, "36 mm", "46 mm"), {"clinic_response"}),
    "no new lesion": (told(P0, D105, " with a new lesion", ""), {"clinic_response"}),
    "response known too early": (
        told(P0, D21, "mainly at night", "mainly at night. CT: partial response"),
        {"clinic_response"},
    ),
    "variant": (told(P1, REPEAT, "c.2369C>T p.Thr790Met", "c.2573T>G p.Leu858Arg"),
                {"molecular_variants", "molecular_vcf"}),
    "protein change": (told(P1, REPEAT, "p.Thr790Met", "p.Thr790Val"), {"molecular_variants"}),
    "gene": (told(P1, REPEAT, "EGFR NM_", "KRAS NM_"), {"molecular_variants"}),
    "allele fraction": (told(P1, REPEAT, "10.4%", "14.0%"),
                        {"molecular_variants", "molecular_vcf"}),
    "variant left out": (told(P1, REPEAT, "EGFR NM_005228.5:c.2369C>T p.Thr790Met 10.4%", "-"),
                         {"molecular_variants"}),
    "conclusion": (told(P1, FIRST, "Conclusion: EGFR L858R", "Conclusion: EGFR L861Q"),
                   {"molecular_conclusion"}),
    "gene called negative": (told(P1, FIRST, "in ALK,", "in EGFR, ALK,"), {"molecular_negative"}),
    "nothing found": (told(P1, FIRST, "Conclusion: EGFR L858R",
                           "Conclusion: EGFR L858R. No pathogenic alteration found"),
                      {"molecular_negative"}),
    "no driver": (told(P1, FIRST, "Conclusion: EGFR L858R", "EGFR L858R. No oncogenic driver"),
                  {"molecular_negative"}),
    "PD-L1": (told(P1, FIRST, "TPS 60%", "TPS 6%"), {"molecular_markers"}),
    "TMB": (told(P1, FIRST, "TMB 2.1", "TMB 21"), {"molecular_markers"}),
    "side of an opacity": (told(P0, "cxr-m0007", "right upper", "left upper"),
                           {"cxr_invented", "cxr_reported"}),
    "zone of an opacity": (told(P0, "cxr-m0007", "right upper zone", "right lower zone"),
                           {"cxr_invented", "cxr_reported"}),
    "size of an opacity": (told(P0, "cxr-m0007", "3 cm", "5 cm"), {"cxr_size"}),
    "opacity left out": (
        told(P0, "cxr-m0007", "Mass of about 3 cm in the right upper zone.", ""),
        {"cxr_reported"},
    ),
    "opacity denied": (
        told(P0, "cxr-m0007", "Mass of about 3 cm in the right upper zone", "No lung mass"),
        {"cxr_reported", "cxr_denied"},
    ),
    "nodule too small to be seen": (
        told(P0, "cxr-m0007", "No pleural", "Nodule of 6 mm in the left upper zone. No pleural"),
        {"cxr_invented"},
    ),
    "change of an opacity": (told(P0, "cxr-d0042", "has decreased", "has increased"),
                             {"cxr_change"}),
    "unchanged": (
        told(P0, "cxr-d0042", "has decreased and measures", "is unchanged and measures"),
        {"cxr_change"},
    ),
    "effusion left out": (told(P0, "cxr-d0084", "New left effusion. ", ""), {"cxr_reported"}),
    "effusion denied": (
        told(P0, "cxr-d0084", "New left effusion", "No effusion"),
        {"cxr_reported", "cxr_denied"},
    ),
    "side of an effusion": (
        told(P0, "cxr-d0084", "New left effusion", "New right effusion"),
        {"cxr_reported", "cxr_invented"},
    ),
    "pneumothorax": (told(P0, "cxr-d0084", "No pneumothorax", "Small left pneumothorax"),
                     {"cxr_invented"}),
    "sex": (told(P0, D21, "66-year-old man", "66-year-old woman"), {"clinic_person"}),
    "sex by a pronoun": (told(P1, D0, "She denies", "He denies"), {"clinic_person"}),
    "histology": (told(P0, D21, "squamous lung cancer", "adenocarcinoma"), {"clinic_person"}),
    "smoking": (told(P0, D21, "still smoking", "ex-smoker"), {"clinic_person"}),
    "pack-years": (told(P0, D21, "40 pack-years", "20 pack-years"), {"clinic_person"}),
    "age left out": (told(P0, D21, "66-year-old man", "man"), {"clinic_person"}),
    "stage left out": (told(P0, D21, "stage IVA ", ""), {"clinic_person"}),
    "PD-L1 left out": (told(P1, D0, ", PD-L1 60%", ""), {"clinic_person"}),
    "history left out": (
        told(P0, D105, "66-year-old man, squamous cell lung cancer, stage IVA, PD-L1 10%.\n", ""),
        {"clinic_person"},
    ),
    "age of the diagnosis as that of today": (
        told(P2, D400, "Aged 58 at diagnosis", "Aged 58"), {"clinic_person"},
    ),
    "why the dose was lowered": (told(P0, D21, ", for neutropenia", ", because of toxicity"),
                                 {"clinic_plan"}),
    "a reduction that is none": (
        told(P0, D0, "Plan: begin docetaxel", "Plan: docetaxel at a reduced dose"),
        {"clinic_plan"},
    ),
    "weight loss that nobody recorded": (
        told(P0, D21, "Symptoms: cough, grade 1.\n",
             "Symptoms: cough, grade 1.\nReports mild weight loss.\n"),
        {"clinic_symptoms"},
    ),
    "weight lost by the scales": (
        told(P0, D21, "Symptoms: cough, grade 1.\n",
             "Symptoms: cough, grade 1.\nWeight loss, 5.8% of the baseline weight.\n"),
        {"clinic_symptoms"},
    ),
    "a symptom called severe": (
        told(P0, D21, "Symptoms: cough, grade 1.\n",
             "Symptoms: cough, grade 1.\nECOG 1 in clinic, although he reports a severe symptom.\n"),
        {"clinic_symptoms", "clinic_state"},
    ),
    "response of a CT report": (
        told(P0, "ct-d0084", "Progressive disease", "Partial response"),
        {"text_response"},
    ),
    "a smaller lesion called dominant": (
        told(P0, "ct-d0084", "New 13 x 11 mm nodule", "Dominant new 13 x 11 mm nodule"),
        {"text_largest"},
    ),
    "stage known before day 0": (
        told(P0, "cxr-m0007", "suspected lung cancer", "lung cancer, stage IVA"),
        {"imaging_history"},
    ),
    "a line under way told as ended": (
        told(P0, "cxr-d0042", "on first-line docetaxel", "after first-line docetaxel"),
        {"imaging_history"},
    ),
    "relapse on a scan that was not made": (
        told(P2, D400, "Lobectomy on", "CT of 2 April 2020 showed relapse.\nLobectomy on"),
        {"clinic_person"},
    ),
    "symptoms left out": (told(P0, D21, "Symptoms: cough, grade 1.\n", ""), {"clinic_symptoms"}),
    "labs left out": (
        told(P0, D0, "Hb 9.4 g/dL (grade 2), ANC 0.9 (grade 3), creatinine 1.9 mg/dL (grade 2).\n",
             ""),
        {"clinic_labs"},
    ),
    "grade of a value left out": (told(P0, D21, "1.9 mg/dL (grade 2)", "1.9 mg/dL"),
                                  {"clinic_labs"}),
    "sections at odds": (
        told(P0, D21, "mainly at night", "mainly at night. No toxicity so far"),
        {"clinic_sections", "clinic_toxicity"},
    ),
    "the future without a date": (
        told(P0, D21, "mainly at night",
             "mainly at night; progression expected, will start pembrolizumab in April"),
        {"note_future", "clinic_plan"},
    ),
    "a later month": (told(P0, D21, "mainly at night", "mainly at night until June 2019"),
                      {"note_future"}),
    "PD-L1 of a report left out": (told(P1, FIRST, "PD-L1 TPS 60%, high expression. ", ""),
                                   {"molecular_markers"}),
    "TMB left out": (told(P1, FIRST, "TMB 2.1 mut/Mb.", ""), {"molecular_markers"}),
    "class of PD-L1": (told(P0, "molecular-d0000", "TPS 10%", "TPS 10% (high expression)"),
                       {"molecular_markers"}),
    "negatives left out": (
        told(P1, FIRST, "No alteration detected in ALK, ROS1, BRAF, MET, RET, ERBB2 and KRAS.\n",
             ""),
        {"molecular_negative"},
    ),
    "conclusion left out": (told(P1, FIRST, "Conclusion: EGFR L858R.\n", ""),
                            {"molecular_conclusion"}),
    "no conclusion without a driver": (
        told(P0, "molecular-d0000",
             "No pathogenic alteration detected. No oncogenic driver was found.\n",
             "Negative: EGFR, ALK, ROS1, BRAF, KRAS, MET, RET, ERBB2.\n"),
        {"molecular_conclusion"},
    ),
    "an acquired driver": (told(P1, REPEAT, "Acquired resistance", "Oncogenic driver"),
                           {"molecular_conclusion"}),
    "age in a molecular report": (told(P1, FIRST, "58-year", "85-year"), {"molecular_person"}),
    "sex in a molecular report": (told(P1, FIRST, "old woman", "old man"), {"molecular_person"}),
    "histology in a molecular report": (told(P1, FIRST, "woman, adenocarcinoma", "woman, squamous"),
                                        {"molecular_person"}),
    "genome build": (told(P1, FIRST, "GRCh38", "GRCh37"), {"molecular_person"}),
    "age in a history": (told(P0, "cxr-d0042", "66-year-old man", "50-year-old man"),
                         {"imaging_history"}),
    "sex in a history": (told(P0, "cxr-d0042", "66-year-old man", "66-year-old woman"),
                         {"imaging_history"}),
    "stage in a history": (told(P0, "cxr-d0042", "stage IVA", "stage IA1"), {"imaging_history"}),
    "line in a history": (told(P0, "cxr-d0042", "first-line", "third-line"), {"imaging_history"}),
    "drug in a history": (told(P0, "cxr-d0042", "docetaxel", "erlotinib"), {"imaging_history"}),
    "date of the comparison": (told(P0, "cxr-d0042", "7 March", "6 March"),
                               {"imaging_comparison"}),
    "comparison denied": (
        told(P0, "cxr-d0042", "Comparison with the study of 7 March 2019.", "No previous study."),
        {"imaging_comparison"},
    ),
    "bone on a radiograph": (
        told(P1, "cxr-d0040", "No effusion.", "Rib destruction on the left."),
        {"cxr_unexpected"},
    ),
    "fracture": (told(P0, "cxr-d0042", "No effusion.", "Fracture of a left rib. No effusion."),
                 {"cxr_unexpected"}),
    "oedema": (told(P0, "cxr-d0042", "No effusion.", "Pulmonary oedema. No effusion."),
               {"cxr_unexpected"}),
    "an old effusion": (told(P0, "cxr-d0084", "New left", "Persistent left"), {"cxr_change"}),
    "an effusion that never was": (
        told(P0, "cxr-d0042", "No effusion.", "The left effusion has cleared."), {"cxr_change"},
    ),
    "consolidation on a CT": (
        told(P0, "ct-d0042", "Pleura: No effusion.", "Lobar consolidation. Pleura: No effusion."),
        {"text_unexpected"},
    ),
}  # fmt: skip


def checks(folder: Path) -> list[CheckResult]:
    """The checks of notes, as :func:`eval.evaluate` makes them."""
    data = Dataset(folder)
    written = notes.read_notes(data)
    scans = {(n.patient_id, n.day) for n in written if n.kind != notes.MOLECULAR}
    return [
        notes.check_notes(data, written),
        notes.check_dates(data, written),
        course.check_toxicities(data),
        person.check_foretold(data, written),
        report_response.check_report_response(data, written),
        report_largest.check_largest(written),
        radiographs.check_ct_findings(data, written),
        *radiographs.check_radiograph_reports(written, lesions_by_scan(data, scans), data),
        *history.check_history(data, written),
        *clinic.check_clinic(data, written),
        *molecular.check_molecular(data, written, variants.load_genotypes(data)),
    ]


@pytest.fixture
def notes_only(consistent: Path, tmp_path: Path) -> Path:
    """A copy without images, which no check of these notes reads."""
    leave = shutil.ignore_patterns("imaging")
    return Path(shutil.copytree(consistent, tmp_path / "tiny", ignore=leave))


def test_the_consistent_notes_hold(consistent: Path) -> None:
    made = checks(consistent)
    assert [(c.key, c.violations) for c in made if not c.holds] == []
    assert [c.key for c in made if c.tested == 0] == []


def test_every_check_of_notes_is_broken_by_some_case(consistent: Path) -> None:
    assert {c.key for c in checks(consistent)} == set().union(*(keys for _, keys in CASES.values()))


@pytest.mark.parametrize("name", CASES)
def test_one_untruth_fails_its_check_alone(name: str, notes_only: Path) -> None:
    make, expected = CASES[name]
    make(notes_only)
    made = checks(notes_only)
    assert {c.key for c in made if not c.holds} == expected, [c.violations for c in made]
