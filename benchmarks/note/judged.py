"""What the judge (``eval``) says of one report, given the plan that it was written from."""

from __future__ import annotations

from collections.abc import Sequence

from alignment.plan import EncounterPlan, Finding
from eval.checks.lookup import Lesion
from eval.checks.report_largest import called_largest
from eval.checks.text import check_text, pair
from eval.readers.facts import Fact
from eval.readers.findings import read_findings
from eval.readers.prose import find_dates
from eval.readers.radiograph import unexpected
from eval.readers.report import read_report, statements
from eval.readers.responses import named_responses

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

    Must be stated: among the findings every lesion with its lobe or side, its size, change and its
    doubt; every absence of the plan, and the response. Nothing else may be: no other response,
    date, lesion, no change that the plan does not know, no finding that is neither lesion nor
    fluid. The judge's own reading errors count against the
    report; how many untruths it finds, :mod:`note.injected` measures.
    """
    rows = lesions(plan, prior)
    scan = (plan.patient_id, plan.day)
    found = [
        f"{result.key}: {violation.message} ({violation.where})"
        for result in check_text({scan: ("report", text)}, {scan: rows})
        for violation in result.violations
    ]
    facts = read_report(text)
    doubts = {f.finding_id: f.certainty != "definite" for f in plan.findings}
    unknown = {f.finding_id for f in plan.findings if f.change is None}
    stated: dict[str, list[Fact]] = {}
    for fact, row in pair(facts, rows):
        if row is not None:
            stated.setdefault(row.lesion_id, []).append(fact)
    found += _untold(plan, stated)
    for row in rows:
        told = stated.get(row.lesion_id, [])
        if told and not row.gone:  # else text_reported has spoken
            found += [
                f"{row.lesion_id} is {fact.change}, of which the plan says nothing"
                for fact in told
                if fact.change and row.lesion_id in unknown
            ]
            among = [fact for fact in told if fact.section == "findings"]
            left = _left_out(row, among, doubts[row.lesion_id])
            found += [f"must_mention: no {what} of {row.lesion_id}" for what in left]
            if not doubts[row.lesion_id] and any(f.certainty != "definite" for f in told):
                found.append(f"doubt about {row.lesion_id}, of which there is none")
    return [*found, *_denials(plan, text, rows), *_frame(plan, text)]


def _left_out(row: Lesion, told: Sequence[Fact], doubted: bool) -> list[str]:
    """What no statement about a lesion says."""
    said = {
        "size": not row.long_mm or any(f.long_mm == row.long_mm for f in told),
        "lobe": not row.lobe or any(f.lobe == row.lobe for f in told),
        "side": not row.side or any(f.side in (row.side, "bilateral") for f in told),
        "change": not row.change() or any(f.change == row.change() for f in told),
        "doubt": not doubted or any(f.certainty != "definite" for f in told),
    }
    return [what for what, there in said.items() if not there]


def _untold(plan: EncounterPlan, stated: dict[str, list[Fact]]) -> list[str]:
    """What tables cannot hold: the change of what is not measured; and what has resolved."""
    found = []
    for f in plan.findings:
        facts = stated.get(f.finding_id, [])
        told = [fact.change for fact in facts]
        among = [fact.change for fact in facts if fact.section == "findings"]
        measured = f.prior_long_mm and f.measured_long_mm is not None
        if f.present and not measured and f.change in ("larger", "smaller", "stable"):
            others = {change for change in told if change not in (None, f.change)}
            found += [f"{f.finding_id} is {f.change}, not {other}" for other in sorted(others)]
            found += [f"must_mention: no change of {f.finding_id}"] * (f.change not in among)
        if f.change == "resolved" and "resolved" not in among:
            found.append(f"must_mention: {f.finding_id} has resolved")
    return found


def _frame(plan: EncounterPlan, text: str) -> list[str]:
    """Response, dates, what is called dominant, and findings that are none of the lesions."""
    parts = [statement.text for statement in statements(text)]
    named = {response for part in parts for response, _ in named_responses(part)}
    wanted = {plan.overall_response} - {None}
    found = [f"response {', '.join(sorted(named)) or 'not named'}"] if named != wanted else []
    dates = {dated.date for part in parts for dated in find_dates(part)}
    found += [f"date {date}" for date in sorted(dates - {plan.date, plan.prior_date})]
    found += [f"not the largest: {fact.sentence}" for fact, mm in called_largest(text)
              if fact.long_mm != mm]  # fmt: skip
    return found + [f"a finding of nothing: {fact.words}" for fact in unexpected(text)]


def _denials(plan: EncounterPlan, text: str, rows: tuple[Lesion, ...]) -> list[str]:
    """Absences left out; a pneumothorax is no row of a table, so the reader of findings tells."""
    denied = {fact.site for fact in read_report(text) if not fact.present}
    there = {row.site for row in rows if not row.gone}
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
