"""Composes a molecular pathology report from its plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from alignment.lexicon import change_of
from alignment.molecular import Alteration, MolecularPlan
from modalities.notes.choice import Draw, Writer, flag, keyed, listed, styled, tags
from modalities.notes.grammar import Grammar, Phrase, Scope, join, polish, sentence
from modalities.notes.hgvs import short_change
from modalities.notes.molecular_rules import RULES
from modalities.notes.report import Report
from modalities.notes.wording import disease, write_date

AUTHOR = "grammar"
UNKNOWN = "p.?"
TMB_DECIMALS = 1

GRAMMAR = Grammar(
    "notes.molecular",
    RULES,
    starts=("title", "patient", "method", "again", "variant", "row", "found", "nothing",
            "negative", "pdl1", "burden", "summary", "resistance", "driver"),
    slots={
        "age": str, "disease": str, "date": dt.date, "collected": dt.date,
        "gene": str, "hgvs_c": str, "hgvs_p": str,
        "percent": str, "count": str, "tps": str, "tmb": str, "driver": str, "list": Phrase,
        "effect": str,
    },
    features=("style", "spelling", "sex", "fusion", "many", "band", "named", "effect"),
    writers={dt.date: write_date},
)  # fmt: skip

STYLES: dict[str, tuple[tuple[str, float], ...]] = {
    "style": (("prose", 0.35), ("table", 0.35), ("terse", 0.3)),
    "spelling": (("uk", 0.5), ("us", 0.5)),
}
TITLES: tuple[dict[str, str], ...] = (
    {"patient": "Clinical details", "method": "Method", "results": "Results",
     "negative": "Other genes", "immune": "Immunotherapy markers", "summary": "Conclusion"},
    {"patient": "PATIENT", "method": "ASSAY", "results": "FINDINGS",
     "negative": "PERTINENT NEGATIVES", "immune": "BIOMARKERS", "summary": "INTERPRETATION"},
    {"patient": "Diagnosis", "method": "Technique", "results": "Variants",
     "negative": "Further genes", "immune": "PD-L1 and TMB", "summary": "Summary"},
)  # fmt: skip


def write_molecular_report(plan: MolecularPlan) -> Report:
    """The molecular pathology report of one specimen, written by the grammar.

    The same plan always gives the same text.
    """
    draw = keyed(plan.seed, "notes.molecular", plan.patient_index, plan.day)
    style = styled(draw("style"), STYLES)
    report = _Molecular(plan, style, draw)
    titles = TITLES[int(draw("titles").integers(len(TITLES)))]
    parts = [polish(report.expand("title", report.whole))]
    for name, body in report.sections():
        if body is not None:
            between = "\n" if "\n" in body.text or name == "results" else " "
            parts.append(join([Phrase(f"{titles[name]}:{between}"), body]))
    whole = join(parts, "\n\n")
    return Report(whole.text + "\n", AUTHOR, whole.spans())


class _Molecular(Writer):
    """One report in the making."""

    def __init__(self, plan: MolecularPlan, style: Mapping[str, str], draw: Draw) -> None:
        super().__init__(GRAMMAR, style, draw)
        self.plan = plan
        slots: dict[str, object] = {
            "age": str(plan.age), "disease": disease(plan.histology), "date": plan.date,
            "collected": plan.collected,
        }  # fmt: skip
        self.whole = Scope({**style, "sex": plan.sex}, slots)

    def sections(self) -> list[tuple[str, Phrase | None]]:
        """Name and body of each section, None where it has nothing to say."""
        return [
            ("patient", self.line("patient", self.whole)),
            ("method", self._method()),
            ("results", self._results()),
            ("negative", self._negative()),
            ("immune", self._immune()),
            ("summary", self._summary()),
        ]

    def _method(self) -> Phrase:
        lines = [self.line("method", Scope(self.style, {"count": str(self.plan.genes)}))]
        if self.plan.repeat:
            lines.append(self.line("again", self.whole))
        return join(lines, " ")

    def _results(self) -> Phrase:
        found = self.plan.alterations
        if not found:
            return self.line("nothing", self.whole)
        if self.style["style"] == "table":
            rows = [self.expand("row", self._scope(a), a.hgvs_c) for a in found]
            return join([Phrase("Gene | DNA | Protein | VAF"), *rows], "\n")
        told = [self.expand("variant", self._scope(a), a.hgvs_c) for a in found]
        if self.style["style"] == "terse" and len(told) > 1:
            return join([join([Phrase("- "), sentence(x, "")]) for x in told], "\n")
        features = {**self.style, "many": flag(len(told) > 1)}
        return self.line("found", Scope(features, {"list": join(told, "; ")}))

    def _scope(self, found: Alteration) -> Scope:
        name = f"{found.gene} {found.hgvs_c}"
        protein = found.hgvs_p
        if protein != UNKNOWN:
            protein = f"p.({protein.removeprefix('p.')})"  # predicted, as HGVS writes it
        slots: dict[str, object] = {
            "gene": found.gene, "hgvs_c": found.hgvs_c, "hgvs_p": protein,
            "percent": f"{100 * found.vaf:.1f}", "effect": found.consequence,
        }  # fmt: skip
        features = {**self.style, "fusion": flag(found.fusion), "effect": flag(found.consequence)}
        stated = tags(name, gene=found.gene, hgvs_c=found.hgvs_c, hgvs_p=found.hgvs_p,
                      vaf=f"{found.vaf:.3f}")  # fmt: skip
        return Scope(features, slots, stated)

    def _negative(self) -> Phrase | None:
        if self.plan.repeat or not self.plan.negative:
            return None
        genes = [
            Phrase(gene).tagged(tags(gene, not_detected=gene)["not_detected"])
            for gene in self.plan.negative
        ]
        word = "or" if self.style["style"] == "prose" else "and"
        return self.line("negative", Scope(self.style, {"list": listed(genes, word)}))

    def _immune(self) -> Phrase | None:
        plan = self.plan
        if plan.pdl1_tps is None or plan.tmb is None:
            return None
        tps = plan.pdl1_tps
        burden = f"{plan.tmb:.{TMB_DECIMALS}f}"
        # <1, 1-49 and >=50 %: the classes that trials of pembrolizumab used.
        band = "high" if tps >= 50 else "low" if tps >= 1 else "none"
        slots: dict[str, object] = {"tps": str(tps) if tps else "<1", "tmb": burden}
        facts = tags("patient", tps=tps, tmb=burden)
        scope = Scope({**self.style, "band": band}, slots, facts)
        return join([self.line("pdl1", scope), self.line("burden", scope)], " ")

    def _summary(self) -> Phrase:
        named = [a for a in self.plan.alterations if a.gene in self.plan.drivers]
        told: list[Phrase] = []
        for a in named:
            effects = {a.hgvs_c: a.consequence} if a.consequence else {}
            name = change_of(a.gene, a.hgvs_c, a.hgvs_p, effects)
            scope = Scope(self.style, {"driver": short_change(name)},
                          tags("patient", driver=name))  # fmt: skip
            told.append(self.expand("driver", scope, name))
        features = {**self.style, "named": flag(named), "many": flag(len(named) > 1)}
        rule = "resistance" if self.plan.repeat else "summary"
        return self.line(rule, Scope(features, {"list": _joined(told)}))


def _joined(told: Sequence[Phrase]) -> Phrase:
    return listed(told) if told else Phrase("")
