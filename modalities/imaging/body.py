"""What one patient's body is like: volumes and girth that the atlas is deformed to reach."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Subject
from ontology.evidence import Parameter

CT_SHARE_OF_TLC = Parameter(
    0.827, "1", "59 adults referred for COPD, CT at full inspiration, supine",
    "mean 5.34 L on CT v 6.46 L by plethysmography, PMC3292389; used for lungs without COPD too",
    "confirmed",
)  # fmt: skip
INSPIRATION = Parameter(
    0.93, "1", "CT volume over that at full inspiration, median of patients",
    "set so that lungs without COPD have the volume of 564 healthy adults by sex, height and weight"
    " (doi:10.2147/COPD.S187596) and those with it come near 5.34 L (PMC3292389); radiologists take"
    " half of the images at 75-84 % of capacity for full inspiration (Vikgren, Eur Radiol 2003;"
    "13:1235)", "calibrated",
)  # fmt: skip
INSPIRATION_SD = Parameter(
    0.10, "1", "CT volume over its expected one, between patients",
    "0.088 follows from r = 0.92 and SD 1.20 L at a mean of 5.34 L (PMC3292389, coached); 0.15"
    " from +-1,766 mL about 4,668 mL, sex, height and weight known (doi:10.2147/COPD.S187596;"
    " read as 1.96 SD), less the spread of capacity itself; set between them", "calibrated",
)  # fmt: skip
COPD_OF_TLC = {
    "male": Parameter(
        1.10, "1", "1,231 men with COPD, GOLD 1-4, mean age 66",
        "total lung capacity 114.9 % (SD 16.6) of ECSC 1993, which is 0.96 of Hall 2021 at 176 cm;"
        " table at openres.ersjournals.com/highwire/markup/15144. GOLD 1 and 2 alone: 111 and"
        " 119 % of another prediction (PMC5120321)", "calibrated",
    ),
    "female": Parameter(
        1.18, "1", "757 women with COPD, GOLD 1-4, mean age 64",
        "total lung capacity 126.5 % (SD 18.4) of ECSC 1993, which is 0.936 of Hall 2021 at"
        " 163 cm; same table", "calibrated",
    ),
}  # fmt: skip
COPD_SD = Parameter(
    0.08, "1", "adults with COPD",
    "what must be added to Hall's spread of 0.12 to reach 16.6/114.9 and 18.4/126.5 = 0.145;"
    " openres.ersjournals.com/highwire/markup/15144", "calibrated",
)  # fmt: skip
COPD_DEPTH_SHARE = Parameter(
    0.5, "1", "adults with COPD",
    "how much of the added volume deepens the chest, the rest lowers the diaphragm: between"
    " depth/width 0.66 v 0.61 on CT (doi:10.4046/trd.2017.0095) and none but the diaphragm on"
    " radiographs (doi:10.1378/chest.119.2.376)", "calibrated",
)  # fmt: skip
_HEINZ = "J Stat Educ 2003;11(2)"
GIRTH = {
    "male": Parameter(
        96.01, "cm", "247 active men, 18-65 y, at the nipples, mid-expiration",
        f"our regression on the data of Heinz 2003, {_HEINZ}, with the slopes below",
        "calibrated",
    ),
    "female": Parameter(
        81.44, "cm", "260 active women, 18-67 y, above the breasts, mid-expiration",
        f"our regression on the data of Heinz 2003, {_HEINZ}, with the slopes below",
        "calibrated",
    ),
}  # fmt: skip
_GIRTH_SLOPES = {"male": (0.6364, -0.2518, 4.12), "female": (0.5943, -0.1904, 3.18)}
"""cm per kg, cm per cm of height, and residual SD in cm; same regression."""
GIRTH_BY_LUNGS = Parameter(
    0.7, "1", "adults",
    "correlation of girth and lung capacity at one height and weight; a wide rib cage is both, no"
    " figure found", "assumption",
)  # fmt: skip
INSPIRED_CM = Parameter(
    2.4, "cm", "251 adults, 18-88 y, upper chest",
    "half of 4.82 cm from full expiration to full inspiration, both sexes alike (Derasse, Respir"
    " Care 2021;66(4):661); that mid-expiration is half way is an assumption", "calibrated",
)  # fmt: skip
HEART_AT_BSA = Parameter(
    0.55, "L", "men, at a body surface of 1.83 m2",
    "set so that the cardiothoracic ratio on axial CT has the median of radiographs, see"
    " tests/modalities/test_imaging_bodies.py", "calibrated",
)  # fmt: skip
HEART_FEMALE = Parameter(
    0.87, "1", "569 healthy adults, CT, Copenhagen",
    "upper limits of chambers and muscle by body surface, women over men: mean of 0.81, 0.86,"
    " 0.85, 0.95 and 0.86; Fuchs, Eur Heart J Cardiovasc Imaging 2016;17:1009", "secondary",
)  # fmt: skip
HEART_SD = Parameter(
    0.24,
    "1",
    "adults",
    "set so that the cardiothoracic ratio has its published spread",
    "calibrated",
)
_LAMBDA = {"male": 0.9337, "female": 0.4636}


@dataclass(frozen=True, slots=True)
class Body:
    """Targets for one patient, the same over all visits.

    lung_litres: lungs with their tissue, on CT at inspiration. girth_mm: round the chest at the
    height of the nipples. heart_litres. aspect: relative stretch (z, y, x), product 1.
    """

    lung_litres: float
    girth_mm: float
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


def hyperinflation(subject: Subject, z: float = 0.0) -> float:
    """Total lung capacity over that of healthy lungs, ``z`` SD from the median; 1 without COPD."""
    if not subject.copd:
        return 1.0
    sex = "male" if subject.sex == "male" else "female"
    return COPD_OF_TLC[sex].value * math.exp(COPD_SD.value * z)


def chest_girth(subject: Subject, z: float = 0.0) -> float:
    """Girth of the chest at inspiration in mm, ``z`` SD from the mean."""
    sex = "male" if subject.sex == "male" else "female"
    by_weight, by_height, spread = _GIRTH_SLOPES[sex]
    girth = GIRTH[sex].value + by_weight * subject.weight_kg + by_height * subject.height_cm
    return 10 * (girth + spread * z + INSPIRED_CM.value)


def heart_volume(subject: Subject, z: float = 0.0) -> float:
    """Volume of the heart in litres, ``z`` SD from the median: in proportion to body surface."""
    share = 1.0 if subject.sex == "male" else HEART_FEMALE.value
    at_mean = HEART_AT_BSA.value * share * math.exp(HEART_SD.value * z)
    return at_mean * body_surface(subject) / 1.83


def of(plan: EncounterPlan) -> Body:
    """The body of the plan's patient: the same for every plan of that patient."""
    subject, patient = plan.subject, plan.patient_index
    draw = Noise(plan.seed, "imaging.body").generator(patient).standard_normal(7).clip(-2.0, 2.0)
    z = [float(value) for value in draw]
    capacity = total_lung_capacity(subject.sex, subject.age, subject.height_cm, z[0])
    breath = INSPIRATION.value * math.exp(INSPIRATION_SD.value * z[4])
    inflated = hyperinflation(subject, z[5])
    deeper = inflated**COPD_DEPTH_SHARE.value
    # Deep and long chests vary by a few per cent (assumption). A breath lowers the diaphragm.
    stretch = [
        math.exp(0.03 * z[1]) * breath * inflated / deeper,
        math.exp(0.03 * z[2]) * deeper,
        1.0,
    ]
    mean = math.prod(stretch) ** (1 / 3)
    frame = GIRTH_BY_LUNGS.value * z[0] + math.sqrt(1 - GIRTH_BY_LUNGS.value**2) * z[6]
    return Body(
        lung_litres=CT_SHARE_OF_TLC.value * capacity * inflated * breath,
        # A tape goes round depth and width about equally.
        girth_mm=chest_girth(subject, frame) * (1 + deeper) / 2,
        heart_litres=heart_volume(subject, z[3]),
        aspect=(stretch[0] / mean, stretch[1] / mean, stretch[2] / mean),
    )
