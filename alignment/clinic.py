"""ClinicPlan: what the oncology clinic note of one visit may say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from alignment import identifiers
from alignment.canonical import canonical_json, sha256_of

Trend = Literal["rising", "falling", "stable"]
Step = Literal[
    "local", "start", "continue", "reduce", "hold", "defer", "stop", "supportive", "off_treatment",
]  # fmt: skip
"""What the visit decides: local treatment; the first dose of a line; the next one, in full, at a
lower dose than the last, omitted, or not given that day; the end of a line; supportive care; no
treatment before one begins or since one ended."""

KIND = "clinic_note"


def is_local(row: Mapping[str, Any]) -> bool:
    """Whether a row of tables/treatments is to cure, without drugs: local treatment."""
    return row["intent"] == "curative" and not row["rxnorm"]


@dataclass(frozen=True, slots=True)
class Treatment:
    """A line of therapy so far; ``stop`` is None where it had not been stopped by the visit.

    ``drugs``: names of the regimen's; ``given``: those of the last dose given or due; ``cycles``:
    infusions given so far, None for drugs taken daily; ``induction``: those before the drugs
    changed, None while they had not.
    """

    line: int
    intent: str
    regimen: str
    rxnorm: str
    start: dt.date
    stop: dt.date | None
    stop_reason: str | None
    drugs: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    cycles: int | None = None
    induction: int | None = None

    @property
    def local(self) -> bool:
        """Surgery or radiotherapy alone."""
        return is_local({"intent": self.intent, "rxnorm": self.rxnorm})

    @property
    def supportive(self) -> bool:
        """Best supportive care."""
        return self.intent == "supportive"


@dataclass(frozen=True, slots=True)
class DoseToday:
    """What was given at the visit: share of the full dose, 0 where omitted, and of which drugs."""

    cycle: int
    drugs: tuple[str, ...]
    relative_dose: float
    action: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Toxicity:
    """An adverse event of the current line: CTCAE grade at the visit (0: gone) and worst so far."""

    code: str
    name: str
    grade: int
    worst: int


@dataclass(frozen=True, slots=True)
class Symptom:
    """A symptom at the visit that is not told as toxicity, graded by the patient as in CTCAE."""

    code: str
    name: str
    grade: int


@dataclass(frozen=True, slots=True)
class Lab:
    """A value of the visit and the last one before it, as reported, in ``unit``."""

    loinc: str
    name: str
    value: float
    unit: str
    flag: str
    grade: int
    decimals: int = 1
    prior: float | None = None
    prior_date: dt.date | None = None
    trend: Trend | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The latest RECIST assessment; ``sld_mm`` is the sum of target diameters."""

    date: dt.date
    response: str
    new_lesion: bool
    sld_mm: int


@dataclass(frozen=True)
class ClinicPlan:
    """One clinic visit: facts of that day and before. The same plan always gives the same note.

    ``age``: on the day; ``stage`` and ``histology``: at diagnosis.
    """

    seed: int
    model: str
    patient_id: str
    day: int
    date: dt.date
    age: int
    sex: str
    smoking_status: str
    pack_years: float
    histology: str
    stage: str
    pdl1_tps: int
    drivers: tuple[str, ...]  # gene and change, EGFR p.Leu858Arg; empty without genomics
    recurrence: dt.date | None
    recurrence_scan: dt.date | None  # the scan that showed it
    treatments: tuple[Treatment, ...]
    dose: DoseToday | None
    toxicities: tuple[Toxicity, ...]
    symptoms: tuple[Symptom, ...]
    ecog: int | None
    weight_kg: float | None
    weight_index_kg: float
    labs: tuple[Lab, ...]
    assessment: Assessment | None
    step: Step

    @property
    def patient_index(self) -> int:
        """The number that keys the patient's noise."""
        return identifiers.patient_index(self.patient_id)

    @property
    def current(self) -> Treatment | None:
        """The line begun last."""
        return self.treatments[-1] if self.treatments else None

    @cached_property
    def json(self) -> str:
        """Canonical JSON."""
        return canonical_json(self)

    @cached_property
    def digest(self) -> str:
        """sha256 of ``json``."""
        return sha256_of(self.json)
