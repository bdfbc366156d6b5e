"""The evidence table as data: epidemiology and driver mutations. The rest is in epidemiology.py.

Status as in the table: C confirmed, C2 on a secondary page, M from memory; "reported" is a row that
no test can decide. ``basis`` says where the interval comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from populations import Populations, asian_cells, exact, pooled_egfr, tcga, toronto, weighted

GANTI = "Ganti 2021, PMID 34673888"
SEER = "SEER CSR 1975-2012, figure 15.9 (all lung cancers)"
ZHANG = "Zhang 2016, PMID 27738317"
PIONEER = "PIONEER, PMID 24419411"
TORONTO = "never-smokers, Toronto, PMC5978248, n = 515"
TCGA = "TCGA 2014, PMID 25079552, n = 230"
EXPRESS = "EXPRESS, Lung Cancer 2019;134:174"
TAMURA = "Tamura 2014, n = 729"
KN189 = "KEYNOTE-189 placebo, PMC11443351, n = 206"
RESECTED = "BMC Cancer 2020;20:666, resected stage I"
PRINTED = "printed precision"

Measure = Callable[[Populations], float]


@dataclass(frozen=True)
class Evidence:
    """One published number; ``value`` is the model's, ``error`` one standard error of it.

    ``measure`` is None where a row cannot be a property of the population, or of none drawn here.
    ``size``: on how many simulated patients a percentage rests, where that is not all at index.
    """

    section: str
    name: str
    published: float | str
    unit: str
    low: float | None
    high: float | None
    status: str
    source: str
    basis: str = ""
    measure: Measure | None = None
    size: Measure | None = None
    value: float = math.nan
    error: float = 0.0

    @property
    def met(self) -> bool | None:
        """None where the row is reported only."""
        if self.status != "C" or self.low is None or self.high is None or math.isnan(self.value):
            return None
        slack = 3 * self.error
        return bool(self.low - slack <= self.value <= self.high + slack)


def percent(pick: Callable[[Populations], np.ndarray]) -> Measure:
    """Of a boolean column."""
    return lambda p: 100 * float(pick(p).mean())


def at(variable: str, *levels: str) -> Measure:
    return percent(lambda p: p.baseline.at(variable, *levels))


def within(values: str, *conditions: tuple[str, str]) -> Measure:
    """Per cent of a boolean variable (or ``variable=level``) where all conditions hold."""

    def measure(p: Populations) -> float:
        return 100 * float(_column(p, values)[_rows(p, conditions)].mean())

    return measure


def count(*conditions: tuple[str, str]) -> Measure:
    """How many simulated patients a share rests on."""
    return lambda p: float(_rows(p, conditions).sum())


def _rows(p: Populations, conditions: tuple[tuple[str, str], ...]) -> np.ndarray:
    rows = np.ones(p.baseline.draw.n, bool)
    for variable, level in conditions:
        rows &= p.baseline.at(variable, level)
    return rows


def _column(p: Populations, name: str) -> np.ndarray:
    variable, _, level = name.partition("=")
    return p.baseline.at(variable, level) if level else p.baseline[variable]


ASIAN, EUROPEAN = ("ancestry", "east_asian"), ("ancestry", "european")
ADENO, NEVER = ("histology", "adenocarcinoma"), ("smoking_status", "never")
FORMER = ("smoking_status", "former")


def E(  # noqa: N802 - a line of the table
    section: str, name: str, published: float | str, unit: str, status: str, source: str,
    low: float | None = None, high: float | None = None, basis: str = "",
    measure: Measure | None = None, n: int | None = None, size: Measure | None = None,
    error: float = 0.0,
) -> Evidence:  # fmt: skip
    """``n``: the published number of patients, for an exact interval of a percentage."""
    if n is not None:
        low, high = exact(float(published), n)
        basis = f"exact binomial, n = {n}"
    return Evidence(
        section, name, published, unit, low, high, status, source, basis, measure, size, error=error
    )


def alive(era: str) -> Measure:
    return lambda p: getattr(p, era).alive(5)


def stage_survival(era: str, stage: str) -> Measure:
    return lambda p: getattr(p, era).cancer_survival(5, getattr(p, era).at("summary_stage", stage))


def stage_count(stage: str) -> Measure:
    return lambda p: float(p.chemotherapy.at("summary_stage", stage).sum())


def stage_one(p: Populations) -> np.ndarray:
    return p.baseline.at("stage", "IA1", "IA2", "IA3", "IB")


def drawn(p: Populations) -> float:
    """Where courses are drawn: fewer than at index."""
    return float(p.patients)


def resected_count(p: Populations) -> float:
    old = p.chemotherapy
    return float((old.at("stage", "IA1", "IA2", "IA3", "IB") & old["resected"]).sum())


def resected(p: Populations, cause: int) -> float:
    """Of resected stage I: 0 dead of the cancer, 1 of other causes, within five years."""
    old = p.chemotherapy
    return old.dead_of(5, old.at("stage", "IA1", "IA2", "IA3", "IB") & old["resected"])[cause]


def age_band(low: int) -> Measure:
    def measure(p: Populations) -> float:
        age = p.baseline["age"]
        inside = (age >= 40) & (age < 85)
        return 100 * float(((age >= low) & (age < low + 5))[inside].mean())

    return measure


def current(low: int, high: int) -> Measure:
    def measure(p: Populations) -> float:
        age = p.baseline["age"]
        rows = (age >= low) & (age < high)
        return 100 * float(p.baseline.at("smoking_status", "current")[rows].mean())

    return measure


CDC = (1280, 3457, 9479, 21103, 29736, 37623, 40968, 34154, 23556)
A = "Epidemiology"
EPIDEMIOLOGY = (
    E(A, "male", 53, "%", "C", GANTI, 52.5, 53.5, PRINTED, at("sex", "male")),
    E(A, "65 years or older", 67, "%", "C", GANTI, 66.5, 67.5, PRINTED,
      percent(lambda p: p.baseline["age"] >= 65)),
    E(A, "alive after 5 years, today's treatment", 26.4, "%", "C", GANTI, 26.35, 26.45,
      PRINTED + "; all causes of death; the source does not say whether it is relative",
      alive("now"), size=drawn),
    E(A, "alive after 5 years, without checkpoint inhibitors", 26.4, "%", "reported", GANTI,
      measure=alive("targeted"), size=drawn),
    E(A, "alive after 5 years, cancer deaths only, without checkpoint inhibitors", 26.4, "%",
      "reported", GANTI, measure=lambda p: p.targeted.cancer_survival(5), size=drawn),
    E(A, "alive after 5 years, 2004-13", 20.4, "%", "reported",
      "Wei 2018, doi:10.1007/s00432-017-2522-3, n = 202,914", measure=alive("chemotherapy"),
      size=drawn),
    E(A, "alive after 5 years, cancer deaths only, 2004-13", 25.5, "%", "reported",
      "Wei 2018, doi:10.1007/s00432-017-2522-3, n = 202,914",
      measure=lambda p: p.chemotherapy.cancer_survival(5), size=drawn),
    E(A, "stage I", "23.3 to 32.3", "%", "C", GANTI, 23.3, 32.3,
      "2010 and 2017, own division of incidences", percent(stage_one)),
    E(A, "stage IV", "46.8 to 47.9", "%", "C", GANTI, 46.8, 47.9,
      "2010 and 2017, own division of incidences", at("stage", "IVA", "IVB")),
    E(A, "age at diagnosis, median", 71, "a", "C2", "SEER; ACS",
      measure=lambda p: float(np.median(p.baseline["age"]))),
    E(A, "age at diagnosis, mean", 70, "a", "C2", "SEER; ACS",
      measure=lambda p: float(p.baseline["age"].mean())),
    E(A, "younger than 45 years", "few", "%", "C2", "SEER; ACS",
      measure=percent(lambda p: p.baseline["age"] < 45)),
    *(E(A, f"age {low}-{low + 4}", round(100 * c / sum(CDC), 1), "%", "C2", "CDC, all lung cancers",
        measure=age_band(low)) for low, c in zip(range(40, 85, 5), CDC, strict=True)),
    E(A, "never-smokers, US", 12.5, "%", "C2", "Siegel 2021, PMID 33270100", measure=at(*NEVER)),
    E(A, "current smokers, 20-64 years", 50, "%", "C2", "Siegel 2021, PMID 33270100",
      measure=current(20, 65)),
    E(A, "current smokers, 65-79 years", 33, "%", "C2", "Siegel 2021, PMID 33270100",
      measure=current(65, 80)),
    E(A, "never-smokers, Asia", "> 30", "%", "C", "PMC4467161", 30, 100, "lower bound only",
      within("smoking_status=never", ASIAN), size=count(ASIAN)),
    E(A, "adenocarcinoma", "55 to 60", "%", "M", "memory", measure=at(*ADENO)),
    E(A, "squamous", "25 to 28", "%", "M", "memory", measure=at("histology", "squamous")),
    E(A, "large cell", "1 to 3", "%", "M", "memory", measure=at("histology", "large_cell")),
    E(A, "localized", "22 to 27", "%", "C2/M", "SEER; ALA",
      measure=at("summary_stage", "localized")),
    E(A, "regional", "21", "%", "C2/M", "SEER; ALA", measure=at("summary_stage", "regional")),
    E(A, "distant", "44 to 53", "%", "C2/M", "SEER; ALA", measure=at("summary_stage", "distant")),
    *(E(A, f"5-year relative survival, {stage}, 1998-2011", value, "%", "C", SEER, low, high,
        "published 95 % CI", stage_survival("chemotherapy", stage), size=stage_count(stage))
      for stage, value, low, high in (("localized", 52.5, 52.0, 52.9),
                                      ("regional", 24.9, 24.6, 25.2), ("distant", 3.7, 3.7, 3.8))),
    *(E(A, f"5-year relative survival, {stage}, recent", value, "%", "M", "ACS",
        measure=stage_survival("now", stage), size=stage_count(stage))
      for stage, value in (("localized", "65 to 67"), ("regional", "37 to 40"),
                           ("distant", "9 to 12"))),
    E(A, "resected stage I: dead of other causes within 5 years", 13.1, "%", "reported", RESECTED,
      measure=lambda p: resected(p, 1), size=resected_count),
    E(A, "resected stage I: dead of the cancer within 5 years", 22.0, "%", "reported", RESECTED,
      measure=lambda p: resected(p, 0), size=resected_count),
)  # fmt: skip


def pioneer(women: float) -> Measure:
    def measure(p: Populations) -> float:
        rows = _rows(p, (ASIAN, ADENO))
        return weighted(p.baseline["egfr"], asian_cells(p.baseline, rows, women))

    return measure


def heavy_rows(p: Populations) -> np.ndarray:
    return _rows(p, (ASIAN, ADENO)) & (p.baseline["pack_years"] > 50)


def heavy(p: Populations) -> float:
    return 100 * float(p.baseline["egfr"][heavy_rows(p)].mean())


def pair(first: str, second: str) -> Measure:
    return percent(lambda p: p.baseline[first] & p.baseline[second])


def tps(at_least: int, wild: bool) -> Measure:
    def measure(p: Populations) -> float:
        b = p.baseline
        rows = ~(b["egfr"] | b["alk"]) if wild else np.ones(b.draw.n, bool)
        return 100 * float((b["pdl1_tps"][rows] >= at_least).mean())

    return measure


def shared_gene(*names: str) -> Measure:
    """Share of a gene in all; NaN where it is not modelled."""
    return lambda p: (
        100 * float(p.baseline[names[0]].mean()) if names[0] in p.baseline else math.nan
    )


B = "Driver mutations"
DRIVERS = (
    E(B, "EGFR, pooled over the world's studies", 32.3, "%", "reported", ZHANG,
      basis="a mix of studies, no population: it sets the mix of the odds ratios below"),
    E(B, "EGFR, Europe", 14.1, "%", "C", ZHANG, 12.7, 15.5, "published 95 % CI",
      within("egfr", EUROPEAN), size=count(EUROPEAN)),
    E(B, "EGFR, China", 38.4, "%", "C", ZHANG, 36.5, 40.3, "published 95 % CI",
      within("egfr", ASIAN), size=count(ASIAN)),
    E(B, "EGFR, by sex, smoking, histology", "43.7 v 24.0; 49.3 v 21.5; 38.0 v 11.7", "%",
      "reported", ZHANG, basis="pooled over studies of other mixes: see the odds ratios"),
    *(E(B, f"EGFR, odds ratio {what}", value, "1", "C", ZHANG, low, high, "published 95 % CI",
        lambda p, v=variable, x=level: pooled_egfr(p.baseline, p.baseline.at(v, x)),
        error=0.02 * value)
      for what, value, low, high, variable, level in (
          ("female v male", 2.7, 2.5, 2.9, "sex", "female"),
          ("non-smoker v smoker", 3.7, 3.4, 4.0, *NEVER),
          ("adenocarcinoma v other", 4.1, 3.6, 4.8, *ADENO))),
    E(B, "EGFR, Asian adenocarcinoma", 51.4, "%", "C", PIONEER, n=1450, measure=pioneer(0.434),
      size=count(ASIAN, ADENO)),
    E(B, "EGFR, Asian adenocarcinoma, never-smokers", 60.7, "%", "C", PIONEER, n=763,
      measure=within("egfr", ASIAN, ADENO, NEVER), size=count(ASIAN, ADENO, NEVER)),
    E(B, "EGFR, Asian adenocarcinoma, ex-smokers", 43.2, "%", "C", PIONEER + ", n assumed", n=300,
      measure=within("egfr", ASIAN, ADENO, FORMER), size=count(ASIAN, ADENO, FORMER)),
    E(B, "EGFR, Asian adenocarcinoma, > 50 pack-years", 31.4, "%", "C",
      PIONEER + ", n assumed", n=150,
      measure=heavy, size=lambda p: float(heavy_rows(p).sum())),
    *(E(B, f"{label} in adenocarcinoma", value, "%", "C2", TCGA,
        measure=lambda p, g=genes: tcga(p.baseline, *g))
      for label, value, genes in (
          ("TP53", 46, ("tp53",)), ("KRAS", 33, ("kras",)), ("STK11", 17, ("stk11",)),
          ("KEAP1", 17, ("keap1",)), ("EGFR", 14, ("egfr",)), ("NF1", 11, ("nf1",)),
          ("BRAF", 10, ("braf", "braf_other")), ("RBM10", 8, ("rbm10",)),
          ("PIK3CA", 7, ("pik3ca",)), ("MET", 7, ("met", "met_other")),
          ("MET exon 14", 4, ("met",)),
          ("SMARCA4", 6, ("smarca4",)), ("RB1", 4, ("rb1",)), ("CDKN2A", 4, ("cdkn2a",)))),
    E(B, "KRAS G12C of genotyped (nearly all adenocarcinoma)", 13.8, "%", "C", "NEJM 2021;384:185",
      n=10444, measure=within("kras_variant=KRAS_G12C", ADENO), size=count(ADENO)),
    E(B, "KRAS G12C, US", "8.9 to 19.5", "%", "C", "Lim 2023, PMID 37683526", 8.9, 19.5,
      "published range", at("kras_variant", "KRAS_G12C")),
    E(B, "KRAS G12C, Europe", "9.3 to 18.4", "%", "C", "Lim 2023, PMID 37683526", 9.3, 18.4,
      "published range", within("kras_variant=KRAS_G12C", EUROPEAN)),
    E(B, "KRAS G12C, Asia", "1.4 to 4.3", "%", "C", "Lim 2023, PMID 37683526", 1.4, 4.3,
      "published range", within("kras_variant=KRAS_G12C", ASIAN), size=count(ASIAN)),
    E(B, "KRAS, Asian adenocarcinoma", "8 to 10", "%", "C2", "-",
      measure=within("kras", ASIAN, ADENO)),
    *(E(B, name, value, "%", "M", "memory", measure=shared_gene(gene))
      for name, value, gene in (
          ("ALK", "4 to 5", "alk"), ("ROS1", "1 to 2", "ros1"), ("RET", "1 to 2", "ret"),
          ("BRAF V600E", "1 to 2", "braf"), ("MET exon 14", "about 3", "met"),
          ("ERBB2", "2 to 3", "erbb2"), ("NTRK", "< 1", "ntrk1"))),
    *(E(B, f"{gene.upper()}, never-smokers", value, "%", "C", TORONTO, n=515,
        measure=lambda p, g=gene: toronto(p.baseline, g), size=count(NEVER))
      for gene, value in (("egfr", 52.2), ("alk", 7.5), ("kras", 2.3), ("erbb2", 1.0),
                          ("braf", 0.4))),
    E(B, "EGFR with ALK", 0.25, "%", "C",
      "5 of 280 node-positive, doi:10.18632/oncotarget.11494, and 0 of 1,683, PMID 23729361",
      *exact(100 * 5 / 1963, 1963), "exact binomial, 5 of 1,963", pair("egfr", "alk")),
    E(B, "drivers without overlap in 52 never-smokers' tumours", 0, "of 52", "reported",
      "Sun 2010, PMID 20855837", measure=pair("egfr", "kras")),
    *(E(B, f"PD-L1 >= {x} %{', EGFR and ALK negative' if w else ''}", v, "%", "C", EXPRESS,
        v - half, v + half, f"+/- {half:g} points, an assumption", tps(x, w))
      for x, w, v, half in ((50, False, 22, 2), (1, False, 52, 2), (50, True, 27, 2.5),
                            (1, True, 53, 2.5))),
    E(B, "TMB, mean", 8.87, "mut/Mb", "C2", "TCGA",
      measure=lambda p: float(p.baseline["tmb"].mean())),
    E(B, "TMB, median", 5.78, "mut/Mb", "C2", "TCGA",
      measure=lambda p: float(np.median(p.baseline["tmb"]))),
    E(B, "TMB, largest", 48, "mut/Mb", "C2", "TCGA",
      measure=lambda p: float(p.baseline["tmb"].max())),
)  # fmt: skip
