"""The populations in which benchmarks/epidemiology.py measures, each drawn when first asked."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from scipy.stats import binomtest

from alignment.run import bundled
from cohort.compiler import compile_disease
from cohort.model import CausalModel, Draw, Intervention
from cohort.study import load_study, study_model, survival_at
from ontology.knowledge import KnowledgeGraph

YEAR = 365.25
ASIAN_WOMEN_NEVER, ASIAN_MEN_NEVER = 0.88, 0.254
"""Never-smokers in Asian series: 88 % of women (assumption); men then follow from PIONEER's 52.6 %
of all with 43.4 % women. The model's Asian patients have the smoking habits of the US."""


def exact(percent: float, n: int) -> tuple[float, float]:
    """Exact binomial 95 % interval of a published percentage."""
    interval = binomtest(round(percent * n / 100), n).proportion_ci(0.95)
    return 100 * interval.low, 100 * interval.high


def fifteen(value: float) -> tuple[float, float]:
    """15 % around a published number without an interval."""
    return 0.85 * value, 1.15 * value


def odds(share: float) -> float:
    return share / (1.0 - share)


class Sample:
    """A draw with short words for its columns."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def __getitem__(self, name: str) -> np.ndarray:
        return self.draw.baseline[name]

    def __contains__(self, name: str) -> bool:
        return name in self.draw.baseline

    def at(self, variable: str, *levels: str) -> np.ndarray:
        """Whose variable is at any of the levels."""
        codes = [self.draw.levels[variable].index(x) for x in levels]
        return np.isin(self[variable], codes)

    @cached_property
    def metastatic(self) -> np.ndarray:
        """Stage IV."""
        return ~self.at("m", "M0")

    def cancer_survival(self, years: float, rows: np.ndarray | None = None) -> float:
        """Per cent, other deaths censored: what relative survival estimates."""
        rows = np.ones(self.draw.n, bool) if rows is None else rows
        cancer, other = self.draw.deaths["cancer_death"][rows], self["other_death"][rows]
        day, until = np.minimum(cancer, other), years * YEAR
        event = (cancer <= other) & (cancer <= until)
        return 100 * survival_at(np.minimum(day, until), event, until)

    def alive(self, years: float, rows: np.ndarray | None = None) -> float:
        """Per cent alive, of all causes."""
        death = self.draw.death if rows is None else self.draw.death[rows]
        return 100 * float((death > years * YEAR).mean())

    def dead_of(self, years: float, rows: np.ndarray) -> tuple[float, float]:
        """Per cent dead of the cancer, and of other causes, the one competing with the other."""
        cancer, other = self.draw.deaths["cancer_death"][rows], self["other_death"][rows]
        by = years * YEAR
        return (
            100 * float(((cancer < other) & (cancer <= by)).mean()),
            100 * float(((other <= cancer) & (other <= by)).mean()),
        )


class Populations:
    """``patients`` in each; the number drawn for courses is the same as for baselines."""

    def __init__(self, patients: int, seed: int) -> None:
        self.patients, self.seed = patients, seed

    @cached_property
    def knowledge(self) -> KnowledgeGraph:
        """The bundled graph."""
        return KnowledgeGraph.load("nsclc")

    @cached_property
    def model(self) -> CausalModel:
        """All stages, followed for five years or more."""
        path = bundled("nsclc", "diseases")
        return compile_disease(path, self.knowledge, follow_up_days=(1900, 2200))

    def _course(self, **settings: bool) -> Sample:
        do = (Intervention(name, value) for name, value in settings.items())
        return Sample(self.model.do(*do).sample(self.patients, self.seed))

    @cached_property
    def now(self) -> Sample:
        """Today's treatment."""
        return self._course()

    @cached_property
    def targeted(self) -> Sample:
        """Targeted drugs and no checkpoint inhibitors: until 2015."""
        return self._course(checkpoint_inhibitors=False)

    @cached_property
    def chemotherapy(self) -> Sample:
        """Neither targeted drugs nor checkpoint inhibitors: the years up to 2011."""
        return self._course(checkpoint_inhibitors=False, targeted_therapy=False)

    @cached_property
    def baseline(self) -> Sample:
        """Five times as many, at index only: for shares of small groups."""
        names = [name for name in self.model.mechanisms if name not in self.model.dynamic]
        return Sample(self.model.sample(5 * self.patients, self.seed, variables=names))

    @cached_property
    def trial(self) -> Sample:
        """Whom KEYNOTE-189 would enrol."""
        model = study_model(load_study("keynote189_placebo"), self.knowledge)
        names = [name for name in model.mechanisms if name not in model.dynamic]
        return Sample(model.sample(self.patients, self.seed, variables=names))

    @cached_property
    def untreated(self) -> Sample:
        """Under best supportive care from the first line on; a tenth as many."""
        model = self.model.do(
            Intervention("regimen", "best_supportive_care"), Intervention("later_lines", False)
        )
        return Sample(model.sample(max(self.patients // 10, 1000), self.seed))

    def advanced_median(self, variable: str) -> float:
        """At the first visit of metastatic patients; ``nlr``: neutrophils over lymphocytes."""
        if variable in self.now:
            return float(np.median(self.now[variable][self.now.metastatic]))
        visits = self.now.draw.visits
        rows = (visits["step"] == 0) & self.now.metastatic[visits["patient"]]
        if variable == "nlr":
            return float(np.median(visits["neutrophils"][rows] / visits["lymphocytes"][rows]))
        return float(np.median(visits[variable][rows]))

    @cached_property
    def steady(self) -> Draw:
        """Labs with constant burden under one regimen: only the person's own variation is left."""
        model = self.model.do(
            Intervention("sld", 74.0), Intervention("regimen", "pembrolizumab"),
            Intervention("later_lines", False),
        )  # fmt: skip
        return model.sample(max(self.patients // 5, 2000), self.seed)


def asian_cells(sample: Sample, rows: np.ndarray, women: float) -> list[tuple[float, np.ndarray]]:
    """(share, rows): strata of sex and smoking that make up an Asian series."""
    never, female = sample.at("smoking_status", "never"), sample.at("sex", "female")
    cells = []
    for share, sex, nevers in (
        (women, female, ASIAN_WOMEN_NEVER), (1 - women, ~female, ASIAN_MEN_NEVER),
    ):  # fmt: skip
        cells += [(share * nevers, rows & sex & never), (share * (1 - nevers), rows & sex & ~never)]
    return cells


def weighted(values: np.ndarray, cells: list[tuple[float, np.ndarray]]) -> float:
    """Per cent in a population of another make-up."""
    return 100 * float(sum(share * values[rows].mean() for share, rows in cells if share > 0))


def pooled_egfr(sample: Sample, group: np.ndarray) -> float:
    """Odds ratio within studies, three in four of them East Asian: 32.3 % lies that far between
    Europe's 14.1 and China's 38.4 %. 40 % women is an assumption."""
    egfr = sample["egfr"]
    asian, european = (sample.at("ancestry", a) for a in ("east_asian", "european"))
    weight = np.zeros(len(egfr))
    for share, rows in asian_cells(sample, asian, 0.4):
        weight[rows] = share / rows.sum()
    weight[european] = 1.0 / european.sum()
    total = 0.0
    for studies, rows in ((0.75, asian), (0.25, european)):
        with_, without = (
            float(np.average(egfr[rows & g], weights=weight[rows & g])) for g in (group, ~group)
        )
        total += studies * np.log(odds(with_) / odds(without))
    return float(np.exp(total))


def toronto(sample: Sample, gene: str) -> float:
    """Never-smokers, 46 % Caucasian, 42 % East Asian, 87 % adenocarcinoma."""
    never, adeno = sample.at("smoking_status", "never"), sample.at("histology", "adenocarcinoma")
    european, asian = (sample.at("ancestry", a) for a in ("european", "east_asian"))
    cells = [
        (a * h, never & ancestry & histology)
        for a, ancestry in ((0.46, european), (0.42, asian), (0.12, ~(european | asian)))
        for h, histology in ((0.87, adeno), (0.13, ~adeno))
    ]
    return weighted(sample[gene], cells)


def tcga(sample: Sample, *genes: str) -> float:
    """Adenocarcinoma with 81 % ever-smokers; NaN where a gene is not modelled."""
    if any(gene not in sample for gene in genes):
        return float("nan")
    adeno, never = sample.at("histology", "adenocarcinoma"), sample.at("smoking_status", "never")
    values = np.any([sample[gene] for gene in genes], axis=0)
    return weighted(values, [(0.81, adeno & ~never), (0.19, adeno & never)])


def doubling_days(sample: Sample, *histologies: str) -> float:
    """Median volume doubling time of the untreated, from ln 2 / (3 kg)."""
    visits = sample.draw.visits
    rows = np.flatnonzero(visits["line_starts"])
    rows = rows[sample.at("histology", *histologies)[visits["patient"][rows]]]
    return 7 * float(np.median(np.log(2) / (3 * visits["kg"][rows])))


def lipi_hazard_ratio(sample: Sample, *regimens: str) -> float:
    """Good (neither) against poor (both of dNLR > 3 and LDH > 280 U/L), from the start of line 1.

    dNLR = neutrophils / (leukocytes - neutrophils); without leukocytes as a lab, lymphocytes and a
    tenth of the neutrophils (monocytes and the rest) stand for the difference.
    """
    draw, visits = sample.draw, sample.draw.visits
    codes = [draw.levels["regimen"].index(r) for r in regimens if r in draw.levels["regimen"]]
    starts = visits["line_starts"] & (visits["line"] == 1) & np.isin(visits["regimen"], codes)
    rows = np.flatnonzero(starts)
    neutrophils = visits["neutrophils"][rows]
    rest = np.maximum(visits["leukocytes"][rows] - neutrophils, 0.05)
    score = (neutrophils / rest > 3).astype(int) + (visits["ldh"][rows] > 280)
    days = draw.death[visits["patient"][rows]] - visits["visit_day"][rows]
    until = 3 * YEAR
    frame = pd.DataFrame(
        {
            "days": np.clip(days, 1.0, until),
            "event": days <= until,
            "good": score == 0,
            "middle": score == 1,
        }
    ).astype(float)
    return float(CoxPHFitter().fit(frame, "days", "event").hazard_ratios_["good"])


def within_cv(populations: Populations, lab: str, sex: str | None = None) -> float:
    """Per cent: variation of a person's true values from the sixth visit on.

    From differences between visits far apart (eight), by their quartiles; the truth, so without
    analytical error.
    """
    draw = populations.steady
    visits = draw.visits
    apart = 8
    first = np.flatnonzero(visits["step"][:-apart] >= 6)
    same = visits["patient"][first] == visits["patient"][first + apart]
    first = first[same]
    if sex is not None:
        first = first[Sample(draw).at("sex", sex)[visits["patient"][first]]]
    change = np.log(visits[lab][first + apart]) - np.log(visits[lab][first])
    low, high = np.quantile(change, [0.25, 0.75])
    return 100 * float((high - low) / (2 * 0.67449) / np.sqrt(2))
