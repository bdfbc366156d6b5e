"""What one CT chest report says, in which order and style, before any author words it.

The grammar and the language model write from the same outline. Every choice is drawn from noise
keyed by (seed, patient, day, part of the report).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from alignment.plan import EncounterPlan, Finding
from modalities.notes.choice import Choices, Draw, keyed, styled
from modalities.notes.ct_chest import Observation, observations
from ontology.errors import ConsilienceError

ORGANS: dict[str, str] = {
    "lung_lesion": "lungs",
    "pleural_effusion": "pleura",
    "pneumothorax": "pleura",
    "lymphadenopathy": "nodes",
    "liver_lesion": "liver",
    "adrenal_lesion": "adrenals",
    "bone_lesion": "bones",
}
ORDERS = (
    ("lungs", "pleura", "nodes", "liver", "adrenals", "bones"),
    ("lungs", "nodes", "pleura", "liver", "adrenals", "bones"),
    ("nodes", "lungs", "pleura", "adrenals", "liver", "bones"),
)
GROUPS = ("Target lesions", "Other findings", "New lesions")
"""Headings of a report in list style."""
STYLES: dict[str, Choices] = {
    "style": (
        ("prose", 0.26), ("structured", 0.26), ("terse", 0.16), ("list", 0.16), ("resident", 0.16),
    ),
    "unit": (("mm", 0.6), ("cm", 0.4)),
    "naming": (("long", 0.5), ("short", 0.2), ("mixed", 0.3)),
    "spelling": (("uk", 0.5), ("us", 0.5)),
}  # fmt: skip


def _keyed(plan: EncounterPlan) -> Draw:
    """A generator for every part: a twin whose other lesion differs keeps this one's words."""
    return keyed(plan.seed, "notes.ct_chest", plan.patient_index, plan.day)


@dataclass(frozen=True)
class Outline:
    """One report before it is worded; ``seen`` and ``absent`` stand in the order of the text.

    ``by_organ``: what is absent stands with its organ, not at the end; ``cleared``: absent now and
    seen at the prior visit; ``lead``: the finding that opens the impression, None where nothing is
    measured.
    """

    plan: EncounterPlan
    prior: EncounterPlan | None
    style: dict[str, str]
    organs: tuple[str, ...]
    by_organ: bool
    seen: tuple[Observation, ...]
    absent: tuple[Finding, ...]
    cleared: tuple[Finding, ...]
    lead: Observation | None

    def at(self, organ: str) -> Outline:
        """Only what concerns one organ; the style and all else as it is."""
        return replace(
            self,
            seen=tuple(o for o in self.seen if ORGANS[o.finding.concept] == organ),
            absent=tuple(f for f in self.absent if ORGANS[f.concept] == organ),
            cleared=tuple(f for f in self.cleared if ORGANS[f.concept] == organ),
        )

    @property
    def dominant(self) -> bool:
        """Whether the lead is the largest of several measured findings."""
        sizes = [o.long_mm for o in self.seen if o.long_mm]
        return self.lead is not None and len(sizes) > 1 and self.lead.long_mm == max(sizes)

    @property
    def draw(self) -> Draw:
        """Noise for the choices that are left."""
        return _keyed(self.plan)


def outline(plan: EncounterPlan, prior: EncounterPlan | None) -> Outline:
    """The outline of the report of one visit.

    ``prior``: the plan of the visit that ``plan.prior_day`` names, None at the first one. Findings
    at sites outside ``COVERED_SITES`` are left out. Raises ConsilienceError where the prior is
    not that visit, or the plan contradicts itself or has nothing to state.
    """
    _check_prior(plan, prior)
    draw = _keyed(plan)
    style = styled(draw("style"), STYLES)
    organs = ORDERS[int(draw("order").integers(len(ORDERS)))]
    seen, absent = observations(plan, prior)
    before = {f.finding_id for f in prior.findings if f.present} if prior else set()
    cleared = tuple(f for f in absent if f.change != "resolved" and f.finding_id in before)
    measured = sorted((o for o in seen if o.long_mm), key=lambda o: -o.long_mm)
    lungs = [o for o in measured if o.finding.concept == "lung_lesion"]

    def place(concept: str) -> int:
        return organs.index(ORGANS[concept])

    if style["style"] == "list":
        seen = tuple(sorted(seen, key=lambda o: GROUPS.index(group(o))))
    else:
        seen = tuple(sorted(seen, key=lambda o: place(o.finding.concept)))
    return Outline(
        plan,
        prior,
        style,
        organs,
        _by_organ(style["style"], draw("absences")),
        seen,
        tuple(sorted((f for f in absent if f not in cleared), key=lambda f: place(f.concept))),
        cleared,
        next(iter(lungs or measured), None),
    )


def group(observation: Observation) -> str:
    """The heading under which a list puts a finding."""
    if observation.finding.is_target:
        return GROUPS[0]
    return GROUPS[2] if observation.change == "new" else GROUPS[1]


def _by_organ(style: str, rng: np.random.Generator) -> bool:
    if style in ("structured", "list"):
        return style == "structured"
    return bool(rng.random() < 0.5)


def _check_prior(plan: EncounterPlan, prior: EncounterPlan | None) -> None:
    wanted = (plan.patient_id, plan.prior_day, plan.prior_date)
    got = (plan.patient_id, None, None) if prior is None else (
        prior.patient_id, prior.day, prior.date)  # fmt: skip
    if got != wanted or (prior is not None and prior.day >= plan.day):
        raise ConsilienceError(
            "the prior is not the visit that the plan names",
            where=f"{plan.patient_id} day {plan.day}",
            got=f"patient {got[0]}, day {got[1]}, {got[2]}",
            wanted=f"patient {wanted[0]}, day {wanted[1]}, {wanted[2]}",
            remedy="pass the plan of prior_day, or None where prior_day is None",
        )
