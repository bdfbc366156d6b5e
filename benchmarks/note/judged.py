"""What the judge (``eval``) says of one report, given the plan that it was written from."""

from __future__ import annotations

from alignment.plan import EncounterPlan, Finding
from eval.checks.lookup import Lesion
from eval.checks.text import check_text, pair
from eval.readers.findings import read_findings
from eval.readers.report import read_report

_BEFORE = 10.0
"""mm that stand for the prior size of what was seen and not measured."""


def lesions(plan: EncounterPlan, prior: EncounterPlan | None) -> tuple[Lesion, ...]:
    """The rows that ``tables/lesions`` would hold for the findings of a plan."""
    before = {f.finding_id for f in prior.findings if f.present} if prior else set()
    return tuple(
        _row(f, plan)
        for f in plan.findings
        if f.present or f.change == "resolved" or f.finding_id in before
    )


def _row(f: Finding, plan: EncounterPlan) -> Lesion:
    gone = not f.present or f.change == "resolved"
    return Lesion(
        f.finding_id, f.site, f.lobe, f.side,
        0.0 if gone else _number(f.measured_long_mm),
        0.0 if gone else _number(f.measured_short_mm),
        f.is_new,
        _number(f.prior_long_mm) or (_BEFORE if gone else None),
        _number(f.prior_short_mm) or (_BEFORE if gone else None),
        first_seen=f.is_new or plan.prior_day is None,
        is_target=f.is_target,
    )  # fmt: skip


def _number(value: int | None) -> float | None:
    return None if value is None else float(value)


def faults(plan: EncounterPlan, prior: EncounterPlan | None, text: str) -> list[str]:
    """What the judge holds against a report: false statements, and must-mentions left out.

    Must be stated: every lesion with its lobe or side, its size and its change, and every absence
    of the plan. The judge's own reading errors count against the report.
    """
    rows = lesions(plan, prior)
    scan = (plan.patient_id, plan.day)
    found = [
        f"{result.key}: {violation.message} ({violation.where})"
        for result in check_text({scan: ("report", text)}, {scan: rows})
        for violation in result.violations
    ]
    facts = read_report(text)
    stated: dict[str, list[object]] = {}
    for fact, row in pair(facts, rows):
        if row is not None:
            stated.setdefault(row.lesion_id, []).append(fact)
    for row in rows:
        told = stated.get(row.lesion_id, [])
        if row.gone or not told:
            continue  # text_reported has spoken
        if row.long_mm and not any(fact.long_mm == row.long_mm for fact in told):  # type: ignore[attr-defined]
            found.append(f"must_mention: no size of {row.lesion_id}")
        if row.lobe and not any(fact.lobe == row.lobe for fact in told):  # type: ignore[attr-defined]
            found.append(f"must_mention: no lobe of {row.lesion_id}")
        if row.change() and not any(fact.change == row.change() for fact in told):  # type: ignore[attr-defined]
            found.append(f"must_mention: no change of {row.lesion_id}")
    return found + _denials(plan, text, rows)


def _denials(plan: EncounterPlan, text: str, rows: tuple[Lesion, ...]) -> list[str]:
    """Absences left out; a pneumothorax is no row of a table, so the reader of findings tells."""
    denied = {fact.site for fact in read_report(text) if not fact.present}
    there = {row.site for row in rows}
    air = {found.present for found in read_findings(text) if found.finding == "pneumothorax"}
    found = ["a pneumothorax is stated"] if True in air else []
    for f in plan.findings:
        told = False in air if f.concept == "pneumothorax" else f.site in denied
        if not f.present and f.site not in there and not told:
            found.append(f"must_mention: {f.concept} is not denied")
    return found


def fits_tables(plan: EncounterPlan) -> bool:
    """Whether tables can hold the plan: they know no pneumothorax."""
    return not any(
        f.concept == "pneumothorax" and (f.present or f.change == "resolved") for f in plan.findings
    )
