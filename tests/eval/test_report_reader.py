"""Known sentences: what a radiologist wrote, and what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.readers.facts import Fact
from eval.readers.report import read_report, split_sections
from eval.readers.responses import named_responses

LUNG, NODE, PLEURA, LIVER, ADRENAL, BONE = (
    "lung",
    "mediastinal_node",
    "pleura",
    "liver",
    "adrenal",
    "bone",
)

# sentence -> facts as (present, site, lobe or side, long, short, prior, change)
SENTENCES: dict[str, list[tuple[object, ...]]] = {
    "There is a 24 x 18 mm spiculated mass in the right upper lobe, previously 31 mm.": [
        (True, LUNG, "RUL", 24, 18, 31, None)
    ],
    "RUL nodule measures 2.4 x 1.8 cm (prior 2.6 cm), stable.": [
        (True, LUNG, "RUL", 24, 18, 26, "stable")
    ],
    "The mass in the left lower lobe has grown from 31 to 38 mm.": [
        (True, LUNG, "LLL", 38, None, 31, "larger")
    ],
    "Decrease of the RML nodule from 22 x 14 mm to 12 x 9 mm.": [
        (True, LUNG, "RML", 12, 9, 22, "smaller")
    ],
    "RUL nodule: 24 mm -> 18 mm.": [(True, LUNG, "RUL", 18, None, 24, None)],
    "Interval decrease in size of the right upper lobe mass, now 24 mm in long axis "
    "(31 mm previously).": [(True, LUNG, "RUL", 24, None, 31, "smaller")],
    "New mediastinal lymph node measuring up to 2.4 cm.": [
        (True, NODE, None, 24, None, None, "new")
    ],
    "24 by 18 mm lesion in the lingula.": [(True, LUNG, "LUL", 24, 18, None, None)],
    "Left upper lobe mass, 41 mm x 33 mm, unchanged.": [
        (True, LUNG, "LUL", 41, 33, None, "stable")
    ],
    "2.4 cm left upper lobe lesion, not significantly changed compared with 2.5 cm.": [
        (True, LUNG, "LUL", 24, None, 25, "stable")
    ],
    "No significant change in the 15 mm RML nodule.": [
        (True, LUNG, "RML", 15, None, None, "stable")
    ],
    "New 11 mm nodule in the LUL and a stable 7 x 5 mm nodule in the RLL.": [
        (True, LUNG, "LUL", 11, None, None, "new"),
        (True, LUNG, "RLL", 7, 5, None, "stable"),
    ],
    "RUL mass 24 x 18 mm, previously 31 mm, smaller, and LLL nodule 9 mm.": [
        (True, LUNG, "RUL", 24, 18, 31, "smaller"),
        (True, LUNG, "LLL", 9, None, None, None),
    ],
    "The previously seen 9 mm nodule in the right middle lobe is no longer seen.": [
        (False, LUNG, "RML", None, None, 9, "resolved")
    ],
    "Lymph node in the left mediastinum.": [(True, NODE, "left", None, None, None, None)],
    "Dominant left mediastinal lymph node.": [(True, NODE, "left", None, None, None, None)],
    "Possible right mediastinal lymph node.": [(True, NODE, "right", None, None, None, None)],
    "Mediastinal lymph nodes.": [],
    "LLL nodule, 8 mm in long axis and 5 mm in short axis (9 x 5 mm on 2023-09-06).": [
        (True, LUNG, "LLL", 8, 5, 9, None)
    ],
    "The previously seen pneumothorax has resolved.": [],
    "Calcified left hilar lymph node.": [],
    "The nodule in the LUL has resolved.": [(False, LUNG, "LUL", None, None, None, "resolved")],
    "LLL: complete resolution of the 12 mm nodule.": [
        (False, LUNG, "LLL", None, None, 12, "resolved")
    ],
    "No pulmonary nodule.": [(False, LUNG, None, None, None, None, None)],
    "No new pulmonary nodule.": [(False, LUNG, None, None, None, None, "new")],
    "No nodule greater than 4 mm.": [(False, LUNG, None, None, None, None, None)],
    "No pleural effusion.": [(False, PLEURA, None, None, None, None, None)],
    "There is no pleural effusion or pneumothorax.": [
        (False, PLEURA, None, None, None, None, None)
    ],
    "Small right pleural effusion.": [(True, PLEURA, "right", None, None, None, None)],
    "Bilateral pleural effusions, left greater than right.": [
        (True, PLEURA, "bilateral", None, None, None, None)
    ],
    "Left pleural effusion, new since the prior study.": [
        (True, PLEURA, "left", None, None, None, "new")
    ],
    "The right pleural effusion has resolved.": [
        (False, PLEURA, "right", None, None, None, "resolved")
    ],
    "No mediastinal or hilar lymphadenopathy.": [(False, NODE, None, None, None, None, None)],
    "The mediastinal nodes are not enlarged.": [(False, NODE, None, None, None, None, None)],
    "Mediastinal lymph nodes are normal in size.": [(False, NODE, None, None, None, None, None)],
    "Subcarinal lymph node measures 18 mm in short axis, unchanged.": [
        (True, NODE, "midline", None, 18, None, "stable")
    ],
    "Right paratracheal lymph node 22 x 16 mm, larger.": [
        (True, NODE, "right", 22, 16, None, "larger")
    ],
    "A new 13 x 10 mm right hilar node.": [(True, NODE, "right", 13, 10, None, "new")],
    "The liver and adrenal glands are unremarkable.": [
        (False, LIVER, None, None, None, None, None),
        (False, ADRENAL, None, None, None, None, None),
    ],
    "No evidence of metastatic disease in the liver or adrenals.": [
        (False, LIVER, None, None, None, None, None),
        (False, ADRENAL, None, None, None, None, None),
    ],
    "Hypodense lesion in hepatic segment VII measuring 3.1 x 2.2 cm, previously 2.8 cm; "
    "increased.": [(True, LIVER, None, 31, 22, 28, "larger")],
    "Segment IVa: 22 x 17 mm hepatic metastasis, new.": [(True, LIVER, None, 22, 17, None, "new")],
    "Left adrenal nodule, 21 x 15 mm, has decreased from 26 mm.": [
        (True, ADRENAL, "left", 21, 15, 26, "smaller")
    ],
    "Left adrenal mass 30 x 21 mm; right adrenal normal.": [
        (True, ADRENAL, "left", 30, 21, None, None),
        (False, ADRENAL, "right", None, None, None, None),
    ],
    "No suspicious osseous lesion.": [(False, BONE, None, None, None, None, None)],
    "Bones: no lytic or sclerotic lesion.": [(False, BONE, None, None, None, None, None)],
    "Lytic lesion in the T8 vertebral body.": [(True, BONE, None, None, None, None, None)],
    "Lungs: RUL 24 x 18 mm (prior 31 x 22 mm), smaller.": [
        (True, LUNG, "RUL", 24, 18, 31, "smaller")
    ],
    "Pleura: Right effusion. No pneumothorax.": [(True, PLEURA, "right", None, None, None, None)],
    "There is a mass in the right lower lobe. It measures 41 x 33 mm, previously 45 mm.": [
        (True, LUNG, "RLL", 41, 33, 45, None)
    ],
    "The spleen and kidneys are unremarkable.": [],
    "Heart size is normal. No pericardial effusion.": [],
    "Emphysema with an apical predominance.": [],
    "5 mm slices were reconstructed.": [],
}


def short(fact: Fact) -> tuple[object, ...]:
    return (
        fact.present,
        fact.site,
        fact.lobe or fact.side,
        fact.long_mm,
        fact.short_mm,
        fact.prior_mm,
        fact.change,
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "RUL nodule 24 x 18 mm, has not increased in size.",
        "RUL nodule 24 x 18 mm, is not larger.",
        "RUL nodule 24 x 18 mm, not stable.",
        "RUL nodule 24 x 18 mm, not suspicious for malignancy.",
        "RUL nodule 24 x 18 mm without interval growth.",
        "RUL nodule 24 x 18 mm, no growth.",
        "RUL nodule 24 x 18 mm, no definite increase in size.",
        "The 24 x 18 mm RUL nodule is not new.",
        "The RUL nodule has not resolved.",
    ],
)
def test_a_denied_change_or_doubt_is_none(sentence: str) -> None:
    (fact,) = read_report(f"FINDINGS: {sentence}")
    assert (fact.change, fact.certainty, fact.present) == (None, "definite", True)


@pytest.mark.parametrize(
    "sentence",
    [
        "Not consistent with partial response.",
        "Findings are incompatible with stable disease.",
        "No progressive disease by RECIST 1.1.",
        "Overall not stable disease.",
    ],
)
def test_a_denied_response_is_none(sentence: str) -> None:
    assert named_responses(sentence) == []


@pytest.mark.parametrize("sentence", SENTENCES)
def test_known_sentences(sentence: str) -> None:
    facts = read_report(f"FINDINGS:\n{sentence}\n")
    assert [short(fact) for fact in facts] == SENTENCES[sentence]


@pytest.mark.parametrize(
    ("sentence", "certainty"),
    [
        ("Possible metastasis in the left adrenal gland, 14 mm.", "possible"),
        ("Metastasis in the left adrenal gland cannot be excluded.", "possible"),
        ("Left adrenal nodule, likely metastasis.", "probable"),
        ("Lytic rib lesion, suspicious for metastasis.", "probable"),
        ("Left adrenal metastasis.", "definite"),
    ],
)
def test_uncertainty_is_no_negation(sentence: str, certainty: str) -> None:
    facts = read_report(f"FINDINGS:\n{sentence}")
    assert len(facts) == 1
    assert facts[0].present
    assert facts[0].certainty == certainty


@pytest.mark.parametrize(
    "sentence",
    [
        "No other pulmonary nodule.",
        "No additional suspicious lung lesion.",
        "The lung lesions have decreased.",
    ],
)
def test_statements_about_groups_are_generic(sentence: str) -> None:
    assert all(fact.generic for fact in read_report(f"FINDINGS:\n{sentence}"))


def test_a_header_before_no_is_no_part_of_the_negation() -> None:
    facts = read_report("FINDINGS: No pleural effusion. Mass in the right upper lobe, 20 mm.")
    assert [(f.site, f.present) for f in facts] == [(PLEURA, False), (LUNG, True)]


def test_only_findings_and_impression_are_read() -> None:
    text = """CT CHEST
INDICATION: 30 mm mass in the right upper lobe, known left effusion.
TECHNIQUE: 5 mm slices.
COMPARISON: CT of 2019-03-01, 41 mm mass in the left lower lobe.
FINDINGS: Right upper lobe mass, 28 mm.
IMPRESSION:
1. Right upper lobe mass.
"""
    sections = [name for name, _ in split_sections(text)]
    assert sections == ["other", "other", "other", "other", "findings", "impression"]
    facts = read_report(text)
    assert [(f.section, f.long_mm) for f in facts] == [("findings", 28), ("impression", None)]


def test_wrapped_lines_are_one_sentence_and_bullets_are_several() -> None:
    wrapped = "FINDINGS:\nA spiculated mass in the right\nupper lobe measures 24 x\n18 mm."
    assert [short(f) for f in read_report(wrapped)] == [(True, LUNG, "RUL", 24, 18, None, None)]
    bullets = "FINDINGS:\n- RUL mass 24 mm\n- LLL nodule 9 mm\n"
    assert [(f.lobe, f.long_mm) for f in read_report(bullets)] == [("RUL", 24), ("LLL", 9)]


LOBE_NAMES = {
    "RUL": "right upper lobe",
    "RML": "right middle lobe",
    "RLL": "right lower lobe",
    "LUL": "left upper lobe",
    "LLL": "left lower lobe",
}


@given(
    lobe=st.sampled_from(sorted(LOBE_NAMES)),
    long_mm=st.integers(4, 150),
    ratio=st.floats(0.4, 1.0),
    centimetres=st.booleans(),
    template=st.sampled_from(
        [
            "There is a {size} mass in the {lobe}.",
            "{lobe} nodule, {size}, unchanged.",
            "The {lobe} contains a spiculated lesion measuring {size}.",
            "Spiculated {lobe} mass which measures {size}, previously {prior}.",
        ]
    ),
)
def test_any_size_is_read_back(
    lobe: str, long_mm: int, ratio: float, centimetres: bool, template: str
) -> None:
    short_mm = max(1, int(long_mm * ratio))
    size, prior = f"{long_mm} x {short_mm} mm", "151 mm"
    if centimetres:
        size, prior = f"{long_mm / 10:.1f} x {short_mm / 10:.1f} cm", "15.1 cm"
    text = template.format(size=size, prior=prior, lobe=LOBE_NAMES[lobe])
    facts = read_report(f"FINDINGS:\n{text[0].upper()}{text[1:]}")
    assert [(f.lobe, f.long_mm, f.short_mm) for f in facts] == [(lobe, long_mm, short_mm)]
