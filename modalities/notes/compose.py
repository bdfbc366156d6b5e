"""Composes a CT chest report: which style, what is said where, in which order.

Every choice is drawn from noise keyed by (seed, patient, day, part of the report), and each
finding has a part of its own: a twin whose other lesion differs keeps its sentence about this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Finding
from modalities.notes.ct_chest import (
    GRAMMAR,
    Observation,
    absent_observation,
    finding_scope,
    observations,
    visit_scope,
)
from modalities.notes.grammar import Phrase, Scope, Tag, join, polish, sentence
from modalities.notes.report import Report
from ontology.errors import ConsilienceError

AUTHOR = "grammar"

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
ORGAN_TITLES: tuple[dict[str, str], ...] = (
    {"lungs": "Lungs", "pleura": "Pleura", "nodes": "Mediastinum", "liver": "Liver",
     "adrenals": "Adrenals", "bones": "Bones"},
    {"lungs": "Lungs", "pleura": "Pleural spaces", "nodes": "Lymph nodes", "liver": "Liver",
     "adrenals": "Adrenal glands", "bones": "Skeleton"},
    {"lungs": "LUNGS", "pleura": "PLEURA", "nodes": "MEDIASTINUM", "liver": "LIVER",
     "adrenals": "ADRENALS", "bones": "BONES"},
)  # fmt: skip
HEADINGS: tuple[tuple[str, ...], ...] = (
    ("INDICATION", "TECHNIQUE", "COMPARISON", "FINDINGS", "IMPRESSION"),
    ("CLINICAL HISTORY", "TECHNIQUE", "COMPARISON", "FINDINGS", "IMPRESSION"),
    ("Clinical history", "Technique", "Comparison", "Findings", "Impression"),
    ("Indication", "Technique", "Comparison", "Findings", "Impression"),
)
STYLES: dict[str, tuple[tuple[str, float], ...]] = {
    "style": (("prose", 0.32), ("structured", 0.32), ("terse", 0.18), ("list", 0.18)),
    "unit": (("mm", 0.6), ("cm", 0.4)),
    "naming": (("long", 0.5), ("short", 0.2), ("mixed", 0.3)),
    "spelling": (("uk", 0.5), ("us", 0.5)),
}
DATES: dict[str, tuple[tuple[str, float], ...]] = {
    "uk": (("iso", 0.3), ("day_first", 0.7)),
    "us": (("iso", 0.3), ("month_first", 0.7)),
}

Draw = Callable[[str], np.random.Generator]


def write_report(plan: EncounterPlan, prior: EncounterPlan | None) -> Report:
    """The CT chest report of one visit, written by the grammar.

    ``prior``: the plan of the visit that ``plan.prior_day`` names, None at the first one. The
    same two plans always give the same text. Findings at sites outside ``COVERED_SITES`` are left
    out. Raises ConsilienceError where the prior is not that visit, or the plan contradicts itself
    or has nothing to state.
    """
    _check_prior(plan, prior)
    noise = Noise(plan.seed, "notes.ct_chest")

    def draw(part: str) -> np.random.Generator:
        slot = int.from_bytes(hashlib.sha256(part.encode()).digest()[:6], "big")
        return noise.generator(plan.patient_index, step=plan.day, slot=slot)

    style = _style(draw("style"))
    seen, absent = observations(plan, prior)
    visit = visit_scope(plan, style)
    headings = HEADINGS[int(draw("headings").integers(len(HEADINGS)))]
    bodies = (
        sentence(GRAMMAR.expand("history", visit, draw("history"))),
        sentence(GRAMMAR.expand("technique", visit, draw("technique")), ""),
        sentence(GRAMMAR.expand("comparison", visit, draw("comparison")), ""),
        _Findings(plan, prior, style, draw).write(seen, absent),
        _impression(plan, style, draw, seen),
    )
    parts = [polish(GRAMMAR.expand("title", visit, draw("title")))]
    # Long sections start on a line of their own, short ones follow their heading.
    parts += [
        join([Phrase(f"{heading}:\n" if place > 2 else f"{heading}: "), body])
        for place, (heading, body) in enumerate(zip(headings, bodies, strict=True))
    ]
    whole = join(parts, "\n\n")
    return Report(whole.text + "\n", AUTHOR, whole.spans())


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


def _style(rng: np.random.Generator) -> dict[str, str]:
    style = {name: _pick(rng, choices) for name, choices in STYLES.items()}
    return {**style, "dates": _pick(rng, DATES[style["spelling"]])}


def _pick(rng: np.random.Generator, choices: Sequence[tuple[str, float]]) -> str:
    mark = rng.random() * sum(weight for _, weight in choices)
    for name, weight in choices:
        mark -= weight
        if mark < 0:
            return name
    return choices[-1][0]


class _Findings:
    """The findings section of one report."""

    def __init__(
        self, plan: EncounterPlan, prior: EncounterPlan | None, style: Mapping[str, str], draw: Draw
    ) -> None:
        self.plan, self.prior, self.style, self.draw = plan, prior, style, draw
        self.layout = draw("layout")
        self.visit = visit_scope(plan, style)

    def write(self, seen: Sequence[Observation], absent: Sequence[Finding]) -> Phrase:
        """Lines in the report's style; what is absent last, or with its organ."""
        writer = {"structured": self._structured, "list": self._list}.get(
            self.style["style"], self._running
        )
        parts = writer(seen, absent)
        if not self.plan.protocol.contrast:
            parts.append(sentence(GRAMMAR.expand("limits", self.visit, self.draw("limits")), ""))
        return join(parts, "\n")

    def lesion(self, observation: Observation) -> Phrase:
        """The sentence or fragment about one finding."""
        scope = finding_scope(observation, self.plan, self.style)
        return sentence(
            GRAMMAR.expand("lesion", scope, self.draw(f"lesion {observation.finding.finding_id}"))
        )

    def absences(self, absent: Sequence[Finding]) -> list[Phrase]:
        """One sentence that denies the findings together; one more for what has cleared."""
        cleared = [f for f in absent if self._was_there(f)]
        never = [f for f in absent if f not in cleared]
        return [
            sentence(self._absence(rule, group, word))
            for rule, group, word in [("absences", never, "or")] * bool(never)
            + [("cleared", [f], "and") for f in cleared]
        ]

    def _was_there(self, finding: Finding) -> bool:
        before = self.prior.findings if self.prior else ()
        return finding.change != "resolved" and any(
            f.present and f.finding_id == finding.finding_id for f in before
        )

    def _absence(self, rule: str, absent: Sequence[Finding], word: str) -> Phrase:
        names, denied, gone = [], [], []
        for finding in absent:
            scope = finding_scope(absent_observation(finding), self.plan, self.style)
            rng = self.draw(f"absent {finding.finding_id}")
            names.append(GRAMMAR.expand("absent", scope, rng))
            denied.append(Tag(finding.finding_id, "negation", finding.concept))
            gone.append(Tag(finding.finding_id, "change", "resolved"))
        scope = Scope(
            self.style,
            {"list": _enumerate(names, word)},
            {"negation": tuple(denied), "change": tuple(gone)},
        )
        return GRAMMAR.expand(rule, scope, self.draw(f"{rule} {absent[0].finding_id}"))

    def _by_organ(
        self, seen: Sequence[Observation], absent: Sequence[Finding]
    ) -> list[tuple[str, list[Phrase]]]:
        order = ORDERS[int(self.layout.integers(len(ORDERS)))]
        blocks = []
        for organ in order:
            block = [self.lesion(o) for o in seen if ORGANS[o.finding.concept] == organ]
            block += self.absences([f for f in absent if ORGANS[f.concept] == organ])
            if block:
                blocks.append((organ, block))
        return blocks

    def _structured(self, seen: Sequence[Observation], absent: Sequence[Finding]) -> list[Phrase]:
        titles = ORGAN_TITLES[int(self.layout.integers(len(ORGAN_TITLES)))]
        return [
            join([Phrase(f"{titles[organ]}: "), join(block, " ")])
            for organ, block in self._by_organ(seen, absent)
        ]

    def _running(self, seen: Sequence[Observation], absent: Sequence[Finding]) -> list[Phrase]:
        together = self.layout.random() < 0.5  # one closing sentence for all that is absent
        blocks = [block for _, block in self._by_organ(seen, () if together else absent)]
        if together and absent:
            blocks.append(self.absences(absent))
        terse = self.style["style"] == "terse"
        if terse and self.layout.random() < 0.6:
            return [line for block in blocks for line in block]
        paragraphs = [join(block, " ") for block in blocks]
        one_paragraph = self.layout.random() < 0.4
        return [join(paragraphs, " ")] if one_paragraph else paragraphs

    def _list(self, seen: Sequence[Observation], absent: Sequence[Finding]) -> list[Phrase]:
        groups: dict[str, list[Observation]] = {}
        for observation in seen:
            title = (
                "Target lesions" if observation.finding.is_target
                else "New lesions" if observation.change == "new"
                else "Other findings"
            )  # fmt: skip
            groups.setdefault(title, []).append(observation)
        lines: list[Phrase] = []
        numbered = self.layout.random() < 0.6
        for title in ("Target lesions", "Other findings", "New lesions"):
            if title in groups:
                lines.append(Phrase(f"{title}:"))
                for place, observation in enumerate(groups[title], 1):
                    mark = f"{place}. " if numbered else "- "
                    lines.append(join([Phrase(mark), self.lesion(observation)]))
        return lines + self.absences(absent)


def _enumerate(names: Sequence[Phrase], word: str) -> Phrase:
    """``a, b or c``."""
    if len(names) == 1:
        return names[0]
    return join([join(names[:-1], ", "), names[-1]], f" {word} ")


def _impression(
    plan: EncounterPlan, style: Mapping[str, str], draw: Draw, seen: Sequence[Observation]
) -> Phrase:
    """Dominant lesion, overall trend, what is new, the other sites, advice."""
    rng = draw("impression")
    measured = sorted((o for o in seen if o.long_mm), key=lambda o: -o.long_mm)
    lungs = [o for o in measured if o.finding.concept == "lung_lesion"]
    lead = next(iter(lungs or measured), None)
    fresh = [o for o in seen if o.change == "new" and o is not lead]
    others = [o for o in seen if o is not lead and o not in fresh and not o.gone_before]
    words = {**style, "style": "impression"}
    visit = visit_scope(plan, words).with_features(
        fresh="" if not _fresh(seen) else "one" if _fresh(seen) == 1 else "many"
    )
    lines: list[Phrase] = []
    if lead is not None:
        scope = finding_scope(lead, plan, words)
        several = "yes" if len(measured) > 1 and lead.long_mm == measured[0].long_mm else ""
        lines.append(GRAMMAR.expand("lead", scope.with_features(several=several), rng))
    lines += [GRAMMAR.expand("brief", finding_scope(o, plan, words), rng) for o in fresh]
    lines += [
        GRAMMAR.expand("brief", finding_scope(o, plan, words), rng)
        for o in others
        if rng.random() < (0.7 if ORGANS[o.finding.concept] != "lungs" else 0.35)
    ]
    if plan.prior_date is not None and not _fresh(seen) and rng.random() < 0.6:
        lines.append(GRAMMAR.expand("no_new", visit, rng))
    if plan.overall_response is not None or plan.prior_date is None:
        trend = GRAMMAR.expand("trend", visit, rng)
        lines = [trend, *lines] if rng.random() < 0.35 else [*lines, trend]
    if rng.random() < 0.5:
        lines.append(GRAMMAR.expand("advice", visit, rng))
    return _lay_out([sentence(line) for line in lines], style["style"], rng)


def _fresh(seen: Iterable[Observation]) -> int:
    return sum(o.change == "new" for o in seen)


def _lay_out(lines: Sequence[Phrase], style: str, rng: np.random.Generator) -> Phrase:
    """Numbered, on lines of their own, or (prose) as one paragraph."""
    mark = rng.random()
    if style == "prose" and mark < 0.6:
        return join(lines, " ")
    if mark < 0.75 and len(lines) > 1:
        lines = [join([Phrase(f"{place}. "), line]) for place, line in enumerate(lines, 1)]
    return join(lines, "\n")
