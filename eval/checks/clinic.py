"""Clinic notes, as read by :mod:`eval.readers.clinic`, against the observed tables.

Only rows of the note's day and before are looked at, so that a note which knows more than that
finds nothing that agrees with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alignment import schemas
from eval.checks.asking import Ask
from eval.checks.clinic_course import Course, check_step, check_treatment
from eval.checks.clinic_state import (
    EDGE,
    SAME_NAME,
    check_state,
    check_symptoms,
    compare_grade,
    named,
)
from eval.checks.known import TABLES, Known
from eval.checks.lookup import INVESTIGATOR
from eval.checks.notes import (
    CLINIC,
    MOLECULAR,
    Note,
    Rows,
    index_dates,
    of_kind,
    rows_by_patient,
)
from eval.checks.person import check_person
from eval.dataset import Dataset
from eval.readers.clinic import ClinicReading, read_clinic
from eval.readers.clinic_labs import LabFact, printed_unit
from eval.readers.genes import DRIVER_GENES
from eval.readers.prose import plain
from eval.reference import driver_names
from eval.result import CheckResult, Tally, results

STEADY_SHARE = 0.10
"""A value within this share of the one before is stable: the project's definition."""
ALWAYS = ("718-7", "751-8", "777-3", "2160-0", "1742-6")
"""Told where measured: haemoglobin, neutrophils, platelets, creatinine, ALT, which decide whether
a dose is given (assumption, from the US labels of docetaxel and pemetrexed)."""
LOUD_GRADE = 3
"""A laboratory value of this grade is an adverse event whoever caused it (assumption)."""


class _Tallies:
    """The questions asked of every clinic note."""

    def __init__(self) -> None:
        self.person = Tally("clinic_person", "age, stage, PD-L1 and recurrence of clinic notes")
        self.drivers = Tally("clinic_drivers", "clinic notes name the drivers found so far")
        self.treatment = Tally("clinic_treatment", "clinic notes tell the treatment so far")
        self.step = Tally("clinic_plan", "the plan of clinic notes is what was done")
        self.toxicity = Tally("clinic_toxicity", "adverse events of clinic notes and their grades")
        self.symptoms = Tally("clinic_symptoms", "symptoms of clinic notes and their grades")
        self.labs = Tally("clinic_labs", "laboratory values of clinic notes are those of the day")
        self.trends = Tally("clinic_trends", "earlier values and trends of clinic notes")
        self.state = Tally("clinic_state", "performance status and weight of clinic notes")
        self.response = Tally("clinic_response", "clinic notes give the latest response")
        self.sections = Tally("clinic_sections", "sections of a clinic note do not contradict")

    def results(self) -> list[CheckResult]:
        return results(
            [self.person, self.drivers, self.treatment, self.step, self.toxicity, self.symptoms,
             self.labs, self.trends, self.state, self.response, self.sections]
        )  # fmt: skip


def check_clinic(data: Dataset, notes: Sequence[Note]) -> list[CheckResult]:
    """Every fact of every clinic note."""
    tallies = _Tallies()
    told = of_kind(notes, CLINIC)
    patients = {note.patient_id for note, _ in told}
    tables = {table.path: rows_by_patient(data, table, patients) for table in TABLES}
    reported = [(n.patient_id, n.day) for n, _ in of_kind(notes, MOLECULAR)]
    vocabulary = _vocabulary(tables)
    zero = index_dates(data)
    if data.table(schemas.PATIENTS) is None:
        tallies.person.skip("no table patients", len(told))
        return tallies.results()
    for note, text in told:
        if note.patient_id not in zero:
            tallies.person.violate(
                note.patient_id, note.day, note.path,
                expected="a patient of the cohort", found="none", message="a note of nobody",
            )  # fmt: skip
            continue
        days = [day for patient, day in reported if patient == note.patient_id]
        known = Known(tables, note, zero[note.patient_id], days)
        _check_note(tallies, Ask(note), read_clinic(text, vocabulary), known)
    return tallies.results()


def _vocabulary(tables: Mapping[str, Rows | None]) -> frozenset[str]:
    """Names of adverse events and symptoms, as the cohort's tables have them, and synonyms."""
    names = set(SAME_NAME)
    for table in (schemas.TOXICITIES, schemas.SYMPTOMS):
        for rows in (tables[table.path] or {}).values():
            names |= {plain(row["name"]) for row in rows}
    return frozenset(names)


def _check_note(t: _Tallies, ask: Ask, said: ClinicReading, known: Known) -> None:
    person = known.rows(schemas.PATIENTS)[0]
    if said.person is not None:
        check_person(t.person, ask, said.person, person, ("age", "sex", "histology", "stage"))
    ask.that(t.person, said.tps == person["pdl1_tps"], expected=person["pdl1_tps"],
             found=said.tps, message="the PD-L1 score differs")  # fmt: skip
    if known.has(schemas.EVENTS, t.person):
        _check_recurrence(t.person, ask, said, known)
    if known.has(schemas.VARIANTS, t.drivers):
        _check_drivers(t.drivers, ask, said, known)
    if known.has(schemas.TREATMENTS, t.treatment, t.step):
        course = known.course()
        if known.has(schemas.DOSES, t.step):
            check_treatment(t.treatment, ask, said, course)
            check_step(t.step, ask, said, course)
        if known.has(schemas.TOXICITIES, t.toxicity):
            _check_toxicity(t.toxicity, ask, said, known, course)
    if known.has(schemas.SYMPTOMS, t.symptoms):
        check_symptoms(t.symptoms, ask, said, known)
    if known.has(schemas.LABS, t.labs, t.trends):
        for lab in said.labs:
            _check_lab(t.labs, t.trends, ask, lab, known)
        _check_told(t.labs, ask, said, known)
    if known.has(schemas.VITALS, t.state):
        check_state(t.state, ask, said, known, person)
    if known.has(schemas.RESPONSES_TABLE, t.response):
        _check_response(t.response, ask, said, known)
    _check_sections(t.sections, ask, said)


def _check_recurrence(tally: Tally, ask: Ask, said: ClinicReading, known: Known) -> None:
    recurred = [r["day"] for r in known.rows(schemas.EVENTS) if r["category"] == "recurrence"]
    expected = known.date(recurred[0]) if recurred else None
    ask.that(tally, said.recurrence == expected, expected=expected, found=said.recurrence,
             message="the recurrence differs")  # fmt: skip
    if said.relapse_scan is not None and known.has(schemas.VISITS, tally):
        scans = [known.date(r["day"]) for r in known.rows(schemas.VISITS) if r["kind"] == "scan"]
        last = max((s for s in scans if expected is None or s <= expected), default=None)
        ask.that(tally, said.relapse_scan == last, found=said.relapse_scan,
                 expected=last or "no scan so far",
                 message="relapse is told of another scan than the one before it")  # fmt: skip


def _check_drivers(tally: Tally, ask: Ask, said: ClinicReading, known: Known) -> None:
    left = set(said.drivers)
    for row in known.variants():
        if row["gene"] not in DRIVER_GENES:
            continue
        names = driver_names(row["gene"], row["hgvs_c"], row["hgvs_p"])
        ask.that(tally, bool(set(names) & set(said.drivers)), expected=" or ".join(names),
                 found="no mention", message="the note leaves out a driver")  # fmt: skip
        left -= set(names)
    for name in sorted(left):
        ask.that(tally, False, expected="no such variant", found=name,
                 message="a driver that was not found so far")  # fmt: skip


def _check_toxicity(
    tally: Tally, ask: Ask, said: ClinicReading, known: Known, course: Course
) -> None:
    rows = [r for r in known.rows(schemas.TOXICITIES) if course.here and r["line"] == course.line]
    now = {plain(r["name"]): r["grade"] for r in rows if r["day"] == ask.note.day}
    worst: dict[str, int] = {}
    for row in rows:
        worst[plain(row["name"])] = max(row["grade"], worst.get(plain(row["name"]), 0))
    for fact in said.graded:
        if not fact.symptom:
            compare_grade(tally, ask, fact, worst if fact.earlier else now)
    told = {named(f.name) for f in said.graded if not f.symptom and not f.earlier}
    for name, grade in now.items():
        if name not in told:
            ask.that(tally, False, expected=f"{name} grade {grade}", found="no mention",
                     message="the note leaves out an adverse event")  # fmt: skip
    if said.no_toxicity or said.no_related:
        ask.that(tally, not now, expected=", ".join(now) or "none", found="none",
                 message="the note denies an adverse event")  # fmt: skip


def _check_told(tally: Tally, ask: Ask, said: ClinicReading, known: Known) -> None:
    """What decides on a dose, and every graded value, is told; a graded one with its grade."""
    told = {fact.loinc: fact for fact in said.labs}
    for row in known.today(schemas.LABS):
        if row["loinc"] not in ALWAYS and not row["ctcae_grade"]:
            continue
        fact = told.get(row["loinc"])
        ask.that(tally, fact is not None, expected=f"{row['name']} {row['value']:g}",
                 found="no mention", message="the note leaves out a laboratory value")  # fmt: skip
        if fact is not None and row["ctcae_grade"]:
            ask.that(tally, fact.grade is not None, expected=f"grade {row['ctcae_grade']}",
                     found="no grade", words=fact.words,
                     message=f"the grade of {row['name']} is left out")  # fmt: skip


def _check_sections(tally: Tally, ask: Ask, said: ClinicReading) -> None:
    """Nothing adverse, beside a graded event of the same note, or a dose changed for one.

    A symptom may stand beside a denial of effects of treatment alone.
    """
    if not (said.no_toxicity or said.no_related):
        return
    against = [f"{f.name} grade {f.grade}" for f in said.graded
               if said.no_toxicity and not f.earlier]  # fmt: skip
    against += [f.words for f in said.labs if (f.grade or 0) >= LOUD_GRADE]
    causes = ("toxicity", "neutrophils", "neutrophils or platelets")
    against += [step.sentence for step in said.steps if step.reason in causes]
    ask.that(tally, not against, expected="nothing against it", found="; ".join(against) or None,
             message="the note denies adverse events and tells of one")  # fmt: skip


def _check_lab(labs: Tally, trends: Tally, ask: Ask, fact: LabFact, known: Known) -> None:
    rows = [r for r in known.rows(schemas.LABS) if r["loinc"] == fact.loinc]
    row = next((r for r in rows if r["day"] == ask.note.day), None)
    if row is None:
        ask.that(labs, False, expected="no such value on that day", found=fact.value,
                 words=fact.words, message="a laboratory value that was not measured")  # fmt: skip
        return
    unit = printed_unit(row["unit"])
    stated = (fact.value, unit if fact.unit is None else printed_unit(fact.unit), fact.grade or 0)
    held = (row["value"], unit, row["ctcae_grade"] if fact.grade is not None else 0)
    ask.that(
        labs, abs(stated[0] - held[0]) <= EDGE and stated[1:] == held[1:],
        expected="{:g} {}, grade {}".format(*held), found="{:g} {}, grade {}".format(*stated),
        words=fact.words, message=f"{row['name']} differs",
    )  # fmt: skip
    before = max((r for r in rows if r["day"] < ask.note.day), key=lambda r: r["day"], default=None)
    if fact.prior is not None:
        same = before is not None and abs(before["value"] - fact.prior) <= EDGE
        same = same and fact.prior_date in (None, known.date(before["day"]) if before else None)
        ask.that(
            trends, same, found=f"{fact.prior:g} {fact.prior_date or ''}".strip(),
            expected="no earlier value" if before is None
            else f"{before['value']:g} {known.date(before['day'])}",
            words=fact.words, message=f"the earlier {row['name']} differs",
        )  # fmt: skip
    if fact.trend is not None:
        wanted = _trends(None if before is None else before["value"], row["value"])
        ask.that(trends, fact.trend in wanted, expected=" or ".join(wanted) or "no trend",
                 found=fact.trend, words=fact.words,
                 message=f"the trend of {row['name']} differs")  # fmt: skip


def _trends(before: float | None, now: float) -> tuple[str, ...]:
    """How the value may be called; on the very limit either way."""
    if before is None:
        return ()
    moved = "rising" if now > before else "falling"
    beyond = abs(now - before) - STEADY_SHARE * abs(before)
    if abs(beyond) <= EDGE:
        return ("stable", moved)
    return ("stable",) if beyond < 0 else (moved,)


def _check_response(tally: Tally, ask: Ask, said: ClinicReading, known: Known) -> None:
    rows = [r for r in known.rows(schemas.RESPONSES_TABLE) if r["assessor"] == INVESTIGATOR]
    last = max(rows, key=lambda r: r["day"], default=None)
    held = last["overall_response"] if last else None
    if said.response is not None or held is not None:
        ask.that(tally, said.response == held, expected=held, found=said.response,
                 message="the latest response differs")  # fmt: skip
    if last is None:
        return
    ask.same(tally, said.response_date, known.date(last["day"]), "the date of the assessment")
    ask.same(tally, said.sum_mm, round(last["sld_mm"]), "the sum of target diameters")
    if said.response is not None:
        ask.that(tally, said.new_lesion == bool(last["new_lesion"]), expected=last["new_lesion"],
                 found=said.new_lesion, message="the new lesion differs")  # fmt: skip
