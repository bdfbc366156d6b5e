"""The read-back: the grammar's reports are true, with the same facts; every falsehood is found."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.notes.lm import space
from modalities.notes.lm.ct_chest import BETWEEN, CtChest

KIND = CtChest()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 100_000))
def test_what_the_grammar_writes_is_true_and_its_facts_are_found(index: int) -> None:
    said = KIND.sample(2, index)
    report, faults = KIND.judge(said, KIND.pair(said).target, "model")
    assert [str(fault) for fault in faults] == [] and report is not None
    wanted = {(f.finding_id, f.kind, f.value) for f in KIND.by_grammar(said).facts}
    assert {(f.finding_id, f.kind, f.value) for f in report.facts} == wanted
    for fact in report.facts:
        if fact.kind in ("size", "prior_size"):
            assert re.search(r"\d", report.words(fact))


CHANGES: tuple[tuple[str, str, str], ...] = (
    ("contradicts", r"\bright (upper|lower) lobe", r"left \1 lobe"),
    ("contradicts", r"\b(left|right) adrenal", "LEFTRIGHT adrenal"),
    ("contradicts", r"(?<=[ (])(\d)(\d) x", r"\g<1>9 x"),
    ("contradicts", r"\b(stable|unchanged)\b(?! disease)", "larger"),
    ("contradicts", r"\b(increased|larger)\b", "smaller"),
    ("omits", r", (?:suspicious for malignancy|likely malignant)(?=[\s\S]*\n\n)", ""),
    ("contradicts", r"\bsuspicious for malignancy", "possibly malignant"),
    ("contradicts", r"\b(?:probably|possibly|likely)\b", "surely"),
    ("contradicts", r"partial response", "complete response"),
    ("contradicts", r"(was|previously) (\d)(\d)", r"\1 \g<2>8"),
    ("omits", r"[^.\n]* (?:mass|nodule)[^.\n]*\d[^\n.]*\.(?: |\n)(?=[\s\S]*\n\n)", ""),
    ("omits", r"\bNo (?:pleural )?effusion,? ?", "No "),
    ("invents", BETWEEN, f" New 12 x 9 mm nodule in the left lower lobe.{BETWEEN}"),
    ("invents", BETWEEN, f" The heart is enlarged.{BETWEEN}"),
    ("contradicts", r"[Pp]rogressive disease(?: by RECIST 1.1)?(?=\.)",
     "Progressive disease with a 12 mm liver lesion"),
    ("contradicts", r"Continued follow-up[^.\n]*", "Continued follow-up of the 30 mm liver lesion"),
    ("contradicts", r"(?i)(discussion|review) at the [^.\n]*", r"\1 at the next visit, heart large"),
    ("contradicts", r"No new lesion(?=\.)", "No new lesion but a 20 mm liver lesion"),
    ("contradicts", r"(limited (?:without|by)[^.\n]*)", r"\1 and a 30 mm liver lesion"),
    ("contradicts", r"lobe mass(?= |,)", "lobe mass and pleural effusion"),
    ("contradicts", r"(?<=left upper lobe nodule)(?= |,)", " in the right lower lobe"),
    ("contradicts", r"No pleural effusion\b", "No pleural effusion, enlarged heart"),
    ("contradicts", r"(?<=Overall stable disease)(?=\.)", ", progressive disease by RECIST 1.1"),
    ("contradicts", r"(?<=Overall stable disease)(?=\.)", " with interval growth in the liver"),
    ("contradicts", r"(?<=No new lesion)(?=\.)", ", complete response"),
    ("contradicts", r"(?<=Continued follow-up as per oncology protocol)", ", progressive disease"),
    ("contradicts", r"(?<=pneumothorax)(?=\.)", " with new 30 mm liver lesion"),
    ("contradicts", r"No pleural effusion(?=,| or)", "No pleural effusion and adrenal nodule"),
    ("contradicts", r"(?<=lobe nodule)(?= |,)", " and lesion"),
    ("contradicts", r"(?<=lobe nodule)(?= |,)", " in the mediastinum"),
    ("omits", r"(?m)^(?:\d+\. )?(?:Overall stable disease|Overall disease progression|Progressive "
     r"disease)[^.\n]*\.\n?", ""),
    ("contradicts", r"(?<=ha)s increased in size", "s not increased in size"),
    ("contradicts", r"\b(?=larger\b)", "not "),
    ("contradicts", r"\b(?=stable\b(?! disease))", "not "),
    ("contradicts", r"\b(?=suspicious for)", "not "),
    ("contradicts", r"\b(?=resolved\b)", "not "),
    ("contradicts", r"\b(?=stable disease)", "not "),
    ("contradicts", r"\b(?=partial response)", "not a "),
    ("contradicts", r"\b(?=[Pp]rogressive disease)", "no "),
    ("contradicts", r"(?<=\n\n)(?=[\s\S]* 4\d x)", "No evidence of mass. "),
    ("contradicts", r"\bThere is (?=a )", "There is @"),
    ("contradicts", r"\bThere is (?=a )", "There is # "),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "pattern", "other"), CHANGES)
def test_a_changed_draft_is_found_out(kind: str, pattern: str, other: str) -> None:
    tried = 0
    for index in range(160):
        said = KIND.sample(4, index)
        text = KIND.pair(said).target
        false = re.sub(pattern, other, text, count=1)
        if "LEFTRIGHT" in false:
            side = re.search(pattern, text)
            assert side is not None
            false = false.replace("LEFTRIGHT", {"left": "right", "right": "left"}[side[1]])
        if false == text:
            continue
        tried += 1
        _, faults = KIND.judge(said, false, "model")
        assert kind in {fault.kind for fault in faults}, (kind, text, false, faults)
        if tried == 12:
            return
    assert tried >= 5


def test_an_absence_that_is_false_is_found() -> None:
    for index in range(200):
        said = KIND.sample(6, index)
        if any(o.finding.concept == "liver_lesion" and not o.resolved for o in said.seen):
            text = KIND.pair(said).target.replace(BETWEEN, f" No liver lesion.{BETWEEN}")
            _, faults = KIND.judge(said, text, "model")
            assert any("denies" in fault.what for fault in faults)
            return
    raise AssertionError("no case with a liver lesion")


def test_a_finding_under_the_title_of_another_organ_is_refused() -> None:
    for index in range(200):
        said = KIND.sample(4, index)
        text = KIND.pair(said).target
        false = re.sub(r"(?m)^(Liver|LIVER): ", "Bones: ", text)
        if false != text:
            _, faults = KIND.judge(said, false, "model")
            assert any("under another organ" in fault.what for fault in faults)
            return
    raise AssertionError("no structured case with a liver")


def test_a_later_sentence_under_the_title_of_another_organ_is_refused() -> None:
    tried = 0
    for index in range(200):
        said = KIND.sample(4, index)
        text = KIND.pair(said).target
        false = re.sub(r"(?m)\n(Liver|LIVER): (?=No |There )", " ", text)
        if false != text:
            tried += 1
            _, faults = KIND.judge(said, false, "model")
            assert any("under another organ" in fault.what for fault in faults), false
    assert tried > 10


def test_only_the_largest_of_several_is_dominant() -> None:
    seen = set()
    for index in range(300):
        said = KIND.sample(4, index)
        if said.lead is None:
            continue
        text = KIND.pair(said).target
        several = said.dominant
        assert several or "ominant" not in text
        assert f"{'dominant' if several else 'main'} " in KIND.prompt(said)
        findings, impression = text.split("\n\n")
        place = re.search(r"(?m)^(?:\d\. )?(?=New )", impression)
        if place and said.lead.change != "new":
            at = place.end()
            false = f"{findings}\n\n{impression[:at]}Dominant new{impression[at + 3 :]}"
            _, faults = KIND.judge(said, false, "model")
            assert any("not the largest" in fault.what for fault in faults), false
            seen.add(several)
    assert seen == {True, False}


def test_which_of_its_lobe_must_be_said() -> None:
    tried = 0
    for index in range(300):
        said = KIND.sample(4, index)
        text = KIND.pair(said).target
        findings, impression = text.split("\n\n")
        false = re.sub(r"\b(the )?second (?=left|right|LUL|LLL|RUL|RML|RLL)", r"\1", findings)
        if false != findings:
            tried += 1
            _, faults = KIND.judge(said, f"{false}\n\n{impression}", "model")
            assert any("number 2 of its lobe" in fault.what for fault in faults), false
    assert tried > 5


def test_a_draft_without_two_sections_is_no_report() -> None:
    said = KIND.sample(1, 1)
    report, faults = KIND.judge(said, "Lungs: clear.", "model")
    assert report is None and "sections" in faults[0].where


def test_the_held_out_space_reads_back_too() -> None:
    for index in range(15):
        said = KIND.sample(9, index, held=True)
        assert space.held_out(said.plan)
        assert KIND.judge(said, KIND.pair(said).target, "model")[1] == ()
