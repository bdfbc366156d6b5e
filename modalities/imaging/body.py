"""What one patient's body is like: volumes and areas that the atlas is deformed to reach."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Subject
from ontology.evidence import Parameter

CT_SHARE_OF_TLC = Parameter(
    0.827, "1", "59 adults referred for COPD, CT at full inspiration, supine",
    "mean 5.34 L on CT v 6.46 L by plethysmography, PMC3292389", "confirmed",
)  # fmt: skip
CHEST_AREA_SHARE = Parameter(
    1.85, "1", "adults, arms raised",
    "chest cross-section over the body's mean one, weight/height/(1 kg/L); no study found, set so"
    " that the atlas's own fat layer belongs to a body-mass index near 26 kg/m2", "assumption",
)  # fmt: skip
HEART_AT_BSA = Parameter(
    0.60, "L", "atlas patient, at a body surface of 1.83 m2",
    "taken as proportional to body surface; no CT equation for this label was found", "assumption",
)  # fmt: skip
_LAMBDA = {"male": 0.9337, "female": 0.4636}


@dataclass(frozen=True, slots=True)
class Body:
    """Targets for one patient, the same over all visits.

    lung_litres: lungs with their tissue, on CT at inspiration. chest_m2: mean cross-section at the
    height of the lungs. heart_litres. aspect: relative stretch (z, y, x), product 1.
    """

    lung_litres: float
    chest_m2: float
    heart_litres: float
    aspect: tuple[float, float, float]


def total_lung_capacity(sex: str, age: float, height_cm: float, z: float = 0.0) -> float:
    """Total lung capacity in litres, ``z`` standard deviations from the median.

    Hall et al., Eur Respir J 2021;57:2000289, doi:10.1183/13993003.00289-2020 (Global Lung
    Function Initiative, static volumes, LMS method). The age splines, which add at most a few per
    cent in adults, are left out.
    """
    if sex == "male":
        median = math.exp(-10.5861 + 0.1433 * math.log(age) + 2.3155 * math.log(height_cm))
        spread = math.exp(-2.0616143 - 0.0008534 * age)
    else:
        median = math.exp(-10.1128 + 0.1062 * math.log(age) + 2.2259 * math.log(height_cm))
        spread = math.exp(-2.0999321 + 0.0001564 * age)
    power = _LAMBDA["male" if sex == "male" else "female"]
    return float(median * (1 + power * spread * z) ** (1 / power))


def body_surface(subject: Subject) -> float:
    """Body surface in m2: Mosteller 1987, doi:10.1056/NEJM198710223171717."""
    return math.sqrt(subject.height_cm * subject.weight_kg / 3600)


def of(plan: EncounterPlan) -> Body:
    """The body of the plan's patient: the same for every plan of that patient."""
    subject, patient = plan.subject, plan.patient_index
    z = Noise(plan.seed, "imaging.body").generator(patient).standard_normal(4).clip(-2.0, 2.0)
    lungs = total_lung_capacity(subject.sex, subject.age, subject.height_cm, float(z[0]))
    mean_area = subject.weight_kg / 1000 / (subject.height_cm / 100)
    # Deep and wide chests vary by a few per cent against height (assumption).
    stretch = [math.exp(0.03 * float(z[1])), math.exp(0.03 * float(z[2])), 1.0]
    mean = math.prod(stretch) ** (1 / 3)
    return Body(
        lung_litres=CT_SHARE_OF_TLC.value * lungs,
        chest_m2=CHEST_AREA_SHARE.value * mean_area,
        heart_litres=HEART_AT_BSA.value
        * body_surface(subject)
        / 1.83
        * math.exp(0.1 * float(z[3])),
        aspect=(stretch[0] / mean, stretch[1] / mean, stretch[2] / mean),
    )
