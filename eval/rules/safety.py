"""Adverse events: grade, time under treatment, immune-related ones only after a cause."""

from __future__ import annotations

import numpy as np

from eval.reference import AFTER_IMMUNE_DAYS, AFTER_TREATMENT_DAYS, CHECKPOINT_INHIBITORS, IMMUNE
from eval.rules.rule import Broken, Rule
from eval.rules.tables import Bools, Rows, Tables, day_key


def _adverse(t: Tables) -> tuple[Rows, Bools]:
    rows = t["events"]
    return rows, rows.among("category", ["adverse_event"])


def _grade(t: Tables) -> Broken:
    rows, adverse = _adverse(t)
    grade = rows.number("grade")
    return [(rows, adverse & ((grade < 1) | (grade > 5)))]


def _symptoms(t: Tables) -> Broken:
    grade = t["symptoms"].number("grade")
    return [(t["symptoms"], (grade < 1) | (grade > 3))]


def _ends(t: Tables) -> Broken:
    rows = t["events"]
    return [(rows, rows.number("end_day") < rows.number("day"))]


def _under(t: Tables, rows: Rows, treated: Bools, days_after: float) -> Bools:
    """(n,) whether the day lies from a start of such treatment to ``days_after`` its stop."""
    treatments = t["treatments"]
    start = treatments.number("start_day")[treated]
    stop = np.nan_to_num(treatments.number("stop_day"), nan=np.inf)[treated] + days_after
    patient, day = treatments.patient[treated], rows.number("day")
    held = np.zeros(len(rows), bool)
    order = np.argsort(day_key(patient, start), kind="stable")
    keys = day_key(patient, start)[order]
    last = np.searchsorted(keys, day_key(rows.patient, day), side="right") - 1
    # Each patient has few treatments: go back through those that had started.
    for back in range(len(keys)):
        at = last - back
        mine = at >= 0
        mine[mine] = patient[order[at[mine]]] == rows.patient[mine]
        if not mine.any():
            break
        held[mine] |= day[mine] <= stop[order[at[mine]]]
    return held


def _treated(t: Tables) -> Broken:
    rows, adverse = _adverse(t)
    everything = np.ones(len(t["treatments"]), bool)
    return [(rows, adverse & ~_under(t, rows, everything, AFTER_TREATMENT_DAYS))]


def _immune(t: Tables) -> Broken:
    rows, adverse = _adverse(t)
    immune = rows.lookup("name", lambda name: IMMUNE.search(name) is not None)
    inhibitors = t["treatments"].lookup(
        "rxnorm", lambda text: bool(set(text.split("+")) & set(CHECKPOINT_INHIBITORS))
    )
    return [(rows, adverse & immune & ~_under(t, rows, inhibitors, AFTER_IMMUNE_DAYS))]


RULES = (
    Rule("adverse-event-grade-1-to-5", ("events",), _grade),
    Rule("symptom-grade-1-to-3", ("symptoms",), _symptoms),
    Rule("event-ends-after-its-start", ("events",), _ends),
    Rule("adverse-event-within-90-days-of-treatment", ("events", "treatments"), _treated),
    Rule("immune-event-needs-checkpoint-inhibitor", ("events", "treatments"), _immune),
)
