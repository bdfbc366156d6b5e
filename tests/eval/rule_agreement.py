"""Clean and broken patients, asked of predicate and pySHACL."""

from __future__ import annotations

from functools import cache

import pandas as pd
from breaks import BREAKS
from patients import clean, frames, renamed

from eval.rules import Rule, check_rules, rdf


def broken(name: str, n: int) -> dict[str, pd.DataFrame]:
    """n patients that break the rule, numbered from n on."""
    made = []
    for i in range(n):
        patient = clean(i)
        BREAKS[name](patient, i)
        made.append(renamed(patient, f"P{n + i:07d}"))
    return frames(made)


@cache
def _clean(n: int) -> tuple[dict[str, pd.DataFrame], rdf.PatientGraph]:
    tables = frames([clean(i) for i in range(n)])
    return tables, rdf.patient_graph(tables)


def disagreements(rule: Rule, n: int) -> set[str]:
    """Patients of n clean and n broken ones on whom predicate and pySHACL differ."""
    tables, graph = _clean(n)
    sick = broken(rule.name, n)
    found = set()
    for frame, data in ((tables, graph), (sick, rdf.patient_graph(sick, rule.reads))):
        (result,) = check_rules(frame, (rule,))
        found |= result.broken ^ rdf.broken_patients(data, rule.iri)
    return found
