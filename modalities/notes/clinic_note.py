"""Composes an oncology clinic note from its plan: style, sections, and what stands in each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from alignment.clinic import (
    Assessment,
    ClinicPlan,
    Lab,
    Symptom,
    Treatment,
)
from modalities.notes.choice import Draw, Writer, flag, keyed, listed, styled, tags
from modalities.notes.clinic_layout import BY_STYLE, CAUSES, ORDERS, TITLES
from modalities.notes.clinic_rules import RULES
from modalities.notes.clinic_words import (
    NOTICED,
    UNITS,
    adverse_words,
    analyte_words,
    listed_drugs,
    number_words,
    radiation_words,
    regimen_words,
)
from modalities.notes.grammar import Grammar, Phrase, Scope, Tag, join, polish, sentence
from modalities.notes.hgvs import short_change
from modalities.notes.report import Report
from modalities.notes.wording import disease, ordinal, write_date

AUTHOR = "grammar"
SEVERE, ABLE = 3, 1
"""From this grade on a symptom limits self-care (CTCAE v5); up to this ECOG one can work: both at
once are two people's judgements."""

GRAMMAR = Grammar(
    "notes.clinic",
    RULES,
    starts=(
        "title", "history", "biomarkers", "driver", "past", "present", "assessment", "returned",
        "ecog", "weight", "complaint", "complaints", "noticed", "well", "event", "toxicity",
        "earlier",
        "tolerated", "lab", "plan", "advice",
    ),
    slots={
        "age": str, "pack_years": str, "stage": str, "disease": str, "tps": str, "driver": str,
        "drivers": Phrase, "list": Phrase, "recurrence": dt.date, "line": str, "regimen": str,
        "start": dt.date, "stop": dt.date, "cycles": str, "cycle": str, "percent": str,
        "scan": dt.date, "sum": str, "ecog": str, "weight": str, "change": str, "size": str,
        "symptom": str, "grade": str, "event": str, "analyte": str, "value": str, "unit": str,
        "prior": str, "prior_date": dt.date, "date": dt.date, "induction": str, "dropped": str,
        "now": str, "loss": str,
        "which": str,
    },
    features=(
        "style", "spelling", "labs", "sex", "smoking", "packs", "recurred", "drivers",
        "role", "spanned", "reason", "first", "drugs", "cycles", "many", "response", "fresh",
        "sum", "moved", "prior", "ungraded", "trend", "same", "step", "dose", "cycle", "lowered",
        "cause", "changed", "long", "grades", "weighed", "over", "worse", "mixed", "fit", "severe",
        "treated", "last",
    ),
    writers={dt.date: write_date},
)  # fmt: skip

STYLES: dict[str, tuple[tuple[str, float], ...]] = {
    "style": (("prose", 0.35), ("soap", 0.4), ("terse", 0.25)),
    "spelling": (("uk", 0.5), ("us", 0.5)),
    "joined": (("words", 0.5), ("hyphen", 0.5)),
    "labs": (("full", 0.6), ("short", 0.4)),
    "grades": (("before", 0.4), ("after", 0.3), ("ctcae", 0.15), ("letter", 0.15)),
}


def write_clinic_note(plan: ClinicPlan) -> Report:
    """The oncology clinic note of one visit, written by the grammar.

    The same plan always gives the same text. Sections without anything to say are left out.
    Raises ConsilienceError where a drug of the plan has no name.
    """
    draw = keyed(plan.seed, "notes.clinic", plan.patient_index, plan.day)
    note = _Note(plan, styled(draw("style"), STYLES), draw)
    layout = draw("layout")
    numbers = BY_STYLE[note.style["style"]]
    titles = TITLES[numbers[int(layout.integers(len(numbers)))]]
    parts = [polish(note.expand("title", note.visit))]
    for name in ORDERS[int(layout.integers(len(ORDERS)))]:
        lines = note.sections[name]()
        if lines:
            parts.append(_section(titles[name], lines, name, note.style["style"]))
    whole = join(parts, "\n\n")
    return Report(whole.text + "\n", AUTHOR, whole.spans())


def _section(title: str, lines: Sequence[Phrase], name: str, style: str) -> Phrase:
    """Under its title: a paragraph, or lines of their own where the style likes them."""
    if style != "prose" and (name == "plan" or len(lines) > 2):
        return join([Phrase(f"{title}:\n"), join([join([Phrase("- "), x]) for x in lines], "\n")])
    return join([Phrase(f"{title}: "), join(lines, " ")])


class _Note(Writer):
    """One note in the making: its style, its visit, and a writer a section."""

    def __init__(self, plan: ClinicPlan, style: Mapping[str, str], draw: Draw) -> None:
        super().__init__(GRAMMAR, style, draw)
        self.plan = plan
        self.visit = self._visit()
        self.sections: dict[str, Callable[[], list[Phrase]]] = {
            "history": self._history,
            "treatment": self._treatment,
            "response": self._response,
            "status": self._status,
            "toxicity": self._toxicity,
            "labs": self._labs,
            "plan": self._plan,
        }

    def _visit(self) -> Scope:
        plan = self.plan
        features = {
            **self.style,
            "sex": plan.sex,
            "smoking": plan.smoking_status,
            "packs": flag(plan.pack_years >= 0.5),
            "recurred": flag(plan.recurrence),
            "drivers": flag(plan.drivers),
        }
        slots: dict[str, object] = {
            "age": str(plan.age),
            "pack_years": f"{plan.pack_years:.0f}",
            "stage": plan.stage,
            "disease": disease(plan.histology),
            "tps": str(plan.pdl1_tps) if plan.pdl1_tps else "<1",
            "date": plan.date,
        }
        facts = tags("patient", stage=plan.stage, histology=plan.histology, tps=plan.pdl1_tps)
        if plan.recurrence is not None:
            slots["recurrence"] = plan.recurrence
            facts |= tags("patient", recurrence=plan.recurrence)
        return Scope(features, slots, facts)

    def _history(self) -> list[Phrase]:
        visit = self.visit
        if self.plan.drivers:
            named = [self._driver(name) for name in self.plan.drivers]
            visit = Scope(visit.features, {**visit.slots, "drivers": listed(named)}, visit.facts)
        return [self.line("history", visit), self.line("biomarkers", visit)]

    def _driver(self, name: str) -> Phrase:
        scope = Scope(self.style, {"driver": short_change(name)}, tags("patient", driver=name))
        return self.expand("driver", scope, name)

    def _treatment(self) -> list[Phrase]:
        lines = []
        for treatment in self.plan.treatments:
            scope = self._line_scope(treatment)
            ended = treatment.stop is not None and self.plan.step != "stop"
            over = ended or treatment is not self.plan.current
            rule = "past" if over and not treatment.supportive else "present"
            lines.append(self.line(rule, scope, f"{treatment.line} {treatment.start}"))
        return lines

    def _line_scope(self, treatment: Treatment) -> Scope:
        plan, words = self.plan, {**self.style}
        role = "local" if treatment.local or treatment.supportive else (
            "line" if treatment.line else "adjuvant")  # fmt: skip
        cycles = treatment.cycles if treatment is plan.current else None
        reason = treatment.stop_reason or ""
        features = {
            **words,
            "role": role,
            "spanned": flag(treatment.stop is not None and not treatment.local),
            "reason": reason,
            "first": flag(treatment.start == plan.date),
            "drugs": flag(treatment.rxnorm),
            "cycles": flag(cycles and treatment.start != plan.date),
            "many": flag((cycles or 0) > 1),
            "changed": flag(treatment.induction),
            "long": flag((treatment.induction or 0) > 1),
        }
        slots: dict[str, object] = {
            "line": ordinal(max(treatment.line, 1)),
            "regimen": self._name(treatment),
            "start": treatment.start,
            "cycles": str(cycles or 0),
            "induction": str(treatment.induction or 0),
            "dropped": self._dropped(treatment),
            "now": listed_drugs(treatment.given, words),
        }
        facts = tags(
            f"line{treatment.line}", line=treatment.line, regimen=treatment.regimen,
            start=treatment.start, stop=treatment.stop, stop_reason=reason, cycles=cycles,
        )  # fmt: skip
        if treatment.stop is not None:
            slots["stop"] = treatment.stop
        return Scope(features, slots, facts)

    def _name(self, treatment: Treatment) -> str:
        """The regimen; of a sequence, what was never begun is called planned."""
        words = regimen_words(treatment.regimen, treatment.drugs, self.style)
        later = [name for name in treatment.drugs if f"followed by {name}" in words]
        if later and not set(later) & set(treatment.given):
            words = words.replace("followed by", "with planned")
        return words

    def _dropped(self, treatment: Treatment) -> str:
        if treatment.regimen.startswith("chemoradiation"):
            return radiation_words(self.style)
        gone = [name for name in treatment.drugs if name not in treatment.given]
        return listed_drugs(gone, self.style) if gone else ""

    def _response(self) -> list[Phrase]:
        plan, seen = self.plan, self.plan.assessment
        lines = []
        scan = plan.recurrence_scan
        if scan is not None and (seen is None or seen.date < scan):
            slots: dict[str, object] = {"scan": scan}
            lines = [self.line("returned", Scope(self.style, slots))]
        return lines + ([self._assessed(seen)] if seen is not None else [])

    def _assessed(self, seen: Assessment) -> Phrase:
        features = {
            **self.style,
            "response": seen.response,
            "fresh": flag(seen.new_lesion),
            "sum": flag(seen.sld_mm),
        }
        facts = tags("assessment", scan=seen.date, response=seen.response, sum=seen.sld_mm,
                       new_lesion=seen.new_lesion)  # fmt: skip
        slots: dict[str, object] = {"scan": seen.date, "sum": str(seen.sld_mm)}
        return self.line("assessment", Scope(features, slots, facts))

    def _status(self) -> list[Phrase]:
        plan, lines = self.plan, []
        told = [self._graded("complaint", "symptom", s.code, s.name, s.grade)
                for s in plan.symptoms if s.name != NOTICED]  # fmt: skip
        if told:
            lines.append(self.line("complaints", Scope(self.style, {"list": listed(told)})))
        lines += [self._noticed(s) for s in plan.symptoms if s.name == NOTICED]
        able = plan.ecog is None or plan.ecog <= ABLE
        if able and not plan.symptoms and not any(t.grade for t in plan.toxicities):
            fit = {**self.style, "fit": flag(not plan.ecog)}
            lines.append(self.line("well", Scope(fit, {}, tags("symptoms", none="none"))))
        if plan.ecog is not None:
            lines.append(self._performance(plan.ecog))
        if plan.weight_kg is not None:
            change = round(plan.weight_kg - plan.weight_index_kg, 1)
            moved = "" if not change else "up" if change > 0 else "down"
            slots: dict[str, object] = {
                "weight": f"{plan.weight_kg:.1f}", "change": f"{change:+.1f}",
                "size": f"{abs(change):.1f}",
            }  # fmt: skip
            facts = tags("patient", weight=plan.weight_kg, weight_change=f"{change:+.1f}")
            lines.append(self.line("weight", Scope({**self.style, "moved": moved}, slots, facts)))
        return lines

    def _noticed(self, symptom: Symptom) -> Phrase:
        """Weight loss that the patient tells of, beside what the scales say since the baseline."""
        plan, weighed, loss = self.plan, "", 0.0
        if plan.weight_kg is not None and plan.day > 0:
            loss = 100 * (1 - plan.weight_kg / plan.weight_index_kg)
            weighed = "more" if loss <= 0 else "same" if loss < 1 else "less"
        slots: dict[str, object] = {"loss": f"{loss:.1f}"}
        facts = tags(symptom.code, symptom=symptom.name)
        return self.line("noticed", Scope({**self.style, "weighed": weighed}, slots, facts))

    def _performance(self, ecog: int) -> Phrase:
        """ECOG; beside a symptom that the patient grades as severe, whose judgement that is."""
        severe = [s for s in self.plan.symptoms if s.grade >= SEVERE and s.name != NOTICED]
        features = {**self.style, "severe": flag(severe and ecog <= ABLE), "many": flag(severe[1:])}
        return self.line("ecog", Scope(features, {"ecog": str(ecog)}, tags("patient", ecog=ecog)))

    def _graded(self, rule: str, kind: str, code: str, name: str, grade: int) -> Phrase:
        words = adverse_words(name, self.style["spelling"])
        slots: dict[str, object] = {"grade": str(grade), "event": words, "symptom": words}
        # "name", not the code: a grade stands beside the thing that it grades
        facts = {kind: (Tag(code, kind, name),), "grade": (Tag(code, "grade", str(grade)),)}  # type: ignore[arg-type]
        return self.expand(rule, Scope(self.style, slots, facts), f"{kind} {code}")

    def _toxicity(self) -> list[Phrase]:
        plan = self.plan
        now = [t for t in plan.toxicities if t.grade]
        past = [t for t in plan.toxicities if not t.grade or t.worst > t.grade]
        lines = []
        for rule, events in (("toxicity", now), ("earlier", past)):
            if events:
                told = [
                    self._graded("event", "toxicity", t.code, t.name,
                                 t.grade if rule == "toxicity" else t.worst)
                    for t in events
                ]  # fmt: skip
                features = {**self.style, "over": flag(plan.step == "off_treatment")}
                lines.append(self.line(rule, Scope(features, {"list": listed(told)})))
        treated = plan.current is not None and plan.current.start < plan.date
        going = plan.step in ("continue", "reduce", "hold", "defer", "stop")
        if treated and going and not now and not self._suffers():
            facts = tags("toxicity", none="none")
            lines.insert(0, self.line("tolerated", Scope(self.style, {}, facts)))
        return lines

    def _suffers(self) -> bool:
        """Whether a symptom, a graded value, the dose or the end of the line speak of toxicity."""
        plan, here = self.plan, self.plan.current
        dose = plan.dose is not None and plan.dose.reason is not None
        ended = here is not None and here.stop_reason == "toxicity"
        return dose or ended or bool(plan.symptoms) or any(lab.grade for lab in plan.labs)

    def _labs(self) -> list[Phrase]:
        if not self.plan.labs:
            return []
        told = [self.expand("lab", self._lab_scope(lab), lab.loinc) for lab in self.plan.labs]
        if self.style["style"] == "soap":
            return [sentence(x) for x in told]
        return [sentence(join(told, "; "))]

    def _lab_scope(self, lab: Lab) -> Scope:
        features = {
            **self.style,
            "prior": flag(lab.prior is not None),
            "ungraded": flag(lab.grade == 0),
            "trend": lab.trend or "",
            "same": flag(lab.prior == lab.value),
        }
        slots: dict[str, object] = {
            "analyte": analyte_words(lab.name, self.style),
            "value": number_words(lab.value, lab.decimals),
            "unit": UNITS.get(lab.unit, lab.unit),
            "grade": str(lab.grade),
        }
        facts = tags(
            lab.loinc, lab=number_words(lab.value, lab.decimals), grade=lab.grade, trend=lab.trend
        )
        if lab.prior is not None and lab.prior_date is not None:
            slots |= {"prior": number_words(lab.prior, lab.decimals), "prior_date": lab.prior_date}
            facts |= tags(lab.loinc, prior_lab=number_words(lab.prior, lab.decimals))
        return Scope(features, slots, facts)

    def _plan(self) -> list[Phrase]:
        plan, here, dose = self.plan, self.plan.current, self.plan.dose
        drugs = dose.drugs if dose else here.given if here else ()
        share = dose.relative_dose if dose else 1.0
        reason = here.stop_reason if here else None
        features = self._plan_features(drugs, share)
        slots: dict[str, object] = {
            "which": f"{ordinal(here.line)}-line" if here and here.line else "adjuvant",
            "regimen": regimen_words(here.regimen, drugs, self.style) if here else "",
            "cycle": str(dose.cycle) if dose else "",
            "percent": f"{100 * share:g}",
        }
        facts = tags("plan", step=plan.step, dose=share if dose else None, stop_reason=reason)
        lines = [self.line("plan", Scope(features, slots, facts))]
        going = plan.step in ("start", "continue", "reduce")
        if going and self.draw("advise").random() < 0.6:
            lines.append(self.line("advice", Scope(features)))
        return lines

    def _plan_features(self, drugs: Sequence[str], share: float) -> dict[str, str]:
        plan, here, dose = self.plan, self.plan.current, self.plan.dose
        oral = dose is not None and here is not None and here.cycles is None and share > 0
        antibodies = [name for name in drugs if name.endswith("mab")]
        seen = plan.assessment
        return {
            **self.style,
            "step": plan.step,
            "dose": flag(dose),
            "cycle": flag(dose is not None and not oral),
            "lowered": flag(dose is not None and 0 < share < 1),
            "last": flag(dose is not None and not oral and share > 0),
            "mixed": flag(antibodies and len(antibodies) < len(drugs)),
            "cause": CAUSES.get((dose.reason if dose else None) or "", ""),
            "reason": (here.stop_reason if here else None) or "",
            "first": flag(here is not None and here.start == plan.date),
            "treated": flag(here),
            "worse": flag(seen is not None and seen.response == "PD"),
        }
