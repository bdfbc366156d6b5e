"""The space of findings: visits drawn far beyond a cohort, so that every fact is learned anywhere.

Case ``index`` is a pure function of (seed, index). A combination is the set of (concept, place,
change) of a report; a tenth of all combinations, chosen by hash, never occurs in training.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np

from alignment import identifiers
from alignment.noise import Noise
from alignment.plan import (
    Certainty,
    Change,
    EncounterPlan,
    Finding,
    Protocol,
    Subject,
    change_between,
)
from alignment.planner import NEGATIVES
from modalities.notes.choice import pick
from ontology.errors import ConsilienceError

HELD_OUT = 10
"""One combination in ten is held out."""

# All shares below: assumption, chosen to cover the space rather than to mirror a cohort.
SITES = (
    ("lung", 0.50), ("mediastinal_node", 0.15), ("liver", 0.10), ("adrenal", 0.08),
    ("bone", 0.07), ("pleura", 0.08), ("pneumothorax", 0.02),
)  # fmt: skip
LOBES = (("RUL", 1.0), ("RML", 0.8), ("RLL", 1.0), ("LUL", 1.0), ("LLL", 1.0), ("", 0.3))
SIDES = (("right", 1.0), ("left", 1.0), ("", 0.25))
COUNTS = (0.03, 0.20, 0.22, 0.19, 0.14, 0.10, 0.06, 0.04, 0.02)  # no finding, one, ... eight
CONCEPTS = {"lung": "lung_lesion", "mediastinal_node": "lymphadenopathy", "liver": "liver_lesion",
            "adrenal": "adrenal_lesion", "bone": "bone_lesion", "pleura": "pleural_effusion",
            "pneumothorax": "pneumothorax"}  # fmt: skip
MEASURED = {"lung": 0.97, "mediastinal_node": 0.98, "liver": 0.92, "adrenal": 0.92, "bone": 0.45,
            "pleura": 0.2, "pneumothorax": 0.0}  # fmt: skip
FATES = (("stable", 0.27), ("larger", 0.24), ("smaller", 0.24), ("new", 0.14), ("resolved", 0.08),
         ("untold", 0.03))  # fmt: skip
CERTAINTIES: tuple[tuple[Certainty, float], ...] = (
    ("definite", 0.84), ("probable", 0.08), ("possible", 0.08),
)  # fmt: skip
HISTOLOGIES = (("adenocarcinoma", 0.6), ("squamous", 0.4))
HABITS = (("former", 0.5), ("current", 0.35), ("never", 0.15))
SEXES = (("female", 0.45), ("male", 0.55))
T_STAGES = (("III", 70), ("II", 40))
"""Stage of a sole lung tumour above so many mm."""
RESPONSES = {
    "progressed": (("PD", 0.93), ("NE", 0.03), ("", 0.04)),
    "clear": (("CR", 0.8), ("NE", 0.1), ("", 0.1)),
    "grown": (("PR", 0.15), ("SD", 0.48), ("PD", 0.30), ("NE", 0.03), ("", 0.04)),
    "": (("PR", 0.44), ("SD", 0.46), ("PD", 0.03), ("NE", 0.03), ("", 0.04)),
}
"""By what the visit shows: what progressed is never called stable, what is left never complete,
and seldom progressive what has not grown (that may be in the brain, or against the nadir)."""
PROGRESSION = 1.2
"""RECIST 1.1: a sum a fifth larger, or a new lesion (doi:10.1016/j.ejca.2008.10.026)."""

LARGEST_MM = 140

Case = tuple[EncounterPlan, EncounterPlan | None]


def case(seed: int, index: int, *, held: bool = False) -> Case:
    """The visit ``index`` and its prior, None at a baseline; of a held-out combination or not.

    Drawn again until it is: the two kinds never share a combination.
    """
    for slot in count():
        found = _draw(seed, index, slot + (1 << 32 if held else 0))
        if held_out(found[0]) == held:
            return found
    raise AssertionError


def _draw(seed: int, index: int, slot: int) -> Case:
    rng = Noise(seed, "notes.space").generator(index, slot=slot)
    follow_up = rng.random() < 0.8
    number = int(rng.choice(len(COUNTS), p=COUNTS))
    findings = [_finding(rng, f"L{place:02d}", follow_up) for place in range(1, number + 1)]
    shown = {f.concept for f in findings if f.present or f.change == "resolved"}
    absent, cleared = _absent(rng, shown, follow_up)
    day = int(rng.integers(30, 700)) if follow_up else 0
    date = dt.date(2010, 1, 1) + dt.timedelta(days=int(rng.integers(0, 7300)))
    prior_day = max(0, day - int(rng.integers(28, 120))) if follow_up else None
    response = pick(rng, RESPONSES[_course(findings)]) or None
    whose = Noise(seed, "notes.space.subject").generator(index, slot=slot)
    plan = EncounterPlan(
        seed=seed, model="space", patient_id=identifiers.patient_id(index), day=day, date=date,
        subject=_subject(whose),
        protocol=Protocol(contrast=bool(rng.random() < 0.92)),
        histology=pick(whose, HISTOLOGIES), stage=_stage([*findings, *cleared], follow_up),
        line=int(follow_up), regimen=None,
        prior_day=prior_day,
        prior_date=None if prior_day is None else date - dt.timedelta(days=day - prior_day),
        overall_response=response if follow_up else None,
        findings=(*findings, *absent),
    )  # fmt: skip
    return plan, _prior(plan, cleared) if follow_up else None


def _subject(rng: np.random.Generator) -> Subject:
    """Of the title and the indication alone, which the model does not write."""
    habit = pick(rng, HABITS)
    years = 0.0 if habit == "never" else float(rng.integers(10, 61))
    return Subject(pick(rng, SEXES), int(rng.integers(42, 86)), 168.0, 68.0, habit, years)


def _stage(findings: Sequence[Finding], follow_up: bool) -> str:
    """Of what is seen at a baseline (TNM 8, coarsely); later, as if nodes had been treated."""
    lung = [f for f in findings if f.site == "lung"]
    if _spread(findings) or len({f.side for f in lung}) > 1:
        return "IV"
    if follow_up or len(lung) != 1 or len(findings) > 1:
        return "III"
    size = lung[0].measured_long_mm or 0
    return next((stage for stage, above in T_STAGES if size > above), "I")


def combination(plan: EncounterPlan) -> str:
    """The set of (concept, place, change) that the visit shows, as sorted JSON."""
    shown = {
        (f.concept, f.lobe or f.side or "", f.change or "")
        for f in plan.findings
        if f.present or f.change == "resolved"
    }
    return json.dumps(sorted(shown))


def held_out(plan: EncounterPlan) -> bool:
    """Whether the combination belongs to the tenth that is never trained on."""
    hashed = hashlib.sha256(f"held out\x1f{combination(plan)}".encode()).digest()
    return int.from_bytes(hashed[:8], "big") % HELD_OUT == 0


def _finding(rng: np.random.Generator, name: str, follow_up: bool) -> Finding:
    site = pick(rng, SITES)
    concept = CONCEPTS[site]
    lobe = pick(rng, LOBES) if site == "lung" else ""
    side = pick(rng, SIDES)
    if lobe:
        side = "right" if lobe.startswith("R") else "left"
    elif site == "liver" or (site == "mediastinal_node" and side and rng.random() < 0.5):
        side = ""
    fate = pick(rng, FATES) if follow_up else "untold"
    certainty: Certainty = pick(rng, CERTAINTIES)
    if rng.random() < MEASURED[site]:
        now, before = _sizes(rng, fate)
    else:
        now, before = (None, None), (None, None)
    node = site == "mediastinal_node"
    change: Change | None = None
    if fate == "new":
        change = "new"
    elif follow_up and before[0] and now[0] is not None:
        gone = now[0] == 0  # also where the short axis, which tells of a node, was not measured
        change = "resolved" if gone else change_between(before[node], now[node], is_new=False)
    elif follow_up and fate in ("larger", "smaller", "stable", "resolved"):
        change = fate  # type: ignore[assignment]
    if change == "resolved" and now[0] is None:
        now = (0, 0)
    return Finding(
        name, concept, present=change != "resolved", site="pleura" if site == "pneumothorax"
        else site, lobe=lobe or None, side=side or None,
        measured_long_mm=now[0], measured_short_mm=now[1],
        prior_long_mm=before[0], prior_short_mm=before[1],
        change=change, certainty="definite" if change == "resolved" else certainty,
        is_target=bool(rng.random() < 0.45) and bool(before[0] or not follow_up),
        is_new=change == "new",
    )  # fmt: skip


def _spread(findings: Sequence[Finding]) -> bool:
    """Whether there is, or was, more than lung and nodes."""
    return any(f.site not in ("lung", "mediastinal_node", "pneumothorax") for f in findings)


def _course(findings: Sequence[Finding]) -> str:
    """What the findings show of the response, by long axes, also of nodes.

    A trial's baseline and nadir count beside it.
    """
    present = [f for f in findings if f.present]
    solid = [f for f in findings if f.prior_long_mm and f.site != "pleura"]
    now = sum(f.measured_long_mm or 0 for f in solid)
    before = sum(f.prior_long_mm or 0 for f in solid)
    if any(f.is_new for f in present) or now >= PROGRESSION * before > 0:
        return "progressed"
    if any(f.change == "larger" for f in present):
        return "grown"
    return "" if present else "clear"


def _sizes(
    rng: np.random.Generator, fate: str
) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None]]:
    """(long, short) in mm now and before; the short axis is left out of a tenth."""
    long = int(rng.integers(4, 60)) if rng.random() < 0.85 else int(rng.integers(60, 131))
    ratio = rng.uniform(0.5, 1.0)
    factor = {"larger": rng.uniform(1.12, 2.2), "smaller": rng.uniform(0.3, 0.88),
              "stable": rng.uniform(0.93, 1.08)}.get(fate, 1.0)  # fmt: skip
    long = min(long, int(LARGEST_MM / factor))
    now = max(3, round(long * factor))
    only_long = rng.random() < 0.1

    def pair(value: int) -> tuple[int, int | None]:
        shape = ratio * rng.uniform(0.95, 1.05)
        return value, None if only_long else max(1, min(value, round(value * shape)))

    if fate in ("new", "untold"):
        return pair(now), (None, None)
    if fate == "resolved":
        return (0, 0), pair(long)
    if fate == "stable" and rng.random() < 0.3:
        same = pair(long)
        return same, same
    return pair(now), pair(long)


def _absent(
    rng: np.random.Generator, shown: set[str], follow_up: bool
) -> tuple[list[Finding], list[Finding]]:
    """What is expressly absent, and of that what the prior visit still showed."""
    absent = [
        Finding(f"no-{concept}", concept, present=False, site=site)
        for concept, site in NEGATIVES.items()
        if concept not in shown and rng.random() < 0.9
    ]
    if not shown and not absent:
        absent = [Finding("no-pleural_effusion", "pleural_effusion", present=False, site="pleura")]
    cleared = [f for f in absent if follow_up and rng.random() < 0.04]
    return absent, cleared


def _prior(plan: EncounterPlan, cleared: list[Finding]) -> EncounterPlan:
    """The visit before, as far as a report asks of it: what was there."""
    if plan.prior_day is None or plan.prior_date is None:
        raise ConsilienceError("a first visit has no prior", got=f"day {plan.day}")
    there = [
        replace(
            f, present=True, measured_long_mm=f.prior_long_mm, measured_short_mm=f.prior_short_mm,
            prior_long_mm=None, prior_short_mm=None, change=None, is_new=False,
        )
        for f in plan.findings
        if f.change not in ("new",) and (f.present or f.change == "resolved")
    ]  # fmt: skip
    there += [replace(f, present=True) for f in cleared]
    return replace(
        plan, day=plan.prior_day, date=plan.prior_date, prior_day=None, prior_date=None,
        overall_response=None, findings=tuple(there),
    )  # fmt: skip
