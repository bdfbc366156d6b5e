"""The readers of notes on wordings that no generator has, and on what only seems to state a fact."""

from __future__ import annotations

import pytest

from eval.readers.clinic import read_clinic
from eval.readers.genes import denied_genes, named_alterations
from eval.readers.markers import read_band, read_tmb, read_tps
from eval.readers.molecular import read_molecular
from eval.readers.person import read_person
from eval.readers.radiograph import bone_sentences, read_radiograph
from eval.readers.wording import digits

EVENTS = ("cough", "nausea", "fatigue", "rash", "anemia")


@pytest.mark.parametrize(
    ("text", "step", "reason"),
    [
        ("Docetaxel reduced by 25% for neutropenia.", "reduce", "neutrophils"),
        ("Pembrolizumab has been stopped at her own request.", "stop", "withdrawal"),
        ("Given the progression, osimertinib has been discontinued.", "stop", "progression"),
        ("Today's docetaxel is omitted for low counts.", "hold", "neutrophils or platelets"),
        ("Chemotherapy delayed by one week.", "defer", None),
        ("She will receive her third cycle of docetaxel today.", "continue", None),
        ("We have decided to switch to docetaxel.", "start", None),
        ("Care is now purely supportive.", "supportive", None),
        ("He is currently off all treatment.", "off_treatment", None),
    ],
)
def test_a_decision_in_other_words(text, step, reason):
    read = read_clinic(text)
    assert [(s.step, s.reason) for s in read.steps] == [(step, reason)]


@pytest.mark.parametrize(
    "text",
    [
        "The cough continues.",
        "We discussed stopping docetaxel.",
        "He asked whether to stop pembrolizumab.",
        "She stopped smoking when chemotherapy was started.",
        "Treatment continues to be well tolerated.",
        "MET exon 14 skipping.",
        "Repeat CT before cycle 4.",
    ],
)
def test_what_is_no_decision(text):
    assert read_clinic(text).steps == []


@pytest.mark.parametrize(
    ("text", "share"), [("at 75%", 75), ("reduced by 25%", 75), ("at full dose", 100)]
)
def test_the_share_of_the_dose(text, share):
    assert read_clinic(f"Continue docetaxel, {text}.").steps[0].share == share


@pytest.mark.parametrize(
    ("text", "value", "prior", "trend"),
    [
        ("Hb has dropped to 9.1 g/dL from 10.4.", 9.1, 10.4, "falling"),
        ("Platelets rose from 98 to 145 x 10^9/L.", 145, 98, "rising"),
        ("There is a rise in creatinine to 1.6 mg/dL.", 1.6, None, "rising"),
        ("ALT stable at 30 U/L.", 30, None, "stable"),
    ],
)
def test_a_value_in_a_sentence(text, value, prior, trend):
    (lab,) = read_clinic(text).labs
    assert (lab.value, lab.prior, lab.trend) == (value, prior, trend)


@pytest.mark.parametrize(
    "text", ["LDH stable over 3 weeks.", "ANC must be above 1.5 before the next cycle."]
)
def test_what_is_no_value(text):
    assert read_clinic(text).labs == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Cough and fatigue, both grade 1, are reported.", {("cough", 1), ("fatigue", 1)}),
        ("Fatigue improved from grade 2 to grade 1.", {("fatigue", 1)}),
        ("Rash previously grade 2, now grade 1.", {("rash", 1)}),
        ("No toxicity above grade 1.", set()),
    ],
)
def test_grades(text, found):
    assert {(f.name, f.grade) for f in read_clinic(text, EVENTS).graded} == found


def test_how_a_patient_is():
    assert read_clinic("Clinically she remains well with no complaints.").no_symptoms
    assert not read_clinic("Nausea is well controlled.").no_symptoms
    assert not read_clinic("She does not feel well.").no_symptoms
    assert read_clinic("Tolerance has been excellent.").no_related
    assert not read_clinic("No grade 3 toxicity.").no_related
    read = read_clinic("Weight fell from 70.1 kg to 66.0 kg. PS has slipped from 1 to 2.")
    assert (read.weight_kg, read.ecog) == (66.0, 2)


def test_who_the_patient_is():
    read = read_person("67M, ex-smoker of 45 pack-years, stage 4A epidermoid carcinoma.")
    assert (read.age, read.sexes, read.smoking) == (67, {"male"}, "former")
    assert (read.pack_years, read.stage, read.histology) == (45, "IVA", "squamous")
    assert read_person("No history of tobacco use.").smoking == "never"
    assert read_person("At the age of 55 she was diagnosed.").age == 55
    assert digits("sixty-four, four cycles") == "64, 4 cycles"


def test_genes_named_and_denied():
    assert named_alterations("A G12D mutation in KRAS was detected.") == ["KRAS G12D"]
    assert named_alterations("No EGFR T790M was detected.") == []
    assert named_alterations("EGFR L858R, ALK negative.") == ["EGFR L858R"]
    assert denied_genes("EGFR L858R, ALK and ROS1 negative.") == ["ALK", "ROS1"]
    assert denied_genes("KRAS mutated, ALK negative.") == ["ALK"]
    assert denied_genes("EGFR could not be assessed.") == []
    assert not read_molecular("No further alterations were found.").nothing
    assert read_molecular("No reportable variants.").nothing
    assert read_molecular("There were no targetable alterations.").no_driver


def test_a_variant_without_its_transcript():
    (fact,) = read_molecular("EGFR c.2573T>G (p.Leu858Arg) with a VAF of 0.31.").variants
    assert (fact.gene, fact.hgvs_c, fact.protein, fact.vaf) == ("EGFR", "c.2573T>G", "L858R", 0.31)


def test_markers():
    assert read_tps("PD-L1 (22C3) 60%.") == 60 and read_tps("PD-L1 TPS ≥50%.") is None
    assert read_tps("Less than 1% of cells expressed PD-L1.") == 0
    assert read_band("TPS 60%, strong; ALK negative.") == "high"
    assert read_tmb("TMB-high is defined as ≥10 mut/Mb.") is None
    assert read_tmb("There were 14.2 mutations per Mb.") == (14.2, 1)


def test_findings_of_a_radiograph_by_their_clause():
    mass, fluid = read_radiograph("No change in the right upper zone mass; new left effusion.")
    assert (mass.side, mass.zone, mass.change) == ("right", "upp", "stable")
    assert (fluid.side, fluid.change) == ("left", "new")
    (partly,) = read_radiograph("The left effusion has partially resolved.")
    assert (partly.present, partly.change) == (True, "smaller")
    assert read_radiograph("The lungs are otherwise clear.") == ()
    assert [f.present for f in read_radiograph("Both lungs are clear.")] == [False]
    assert read_radiograph("The mass has grown from 2 cm to 3 cm.")[0].size_mm == 30
    assert bone_sentences("The seventh rib on the left is eroded.")
    assert not bone_sentences("Sclerotic degenerative changes of the spine.")
