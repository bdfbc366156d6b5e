"""CT chest reports state every fact of the plan and nothing else, over random patients."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment.identifiers import patient_id
from alignment.plan import EncounterPlan, Finding, Protocol, Subject, change_between, from_json
from modalities.notes import FactSpan, Report, write_report

LOBES = {
    "RUL": "right upper lobe",
    "RML": "right middle lobe",
    "RLL": "right lower lobe",
    "LUL": "left upper lobe",
    "LLL": "left lower lobe",
}
# What a reader would take each word of change for; written apart from the grammar's own words.
CHANGE_WORDS = {
    "new": r"\b(new|newly|interval development)\b",
    "larger": r"\b(larger|increased?|enlarge\w*|grown|growth)\b",
    "smaller": r"\b(smaller|decreased?|shrunk)\b",
    "stable": r"\b(stable|unchanged|not significantly changed|no significant interval change)\b",
    "resolved": r"\b(resolved|resolution|no longer)\b",
}
DOUBT = {
    "probable": r"\b(suspicious|probabl[ey]|likely|concerning|worrisome)\b",
    "possible": r"\b(possibl[ey]|questionable|may represent|cannot be excluded)\b",
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
SUBJECT = Subject("female", 64, 165.0, 70.0, "former", 30.0)
DAY_ZERO = dt.date(2019, 3, 14)
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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


def absent(concept: str, **kw: object) -> Finding:
    values: dict[str, object] = {"site": SITES[concept], **kw}
    return Finding(f"N-{concept}", concept, False, **values)  # type: ignore[arg-type]


@st.composite
def lesions(draw: st.DrawFn, number: int) -> Finding:
    """A lesion without sizes; those come with the visits."""
    concept = draw(st.sampled_from(["lung_lesion", "lung_lesion", *SITES]))
    lobe = draw(st.sampled_from(sorted(LOBES))) if concept == "lung_lesion" else None
    sides = {
        "lung_lesion": [LOBES[lobe].split()[0]] if lobe else [],
        "liver_lesion": [None],
        "bone_lesion": [None, "left"],
        "lymphadenopathy": ["right", "left", "midline"],
    }
    return Finding(
        f"L{number:02d}",
        concept,
        True,
        SITES.get(concept, "lung"),
        lobe,
        draw(st.sampled_from(sides.get(concept, ["right", "left"]))),
        certainty=draw(st.sampled_from(["definite", "definite", "probable", "possible"])),
        is_target=draw(st.booleans()),
    )


@st.composite
def patients(draw: st.DrawFn) -> list[EncounterPlan]:
    """The visits of one patient, each with its prior's sizes, and pertinent negatives."""
    bodies = [draw(lesions(n)) for n in range(1, draw(st.integers(1, 6)) + 1)]
    starts = [0, *(draw(st.integers(0, 2)) for _ in bodies[1:])]
    seed, index = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    protocol = Protocol(slice_mm=draw(st.sampled_from([2.5, 5.0])), contrast=draw(st.booleans()))
    visits: list[EncounterPlan] = []
    before: dict[str, tuple[int | None, int | None]] = {}
    for number in range(draw(st.integers(1, 3))):
        findings = []
        for body, start in zip(bodies, starts, strict=True):
            if number < start:
                continue
            unmeasured = body.concept in ("pleural_effusion", "pneumothorax", "bone_lesion")
            old = before.get(body.finding_id, (None, None))
            long = None if unmeasured else draw(st.integers(0 if old[0] is not None else 1, 120))
            short = draw(st.integers(1, long)) if long else long
            findings.append(
                dataclasses.replace(
                    body, measured_long_mm=long, measured_short_mm=short, prior_long_mm=old[0],
                    prior_short_mm=old[1], is_new=start > 0,
                    change=change_between(old[0], long, is_new=start > 0),
                )
            )  # fmt: skip
            before[body.finding_id] = long, short
        have = {f.concept for f in findings}
        findings += [absent(c) for c in SITES if c not in have and draw(st.booleans())]
        prior = visits[-1] if visits else None
        response = draw(st.sampled_from(["CR", "PR", "SD", "PD", "NE"])) if prior else None
        visits.append(
            plan(*findings, day=-7 + 49 * number, prior=prior, seed=seed, index=index,
                 protocol=protocol, overall_response=response)
        )  # fmt: skip
    return visits


def written(visits: list[EncounterPlan]) -> list[tuple[EncounterPlan, Report]]:
    priors = [None, *visits[:-1]]
    return [(p, write_report(p, prior)) for p, prior in zip(visits, priors, strict=True)]


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


def millimetres(words: str) -> list[int]:
    """Every length in the words, in mm, read without the grammar."""
    scale = 10 if "cm" in words else 1
    return [round(float(n) * scale) for n in re.findall(r"\d+(?:\.\d)?", words)]


def is_resolved(finding: Finding) -> bool:
    return finding.measured_long_mm == 0


# --------------------------------------------------------------------------- facts of the plan


@PROPERTY
@given(patients())
def test_every_measured_lesion_has_its_size_in_the_findings(visits: list[EncounterPlan]) -> None:
    for visit, report in written(visits):
        for finding in visit.findings:
            spans = stated(report, finding, "size")
            if not finding.measured_long_mm:
                assert not spans
                continue
            (span,) = spans
            sizes = millimetres(report.words(span))
            assert max(sizes) == finding.measured_long_mm
            assert sorted(sizes) == sorted((finding.measured_long_mm, finding.measured_short_mm))
            assert span.value == f"{finding.measured_long_mm}x{finding.measured_short_mm}"


@PROPERTY
@given(patients())
def test_sides_and_lobes_match(visits: list[EncounterPlan]) -> None:
    for visit, report in written(visits):
        for finding in visit.findings:
            if finding.present and finding.lobe:
                assert stated(report, finding, "lobe")
            if finding.present and finding.side:
                assert stated(report, finding, "side")
        by_id = {finding.finding_id: finding for finding in visit.findings}
        for fact in report.facts:
            finding, words = by_id[fact.finding_id], report.words(fact)
            if fact.kind == "lobe":
                assert words == finding.lobe or words.lower() == LOBES[finding.lobe or ""]
            if fact.kind == "side":
                assert words == finding.lobe or words.lower() == finding.side


@PROPERTY
@given(patients())
def test_change_is_worded_as_planned(visits: list[EncounterPlan]) -> None:
    known: set[str] = set()
    for visit, report in written(visits):
        for finding in visit.findings:
            change = "resolved" if is_resolved(finding) else finding.change
            if change == "new" and finding.finding_id in known:
                change = None  # not measurable, so it has no prior size, but it was there
            spans = stated(report, finding, "change")
            assert len(spans) == (change is not None)
            for span in spans:
                words = report.words(span)
                said = [c for c in CHANGE_WORDS if re.search(CHANGE_WORDS[c], words, re.I)]
                assert said == [change] and span.value == change
        known |= {f.finding_id for f in visit.findings if f.present}


@PROPERTY
@given(patients())
def test_prior_sizes_are_those_of_the_prior(visits: list[EncounterPlan]) -> None:
    for visit, report in written(visits):
        by_id = {finding.finding_id: finding for finding in visit.findings}
        for fact in report.facts:
            if fact.kind == "prior_size":
                finding = by_id[fact.finding_id]
                sizes = millimetres(report.words(fact))
                assert sizes[0] == finding.prior_long_mm
                assert sizes[1:] in ([], [finding.prior_short_mm])
        for finding in visit.findings:
            if finding.change in ("larger", "smaller") and finding.prior_long_mm:
                assert stated(report, finding, "prior_size")


@PROPERTY
@given(patients())
def test_doubt_is_worded_as_planned(visits: list[EncounterPlan]) -> None:
    for visit, report in written(visits):
        hedged = False
        for finding in visit.findings:
            spans = stated(report, finding, "certainty")
            doubted = finding.present and not is_resolved(finding)
            assert len(spans) == (doubted and finding.certainty != "definite")
            for span in spans:
                hedged = True
                said = [c for c in DOUBT if re.search(DOUBT[c], report.words(span), re.I)]
                assert said == [finding.certainty]
        if not hedged:
            assert not re.search("|".join(DOUBT.values()), report.text, re.I)


@PROPERTY
@given(patients())
def test_nothing_is_said_that_the_plan_does_not_say(visits: list[EncounterPlan]) -> None:
    for visit, report in written(visits):
        start, _ = section(report, "FINDINGS")
        body = report.text[start:]
        sizes = {
            size for f in visit.findings
            for size in (f.measured_long_mm, f.measured_short_mm, f.prior_long_mm, f.prior_short_mm)
        }  # fmt: skip
        for words in re.findall(r"\d[\d.]*(?: (?:x|by) [\d.]+)? ?(?:mm|cm)", body):
            assert set(millimetres(words)) <= sizes, words
        present = {f.concept for f in visit.findings if f.present}
        denied = {f.concept for f in visit.findings if not f.present}
        # Titles of organs and the remark on missing contrast are no findings.
        body = re.sub(r"^[A-Za-z ]+: ?|^[^\n]*(limited|Limited) by? ?[^\n]*$", "", body, flags=re.M)
        sentences = re.split(r"\.\s", body)
        positive = " ".join(s for s in sentences if not re.match(r"\s*(there is )?no ", s, re.I))
        for concept, words in WORDS_OF.items():
            if concept not in present:
                assert not re.search(words, positive), (concept, positive)
            if concept not in present | denied:
                assert not re.search(words, body), (concept, body)


@PROPERTY
@given(patients())
def test_absent_findings_are_denied(visits: list[EncounterPlan]) -> None:
    for visit, report in written(visits):
        for finding in visit.findings:
            spans = stated(report, finding, "negation")
            assert len(spans) == (not finding.present)
            for span in spans:
                assert report.words(span).lower() in ("no", "no evidence of")
                sentence = report.text[span.start :].split(".")[0]
                assert re.search(WORDS_OF[finding.concept], sentence)


@PROPERTY
@given(patients())
def test_english(visits: list[EncounterPlan]) -> None:
    for _, report in written(visits):
        text = report.text
        assert text.endswith("\n") and not text.endswith("\n\n")
        assert not re.search(r"[\ue000\ue001@{}<>\[\]]|  |\( | \)| [,.;:]|\.\.|,,|, \(|_", text)
        assert not re.search(r"\b(\w+) \1\b", text), re.search(r"\b(\w+) \1\b", text)
        assert not re.search(r"\b[Aa] (8|11|18)(\.\d)? ?[mcx]|\b[Aa] [aeio]", text)
        assert not re.search(r"\b[Aa]n [^aeio8u1RL]", text)
        for line in text.splitlines():
            assert not line or line[0].isupper() or line[0].isdigit() or line[0] == "-"


# --------------------------------------------------------------------------- what it depends on


@PROPERTY
@given(patients())
def test_same_plan_same_report_also_through_json(visits: list[EncounterPlan]) -> None:
    again = [from_json(visit.json) for visit in visits]
    assert [r for _, r in written(visits)] == [r for _, r in written(again)]


@settings(PROPERTY, max_examples=40)
@given(patients(), st.integers(1, 120), st.sampled_from(["PR", "PD"]))
def test_a_later_visit_changes_no_earlier_report(
    visits: list[EncounterPlan], size: int, response: str
) -> None:
    last = visits[-1]
    grown = [
        dataclasses.replace(f, measured_long_mm=size, measured_short_mm=1)
        if f.present and f.measured_long_mm else f
        for f in last.findings
    ]  # fmt: skip
    later = dataclasses.replace(last, findings=tuple(grown), overall_response=response)
    before = [r for _, r in written(visits)][:-1]
    assert [r for _, r in written([*visits[:-1], later])][:-1] == before
