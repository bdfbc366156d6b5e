"""How many untruths the judge of the benchmark finds: true reports of plans with one thing changed.

The grammar words the changed plan, with the same noise, and the judge holds the report against
the plan as it is. What no plan can hold (a spleen, doubt in one section only, a "not" before every
change) is written into the text.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from results import Row

from alignment.plan import Change, EncounterPlan, Finding
from modalities.notes.lm.space import Case
from modalities.notes.outline import outline
from note import judged, written
from note.rates import share
from note.written import KIND

VISITS = 120
INVENTED = (
    "The heart is enlarged.",
    "Acute fracture of the left sixth rib.",
    "Pulmonary embolism in the right lower lobe artery.",
    "Splenic metastasis.",
    "Interstitial oedema.",
    "Splenomegaly.",
    "Consolidation in the lingula.",
    "15 mm nodule in the right thyroid lobe.",
)
_SIDES = {"right": "left", "left": "right"}
_LOBES = {"RUL": "LUL", "RML": "LUL", "RLL": "LLL", "LUL": "RUL", "LLL": "RLL"}
_LEVELS = {"RUL": "RLL", "RML": "RUL", "RLL": "RUL", "LUL": "LLL", "LLL": "LUL"}
_CHANGES: dict[str, Change] = {"stable": "larger", "smaller": "larger", "larger": "smaller"}
_HEDGE = re.compile(
    r",? (?:suspicious for|concerning for|worrisome for|probably|possibly|likely) (?:malignan\w+|"
    r"(?:nodal )?metasta\w+)"
)
_CHANGE = re.compile(r"\b(?=(?:stable(?! disease)|unchanged|larger|smaller|increased|decreased)\b)")
_OTHER_CHANGES = re.compile(
    r"(?i)\binterval (?:in|de)crease|essentially|significant|grown|shrunk|enlarge|"
    r"interval (?:growth|enlargement)"
)
_EXTRA = Finding("X01", "lung_lesion", True, "lung", "LLL", "left", measured_long_mm=37,
                 measured_short_mm=31)  # fmt: skip


def _other_side(f: Finding) -> Finding | None:
    if not f.present or f.side not in _SIDES:
        return None
    return replace(f, side=_SIDES[f.side], lobe=_LOBES[f.lobe] if f.lobe else None)


def _other_lobe(f: Finding) -> Finding | None:
    return replace(f, lobe=_LEVELS[f.lobe]) if f.present and f.lobe else None


def _other_size(f: Finding) -> Finding | None:
    if not f.present or not f.measured_long_mm:
        return None
    return replace(f, measured_long_mm=f.measured_long_mm + 6)


def _some_change(f: Finding) -> Finding | None:
    return replace(f, change="stable") if f.present and f.change is None else None


def _other_change(f: Finding) -> Finding | None:
    return replace(f, change=_CHANGES[f.change]) if f.present and f.change in _CHANGES else None


def _sure(f: Finding) -> Finding | None:
    return replace(f, certainty="definite") if f.certainty != "definite" else None


def _unsure(f: Finding) -> Finding | None:
    sure = f.present and f.certainty == "definite"
    return replace(f, certainty="possible") if sure else None


OF_A_FINDING: dict[str, Callable[[Finding], Finding | None]] = {
    "the other side": _other_side, "another lobe": _other_lobe, "another size": _other_size,
    "another change": _other_change, "a change that nobody knows": _some_change,
    "doubt left out": _sure, "doubt that nobody has": _unsure,
}  # fmt: skip


def untruths(case: Case, number: int) -> Iterator[tuple[str, str]]:
    """(kind, report) of one visit, each report with one untruth; ``number`` turns the choices."""
    plan, prior = case
    for kind, change in OF_A_FINDING.items():
        for place, f in enumerate(plan.findings):
            other = change(f)
            if other is not None:
                rest = (*plan.findings[:place], other, *plan.findings[place + 1 :])
                yield kind, _worded(replace(plan, findings=rest), prior)
                break
    there = [f for f in plan.findings if f.present]
    sites = [f.site for f in plan.findings]
    alone = [f for f in plan.findings if sites.count(f.site) == 1]
    for kind, fitting in (
        ("a lesion left out", there),
        ("a resolved lesion left out", [f for f in plan.findings if f.change == "resolved"]),
        ("an absence left out", [f for f in alone if not f.present and f.change != "resolved"]),
    ):
        if fitting and len(plan.findings) > 1:
            one = fitting[number % len(fitting)]
            yield kind, _worded(replace(plan, findings=_without(plan, one)), prior)
    denied = [f for f in alone if f.present]
    if denied:
        one = denied[number % len(denied)]
        absent = Finding(one.finding_id, one.concept, present=False, site=one.site)
        rest = (*_without(plan, one), absent)
        yield "what is there denied", _worded(replace(plan, findings=rest), prior)
    if _EXTRA.concept in {f.concept for f in there}:
        yield "a lesion that nobody has", _worded(
            replace(plan, findings=(*plan.findings, _EXTRA)), prior)  # fmt: skip
    if plan.overall_response in ("PR", "SD", "PD"):
        other_response = "SD" if plan.overall_response != "SD" else "PR"
        yield "another response", _worded(replace(plan, overall_response=other_response), prior)
    if prior is not None:
        before = prior.date - dt.timedelta(days=1000)
        yield "another date", _worded(replace(plan, prior_date=before), replace(prior, date=before))
    text = _worded(plan, prior)
    findings, between, impression = text.rpartition("\n\n")
    sure = _HEDGE.sub("", findings)
    if sure != findings:
        yield "doubt in the impression only", sure + between + impression
    if not _OTHER_CHANGES.search(findings):
        yield "every change denied", _CHANGE.sub("not ", findings) + between + impression
    place = re.search(r"(?i)findings:[ \n]", text)
    assert place is not None
    told = INVENTED[number % len(INVENTED)]
    yield "a finding of no table", f"{text[: place.end()]}{told}\n{text[place.end() :]}"


def _without(plan: EncounterPlan, one: Finding) -> tuple[Finding, ...]:
    return tuple(f for f in plan.findings if f is not one)


def _worded(plan: EncounterPlan, prior: EncounterPlan | None) -> str:
    return KIND.by_grammar(outline(plan, prior)).text


def sensitivity_rows() -> list[Row]:
    """Of reports by the grammar that the judge calls true, made untrue in one thing each."""
    told: dict[str, list[bool]] = {}
    for number, case in enumerate(written.visits(VISITS)):
        text = _worded(*case)
        if judged.faults(*case, text):
            continue
        for kind, broken in untruths(case, number):
            if _said(broken) != _said(text):
                told.setdefault(kind, []).append(bool(judged.faults(*case, broken)))
    return [
        share(f"untruths that the judge finds: {kind}", sum(found), len(found), "sensitivity",
              against=f"{len(found)} true reports with one")
        for kind, found in told.items()
    ]  # fmt: skip


def _said(text: str) -> str:
    """Findings and impression: dates stand in the comparison too, which states no fact."""
    return re.split(r"(?i)findings:", text, maxsplit=1)[1]
