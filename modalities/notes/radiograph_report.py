"""Composes a chest radiograph report from the plan of the study that has it.

It states only what a projection shows: lung lesions from ``SEEN_MM`` on that no effusion hides,
with side, zone and a size in half centimetres, and pleural effusions. Nodes, liver, adrenals and
bone are left to the CT. How much a lesion must change to be called changed is coarser than on CT.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from alignment.plan import EncounterPlan, Finding
from modalities.notes.choice import Draw, Writer, flag, keyed, styled, tags
from modalities.notes.ct_chest import MASS_ABOVE_MM, visit_scope
from modalities.notes.grammar import Grammar, Phrase, Scope, Tag, join, polish
from modalities.notes.radiograph_rules import RULES
from modalities.notes.report import Report
from modalities.notes.wording import write_date

AUTHOR = "grammar"

SEEN_MM = 15
"""Assumption: from here on a lung lesion is seen on a radiograph; cancers that radiographs missed
had a median of 1.6 cm (Quekel, Chest 1999;115:720; from memory)."""
CHANGED_MM, CHANGED_SHARE = 5, 0.2
"""Assumption: a radiograph shows a change of at least 5 mm and a fifth."""
OBSCURED = 0.5
"""Assumption: how often a report says of an effusion that it hides the base; the effusion alone
decides, since nobody sees what lies behind it."""
NAMED = 4
"""Opacities described one by one."""
ZONES = {"RUL": "upper", "RML": "mid", "RLL": "lower", "LUL": "upper", "LLL": "lower"}
"""Lobes and zones overlap: the zone in which most of the lobe projects (assumption)."""
HIDDEN = ("RML", "RLL", "LLL")
"""Lobes that an effusion of their side hides."""

GRAMMAR = Grammar(
    "notes.radiograph",
    RULES,
    starts=("title", "history", "technique", "comparison", "opacity", "gone", "more", "nothing",
            "effusion", "obscured", "clear", "air", "cleared", "main", "refer"),
    slots={
        "age": str, "pack_years": str, "stage": str, "disease": str, "line": str, "regimen": str,
        "side": str, "zone": str, "size": str, "date": dt.date, "prior_date": dt.date,
    },
    features=("style", "spelling", "sex", "smoking", "packs", "line", "regimen", "followup",
              "change", "big", "again", "late", "wet", "main", "purpose", "local", "confirmed",
              "recurred", "known", "resected"),
    writers={dt.date: write_date},
)  # fmt: skip
STYLES: dict[str, tuple[tuple[str, float], ...]] = {
    "style": (("prose", 0.55), ("terse", 0.45)),
    "spelling": (("uk", 0.5), ("us", 0.5)),
}
HEADINGS = (
    ("INDICATION", "TECHNIQUE", "COMPARISON", "FINDINGS", "IMPRESSION"),
    ("Clinical history", "Views", "Comparison", "Findings", "Conclusion"),
)


def write_radiograph_report(plan: EncounterPlan, prior: EncounterPlan | None) -> Report:
    """The report of one study's radiographs, written by the grammar.

    ``prior``: the plan of the visit that ``plan.prior_day`` names, None at the first. The same two
    plans always give the same text.
    """
    draw = keyed(plan.seed, "notes.radiograph", plan.patient_index, plan.day)
    style = styled(draw("style"), STYLES)
    report = _Radiograph(plan, prior, style, draw)
    headings = HEADINGS[int(draw("headings").integers(len(HEADINGS)))]
    bodies = (
        *(report.line(rule, report.visit) for rule in ("history", "technique", "comparison")),
        report.findings(), report.impression(),
    )  # fmt: skip
    parts = [polish(report.expand("title", report.visit))]
    parts += [
        join([Phrase(f"{heading}:\n" if place > 2 else f"{heading}: "), body])
        for place, (heading, body) in enumerate(zip(headings, bodies, strict=True))
    ]
    whole = join(parts, "\n\n")
    return Report(whole.text + "\n", AUTHOR, whole.spans())


def visible(plan: EncounterPlan) -> list[Finding]:
    """Lung lesions that the radiographs show, largest first."""
    wet = {f.side for f in plan.findings if f.concept == "pleural_effusion" and f.present}
    seen = [
        f
        for f in plan.findings
        if f.concept == "lung_lesion" and f.present and (f.measured_long_mm or 0) >= SEEN_MM
        and f.lobe is not None and not (f.side in wet and f.lobe in HIDDEN)
    ]  # fmt: skip
    return sorted(seen, key=lambda f: (-(f.measured_long_mm or 0), f.finding_id))


class _Radiograph(Writer):
    """One report in the making."""

    def __init__(
        self, plan: EncounterPlan, prior: EncounterPlan | None, style: Mapping[str, str], draw: Draw
    ) -> None:
        super().__init__(GRAMMAR, style, draw)
        self.plan, self.prior = plan, prior
        self.visit = visit_scope(plan, style)
        self.seen = visible(plan)
        self.before = {f.finding_id for f in visible(prior)} if prior else set()
        found = [f for f in plan.findings if f.concept == "pleural_effusion"]
        self.fluid = [f for f in found if f.present]

    def findings(self) -> Phrase:
        """Lungs, what has gone, pleura."""
        lines: list[Phrase] = []
        named: list[str] = []
        for f in self.seen[:NAMED]:
            place = f"{f.side} {ZONES[f.lobe or '']}"
            scope = self._scope(f, again=place in named)
            lines.append(self.line("opacity", scope, f.finding_id))
            named.append(place)
        if len(self.seen) > NAMED:
            lines.append(self.line("more", self.visit))
        lines += self._gone(named)
        if not self.seen:
            lines.append(self.line("nothing", self._nothing()))
        lines += self._pleura()
        between = "\n" if self.style["style"] == "terse" and len(lines) > 1 else " "
        return join(lines, between)

    def _gone(self, named: Sequence[str]) -> list[Phrase]:
        """Opacities of the prior radiograph that are not seen now, unless their zone has one."""
        shown = {f.finding_id for f in self.seen}
        lines, told = [], set(named)
        for f in visible(self.prior)[:NAMED] if self.prior else ():
            place = f"{f.side} {ZONES[f.lobe or '']}"
            if f.finding_id in shown or place in told or self._behind(f):
                continue
            told.add(place)
            facts = _facts(f, change="resolved")
            scope = Scope({**self.style, "resected": self._resected()}, _place(f), facts)
            lines.append(self.line("gone", scope, f.finding_id))
        return lines

    def _resected(self) -> str:
        """Whether a resection lies between the prior and this radiograph."""
        before = self.prior.local if self.prior else None
        return flag(self.plan.local == "surgery" and before is None)

    def _behind(self, f: Finding) -> bool:
        return f.lobe in HIDDEN and any(e.side == f.side for e in self.fluid)

    def _nothing(self) -> Scope:
        return Scope({**self.style, "wet": flag(self.fluid)}, {}, _denied("lung_lesion"))

    def _scope(self, f: Finding, *, again: bool = False, main: bool = False) -> Scope:
        now, then = f.measured_long_mm or 0, f.prior_long_mm or 0
        change = ""
        if f.change == "new":
            change = "new"
        elif f.finding_id in self.before and then:
            difference = now - then
            if abs(difference) >= max(CHANGED_MM, CHANGED_SHARE * then):
                change = "larger" if difference > 0 else "smaller"
            else:
                change = "stable"
        late = self.prior is not None and f.finding_id not in self.before and not change
        features = {
            **self.style,
            "change": change,
            "big": flag(now > MASS_ABOVE_MM),
            "again": flag(again),
            "late": flag(late and not self._was_hidden(f)),
            "known": flag(main and self._known(f)),
        }
        half = int(now / 5 + 0.5)
        slots = {**_place(f), "size": f"{half / 2:g}"}
        return Scope(features, slots, _facts(f, change=change, size=str(5 * half)))

    def _known(self, f: Finding) -> bool:
        """Whether the tumour was known here: treated as such, and seen before."""
        return (
            self.plan.asked in ("response", "follow_up", "supportive")
            and f.finding_id in self.before
        )

    def _was_hidden(self, f: Finding) -> bool:
        before = self.prior.findings if self.prior else ()
        return any(e.concept == "pleural_effusion" and e.present and e.side == f.side
                   for e in before)  # fmt: skip

    def _pleura(self) -> list[Phrase]:
        lines = []
        wet_before = {
            f.side for f in (self.prior.findings if self.prior else ())
            if f.concept == "pleural_effusion" and f.present
        }  # fmt: skip
        for f in self.fluid:
            change = "" if self.prior is None else "stable" if f.side in wet_before else (
                "new" if f.change == "new" else "")  # fmt: skip
            facts = _facts(f, change=change)
            scope = Scope({**self.style, "change": change}, {"side": f.side or ""}, facts)
            lines.append(self.line("effusion", scope, f.finding_id))
            if self.draw(f"base {f.finding_id}").random() < OBSCURED:
                lines.append(self.line("obscured", scope, f.finding_id))
        wet = {f.side for f in self.fluid}
        for side in sorted(side for side in wet_before - wet if side):
            gone = tags("no-pleural_effusion", finding="pleural_effusion", side=side,
                        change="resolved")  # fmt: skip
            lines.append(self.line("cleared", Scope(self.style, {"side": side}, gone), side))
        absent = {f.concept for f in self.plan.findings if not f.present}
        for rule, concept in (("clear", "pleural_effusion"), ("air", "pneumothorax")):
            if concept in absent and not (concept == "pleural_effusion" and wet_before | wet):
                lines.append(self.line(rule, Scope(self.style, {}, _denied(concept))))
        return lines

    def impression(self) -> Phrase:
        """The largest opacity, the effusions, and where to look further."""
        lines = []
        if self.seen:
            lines.append(self.line("main", self._scope(self.seen[0], main=True), "main"))
        else:
            lines.append(self.line("nothing", self._nothing(), "again"))
        for f in self.fluid:
            scope = Scope({**self.style, "change": ""}, {"side": f.side or ""}, _facts(f))
            lines.append(self.line("effusion", scope, f"again {f.finding_id}"))
        if not lines or self.draw("advise").random() < 0.6:
            found = flag(self.seen or self.fluid)
            lines.append(self.line("refer", self.visit.with_features(main=found)))
        return join(lines, " " if self.style["style"] == "prose" else "\n")


def _place(f: Finding) -> dict[str, object]:
    return {"side": f.side or "", "zone": ZONES.get(f.lobe or "", "")}


def _denied(concept: str) -> dict[str, tuple[Tag, ...]]:
    return tags(f"no-{concept}", finding=concept, negation=concept)


def _facts(f: Finding, change: str = "", size: str = "") -> dict[str, tuple[Tag, ...]]:
    return tags(
        f.finding_id, finding=f.concept, side=f.side, zone=ZONES.get(f.lobe or ""),
        obscured=f.side, change=change, size=size,
    )  # fmt: skip
