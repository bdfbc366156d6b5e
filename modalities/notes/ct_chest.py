"""The grammar of CT chest reports: its slots, features and rules, and what a visit puts in them.

A plan becomes one :class:`Observation` a finding that the chest CT covers; the observation gives
the scope in which the grammar words it. Nothing but the plan and its prior is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alignment.plan import Change, EncounterPlan, Finding
from modalities.notes import findings, sections
from modalities.notes.choice import flag
from modalities.notes.grammar import Grammar, Phrase, Scope, Tag
from modalities.notes.report import FactKind
from modalities.notes.wording import (
    LOBE_WORDS,
    Length,
    disease,
    ordinal,
    regimen,
    size_value,
    write_date,
    write_length,
)
from ontology.errors import ConsilienceError, nearest

CONCEPTS: dict[str, tuple[str, ...]] = {
    "lung_lesion": ("lung",),
    "pleural_effusion": ("pleura",),
    "pneumothorax": ("pleura", "lung"),
    "lymphadenopathy": ("mediastinal_node",),
    "liver_lesion": ("liver",),
    "adrenal_lesion": ("adrenal",),
    "bone_lesion": ("bone",),
}
"""Findings that a CT chest report states, in the order of the body, each with its sites."""

COVERED_SITES = tuple(dict.fromkeys(site for sites in CONCEPTS.values() for site in sites))
"""Sites within a chest CT; findings elsewhere (brain, extrathoracic nodes) are left out."""

MASS_ABOVE_MM = 30
"""Up to 30 mm a focal opacity is a nodule, above it a mass (Fleischner Society glossary,
doi:10.1148/radiol.2462070712)."""
TINY_BELOW_MM = 5

GRAMMAR = Grammar(
    "notes.ct_chest",
    {**findings.RULES, **sections.RULES},
    starts=(
        "title", "history", "technique", "comparison", "limits", "lesion", "absent", "absences",
        "cleared", "lead", "brief", "trend", "no_new", "advice",
    ),
    slots={
        "age": str, "stage": str, "disease": str, "line": str, "regimen": str, "pack_years": str,
        "slice": str, "side": str, "lobe": str, "lobe_tail": str, "ordinal": str,
        "date": dt.date, "prior_date": dt.date, "long": Length, "short": Length,
        "prior_long": Length, "prior_short": Length, "list": Phrase,
    },
    features=(
        "style", "unit", "naming", "spelling",
        "sex", "smoking", "packs", "contrast", "purpose", "local", "confirmed", "recurred",
        "line", "regimen", "followup", "response", "fresh",
        "concept", "side", "lobe", "located", "measured", "short", "prior", "prior_short",
        "returned", "equal", "kept", "tiny", "big", "change", "certainty", "again", "ranked",
        "several", "shared",
    ),
    writers={Length: write_length, dt.date: write_date},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Observation:
    """One finding of the visit as the report words it.

    ``change`` differs from the plan's where the prior shows that a finding called new was there
    already (a finding without a size keeps no prior size that would tell). ``rank``: place among
    lesions of the same site and side, 0 where it is alone; by id, so that it stays over visits.
    """

    finding: Finding
    change: Change | None
    again: bool
    rank: int

    @property
    def resolved(self) -> bool:
        """Whether it was there and is gone."""
        return self.change == "resolved"

    @property
    def gone_before(self) -> bool:
        """Whether the prior examination already found it gone."""
        return self.resolved and self.finding.prior_long_mm == 0

    @property
    def long_mm(self) -> int:
        """Measured long axis, 0 where gone or not measurable."""
        return self.finding.measured_long_mm or 0


def observations(
    plan: EncounterPlan, prior: EncounterPlan | None
) -> tuple[tuple[Observation, ...], tuple[Finding, ...]]:
    """What is or was there, and what is expressly absent; both in the order of the body.

    Raises ConsilienceError that lists every finding which contradicts itself or another, and for
    a plan that gives a chest CT report nothing to state.
    """
    covered = [f for f in plan.findings if f.concept in CONCEPTS or f.site in COVERED_SITES]
    shown = [f for f in covered if f.present or _change(f) == "resolved"]
    absent = [f for f in covered if not (f.present or _change(f) == "resolved")]
    faults = [fault for f in covered for fault in _faults(f)]
    for f in absent:
        if any(_change(g) != "resolved" and _same_place(f, g) for g in shown):
            faults.append(f"{f.finding_id}: {f.concept} is both absent and present")
    if not covered:
        faults.append("no finding that a chest CT covers, present or absent")
    if faults:
        raise ConsilienceError(
            "the plan cannot be reported",
            where=f"{plan.patient_id} day {plan.day}",
            got="; ".join(faults),
        )
    before = {f.finding_id for f in prior.findings if f.present} if prior else set()
    order = {concept: place for place, concept in enumerate(CONCEPTS)}
    shown.sort(key=lambda f: (order[f.concept], f.finding_id))
    absent.sort(key=lambda f: (order[f.concept], f.finding_id))
    groups: dict[tuple[str | None, ...], list[str]] = {}
    for f in shown:
        groups.setdefault((f.concept, f.lobe, f.side), []).append(f.finding_id)
    seen = tuple(_observe(f, groups[f.concept, f.lobe, f.side], before) for f in shown)
    return seen, tuple(absent)


def _observe(finding: Finding, group: Sequence[str], before: set[str]) -> Observation:
    change, again = _change(finding), finding.finding_id in before
    if change == "new" and again:
        change = None
    rank = group.index(finding.finding_id) + 1 if len(group) > 1 else 0
    return Observation(finding, change, again, rank)


def _change(finding: Finding) -> Change | None:
    gone = finding.measured_long_mm == 0 and finding.prior_long_mm is not None
    return "resolved" if gone else finding.change


def _same_place(absent: Finding, shown: Finding) -> bool:
    """Whether denying ``absent`` would deny ``shown``; a side or lobe left out means any."""
    return absent.concept == shown.concept and all(
        mine is None or mine == other
        for mine, other in ((absent.side, shown.side), (absent.lobe, shown.lobe))
    )


def _faults(f: Finding) -> list[str]:
    faults = []
    if f.concept not in CONCEPTS:
        faults.append(f"unknown concept '{f.concept}', {nearest(f.concept, CONCEPTS)}")
    elif f.site not in CONCEPTS[f.concept]:
        faults.append(f"{f.concept} at site '{f.site}', not {' or '.join(CONCEPTS[f.concept])}")
    if f.lobe is not None and f.lobe not in LOBE_WORDS:
        faults.append(f"unknown lobe '{f.lobe}', {nearest(f.lobe, LOBE_WORDS)}")
    elif f.lobe is not None and f.side not in (None, _lobe_side(f.lobe)):
        faults.append(f"lobe {f.lobe} on the {f.side} side")
    if f.lobe is not None and f.site != "lung":
        faults.append(f"lobe {f.lobe} for site '{f.site}'")
    sizes = (f.measured_long_mm, f.measured_short_mm, f.prior_long_mm, f.prior_short_mm)
    if any(size is not None and size < 0 for size in sizes):
        faults.append(f"negative size among {sizes}")
    if f.present and f.measured_long_mm == 0 and _change(f) != "resolved":
        faults.append("present with 0 mm and never seen before")
    for long, short in (sizes[:2], sizes[2:]):
        if short is not None and short > (long or 0):
            faults.append(f"short axis {short} mm exceeds long axis {long} mm")
    return [f"{f.finding_id}: {fault}" for fault in faults]


def _lobe_side(lobe: str) -> str:
    return "right" if lobe.startswith("R") else "left"


def finding_scope(observation: Observation, plan: EncounterPlan, style: Mapping[str, str]) -> Scope:
    """Features, slots and facts of one finding, present, resolved or absent."""
    f, change = observation.finding, observation.change
    side = _lobe_side(f.lobe) if f.lobe else f.side or ""
    measured = observation.long_mm > 0
    then_mm = f.prior_long_mm or 0
    size = (f.measured_long_mm, f.measured_short_mm) if measured else (None, None)
    prior = (f.prior_long_mm, f.prior_short_mm) if then_mm > 0 else (None, None)
    features = {
        **style,
        "concept": f.concept,
        "side": side,
        "lobe": f.lobe or "",
        "located": flag(side or f.concept not in ("pleural_effusion", "pneumothorax")),
        "measured": flag(measured),
        "short": flag(size[1]),
        "prior": flag(then_mm > 0 and plan.prior_date is not None),
        "prior_short": flag(prior[1]),
        "returned": flag(measured and f.prior_long_mm == 0),
        "equal": flag(measured and size == prior),
        "kept": flag(observation.gone_before),
        "tiny": flag(0 < observation.long_mm < TINY_BELOW_MM),
        "big": flag((observation.long_mm or then_mm) > MASS_ABOVE_MM),
        "change": change or "",
        "certainty": f.certainty,
        "again": flag(observation.again),
        "ranked": flag(observation.rank > 1),
        "shared": flag(observation.rank),
    }
    slots: dict[str, object] = {
        "side": side,
        "lobe": f.lobe or "",
        "lobe_tail": LOBE_WORDS.get(f.lobe or "", ""),
        "ordinal": ordinal(max(observation.rank, 1)),
    }
    if plan.prior_date is not None:
        slots["prior_date"] = plan.prior_date
    for name, mm in zip(("long", "short", "prior_long", "prior_short"), size + prior, strict=True):
        if mm:
            slots[name] = Length(mm)
    return Scope(features, slots, _facts(f, change, side, size, prior))


def _facts(
    f: Finding,
    change: Change | None,
    side: str,
    size: tuple[int | None, int | None],
    prior: tuple[int | None, int | None],
) -> dict[str, tuple[Tag, ...]]:
    values: dict[FactKind, str | None] = {
        "finding": f.concept,
        "side": side,
        "lobe": f.lobe,
        "size": size_value(size[0], size[1] or None) if size[0] else None,
        "prior_size": size_value(prior[0], prior[1] or None) if prior[0] else None,
        "change": change,
        "certainty": f.certainty if f.certainty != "definite" else None,
    }
    return {kind: (Tag(f.finding_id, kind, value),) for kind, value in values.items() if value}


def visit_scope(plan: EncounterPlan, style: Mapping[str, str]) -> Scope:
    """Features and slots of the sections that concern the whole visit."""
    subject = plan.subject
    drug = plan.regimen if plan.regimen not in (None, "none") else None
    features = {
        **style,
        "sex": subject.sex,
        "smoking": subject.smoking_status,
        "packs": flag(subject.pack_years >= 0.5),
        "contrast": flag(plan.protocol.contrast),
        "line": flag(plan.line),
        "purpose": plan.asked,
        "local": plan.local or "",
        "confirmed": flag(plan.confirmed),
        "recurred": flag(plan.recurred and plan.asked != "recurrence"),  # there the reason says it
        "regimen": flag(drug),
        "followup": flag(plan.prior_date is not None),
        "response": plan.overall_response or "",
    }
    slots: dict[str, object] = {
        "age": str(plan.age),
        "stage": plan.stage,
        "disease": disease(plan.histology),
        "line": ordinal(max(plan.line, 1)),
        "regimen": regimen(drug or ""),
        "pack_years": f"{subject.pack_years:.0f}",
        "slice": f"{plan.protocol.slice_mm:g}",
        "date": plan.date,
    }
    if plan.prior_date is not None:
        slots["prior_date"] = plan.prior_date
    return Scope(features, slots)


def absent_observation(finding: Finding) -> Observation:
    """An absent finding, for :func:`finding_scope`."""
    return Observation(replace(finding, certainty="definite"), None, False, 0)
