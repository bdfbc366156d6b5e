"""Notes say what was true that day: drugs of the cycle, age, weight loss, tolerance, resistance."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest

from alignment.clinic import (
    Assessment,
    ClinicPlan,
    DoseToday,
    Lab,
    Step,
    Symptom,
    Toxicity,
    Treatment,
)
from alignment.identifiers import age_on
from alignment.lexicon import change_of
from alignment.molecular import Alteration, MolecularPlan
from alignment.plan import EncounterPlan, Finding, Protocol, Subject
from cohort.codebook import Codebook
from eval.readers.person import read_person
from eval.readers.radiograph import header
from modalities.notes import (
    write_clinic_note,
    write_molecular_report,
    write_radiograph_report,
    write_report,
)
from ontology.errors import ConsilienceError

DAY = dt.date(2022, 6, 1)
SEEDS = range(12)
TRIPLE = ("carboplatin", "paclitaxel", "pembrolizumab")
LINE = Treatment(1, "palliative", "pembrolizumab_platinum_paclitaxel", "1547545+40048+56946",
                 dt.date(2022, 1, 1), None, None, TRIPLE, ("pembrolizumab",), 8, 4)  # fmt: skip
ALONE = DoseToday(8, ("pembrolizumab",), 1.0, "given", None)


def visit(seed: int, **changes: Any) -> ClinicPlan:
    """A visit under maintenance."""
    values: dict[str, Any] = {
        "seed": seed, "model": "m", "patient_id": "P0000003", "day": 150, "date": DAY, "age": 70,
        "sex": "male", "smoking_status": "former", "pack_years": 30.0, "histology": "squamous",
        "stage": "IVA", "pdl1_tps": 20, "drivers": (), "recurrence": None,
        "recurrence_scan": None, "treatments": (LINE,), "dose": ALONE, "toxicities": (),
        "symptoms": (), "ecog": 1, "weight_kg": 70.0, "weight_index_kg": 72.0, "labs": (),
        "assessment": None, "step": "continue",
    }  # fmt: skip
    return ClinicPlan(**values | changes)


def said(seed: int, **changes: Any) -> str:
    return write_clinic_note(visit(seed, **changes)).text


def plan_of(text: str) -> str:
    """The last section: the plan."""
    return text.strip().rpartition("\n\n")[2].lower()


@pytest.mark.parametrize("seed", SEEDS)
def test_platinum_is_over_after_its_cycles(seed: int) -> None:
    text = said(seed)
    assert "carboplatin" not in plan_of(text)
    assert "pembrolizumab" in plan_of(text)
    assert re.search(r"after 4 cycles of carboplatin.paclitaxel now pembrolizumab"
                     r"|carboplatin.*paclitaxel until cycle 4, now pembrolizumab"
                     r"|after 4 cycles of carboplatin and paclitaxel now pembrolizumab", text)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_chemoradiation_is_over_before_durvalumab(seed: int) -> None:
    drugs = ("carboplatin", "durvalumab", "paclitaxel")
    line = replace(LINE, regimen="chemoradiation_durvalumab", drugs=drugs, given=("durvalumab",),
                   induction=2)  # fmt: skip
    text = said(seed, treatments=(line,), dose=replace(ALONE, drugs=("durvalumab",)))
    assert "durvalumab" in plan_of(text)
    assert "chemorad" not in plan_of(text)
    early = replace(line, given=drugs[::2], cycles=1, induction=None)
    text = said(seed, treatments=(early,), dose=replace(ALONE, cycle=2, drugs=drugs[::2]))
    assert "with planned durvalumab" in text
    assert "durvalumab" not in plan_of(text)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lowered_dose_beside_an_antibody_is_that_of_chemotherapy(seed: int) -> None:
    dose = DoseToday(3, TRIPLE, 0.75, "reduced", "toxicity")
    line = replace(LINE, given=TRIPLE, cycles=3, induction=None)
    step: Step = "reduce"
    assert "dose of chemotherapy" in plan_of(said(seed, treatments=(line,), dose=dose, step=step))


@pytest.mark.parametrize("seed", SEEDS)
def test_weight_loss_is_the_patients_word(seed: int) -> None:
    noticed = Symptom("HP:0001824", "weight loss noticed by the patient", 3)
    for kg, words in ((74.0, "not confirmed by weighing|that weighing"), (71.8, "less than 1%"),
                      (68.4, r"\W5\.0%")):  # fmt: skip
        text = said(seed, symptoms=(noticed,), weight_kg=kg)
        assert re.search(f"weight loss.{{0,3}}(by weighing )?({words})", text)
        assert not re.search("severe|grade 3", text)
    for unweighed in ({"weight_kg": None}, {"day": 0, "weight_kg": 72.0}):
        assert re.search(r"weight loss\.", said(seed, symptoms=(noticed,), **unweighed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_severe_symptom_beside_a_good_performance_is_the_patients_judgement(seed: int) -> None:
    severe = Symptom("HP:0002094", "dyspnoea", 3)
    for ecog in (0, 1):
        text = said(seed, symptoms=(severe,), ecog=ecog)
        assert re.search(
            r"patient reports a severe symptom|a severe symptom by the patient's own", text
        )
    assert "severe" not in said(seed, symptoms=(severe,), ecog=3)
    assert "severe" not in said(seed, symptoms=(replace(severe, grade=2),), ecog=0)
    assert not re.search("(?i)asymptomatic|denies", said(seed, ecog=1))


@pytest.mark.parametrize("seed", SEEDS)
def test_who_cannot_work_is_not_said_to_be_without_symptoms(seed: int) -> None:
    free = "(?i)asymptomatic|denies|no symptoms"
    assert all(re.search(free, said(seed, ecog=ecog)) for ecog in (0, 1, None))
    assert not any(re.search(free, said(seed, ecog=ecog)) for ecog in (2, 3))


@pytest.mark.parametrize(
    "changes",
    [
        {"symptoms": (Symptom("HP:0012378", "fatigue", 1),)},
        {"labs": (Lab("718-7", "haemoglobin", 7.5, "g/dL", "L", 3),)},
        {"dose": replace(ALONE, relative_dose=0.75, reason="toxicity"), "step": "reduce"},
        {"toxicities": (Toxicity("HP:0012378", "fatigue", 1, 1),)},
        {"treatments": (replace(LINE, stop=DAY, stop_reason="toxicity"),), "step": "stop"},
    ],
)
def test_tolerance_is_not_claimed_beside_a_complaint(changes: dict[str, Any]) -> None:
    for seed in SEEDS:
        assert "no treatment-related" not in said(seed, **changes).lower()
        assert "no treatment-related" in said(seed).lower()


def test_values_keep_the_digits_of_the_laboratory() -> None:
    lab = Lab("2160-0", "creatinine", 1.0, "mg/dL", "N", 0, 2, 0.9, dt.date(2022, 5, 1), "rising")
    for seed in SEEDS:
        text = said(seed, labs=(lab,))
        assert "1.00 mg/dL" in text
        assert "0.90" in text


def test_a_list_of_events_has_one_form_of_grades() -> None:
    events = (Toxicity("1", "nausea", 2, 2), Toxicity("2", "fatigue", 1, 1))
    forms = (r"grade \d (nausea|fatigue)", r"(nausea|fatigue) \(grade \d\)",
             r"(nausea|fatigue) \(CTCAE", r"G\d (nausea|fatigue)")  # fmt: skip
    for seed in SEEDS:
        text = said(seed, toxicities=events)
        assert sum(bool(re.search(form, text, re.I)) for form in forms) == 1


def test_after_progression_options_are_discussed() -> None:
    over = replace(LINE, stop=dt.date(2022, 5, 1), stop_reason="progression")
    worse = Assessment(dt.date(2022, 5, 1), "PD", True, 60)
    past = (Toxicity("1", "nausea", 0, 2),)
    for seed in SEEDS:
        text = said(seed, treatments=(over,), step="off_treatment", assessment=worse, dose=None,
                    toxicities=past)  # fmt: skip
        assert re.search("discussed|considered", plan_of(text))
        assert "in this line" not in text
        assert "last line" in text


def test_a_recurrence_names_its_scan() -> None:
    for seed in SEEDS:
        text = said(seed, recurrence=DAY, recurrence_scan=dt.date(2022, 5, 20))
        assert re.search(r"CT of .* showed relapse|relapse on CT of", text, re.I)


def test_adjuvant_treatment_is_no_first_line() -> None:
    line = replace(LINE, line=0, intent="adjuvant", regimen="platinum_pemetrexed", start=DAY,
                   drugs=("carboplatin", "pemetrexed"), given=("carboplatin", "pemetrexed"),
                   cycles=None, induction=None)  # fmt: skip
    for seed in SEEDS:
        text = plan_of(said(seed, treatments=(line,), dose=None, step="start"))
        assert "adjuvant carboplatin" in text
        assert "first-line" not in text


def test_the_last_dose_of_a_line_is_told_with_its_end() -> None:
    over = (replace(LINE, stop=DAY, stop_reason="withdrawal"),)
    completed = (replace(LINE, stop=DAY, stop_reason="completed"),)
    for seed in SEEDS:
        assert "after cycle 8 today" in plan_of(said(seed, treatments=over, step="stop"))
        assert "after cycle 8 today" in plan_of(said(seed, treatments=completed, step="stop"))
        assert "cycle" not in plan_of(said(seed, treatments=over, step="stop", dose=None))


def test_before_any_treatment_nothing_goes_on() -> None:
    for seed in SEEDS:
        text = plan_of(said(seed, treatments=(), step="off_treatment", dose=None))
        assert "no active treatment" in text
        assert "remains" not in text


def test_age_grows_with_the_years() -> None:
    assert [age_on(60, day) for day in (-20, 0, 300, 366, 1100)] == [60, 60, 60, 61, 63]


def test_an_unknown_drug_is_an_error(codebook: Codebook) -> None:
    assert codebook.lexicon.names("40048+68446") == ("carboplatin", "pemetrexed")
    assert codebook.lexicon.daily("1721560")
    assert not codebook.lexicon.daily("40048+68446")
    with pytest.raises(ConsilienceError, match="without a name"):
        codebook.lexicon.names("40048+1")


def report(seed: int, *found: Alteration, repeat: bool = False) -> str:
    return write_molecular_report(
        MolecularPlan(seed, "m", "P0000003", 0, DAY, dt.date(2022, 5, 18), 70, "male",
                      "adenocarcinoma", repeat, found, None if repeat else 20,
                      None if repeat else 4.26, ("EGFR", "MET"), ("EGFR", "MET", "TP53"))
    ).text  # fmt: skip


MET = Alteration("MET", "NM_000245.4:c.3028G>A", "p.Asp1010Asn", "chr7", 1, 0.2, "exon 14 skipping")
T790M = Alteration("EGFR", "NM_005228.5:c.2369C>T", "p.Thr790Met", "chr7", 2, 0.1)
TP53 = Alteration("TP53", "NM_000546.6:c.469G>T", "p.Val157Phe", "chr17", 3, 0.1)


def test_what_molecular_reports_conclude(codebook: Codebook) -> None:
    effects = codebook.lexicon.consequences
    assert change_of("MET", MET.hgvs_c, MET.hgvs_p, effects) == "MET exon 14 skipping"
    assert change_of("ALK", "EML4::ALK:E13;A20", "p.?", effects) == "EML4::ALK fusion"
    for seed in SEEDS:
        first = report(seed, MET)
        assert "MET exon 14 skipping" in first
        assert "p.(Asp1010Asn)" in first
        assert "D1010N" not in first
        assert "4.3 mut" in first or "TMB: 4.3" in first or "burden 4.3" in first
        assert "panel of 500" in first or "500 genes" in first
        again = report(seed, T790M, repeat=True)
        assert "resistance mutation" in again
        assert "driver" not in again
        assert "specimen under treatment" not in again
        assert re.search(
            "(?i)no driver (alteration )?with a targeted treatment", report(seed, TP53)
        )
        assert not re.search("(?i)no (oncogenic )?driver", report(seed, TP53, repeat=True))


def scan(day: int, findings: tuple[Finding, ...], **changes: Any) -> EncounterPlan:
    return EncounterPlan(
        1, "m", "P0000003", day, DAY + dt.timedelta(day),
        Subject("male", 70, 175.0, 72.0, "former", 30.0), Protocol(), "squamous", "IB", 0, None,
        None if day < 30 else 0, None if day < 30 else DAY, None, findings, **changes,
    )  # fmt: skip


def lesion(long: int, lobe: str = "RLL") -> Finding:
    return Finding("L1", "lung_lesion", long > 0, "lung", lobe, "right", long, long, long, long)


FLUID = Finding("E1", "pleural_effusion", present=True, site="pleura", side="right")


def test_a_radiograph_knows_nothing_of_what_fluid_hides() -> None:
    for day in range(25):
        texts = {
            write_radiograph_report(scan(day, found), None).text
            for found in ((FLUID,), (FLUID, lesion(40)), (FLUID, lesion(8)))
        }
        assert len(texts) == 1
        few = {write_radiograph_report(scan(day, f), None).text for f in ((), (lesion(8),))}
        assert len(few) == 1


@pytest.mark.parametrize("day", range(40, 52))
def test_after_surgery_no_tumour_is_known_and_no_treatment_awaited(day: int) -> None:
    before = scan(0, (lesion(30, "RUL"),), purpose="staging")
    here = scan(day, (lesion(20, "LUL"),), purpose="surveillance", local="surgery")
    text = write_radiograph_report(here, before).text
    assert "known" not in text
    assert "systemic" not in text
    assert re.search("resection|surgery", text)
    early = write_radiograph_report(
        scan(-7, (lesion(30),), purpose="staging", confirmed=False), None
    )
    assert "suspected lung cancer" in early.text.lower()
    assert not re.search("stage IB|squamous|systemic", early.text)


@pytest.mark.parametrize("day", range(40, 64))
def test_a_scan_after_a_recurrence_is_of_recurrent_disease(day: int) -> None:
    """The stage is that of the diagnosis; the judge reads stage and histology as it did."""
    before, here = scan(0, (lesion(30),)), scan(day, (lesion(30),), local="surgery")
    line = {"line": 1, "regimen": "osimertinib", "purpose": "response"}
    for changes, times in (
        (line | {"recurred": True}, 1),
        (line, 0),
        ({"purpose": "surveillance"}, 0),
        ({"purpose": "recurrence", "recurred": True}, 1),
    ):
        plan = replace(here, **changes)
        for report in (write_radiograph_report(plan, before), write_report(plan, before)):
            assert len(re.findall("(?i)recurren", report.text)) == times
            person = read_person(header(report.text))
            assert (person.stage, person.histology) == ("IB", "squamous")
            assert (person.age, person.at_diagnosis) in ((plan.age, False), (None, False))


def test_ct_says_once_that_the_patient_never_smoked() -> None:
    never = Subject("male", 70, 175.0, 72.0, "never", 0.0)
    counts = set()
    for patient in range(40):
        plan = replace(scan(0, (lesion(30),)), subject=never, patient_id=f"P{patient:07d}")
        counts.add(write_report(plan, None).text.lower().count("never-smok"))
    assert counts == {0, 1}


@pytest.mark.parametrize("day", range(40, 46))
def test_a_scan_under_supportive_care_is_of_no_line(day: int) -> None:
    plan = replace(scan(day, (lesion(30),), purpose="supportive"), line=1,
                   regimen="best_supportive_care")  # fmt: skip
    for text in (
        write_radiograph_report(plan, scan(0, (lesion(30),))).text,
        write_report(plan, scan(0, (lesion(30),))).text,
    ):
        assert "on best supportive care" in text.lower()
        assert "first-line" not in text.lower()
