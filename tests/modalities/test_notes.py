"""CT chest reports: known cases, diversity, bad input and the documented samples."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import Path

import pytest

from alignment.identifiers import patient_id
from alignment.plan import EncounterPlan, Finding, Protocol, Subject
from modalities.notes import COVERED_SITES, FactSpan, Report, write_report
from modalities.notes.ct_chest import GRAMMAR, finding_scope, observations
from ontology.errors import ConsilienceError

LOBES = {
    "RUL": "right upper lobe",
    "RML": "right middle lobe",
    "RLL": "right lower lobe",
    "LUL": "left upper lobe",
    "LLL": "left lower lobe",
}
WORDS_OF = {
    "pleural_effusion": r"effusion",
    "pneumothorax": r"pneumothora",
    "lymphadenopathy": r"\bnod(e|es|al)\b|lymph",
    "liver_lesion": r"\bliver\b|hepatic",
    "adrenal_lesion": r"adrenal",
    "bone_lesion": r"osseous|\bbone\b|skelet",
}
SITES = {
    "pleural_effusion": "pleura",
    "pneumothorax": "pleura",
    "lymphadenopathy": "mediastinal_node",
    "liver_lesion": "liver",
    "adrenal_lesion": "adrenal",
    "bone_lesion": "bone",
}
RESOLVED = r"\b(resolved|resolution|no longer)\b"
SUBJECT = Subject("female", 64, 165.0, 70.0, "former", 30.0)
DAY_ZERO = dt.date(2019, 3, 14)


def plan(
    *findings: Finding,
    day: int = -7,
    prior: EncounterPlan | None = None,
    index: int = 7,
    **kw: object,
) -> EncounterPlan:
    values: dict[str, object] = {
        "seed": 1, "model": "m", "patient_id": patient_id(index), "day": day,
        "date": DAY_ZERO + dt.timedelta(days=day), "subject": SUBJECT, "protocol": Protocol(),
        "histology": "adenocarcinoma", "stage": "IVA", "line": 1 if prior else 0,
        "regimen": "docetaxel" if prior else None, "prior_day": prior.day if prior else None,
        "prior_date": prior.date if prior else None,
        "overall_response": "SD" if prior else None, "findings": findings, **kw,
    }  # fmt: skip
    return EncounterPlan(**values)  # type: ignore[arg-type]


def lung(identifier: str = "L01", lobe: str = "RUL", **kw: object) -> Finding:
    values: dict[str, object] = {
        "finding_id": identifier, "concept": "lung_lesion", "present": True, "site": "lung",
        "lobe": lobe, "side": LOBES[lobe].split()[0], "measured_long_mm": 24,
        "measured_short_mm": 18, "is_target": True, **kw,
    }  # fmt: skip
    return Finding(**values)  # type: ignore[arg-type]


def absent(concept: str, **kw: object) -> Finding:
    values: dict[str, object] = {"site": SITES[concept], **kw}
    return Finding(f"N-{concept}", concept, False, **values)  # type: ignore[arg-type]


def section(report: Report, name: str) -> tuple[int, int]:
    start = report.text.upper().index(f"{name}:\n")
    end = report.text.upper().find("IMPRESSION:\n", start + 1)
    return start, len(report.text) if end < 0 else end


def stated(report: Report, finding: Finding, kind: str, where: str = "FINDINGS") -> list[FactSpan]:
    start, end = section(report, where)
    return [
        fact for fact in report.facts
        if fact.finding_id == finding.finding_id and fact.kind == kind and start <= fact.start < end
    ]  # fmt: skip


def test_another_lesion_leaves_the_sentence_about_this_one() -> None:
    for index in range(30):
        first, second = lung(), lung("L02", "LLL", measured_long_mm=9, measured_short_mm=7)
        reports = [
            write_report(plan(first, other, index=index), None)
            for other in (second, dataclasses.replace(second, measured_long_mm=41))
        ]
        lines = []
        for report in reports:
            (span,) = stated(report, first, "size")
            text, place = report.text, span.start
            start = max(text.rfind(mark, 0, place) for mark in ("\n", ": ")) + 1
            lines.append(text[start : text.find("\n", place)].split(". ")[0])
        assert lines[0].rstrip(".") == lines[1].rstrip(".")


BASELINE = plan(
    lung(), lung("L02", "LLL", measured_long_mm=8, measured_short_mm=6, is_target=False),
    absent("pleural_effusion"), absent("liver_lesion"), absent("adrenal_lesion"),
)  # fmt: skip


def test_reports_of_the_same_findings_differ() -> None:
    texts = [
        write_report(dataclasses.replace(BASELINE, patient_id=patient_id(i)), None).text
        for i in range(400)
    ]
    assert len(set(texts)) == 400  # no two patients share a report
    bodies = {re.split(r"(?:findings|impression):\n", t, flags=re.I)[1] for t in texts[:200]}
    assert len(bodies) > 150  # and not because of the header alone


def test_one_lesion_alone_has_hundreds_of_wordings() -> None:
    seen, _ = observations(BASELINE, None)
    style = {"unit": "mm", "naming": "mixed", "style": "prose", "dates": "iso"}
    scope = finding_scope(seen[0], BASELINE, style)
    assert GRAMMAR.count("lesion", scope) > 200


def test_seed_changes_the_wording() -> None:
    other = dataclasses.replace(BASELINE, seed=2)
    assert write_report(BASELINE, None).text != write_report(other, None).text


# --------------------------------------------------------------------------- known cases


def many(count: int, *findings: Finding, **kw: object) -> list[Report]:
    prior = kw.get("prior")
    assert prior is None or isinstance(prior, EncounterPlan)
    out = []
    for index in range(count):
        before = dataclasses.replace(prior, patient_id=patient_id(index)) if prior else None
        out.append(write_report(plan(*findings, index=index, **kw), before))  # type: ignore[arg-type]
    return out


@pytest.mark.parametrize(("long", "word"), [(30, "nodule"), (31, "mass")])
def test_nodule_up_to_30_mm_then_mass(long: int, word: str) -> None:
    other = {"nodule": "mass", "mass": "nodule"}[word]
    texts = [r.text for r in many(60, lung(measured_long_mm=long))]
    assert sum(word in text for text in texts) > 30
    assert not any(other in text for text in texts)


def test_effusion_and_bone_have_no_size() -> None:
    effusion = Finding("L02", "pleural_effusion", True, "pleura", None, "left")
    bone = Finding("L03", "bone_lesion", True, "bone")
    for report in many(60, lung(), effusion, bone):
        left = r"left(-sided)? pleural effusion|pleural effusion on the left"
        assert re.search(left, report.text, re.I)
        assert re.search(WORDS_OF["bone_lesion"], report.text, re.I)
        assert not stated(report, effusion, "size") and not stated(report, bone, "size")


def test_a_finding_without_size_is_new_only_once() -> None:
    bone = Finding("L03", "bone_lesion", True, "bone", change="new", is_new=True)
    first = plan(lung())
    second = plan(lung(), bone, day=42, prior=first)
    assert stated(write_report(second, first), bone, "change")
    third = plan(lung(), bone, day=84, prior=second)
    report = write_report(third, second)
    assert not stated(report, bone, "change") and "again" in report.text


def test_lesions_of_one_lobe_can_be_told_apart() -> None:
    twins = [lung("L01"), lung("L02"), lung("L03")]
    for report in many(60, *twins):
        assert re.search(r"\b(second|further)\b", report.text, re.I)
        assert re.search(r"\b(third|further)\b", report.text, re.I)


def test_gone_then_still_gone_then_back() -> None:
    first = plan(lung(), lung("L02", "LLL"))
    gone = lung("L02", "LLL", measured_long_mm=0, measured_short_mm=0, prior_long_mm=24,
                prior_short_mm=18, change="resolved")  # fmt: skip
    second = plan(lung(), gone, day=42, prior=first)
    for report in many(60, lung(), gone, day=42, prior=first):
        (span,) = stated(report, gone, "change")
        assert re.search(RESOLVED, report.words(span), re.I)
    other = absent("lymphadenopathy")
    node = Finding("L03", "lymphadenopathy", True, "mediastinal_node", None, "left",
                   measured_long_mm=0, measured_short_mm=0, prior_long_mm=15,
                   prior_short_mm=12)  # fmt: skip
    for report in many(20, lung(), node, other, day=42, prior=first):
        assert stated(report, node, "change") and stated(report, other, "negation")
    still = dataclasses.replace(gone, prior_long_mm=0, prior_short_mm=0)
    for report in many(60, lung(), still, day=84, prior=second):
        assert "remains resolved" in report.text
        assert not stated(report, still, "change", "IMPRESSION")
    back = dataclasses.replace(still, measured_long_mm=6, measured_short_mm=4, change="larger")
    for report in many(60, lung(), back, day=126, prior=plan(lung(), still, day=84, prior=second)):
        assert "previously too small to measure" in report.text


def test_findings_outside_the_chest_ct_are_left_out() -> None:
    assert "brain" not in COVERED_SITES
    brain = Finding("L09", "brain_lesion", True, "brain", measured_long_mm=77, measured_short_mm=70)
    for report in many(20, lung(), brain):
        assert "77" not in report.text and "brain" not in report.text
        assert all(fact.finding_id != "L09" for fact in report.facts)


def test_baseline_has_no_comparison_and_technique_follows_the_protocol() -> None:
    for report in many(60, lung(), protocol=Protocol(slice_mm=2.5, contrast=False)):
        assert re.search(r"comparison: (none|no prior)", report.text, re.I)
        assert "2.5 mm" in report.text
        technique = report.text[report.text.upper().index("TECHNIQUE:") :].split("\n")[0]
        assert re.search(r"without|unenhanced|no IV contrast|non-contrast", technique, re.I)
        assert re.search(r"limited (without|by)", report.text, re.I)


def test_comparison_carries_the_prior_date() -> None:
    first = plan(lung())
    now = lung(prior_long_mm=24, prior_short_mm=18, change="stable")
    for report in many(60, now, day=42, prior=first):
        dates = "2019-03-07|7 March 2019|March 7, 2019"
        assert re.search(rf"comparison: .*({dates})", report.text, re.I)


@pytest.mark.parametrize("response", ["CR", "PR", "SD", "PD", "NE"])
def test_impression_says_the_overall_response(response: str) -> None:
    words = {
        "CR": "complete response",
        "PR": "partial response",
        "SD": "stable disease|no overall change",
        "PD": "progressi(on|ve)",
        "NE": "cannot be evaluated|not evaluable",
    }
    first = plan(lung())
    now = lung(prior_long_mm=24, prior_short_mm=18, change="stable")
    for report in many(40, now, day=42, prior=first, overall_response=response):
        impression = report.text[section(report, "IMPRESSION")[0] :]
        assert re.search(words[response], impression, re.I)
        others = "|".join(w for r, w in words.items() if r not in (response, "SD"))
        if response != "SD":
            assert not re.search(others, impression, re.I)


# --------------------------------------------------------------------------- bad input


def test_the_prior_must_be_the_one_the_plan_names() -> None:
    first = plan(lung())
    second = plan(lung(), day=42, prior=first)
    for wrong in (None, second, plan(lung(), index=8), plan(lung(), day=-14)):
        with pytest.raises(ConsilienceError, match="not the visit that the plan names"):
            write_report(second, wrong)
    with pytest.raises(ConsilienceError, match="not the visit that the plan names"):
        write_report(first, first)


def test_every_contradiction_of_a_plan_is_named_at_once() -> None:
    bad = plan(
        lung("L01", "RUL", side="left"),
        lung("L02", measured_short_mm=30),
        Finding("L03", "liver_lesoin", True, "liver"),
        Finding("L04", "adrenal_lesion", True, "liver"),
        Finding("L05", "pleural_effusion", True, "pleura", None, "right"),
        absent("pleural_effusion"),
        lung("L06", measured_long_mm=0, measured_short_mm=0),
    )
    with pytest.raises(ConsilienceError) as caught:
        write_report(bad, None)
    for fault in (
        "L01: lobe RUL on the left side",
        "L02: short axis 30 mm exceeds long axis 24 mm",
        "L03: unknown concept 'liver_lesoin', did you mean 'liver_lesion'?",
        "L04: adrenal_lesion at site 'liver', not adrenal",
        "N-pleural_effusion: pleural_effusion is both absent and present",
        "L06: present with 0 mm and never seen before",
    ):
        assert fault in str(caught.value)


def test_an_effusion_on_one_side_may_be_absent_on_the_other() -> None:
    right = Finding("L05", "pleural_effusion", True, "pleura", None, "right")
    for report in many(30, lung(), right, absent("pleural_effusion", side="left")):
        assert re.search("no (evidence of )?left pleural effusion", report.text, re.I)


def test_a_plan_without_findings_is_an_error() -> None:
    with pytest.raises(ConsilienceError, match="no finding that a chest CT covers"):
        write_report(plan(), None)


# --------------------------------------------------------------------------- the documentation


def test_documented_reports_are_what_the_documented_snippet_prints() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.S)
    printed: list[str] = []
    exec(compile(snippet, "docs/reports.md", "exec"), {"print": printed.append})
    quoted = re.findall(r"```text\n(.*?)```", page, re.S)
    assert len(quoted) == 5
    assert quoted == printed
