"""A study: who is eligible at its time zero, what they get, when they are scanned, who reads.

Time zero is the start of the study's line of therapy (randomisation), not diagnosis: a patient of
a second-line study is alive, has progressed and is eligible on that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from alignment.run import Wanted, bundled
from cohort import conditions
from cohort.compiler import compile_disease
from cohort.frame import Array
from cohort.model import CausalModel, Draw, Intervention
from cohort.numbers import Strict
from cohort.tables import tumour
from cohort.tables.lines import Lines
from cohort.tables.treatment import line_survival
from ontology.evidence import Status
from ontology.knowledge import KnowledgeGraph
from ontology.yamlfile import read_yaml

MONTH = 365.25 / 12
Endpoint = Literal["os", "pfs", "orr"]


class Published(Strict):
    """One published result, with its 95 % interval where there is one."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    source: str
    status: Status


class Study(Strict):
    """``configs/studies/NAME.yaml``."""

    study: str
    title: str
    disease: str
    line: int = Field(ge=1)
    regimen: str
    earlier: dict[int, str] = Field(default_factory=dict)
    population: dict[str, Wanted]
    at_start: dict[str, Wanted] = Field(default_factory=dict)
    settings: dict[str, bool] = Field(default_factory=dict)
    scan_weeks: tuple[float, ...]
    scan_every_weeks: float
    assessor: Literal["investigator", "central"]
    follow_up_months: float
    published: dict[str, Published]


def load_study(name: str) -> Study:
    """A bundled study by name."""
    return read_yaml(bundled(name, "studies")).parse(Study)


def study_model(
    study: Study, knowledge: KnowledgeGraph, numbers: Mapping[str, float] | None = None
) -> CausalModel:
    """The disease under the study's eligibility, treatment and schedule.

    ``numbers``: other values for numbers of the disease file, by path.
    """
    days = round(study.follow_up_months * MONTH)
    path: Path = bundled(study.disease, "diseases")
    model = compile_disease(
        path,
        knowledge,
        population=study.population,
        follow_up_days=(days, days + 1),
        scans=(study.scan_weeks, study.scan_every_weeks),
        assessors=tuple(dict.fromkeys(("investigator", study.assessor))),
        numbers=numbers,
    )
    forced = {**study.earlier, study.line: study.regimen}
    return model.do(
        *(Intervention(name, value) for name, value in study.settings.items()),
        *(Intervention("regimen", regimen, line) for line, regimen in forced.items()),
    )


@dataclass(frozen=True)
class Arm:
    """The eligible patients of one draw, one entry each; days from the study's time zero."""

    study: Study
    model: CausalModel
    draw: Draw

    @cached_property
    def lines(self) -> Lines:
        """All lines of the draw."""
        return Lines.of(self.model, self.draw)

    @cached_property
    def rows(self) -> Array:
        """Entries of ``lines`` that are in the study."""
        at_line = self.lines.line == self.study.line
        visits = self.draw.visits
        starts = np.flatnonzero(visits["line_starts"])
        for name, wanted in self.study.at_start.items():
            values = visits[name][starts] if name in visits else None
            if values is None:
                values = self.draw.baseline[name][self.lines.patient]
            at_line = at_line & conditions.holds(values, self.draw.levels.get(name), wanted)
        return np.flatnonzero(at_line)

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """``patient`` (position in the draw), ``os_days``, ``os_event``, ``pfs_days``,
        ``pfs_event``, ``pfs_cause``, ``best_response``, ``confirmed_response`` (codes)."""
        lines, rows = self.lines, self.rows
        found = line_survival(lines, self.study.assessor)
        name = next(
            key
            for key, v in self.model.disease.variables.items()
            if getattr(v, "kind", "") == "recist" and v.assessor == self.study.assessor  # type: ignore[union-attr]
        )
        best, confirmed = tumour.best(self.draw, name, lines, self.study.assessor)
        return pd.DataFrame(
            {
                "patient": lines.patient[rows],
                "os_days": (found["end"] - found["start"])[rows],
                "os_event": found["died"][rows],
                "pfs_days": (found["pfs_end"] - found["start"])[rows],
                "pfs_event": found["pfs_event"][rows],
                "pfs_cause": found["cause"][rows],
                "best_response": best[rows],
                "confirmed_response": confirmed[rows],
            }
        )

    def summary(self) -> dict[str, float]:
        """Median OS and PFS in months and confirmed ORR in per cent."""
        frame = self.outcomes
        return {
            "os": median(frame["os_days"].to_numpy(), frame["os_event"].to_numpy()) / MONTH,
            "pfs": median(frame["pfs_days"].to_numpy(), frame["pfs_event"].to_numpy()) / MONTH,
            "orr": 100.0 * float((frame["confirmed_response"] <= 1).mean()),
        }


def run_study(study: Study, model: CausalModel, patients: int, seed: int) -> Arm:
    """Draw ``patients`` from the study's population; the eligible ones at time zero are its arm."""
    return Arm(study, model, model.sample(patients, seed))


def median(days: Array, event: Array) -> float:
    """Kaplan-Meier median; infinite where half never have the event."""
    return quantile(days, event, 0.5)


def quantile(days: Array, event: Array, share: float) -> float:
    """First day on which at most ``share`` are left without the event, by Kaplan-Meier."""
    times, left = kaplan_meier(days, event)
    reached = np.flatnonzero(left <= share + 1e-12)  # products of fractions round
    return float(times[reached[0]]) if len(reached) else float("inf")


def survival_at(days: Array, event: Array, day: float) -> float:
    """Kaplan-Meier estimate of the share without the event after ``day``."""
    times, left = kaplan_meier(days, event)
    before = int(np.searchsorted(times, day, side="right"))
    return float(left[before - 1]) if before else 1.0


def kaplan_meier(days: Array, event: Array) -> tuple[Array, Array]:
    """Event times and the product-limit estimate after each."""
    times, at = np.unique(days, return_inverse=True)
    events = np.bincount(at, weights=event, minlength=len(times))
    leaving = np.bincount(at, minlength=len(times))
    at_risk = len(days) - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    return times, np.cumprod(1.0 - events / at_risk)
