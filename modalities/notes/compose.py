"""Composes a CT chest report by the grammar, from its outline.

Each finding has noise of its own: a twin whose other lesion differs keeps its sentence about this
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from alignment.plan import EncounterPlan, Finding
from modalities.notes.choice import listed
from modalities.notes.ct_chest import (
    GRAMMAR,
    Observation,
    absent_observation,
    finding_scope,
    visit_scope,
)
from modalities.notes.grammar import Phrase, Scope, Tag, join, polish, sentence
from modalities.notes.outline import GROUPS, ORGANS, Outline, group, outline
from modalities.notes.report import Report

AUTHOR = "grammar"

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


def write_report(plan: EncounterPlan, prior: EncounterPlan | None) -> Report:
    """The CT chest report of one visit, written by the grammar.

    ``prior``: the plan of the visit that ``plan.prior_day`` names, None at the first one. The
    same two plans always give the same text. Findings at sites outside ``COVERED_SITES`` are left
    out. Raises ConsilienceError where the prior is not that visit, or the plan contradicts itself
    or has nothing to state.
    """
    said = outline(plan, prior)
    return by_grammar(said)


def by_grammar(said: Outline) -> Report:
    """The report of an outline in the grammar's words."""
    whole = frame(said, findings_section(said), impression_section(said)).phrase
    return Report(whole.text, AUTHOR, whole.spans())


@dataclass(frozen=True, slots=True)
class Framed:
    """A whole report; ``sections``: name, start and end of those that state facts."""

    phrase: Phrase
    sections: tuple[tuple[str, int, int], ...]


def frame(said: Outline, findings: Phrase, impression: Phrase) -> Framed:
    """The whole report around its two sections that state facts of the patient.

    Title, indication, technique and comparison follow from request and protocol, as in a
    hospital's information system.
    """
    draw = said.draw
    visit = visit_scope(said.plan, said.style)
    headings = HEADINGS[int(draw("headings").integers(len(HEADINGS)))]
    bodies = (
        sentence(GRAMMAR.expand("history", visit, draw("history"))),
        sentence(GRAMMAR.expand("technique", visit, draw("technique")), ""),
        sentence(GRAMMAR.expand("comparison", visit, draw("comparison")), ""),
    )
    parts = [polish(GRAMMAR.expand("title", visit, draw("title")))]
    parts += [
        join([Phrase(f"{heading}: "), body])
        for heading, body in zip(headings[:3], bodies, strict=True)
    ]
    whole, sections = join(parts, "\n\n"), []
    for name, heading, body in zip(
        ("findings", "impression"), headings[3:], (findings, impression), strict=True
    ):
        whole = join([whole, Phrase(f"\n\n{heading}:\n")])
        start = len(whole.text)
        whole = join([whole, body])
        sections.append((name, start, len(whole.text)))
    return Framed(join([whole, Phrase("\n")]), tuple(sections))


def findings_section(said: Outline) -> Phrase:
    """Lines in the report's style; what is absent last, or with its organ."""
    writer = _Findings(said)
    parts = {"structured": writer.structured, "list": writer.listed}.get(
        said.style["style"], writer.running
    )()
    if not said.plan.protocol.contrast:
        visit = visit_scope(said.plan, said.style)
        parts.append(sentence(GRAMMAR.expand("limits", visit, said.draw("limits")), ""))
    return join(parts, "\n")


class _Findings:
    """The findings section of one report."""

    def __init__(self, said: Outline) -> None:
        self.said, self.style, self.draw = said, said.style, said.draw
        self.layout = self.draw("layout")

    def lesion(self, observation: Observation) -> Phrase:
        """The sentence or fragment about one finding."""
        scope = finding_scope(observation, self.said.plan, self.style)
        return sentence(
            GRAMMAR.expand("lesion", scope, self.draw(f"lesion {observation.finding.finding_id}"))
        )

    def absences(self, said: Outline) -> list[Phrase]:
        """One sentence that denies findings together; one for each that has cleared."""
        together = [sentence(self._absence("absences", said.absent, "or"))] if said.absent else []
        return together + [sentence(self._absence("cleared", [f], "and")) for f in said.cleared]

    def _absence(self, rule: str, absent: Sequence[Finding], word: str) -> Phrase:
        names, denied, gone = [], [], []
        for finding in absent:
            scope = finding_scope(absent_observation(finding), self.said.plan, self.style)
            rng = self.draw(f"absent {finding.finding_id}")
            names.append(GRAMMAR.expand("absent", scope, rng))
            denied.append(Tag(finding.finding_id, "negation", finding.concept))
            gone.append(Tag(finding.finding_id, "change", "resolved"))
        scope = Scope(
            self.style,
            {"list": listed(names, word)},
            {"negation": tuple(denied), "change": tuple(gone)},
        )
        return GRAMMAR.expand(rule, scope, self.draw(f"{rule} {absent[0].finding_id}"))

    def _by_organ(self, *, with_absent: bool) -> list[tuple[str, list[Phrase]]]:
        blocks = []
        for organ in self.said.organs:
            here = self.said.at(organ)
            block = [self.lesion(o) for o in here.seen]
            block += self.absences(here) if with_absent else []
            if block:
                blocks.append((organ, block))
        return blocks

    def structured(self) -> list[Phrase]:
        """One line for each organ, after its title."""
        titles = ORGAN_TITLES[int(self.layout.integers(len(ORGAN_TITLES)))]
        return [
            join([Phrase(f"{titles[organ]}: "), join(block, " ")])
            for organ, block in self._by_organ(with_absent=True)
        ]

    def running(self) -> list[Phrase]:
        """Paragraphs, lines or one paragraph."""
        blocks = [block for _, block in self._by_organ(with_absent=self.said.by_organ)]
        if not self.said.by_organ:
            blocks += [block for block in [self.absences(self.said)] if block]
        terse = self.style["style"] == "terse"
        if terse and self.layout.random() < 0.6:
            return [line for block in blocks for line in block]
        paragraphs = [join(block, " ") for block in blocks]
        one_paragraph = self.layout.random() < 0.4
        return [join(paragraphs, " ")] if one_paragraph else paragraphs

    def listed(self) -> list[Phrase]:
        """Targets, other findings and new ones, numbered or with dashes."""
        lines: list[Phrase] = []
        numbered = self.layout.random() < 0.6
        for title in GROUPS:
            members = [o for o in self.said.seen if group(o) == title]
            if members:
                lines.append(Phrase(f"{title}:"))
            for place, observation in enumerate(members, 1):
                mark = f"{place}. " if numbered else "- "
                lines.append(join([Phrase(mark), self.lesion(observation)]))
        return lines + self.absences(self.said)


def impression_section(said: Outline) -> Phrase:
    """Dominant lesion, overall trend, what is new, the other sites, advice."""
    plan, lead = said.plan, said.lead
    rng = said.draw("impression")
    fresh = [o for o in said.seen if o.change == "new" and o is not lead]
    others = [o for o in said.seen if o is not lead and o not in fresh and not o.gone_before]
    words = {**said.style, "style": "impression"}
    visit = visit_scope(plan, words).with_features(
        fresh="" if not _fresh(said.seen) else "one" if _fresh(said.seen) == 1 else "many"
    )
    lines: list[Phrase] = []
    if lead is not None:
        scope = finding_scope(lead, plan, words)
        several = "yes" if said.dominant else ""
        lines.append(GRAMMAR.expand("lead", scope.with_features(several=several), rng))
    lines += [GRAMMAR.expand("brief", finding_scope(o, plan, words), rng) for o in fresh]
    lines += [
        GRAMMAR.expand("brief", finding_scope(o, plan, words), rng)
        for o in others
        if rng.random() < (0.7 if ORGANS[o.finding.concept] != "lungs" else 0.35)
    ]
    if plan.prior_date is not None and not _fresh(said.seen) and rng.random() < 0.6:
        lines.append(GRAMMAR.expand("no_new", visit, rng))
    if plan.overall_response is not None or plan.prior_date is None:
        trend = GRAMMAR.expand("trend", visit, rng)
        lines = [trend, *lines] if rng.random() < 0.35 else [*lines, trend]
    if rng.random() < 0.5 or not lines:
        lines.append(GRAMMAR.expand("advice", visit, rng))
    return _lay_out([sentence(line) for line in lines], said.style["style"], rng)


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
