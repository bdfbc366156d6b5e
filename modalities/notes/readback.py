"""Reads a draft back against its outline: where each fact stands, and what is wrong with it.

A draft is faulty where it contradicts a fact, omits one that must be stated (in the findings:
every finding with its place, size, change and doubt, and every absence) or states what the plan
does not hold. A sentence that cannot be read counts as an invention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from alignment.plan import Finding
from modalities.notes.ct_chest import MASS_ABOVE_MM, TINY_BELOW_MM, Observation
from modalities.notes.outline import ORGANS, Outline
from modalities.notes.reading import read
from modalities.notes.report import FactKind, FactSpan
from modalities.notes.statement import Place, Sized, Statement
from modalities.notes.wording import size_value

FaultKind = Literal["contradicts", "omits", "invents"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: ``where`` is the sentence, or the finding that is left out.

    ``at``: the character from which the draft must be written anew; what stands before may stay.
    """

    kind: FaultKind
    where: str
    what: str
    at: int = 0

    def __str__(self) -> str:
        return f"{self.kind}: {self.what} ({self.where})"


@dataclass(frozen=True, slots=True)
class Reading:
    """Facts of the plan with their characters, in order, and the faults of the draft."""

    facts: tuple[FactSpan, ...]
    faults: tuple[Fault, ...]

    @property
    def true(self) -> bool:
        """Whether the draft states what it must and nothing else."""
        return not self.faults


def read_back(said: Outline, text: str, sections: Sequence[tuple[str, int, int]]) -> Reading:
    """Read ``text`` against the outline that it was written from.

    ``sections``: name (``findings``, ``impression``), start and end of the parts that state facts.
    """
    work = _Work(said, text)
    for name, start, end in sections:
        work.section(name, read(text[start:end], name, start))
    facts = sorted(work.facts, key=lambda f: (f.start, -f.end, f.finding_id, f.kind))
    return Reading(tuple(dict.fromkeys(facts)), tuple(work.faults))


class _Work:
    """One draft under reading."""

    def __init__(self, said: Outline, text: str) -> None:
        self.said, self.text = said, text
        self.facts: list[FactSpan] = []
        self.faults: list[Fault] = []

    def section(self, name: str, statements: Sequence[Statement]) -> None:
        """Check one section; only the findings must be complete."""
        if not statements:
            self.faults.append(Fault("omits", name, "the section is empty"))
            return
        stated = [s for s in statements if s.kind == "finding"]
        cleared = [(s, f) for s in stated if (f := self._cleared(s)) is not None]
        told = self._pair([s for s in stated if all(s is not one for one, _ in cleared)])
        denied = self._denials([s for s in statements if s.kind == "absent"])
        gone = {f.finding_id for _, f in cleared}
        for s, f in cleared:
            self._state_cleared(s, f)
        for s in statements:
            self._check_rest(s)
        if name == "findings":
            self._require(told, denied | gone, statements)
        wanted = self.said.plan.overall_response if self.said.plan.prior_date else None
        if name == "impression" and wanted and all(s.kind != "response" for s in statements):
            at = statements[0].span[0]  # it may stand first, and after the last comes the end
            self.faults.append(Fault("omits", name, f"the response {wanted}", at))

    def fault(self, kind: FaultKind, s: Statement, what: str) -> None:
        """Note a fault of one sentence."""
        self.faults.append(Fault(kind, self.text[s.span[0] : s.span[1]], what, s.span[0]))

    def _require(self, told: set[str], denied: set[str], statements: Sequence[Statement]) -> None:
        seen = self.said.seen
        for place, o in enumerate(seen):
            name = o.finding.finding_id
            if name not in told:
                at = self._after({b.finding.finding_id for b in seen[:place]}, statements)
                self.faults.append(Fault("omits", name, "the finding", at))
        for f in (*self.said.absent, *self.said.cleared):
            if f.finding_id not in denied:
                at = self._after(self._before(f), statements)
                self.faults.append(Fault("omits", f.finding_id, f"the absence of {f.concept}", at))

    def _before(self, absent: Finding) -> set[str]:
        """What stands before the denial of a finding: in a list all findings, else by organ."""
        style, organs = self.said.style["style"], self.said.organs
        last = len(organs) if style == "list" else organs.index(ORGANS[absent.concept])
        before = {o.finding for o in self.said.seen}
        if style == "structured":
            before = {*before, *self.said.absent, *self.said.cleared}
            last -= 1
        return {f.finding_id for f in before if organs.index(ORGANS[f.concept]) <= last}

    def _after(self, names: set[str], statements: Sequence[Statement]) -> int:
        """End of the last sentence that states one of ``names``; 0 where none does."""
        stated = max((f.start for f in self.facts if f.finding_id in names), default=-1)
        return max((s.span[1] for s in statements if s.span[0] <= stated), default=0)

    def _pair(self, stated: Sequence[Statement]) -> set[str]:
        """Each statement with the finding that it fits best, one to one; checks them."""
        seen = self.said.seen
        if not stated:
            return set()
        scores = np.array([[_likeness(s, o) for o in seen] for s in stated]).reshape(
            len(stated), len(seen)
        )
        told = set()
        rows, columns = linear_sum_assignment(scores, maximize=True)
        matched = {
            int(row): seen[int(column)]
            for row, column in zip(rows, columns, strict=True)
            if scores[row, column] > 0
        }
        for place, s in enumerate(stated):
            if place not in matched:
                self.fault("invents", s, f"no such {s.places[0].concept}")
                continue
            o = matched[place]
            told.add(o.finding.finding_id)
            self._check(s, o)
        return told

    def _check(self, s: Statement, o: Observation) -> None:
        f, place = o.finding, s.places[0]
        whole = s.section == "findings"
        side = ("right" if f.lobe.startswith("R") else "left") if f.lobe else f.side
        self._state(f, "finding", f.concept, place.span)
        self._same(s, whole, f, ("side", side, place.side, place.side_span))
        self._same(s, whole, f, ("lobe", f.lobe, place.lobe, place.lobe_span))
        certainty = None if f.certainty == "definite" or o.resolved else f.certainty
        self._same(s, whole, f, ("certainty", certainty, *_pair_of(s.certainty)))
        self._same(s, whole, f, ("change", o.change, *_pair_of(s.change)))
        now = (f.measured_long_mm, f.measured_short_mm) if o.long_mm else (None, None)
        before = (f.prior_long_mm, f.prior_short_mm) if f.prior_long_mm else (None, None)
        self._sized(s, f, "size", now, s.size, must=whole)
        self._sized(s, f, "prior_size", before, s.prior, must=False)
        for what in _noun_faults(place, o):
            self.fault("contradicts", s, what)
        if s.tiny and not 0 < o.long_mm < TINY_BELOW_MM:
            self.fault("contradicts", s, f"{o.long_mm} mm is not tiny")
        if s.rank is not None and s.rank != max(o.rank, 1):
            self.fault("contradicts", s, f"number {s.rank}, not {o.rank}")
        known = s.rank is not None or s.further or o.change == "new"
        if whole and o.rank > 1 and not known:
            self.fault("omits", s, f"number {o.rank} of its lobe")
        if s.dominant and not (self.said.dominant and o is self.said.lead):
            self.fault("contradicts", s, "not the largest of several")

    def _same(
        self,
        s: Statement,
        whole: bool,
        f: Finding,
        fact: tuple[FactKind, str | None, str | None, tuple[int, int] | None],
    ) -> None:
        """One stated value against the plan's."""
        kind, wanted, found, span = fact
        if found is None:
            if wanted is not None and whole:
                self.fault("omits", s, f"{kind} {wanted} of {f.finding_id}")
        elif found != wanted:
            self.fault("contradicts", s, f"{kind} {found}, not {wanted}")
        elif span is not None:
            self._state(f, kind, found, span)

    def _sized(
        self,
        s: Statement,
        f: Finding,
        kind: FactKind,
        wanted: tuple[int | None, int | None],
        found: Sized | None,
        *,
        must: bool,
    ) -> None:
        long, short = wanted
        if found is None:
            if long and must:
                self.fault("omits", s, f"{kind} {long} of {f.finding_id}")
            return
        fits = found.long_mm == long and found.short_mm in (short or None, None)
        if must and short and found.short_mm is None:
            self.fault("omits", s, f"short axis {short} of {f.finding_id}")
        if not fits:
            self.fault("contradicts", s, f"{kind} {found.long_mm} x {found.short_mm}, not {wanted}")
        elif long:
            self._state(f, kind, size_value(long, short or None), found.span)

    def _state(self, f: Finding, kind: FactKind, value: str, span: tuple[int, int]) -> None:
        self.facts.append(FactSpan(f.finding_id, kind, value, *span))

    def _cleared(self, s: Statement) -> Finding | None:
        """The finding without a size that the prior showed and this visit does not."""
        if s.change is None or s.change[0] != "resolved" or s.prior is not None:
            return None
        place = s.places[0]
        if any(o.resolved and _likeness(s, o) > 0 for o in self.said.seen):
            return None
        return next((f for f in self.said.cleared if _same_place(place, f)), None)

    def _state_cleared(self, s: Statement, f: Finding) -> None:
        if s.change is not None:
            self._state(f, "change", "resolved", s.change[1])
        self._state(f, "finding", f.concept, s.places[0].span)

    def _denials(self, statements: Sequence[Statement]) -> set[str]:
        denied: set[str] = set()
        for s in statements:
            for place in s.places:
                against = [
                    o for o in self.said.seen if not o.resolved and _denies(place, o.finding)
                ]
                if against:
                    self.fault("contradicts", s, f"denies {against[0].finding.finding_id}")
                    continue
                fitting = [
                    f for f in (*self.said.absent, *self.said.cleared) if _same_place(place, f)
                ]
                if not fitting:
                    self.fault("invents", s, f"the plan says nothing of {place.concept}")
                for f in fitting[:1]:
                    denied.add(f.finding_id)
                    if s.negation is not None:
                        self._state(f, "negation", f.concept, s.negation)
                    self._state(f, "finding", f.concept, place.span)
        return denied

    def _check_rest(self, s: Statement) -> None:
        """What every sentence is asked, and those about the whole visit."""
        plan = self.said.plan
        if s.kind == "unread":
            self.fault("invents", s, "cannot be read")
        for what in s.faults:
            self.fault("contradicts", s, what)
        for date in s.dates:
            if date != plan.prior_date:
                self.fault("contradicts", s, f"date {date}, not {plan.prior_date}")
        fresh = any(o.change == "new" for o in self.said.seen)
        if s.kind == "no_new" and (fresh or plan.prior_date is None):
            self.fault("contradicts", s, "there is a new lesion" if fresh else "no prior")
        if s.kind == "response":
            if s.response != plan.overall_response:
                self.fault("contradicts", s, f"{s.response}, not {plan.overall_response}")
            if s.change is not None and not fresh:
                self.fault("contradicts", s, "no lesion is new")
        if s.response == "baseline" and plan.prior_date is not None:
            self.fault("contradicts", s, "not a baseline")
        if s.response == "no contrast" and plan.protocol.contrast:
            self.fault("contradicts", s, "contrast was given")


def _pair_of(
    found: tuple[str, tuple[int, int]] | None,
) -> tuple[str | None, tuple[int, int] | None]:
    return (None, None) if found is None else found


def _likeness(s: Statement, o: Observation) -> float:
    """How well a statement fits a finding; 0 where it is about another kind of finding."""
    f, place = o.finding, s.places[0]
    if place.concept != f.concept:
        return 0.0
    side = ("right" if f.lobe.startswith("R") else "left") if f.lobe else f.side
    size = s.size
    return (
        1.0
        + 3.0 * (place.lobe is not None and place.lobe == f.lobe)
        + 2.0 * (place.side is not None and place.side == side)
        + 4.0 * (size is not None and size.long_mm == f.measured_long_mm)
        + 2.0 * (size is None and not o.long_mm)
        + 2.0 * (s.prior is not None and s.prior.long_mm == f.prior_long_mm)
        + 2.0 * (s.change is not None and s.change[0] == o.change)
        + 2.5 * (s.rank is not None and s.rank == o.rank)
        + 0.5 * (s.rank is None and o.rank in (0, 1))
    )


def _noun_faults(place: Place, o: Observation) -> Iterator[str]:
    if o.finding.concept not in ("lung_lesion", "adrenal_lesion"):
        return
    mm = o.long_mm or o.finding.prior_long_mm or 0
    if place.noun.startswith("mass") and mm <= MASS_ABOVE_MM:
        yield f"a mass of {mm} mm"
    if place.noun.startswith("nodule") and mm > MASS_ABOVE_MM:
        yield f"a nodule of {mm} mm"


def _denies(place: Place, f: Finding) -> bool:
    """Whether denying ``place`` would deny ``f``; a side or lobe left out means any."""
    side = ("right" if f.lobe.startswith("R") else "left") if f.lobe else f.side
    return (
        place.concept == f.concept and place.side in (None, side) and place.lobe in (None, f.lobe)
    )


def _same_place(place: Place, f: Finding) -> bool:
    side = f.side if f.side in ("right", "left") else None
    if f.lobe:
        side = "right" if f.lobe.startswith("R") else "left"
    return place.concept == f.concept and place.side == side and place.lobe == f.lobe
