"""What is true of a note in more than one wording, and what only seems so."""

from __future__ import annotations

import datetime as dt

import pytest

from eval.checks.clinic_course import Course
from eval.checks.person import ages
from eval.checks.treatments import _of_cycle
from eval.readers.clinic import read_clinic
from eval.readers.clinic_labs import printed_unit
from eval.readers.history import read_history
from eval.readers.molecular import read_molecular, same_coding
from eval.readers.person import foretold, read_person
from eval.readers.radiograph import bone_sentences, read_radiograph, unexpected
from eval.reference import driver_names

TRIPLE = {
    "line": 1, "regimen": "pembrolizumab_platinum_pemetrexed", "intent": "palliative",
    "rxnorm": "1547545+40048+68446", "start_day": 0, "stop_day": None,
}  # fmt: skip


def course(*codes: str) -> Course:
    """Of one line, with a dose of these drugs every three weeks."""
    doses = [
        {"line": 1, "regimen": TRIPLE["regimen"], "day": 21 * n, "rxnorm": code,
         "relative_dose": 1.0}
        for n, code in enumerate(codes)
    ]  # fmt: skip
    return Course.of([TRIPLE], doses, 21 * len(codes), dt.date(2019, 3, 14))


def test_platinum_ends_and_what_lasts_goes_on():
    four = course(*4 * ["1547545+40048+68446"])
    assert four.drugs_now(TRIPLE) == {"pembrolizumab", "carboplatin", "pemetrexed"}
    assert four.induction(TRIPLE) is None
    five = course(*4 * ["1547545+40048+68446"], "1547545+68446")
    assert five.drugs_now(TRIPLE) == {"pembrolizumab", "pemetrexed"}
    assert five.induction(TRIPLE) == 4


def test_a_line_without_platinum_or_doses_has_no_induction():
    assert course("1547545+68446", "1547545").induction(TRIPLE) is None
    assert course().induction(TRIPLE) is None
    assert course().drugs_now(TRIPLE) == {"pembrolizumab", "carboplatin", "pemetrexed"}


def test_induction_and_maintenance_are_read():
    text = (
        "Started 14 March 2019; after 4 cycles of carboplatin and pembrolizumab, now maintenance."
    )
    assert read_clinic(text).lines[0].induction == 4


@pytest.mark.parametrize(
    ("day", "expected"), [(-7, {66}), (0, {66}), (364, {66, 67}), (500, {67}), (800, {68})]
)
def test_age_is_that_of_the_day(day, expected):
    assert ages(66, day) == expected


def test_age_at_diagnosis_is_told_apart():
    assert read_person("aged 83 at diagnosis").at_diagnosis
    assert not read_person("A man aged 83. At diagnosis stage IIB.").at_diagnosis


def test_an_option_is_no_decision():
    text = "Off treatment at present; further treatment or supportive care to be discussed."
    assert [step.step for step in read_clinic(text).steps] == ["off_treatment"]
    assert [s.step for s in read_clinic("Best supportive care.").steps] == ["supportive"]


def test_names_of_a_driver():
    assert driver_names("MET", "NM_000245.4:c.3028G>A", "NP_000236.2:p.(Asp1010Asn)") == (
        "MET exon 14 skipping",
        "MET D1010N",
    )
    assert driver_names("ALK", "EML4::ALK:E13;A20", "p.?") == ("EML4-ALK",)
    assert read_clinic("Harbours an EML4::ALK fusion.").drivers == ["EML4-ALK"]
    assert read_clinic("MET exon 14 skipping.").drivers == ["MET exon 14 skipping"]


def test_fusions_are_the_same_in_either_spelling():
    assert same_coding("EML4::ALK:E13;A20", "EML4-ALK:E13;A20")
    assert same_coding("EML4::ALK", "EML4-ALK:E13;A20")
    assert not same_coding("EML4::ALK:E6;A20", "EML4-ALK:E13;A20")
    assert not same_coding("KIF5B::ALK", "EML4-ALK")


def test_acquired_resistance_is_no_driver():
    read = read_molecular("Acquired resistance mutation: EGFR T790M.\n")
    assert (read.named, read.resistance, read.driving) == (["EGFR T790M"], ["EGFR T790M"], [])
    assert read_molecular("Oncogenic driver: EGFR T790M.\n").driving == ["EGFR T790M"]


def test_units_in_print_and_in_ucum_are_one():
    assert printed_unit("x 10^9/L") == printed_unit("10*9/L") == printed_unit("x10^9/L")
    assert printed_unit("mIU/L") == printed_unit("m[IU]/L") != printed_unit("g/L")


def test_what_is_foretold():
    assert foretold("Progression expected.", 2019, 4)
    assert foretold("She will start docetaxel.", 2019, 4)
    assert foretold("Until June 2019.", 2019, 4) and not foretold("Since June 2018.", 2019, 4)
    assert not foretold("Next CT as per protocol; options to be discussed.", 2019, 4)


def test_a_history_with_its_comparison():
    said = read_history("On second-line docetaxel.\nCOMPARISON: Radiograph of 7 March 2019.\n")
    assert (said.lines, said.drugs, len(said.compared)) == ((2,), {"docetaxel"}, 1)
    assert read_history("COMPARISON: None.").alone


def test_one_sentence_may_deny_two_findings():
    facts = read_radiograph("FINDINGS: No effusion or pneumothorax.")
    assert [(f.what, f.present) for f in facts] == [("effusion", False), ("pneumothorax", False)]


def test_what_a_radiograph_cannot_show_is_no_opacity():
    text = "FINDINGS: No discrete lung mass; CT is more sensitive for small nodules."
    assert [f.present for f in read_radiograph(text)] == [False]


def test_findings_that_no_table_holds():
    assert [f.finding for f in unexpected("FINDINGS: Rib fracture. Right mass.")] == ["fracture"]
    assert unexpected("FINDINGS: No fracture. Left effusion.") == ()
    assert bone_sentences("FINDINGS: Rib destruction.") and not bone_sentences("FINDINGS: Mass.")


def test_platinum_is_given_no_longer_than_its_cycles():
    whole, lasting = "1547545+40048+68446", "1547545+68446"
    name = "pembrolizumab_platinum_pemetrexed"
    assert _of_cycle(whole, whole, 4, name) and not _of_cycle(whole, whole, 5, name)
    assert _of_cycle(lasting, whole, 5, name) and not _of_cycle("72962", whole, 1, name)
    assert not _of_cycle(whole, whole, 3, "chemoradiation_durvalumab")
    assert _of_cycle("40048+56946", "40048+56946", 5, "carboplatin_paclitaxel")
