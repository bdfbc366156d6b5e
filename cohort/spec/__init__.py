"""The disease file as data: every number with unit, source and status.

A disease is Turtle (which variables there are and what causes what) and one YAML file of this
shape (how much). ``compiler`` holds the two against each other.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from cohort.numbers import Strict
from cohort.spec.base import Variable
from cohort.spec.condition import (
    Decline,
    Lab,
    Lost,
    Missing,
    Performance,
    Symptom,
    Vital,
    Weight,
)
from cohort.spec.disease import (
    BrainScan,
    FollowUp,
    Hazard,
    Lesion,
    Lesions,
    Measurement,
    NewLesion,
    Recist,
    ScanDay,
    Spread,
    Survival,
    TumourBurden,
    TumourFraction,
    VisitDay,
)
from cohort.spec.patient import (
    Allele,
    AlleleFraction,
    Bernoulli,
    Beta,
    Case,
    Cases,
    Categorical,
    Count,
    Earliest,
    Histogram,
    LogNormal,
    Lookup,
    Member,
    Normal,
    OtherDeath,
    Primary,
    Recurrence,
    Setting,
    Tally,
    TCategory,
    Within,
)
from cohort.spec.treatment import (
    Acquired,
    AdverseEvent,
    Dose,
    DoseDelay,
    DoseLimiting,
    FebrileNeutropenia,
    GradedEvent,
    Line,
    Marrow,
    Policy,
    Rate,
    Reporting,
    Rule,
    ToxicityStop,
)

__all__ = [
    "MEASURES",
    "Acquired",
    "AdverseEvent",
    "Allele",
    "AlleleFraction",
    "AnyVariable",
    "Bernoulli",
    "Beta",
    "BrainScan",
    "Case",
    "Cases",
    "Categorical",
    "Count",
    "Decline",
    "DiseaseFile",
    "Dose",
    "DoseDelay",
    "DoseLimiting",
    "Earliest",
    "FebrileNeutropenia",
    "FollowUp",
    "GradedEvent",
    "Hazard",
    "Histogram",
    "Lab",
    "Lesion",
    "Lesions",
    "Line",
    "LogNormal",
    "Lookup",
    "Lost",
    "Marrow",
    "Measurement",
    "Member",
    "Missing",
    "NewLesion",
    "Normal",
    "OtherDeath",
    "Performance",
    "Policy",
    "Primary",
    "Rate",
    "Recist",
    "Recurrence",
    "Reporting",
    "Rule",
    "ScanDay",
    "Setting",
    "Source",
    "Spread",
    "Survival",
    "Symptom",
    "TCategory",
    "Tally",
    "ToxicityStop",
    "TumourBurden",
    "TumourFraction",
    "Variable",
    "VisitDay",
    "Vital",
    "Weight",
    "Within",
]

AnyVariable = Annotated[
    Histogram
    | Bernoulli
    | Categorical
    | Allele
    | AlleleFraction
    | Normal
    | LogNormal
    | Beta
    | Count
    | Tally
    | Member
    | Lookup
    | Setting
    | Cases
    | Within
    | Primary
    | TCategory
    | Recurrence
    | OtherDeath
    | VisitDay
    | ScanDay
    | BrainScan
    | TumourBurden
    | Lesions
    | Measurement
    | FollowUp
    | Hazard
    | Spread
    | NewLesion
    | Recist
    | Line
    | Policy
    | Rate
    | Survival
    | Lab
    | Acquired
    | Earliest
    | Marrow
    | Dose
    | DoseDelay
    | AdverseEvent
    | GradedEvent
    | FebrileNeutropenia
    | Reporting
    | DoseLimiting
    | ToxicityStop
    | Decline
    | Performance
    | Weight
    | Vital
    | Symptom
    | TumourFraction
    | Missing
    | Lost,
    Field(discriminator="kind"),
]


MEASURES = (
    Histogram,
    AlleleFraction,
    Normal,
    LogNormal,
    Beta,
    Count,
    Tally,
    Within,
    Primary,
    Recurrence,
    OtherDeath,
)
"""Baseline variables that are numbers, so that a population asks for a range of them."""


class Source(Strict):
    """One citation."""

    cite: str
    id: str | None = None  # DOI, PMID or PMC id


class DiseaseFile(Strict):
    """``configs/diseases/NAME.yaml``."""

    disease: str
    step_days: int = Field(ge=1)
    study_id: str
    time_zero: str
    data_cutoff: dt.date
    sources: dict[str, Source]
    variables: dict[str, AnyVariable]
