"""Every row of the evidence table beside the population that the model makes.

python benchmarks/epidemiology.py [--patients 40000] [--seed 101] [--markdown]

Rows of status C with an interval are claims: met where the model's value lies in it, 3 standard
errors of the simulation added. The others are reported.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

import numpy as np
from evidence import DRIVERS, EPIDEMIOLOGY, E, Evidence, Measure
from populations import Populations, doubling_days, fifteen, lipi_hazard_ratio, within_cv
from results import Row, write

COMMAND = "python benchmarks/epidemiology.py"
TAMURA = "Tamura, Mol Clin Oncol 2014, n = 729"
STRUEMPER = "Struemper 2025, PMID 39985158"
LIPI = "Kazandjian, JAMA Oncol 2019;5:1481"
KEYNOTE = "KEYNOTE-189 placebo, PMC11443351, n = 206"
RECIST = "Eisenhauer, Eur J Cancer 2009;45:228"
VDT = "Honda 2009; Usuda 1994"
NO_PROPERTY = "a definition: no property of a population"
PARAMETER = "a parameter of the model itself"
CHEMOTHERAPY = ("platinum_pemetrexed", "platinum_paclitaxel")
CHECKPOINT = (
    "pembrolizumab",
    "pembrolizumab_platinum_pemetrexed",
    "pembrolizumab_platinum_paclitaxel",
)


def metastatic(site: str) -> Measure:
    return lambda p: 100 * float(p.baseline[f"met_{site}"][p.baseline.metastatic].mean())


def enrolled_brain(symptoms: bool, ecog: bool) -> Measure:
    """Brain metastases, per cent, in stage IV without brain symptoms, with ECOG 0 or 1, or both."""

    def measure(p: Populations) -> float:
        rows = p.baseline.metastatic.copy()
        if symptoms:
            rows &= ~p.baseline["brain_symptoms"]
        if ecog:
            rows &= p.baseline.at("ecog", "0", "1")
        return 100 * float(p.baseline["met_brain"][rows].mean())

    return measure


NO_INTERVAL = "no interval published: 15 %"


def trial(variable: str, *levels: str) -> Measure:
    return lambda p: 100 * float(p.trial.at(variable, *levels).mean())


def random_effect(name: str, shape: float | None = None) -> Measure:
    """Variance of a TGI random effect, a Box-Cox transformation undone."""

    def measure(p: Populations) -> float:
        values = p.baseline[name]
        return float((values if shape is None else np.log1p(shape * values) / shape).var())

    return measure


C = "Growth, response, survival"
GROWTH = (
    E(C, "volume doubling time, adenocarcinoma, median", 258, "d", "C", VDT,
      *fifteen(258), NO_INTERVAL, measure=lambda p: doubling_days(p.untreated, "adenocarcinoma")),
    E(C, "volume doubling time, squamous, median", 131, "d", "C", VDT, 39, 221,
      "range of the source", lambda p: doubling_days(p.untreated, "squamous")),
    E(C, "volume doubling time, squamous over adenocarcinoma", 0.51, "1", "C", VDT,
      *fifteen(0.51), NO_INTERVAL,
      measure=lambda p: doubling_days(p.untreated, "squamous")
      / doubling_days(p.untreated, "adenocarcinoma")),
    E(C, "volume doubling time by density", "813, 457, 149", "d", "C", "Hasegawa",
      basis="density of a nodule is no variable"),
    E(C, "variance of ln kg before Box-Cox", 0.8715, "1", "C2", STRUEMPER,
      measure=random_effect("eta_kg", -0.3744)),
    E(C, "variance of ln ks", 0.9174, "1", "C2", STRUEMPER, measure=random_effect("eta_ks")),
    E(C, "other TGI and survival coefficients", "-", "-", "C2", STRUEMPER, basis=PARAMETER),
    E(C, "typical patient under docetaxel, check by simulation", 9.4, "months", "reported", "-",
      basis="the trial arms are held against their results in another benchmark"),
    E(C, "what reaches the docetaxel targets", "-", "-", "reported", "-",
      basis="a lead for calibration, no observation"),
    E(C, "alternative TGI, Claret 2014", "-", "-", "C2", "CPT 95:446",
      basis="parameters of another model"),
    E(C, "LIPI, hazard ratio good v poor, checkpoint inhibitors", 0.34, "1", "C", LIPI,
      *fifteen(0.34),
      NO_INTERVAL + "; three years from the start of line 1",
      measure=lambda p: lipi_hazard_ratio(p.now, *CHECKPOINT)),
    E(C, "LIPI, hazard ratio good v poor, chemotherapy", 0.49, "1", "C", LIPI, *fifteen(0.49),
      NO_INTERVAL + "; three years from the start of line 1",
      measure=lambda p: lipi_hazard_ratio(p.chemotherapy, *CHEMOTHERAPY)),
    E(C, "sum of diameters counts measurable disease only", "-", "-", "-", "-", basis=NO_PROPERTY),
    *(E(C, f"metastatic: {site}", value, "%", "C", TAMURA, n=729, measure=metastatic(site),
        size=lambda p: float(p.baseline.metastatic.sum()))
      for site, value in (("bone", 34.3), ("lung", 32.1), ("brain", 28.4), ("adrenal", 16.7),
                          ("liver", 13.4), ("node", 9.5))),
    E(C, "metastatic: brain, ECOG 0 or 1", "-", "%", "reported", "emerges",
      measure=enrolled_brain(False, True)),
    E(C, "metastatic: brain, without symptoms of it", "-", "%", "reported", "emerges",
      measure=enrolled_brain(True, False)),
    E(C, "metastatic: brain, both", "-", "%", "reported", "emerges",
      measure=enrolled_brain(True, True)),
)  # fmt: skip

D = "RECIST 1.1"
DEFINITIONS = (
    *(E(D, name, "-", "-", status, RECIST, basis=NO_PROPERTY + "; rules hold it")
      for name, status in (
          ("measurable >= 10 mm; nodes >= 15 mm target, 10 to 15 non-target", "C"),
          ("non-measurable: effusion, lymphangitis, leptomeninges, bone", "C"),
          ("at most 5 targets, 2 an organ; baseline within 4 weeks", "C"),
          ("CR, PR, PD, SD thresholds", "C"), ("SD needs 6 to 8 weeks", "C"),
          ("too small to measure counts 5 mm", "M"),
          ("target CR with non-target non-CR is PR", "M"))),
)  # fmt: skip

T = "KEYNOTE-189 placebo at baseline"


def enrolled(
    name: str, published: float, measure: Measure, n: int = 206, basis: str = ""
) -> Evidence:
    """A share of the trial's arm with its exact binomial interval."""
    return E(T, name, published, "%", "C", KEYNOTE, basis=basis or f"exact binomial, n = {n}", n=n,
             measure=measure, size=lambda p: float(p.patients))  # fmt: skip


TRIAL = (
    enrolled("younger than 65 years", 55.8, lambda p: 100 * float((p.trial["age"] < 65).mean())),
    enrolled("male", 52.9, trial("sex", "male")),
    enrolled("ECOG 0", 38.8, trial("ecog", "0")),
    enrolled("ECOG 1", 60.7, trial("ecog", "1")),
    enrolled("ever-smoker", 87.9, trial("smoking_status", "former", "current")),
    enrolled("adenocarcinoma", 96.1, trial("histology", "adenocarcinoma")),
    enrolled("brain metastases", 17.0, lambda p: 100 * float(p.trial["met_brain"].mean())),
    *(enrolled(f"PD-L1 {level} % of evaluable", round(100 * value / 92.8, 1),
               trial("pdl1_class", level), 191, "exact binomial, n = 191 evaluable")
      for level, value in (("<1", 30.6), ("1-49", 28.2), (">=50", 34.0))),
)  # fmt: skip

L = "Labs"
LABS = (
    E(L, "LOINC codes, reference intervals", "-", "-", "C/M", "-",
      basis="identifiers and thresholds: no property of a population of patients"),
    *(E(L, f"within-person CV, {name}", value, "%", status, "healthy volunteers", value - 0.05,
        value + 0.05, "printed precision; ours is the truth without analytical error",
        lambda p, key=lab, sex=sex: within_cv(p, key, sex), error=0.01 * value)
      for name, lab, sex, value, status in (
          ("haemoglobin", "haemoglobin", None, 2.8, "C"),
          ("leukocytes, men", "leukocytes", "male", 10.8, "C"),
          ("leukocytes, women", "leukocytes", "female", 15.7, "C"),
          ("neutrophils", "neutrophils", None, 14, "M"),
          ("lymphocytes", "lymphocytes", None, 10.5, "M"),
          ("platelets, men", "platelets", "male", 6.7, "C"),
          ("platelets, women", "platelets", "female", 8.6, "C"),
          ("creatinine", "creatinine", None, 4.4, "M"), ("ALT", "alt", None, 9.3, "C"),
          ("AST", "ast", None, 9.5, "C"), ("bilirubin", "bilirubin", None, 20, "M"),
          ("albumin", "albumin", None, 2.5, "M"), ("total protein", "protein", None, 2.7, "M"),
          ("LDH", "ldh", None, 5.2, "C"), ("CEA", "cea", None, 12.7, "M"),
          ("calcium", "calcium", None, 1.8, "M"), ("sodium", "sodium", None, 0.5, "M"),
          ("glucose", "glucose", None, 4.7, "M"))),
    *(E(L, f"median in advanced disease, {name}", value, unit, "C2", STRUEMPER,
        measure=lambda p, key=lab: p.advanced_median(key))
      for name, lab, value, unit in (
          ("LDH", "ldh", 225.5, "U/L"), ("albumin", "albumin", 39.4, "g/L"),
          ("protein", "protein", 71, "g/L"), ("NLR", "nlr", 4.1, "1"), ("SLD", "sld", 74, "mm"),
          ("PD-L1", "pdl1_tps", 15, "%"))),
    E(L, "docetaxel neutrophil model", "-", "-", "C2", "Netterberg 2017", basis=PARAMETER),
    E(L, "toxicity under docetaxel, platinum-pemetrexed, pembrolizumab", "-", "%", "C",
      "CheckMate-057; KEYNOTE-189", basis="measured where toxicity is: the disease benchmark"),
)  # fmt: skip

I = "Identifiers"  # noqa: E741
IDENTIFIERS = (
    E(I, "MONDO, NCIT, SNOMED CT, ICD, UBERON, RadLex, HGNC, RxNorm, LOINC, HPO", "-", "-", "C/M",
      "-", basis="identifiers: no property of a population"),
)  # fmt: skip

EVIDENCE: tuple[Evidence, ...] = (
    *EPIDEMIOLOGY, *DRIVERS, *GROWTH, *DEFINITIONS, *TRIAL, *LABS, *IDENTIFIERS,
)  # fmt: skip


def evaluated(evidence: Evidence, populations: Populations) -> Evidence:
    """With the model's value, and its standard error where it is a percentage."""
    if evidence.measure is None:
        return evidence
    value, error = evidence.measure(populations), evidence.error
    if evidence.unit == "%" and not error and not math.isnan(value):
        size = evidence.size(populations) if evidence.size else populations.baseline.draw.n
        share = value / 100
        error = 100 * math.sqrt(share * (1 - share) / max(size, 1.0))
    return replace(evidence, value=value, error=error)


def table(patients: int, seed: int) -> list[Evidence]:
    """All rows, evaluated."""
    populations = Populations(patients, seed)
    return [evaluated(evidence, populations) for evidence in EVIDENCE]


def rows(patients: int, seed: int) -> list[Row]:
    """Those that the model has a value for."""
    return [
        Row(f"{e.section}: {e.name}", round(e.value, 4), e.unit, COMMAND,
            low=round(e.value - 1.96 * e.error, 4) if e.error else None,
            high=round(e.value + 1.96 * e.error, 4) if e.error else None,
            target=f"{e.low:g} to {e.high:g}" if e.low is not None else None, met=e.met,
            against=f"published {e.published} ({e.status}; {e.source})")
        for e in table(patients, seed) if not math.isnan(e.value)
    ]  # fmt: skip


def markdown(found: list[Evidence]) -> str:
    lines = [
        "| Quantity | Published | Interval | Model | Status | Holds |",
        "|---|---|---|---|---|---|",
    ]
    for e in found:
        span = f"{e.low:.3g}-{e.high:.3g}" if e.low is not None and e.high is not None else ""
        value = (
            e.basis
            if e.measure is None
            else f"{e.value:.3g}"
            if e.value == e.value
            else "not modelled"
        )
        holds = {True: "yes", False: "NO", None: ""}[e.met]
        lines.append(
            f"| {e.section}: {e.name} | {e.published} {e.unit} | {span} | {value} "
            f"| {e.status} | {holds} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--markdown", action="store_true", help="print all rows as a table")
    options = parser.parse_args()
    if options.markdown:
        print(markdown(table(options.patients, options.seed)))
    else:
        write("epidemiology", rows(options.patients, options.seed))


if __name__ == "__main__":
    main()
