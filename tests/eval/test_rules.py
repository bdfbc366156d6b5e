"""Each rule is written twice under one IRI; pySHACL, which knows nothing of us, must agree."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from rdflib import RDF, URIRef

from eval.rules import RULES, Rule, check_rules, rdf
from eval.rules.rule import BASE

sys.path.insert(0, str(Path(__file__).parent))
from breaks import BREAKS
from patients import clean, frames, renamed
from rule_agreement import broken, disagreements

N = 200
ORACLE_N = 12
"""Patients asked of pySHACL here, clean and as many broken for each rule; benchmarks/rules.py
asks 200 of each, which takes a quarter of an hour."""


@pytest.fixture(scope="module")
def healthy() -> dict[str, pd.DataFrame]:
    return frames([clean(i) for i in range(N)])


def test_both_sides_have_the_same_rules() -> None:
    in_turtle = {str(rule) for rule in rdf.shapes().subjects(RDF.type, rdf.CS.PatientRule)}
    assert in_turtle == {rule.iri for rule in RULES}
    assert len(RULES) == len(in_turtle) >= 25
    assert set(BREAKS) == {rule.name for rule in RULES}
    assert rdf.tolerances() == {rule.iri: rule.tolerance for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_a_rule_says_what_why_and_where_from(rule: Rule) -> None:
    label, why, source = rdf.text(rule.iri)
    assert label and why and source
    assert re.fullmatch(re.escape(BASE) + "[a-z0-9-]+", rule.iri)
    assert rdf.shapes().value(URIRef(rule.iri), rdf.SH.targetClass) == rdf.CS.Patient


def test_clean_patients_break_no_rule(healthy: dict[str, pd.DataFrame]) -> None:
    assert {r.rule.name: r.violations[:2] for r in check_rules(healthy) if r.violations} == {}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_every_broken_patient_is_found(rule: Rule) -> None:
    (result,) = check_rules(broken(rule.name, N), (rule,))
    assert result.broken == {f"P{N + i:07d}" for i in range(N)}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_predicate_and_pyshacl_agree(rule: Rule) -> None:
    assert disagreements(rule, ORACLE_N) == set()


def test_tables_may_be_empty_or_absent() -> None:
    nothing = {name: frame.iloc[:0] for name, frame in frames([clean(0)]).items()}
    assert not any(r.violations for r in check_rules(nothing))
    assert not any(r.violations for r in check_rules({}))
    only = {"patients": frames([clean(0)])["patients"]}
    assert not any(r.violations for r in check_rules(only))


def test_a_violation_names_patient_table_day_and_rows() -> None:
    patient = renamed(clean(3), "P0000042")
    for row in patient["labs"][:2]:
        row["flag"] = "L" if row["flag"] == "N" else "N"
    (result,) = (r for r in check_rules(frames([patient])) if r.violations)
    assert result.rule.name == "lab-flag-follows-value"
    (violation,) = result.violations
    assert (violation.patient_id, violation.table, violation.rows) == ("P0000042", "labs", 2)
    assert violation.day == patient["labs"][0]["day"]
