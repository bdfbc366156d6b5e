"""Patient rules as predicates over tables.

Each is stated a second time, as SHACL and under the same IRI, in ontology/graph/rules.ttl;
``eval.rules.rdf`` asks pySHACL, which is the oracle of the tests. ``check_rules`` is the way in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.rules import dates, labs, lesions, patient, recist, safety, treatment
from eval.rules.rule import Rule
from eval.rules.tables import Tables

__all__ = ["RULES", "Rule", "RuleResult", "RuleViolation", "check_rules"]

RULES: tuple[Rule, ...] = (
    *dates.RULES,
    *treatment.RULES,
    *lesions.RULES,
    *recist.RULES,
    *patient.RULES,
    *labs.RULES,
    *safety.RULES,
)


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """The first row of a patient that breaks a rule, and how many rows do."""

    patient_id: str
    table: str
    day: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule over the whole cohort. ``patients``: how many were looked at."""

    rule: Rule
    patients: int
    violations: tuple[RuleViolation, ...]

    @property
    def broken(self) -> frozenset[str]:
        """Patients that break the rule."""
        return frozenset(v.patient_id for v in self.violations)


def check_rules(
    frames: Mapping[str, pd.DataFrame], rules: tuple[Rule, ...] = RULES
) -> list[RuleResult]:
    """Every rule over observed tables, by name as in ``alignment.schemas``.

    A table that is absent has no rows: rules about it hold. Text columns may be categorical
    (fast) or plain.
    """
    tables = Tables(frames)
    return [_result(tables, rule) for rule in rules]


def _result(tables: Tables, rule: Rule) -> RuleResult:
    first: dict[int, RuleViolation] = {}
    for rows, broken in rule.check(tables):
        places, patients = np.nonzero(broken)[0], rows.patient[broken]
        found, at, counts = np.unique(patients, return_index=True, return_counts=True)
        days = rows.number("day") if "day" in rows.frame.columns else None
        for who, place, count in zip(found.tolist(), places[at], counts.tolist(), strict=True):
            day = None if days is None or np.isnan(days[place]) else int(days[place])
            if who not in first:
                first[who] = RuleViolation(str(tables.ids[who]), rows.name, day, count)
    return RuleResult(rule, tables.n, tuple(first[who] for who in sorted(first)))
