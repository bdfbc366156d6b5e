"""Symptoms, performance status and weight, as clinic notes tell them, against tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alignment import schemas
from eval.checks.asking import Ask
from eval.checks.known import Known
from eval.readers.clinic import ClinicReading
from eval.readers.graded import NOTICED, GradedFact
from eval.readers.prose import plain
from eval.result import Tally

EDGE = 1e-9
SEVERE = 3
"""CTCAE: grade 3 is severe."""
LOSS_SHARES = (0.05, 0.10, 0.20)
"""CTCAE v5, weight loss: grade 1 from 5 % of the baseline weight, 2 from 10 %, 3 from 20 %."""
SAME_NAME = {"breathlessness": "dyspnea", "shortness of breath": "dyspnea", "tiredness": "fatigue",
             "weight loss": NOTICED}  # fmt: skip


def named(name: str) -> str:
    """An event or symptom under the name that the tables have."""
    return SAME_NAME.get(name, name)


def compare_grade(tally: Tally, ask: Ask, fact: GradedFact, rows: Mapping[str, int]) -> None:
    """A stated grade is that of the record, grades by name."""
    grade = rows.get(named(fact.name))
    ask.that(
        tally, grade == fact.grade, expected="none recorded" if grade is None else f"grade {grade}",
        found=f"{fact.name} grade {fact.grade}", words=fact.sentence,
        message=f"'{fact.name}' is not in the record so far" if grade is None
        else f"the grade of {fact.name} differs",
    )  # fmt: skip


def check_symptoms(tally: Tally, ask: Ask, said: ClinicReading, known: Known) -> None:
    """Every symptom of the day with its grade, and none other; weight loss against the scales."""
    rows = {plain(r["name"]): r["grade"] for r in known.today(schemas.SYMPTOMS)}
    share = _lost_share(known)
    lost = None if share is None else sum(share >= limit for limit in LOSS_SHARES)
    for fact in said.graded:
        if not fact.symptom:
            continue
        if fact.name == "weight loss" and lost is not None:  # a grade, not what is noticed
            ask.that(tally, fact.grade == lost, expected=f"grade {lost} by the measured weight",
                     found=f"grade {fact.grade}", words=fact.sentence,
                     message="the grade of weight loss differs")  # fmt: skip
        else:
            compare_grade(tally, ask, fact, rows)
    told = {named(f.name) for f in said.graded if not f.earlier}
    for name, grade in rows.items():
        weight = name == NOTICED and (said.weight_loss or lost == 0)
        ask.that(tally, name in told or weight, expected=f"{name} grade {grade}",
                 found="no mention", message="the note leaves out a symptom")  # fmt: skip
    if said.weight_loss:
        ask.that(tally, NOTICED in rows or (share or 0) > 0, expected="none told or measured",
                 found="weight loss", message="weight loss that nobody recorded")  # fmt: skip
    if said.lost is not None:
        low, high = said.lost
        ask.that(tally, share is not None and low <= 100 * share <= high, found=said.lost,
                 expected=None if share is None else f"{100 * share:.1f} %",
                 message="the measured weight loss differs")  # fmt: skip
    if said.severe:
        ask.that(tally, max(rows.values(), default=0) >= SEVERE, found="a severe symptom",
                 expected=f"at most grade {max(rows.values(), default=0)}",
                 message="no symptom of the day is severe")  # fmt: skip
    if said.no_symptoms:
        ask.that(tally, not rows, expected=", ".join(rows) or "none", found="none",
                 message="the note denies a symptom")  # fmt: skip


def _lost_share(known: Known) -> float | None:
    """Share of the baseline weight lost by the day; None where either was not measured."""
    rows = known.today(schemas.VITALS) if known.tables[schemas.VITALS.path] is not None else []
    before = known.rows(schemas.PATIENTS)[0]["weight_kg"]
    if not rows or rows[0]["weight_kg"] is None or not before:
        return None
    return float((before - rows[0]["weight_kg"]) / before)


def check_state(
    tally: Tally, ask: Ask, said: ClinicReading, known: Known, person: Mapping[str, Any]
) -> None:
    """Performance status, weight and its change since the baseline."""
    row = next(iter(known.today(schemas.VITALS)), None) or {}
    for found, name in ((said.ecog, "ecog"), (said.weight_kg, "weight_kg")):
        held = row.get(name)
        if found is not None or held is not None:
            ask.that(tally, found is not None and held is not None and abs(found - held) <= EDGE,
                     expected=held, found=found, message=f"{name} differs")  # fmt: skip
    if said.weight_change_kg is not None and row.get("weight_kg") is not None:
        change = round(row["weight_kg"] - person["weight_kg"], 1)
        ask.that(tally, abs(change - said.weight_change_kg) <= EDGE, expected=change,
                 found=said.weight_change_kg, message="the change of weight differs")  # fmt: skip
