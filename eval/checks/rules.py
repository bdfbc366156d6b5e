"""One check for each patient rule; counted by patient."""

from __future__ import annotations

from alignment import schemas
from eval.dataset import Dataset
from eval.result import CheckResult, Tally, results, wilson
from eval.rules import RuleResult, check_rules, rdf


def check_patient_rules(data: Dataset) -> list[CheckResult]:
    """Every rule of ontology/graph/rules.ttl, over the observed tables.

    A rule with a tolerance is one of the cohort: it fails only where the share of patients that
    break it is above the tolerance, by the lower limit of its Wilson interval.
    """
    frames = {t.name: frame for t in schemas.OBSERVED if (frame := data.table(t)) is not None}
    return results(_tally(result, set(frames)) for result in check_rules(frames))


def _tally(result: RuleResult, present: set[str]) -> Tally:
    rule = result.rule
    label, why, _ = rdf.text(rule.iri)
    tally = Tally(f"rule:{rule.name}", label)
    absent = [name for name in rule.reads if name not in present]
    if absent:
        tally.skip(f"no tables/{absent[0]}", result.patients)
        return tally
    low, _ = wilson(len(result.violations), result.patients)
    if rule.tolerance and low <= rule.tolerance:
        tally.agree(result.patients)
        return tally
    tally.agree(result.patients - len(result.violations))
    for violation in result.violations:
        tally.violate(
            violation.patient_id,
            violation.day,
            f"tables/{violation.table}.parquet",
            expected=label,
            found=f"{violation.rows} row(s) that break {rule.iri}",
            message=f"{label}: {why}",
        )
    return tally
