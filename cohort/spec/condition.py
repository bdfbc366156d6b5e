"""How the patient is, visit by visit, and what is not on record."""

from __future__ import annotations

from typing import Literal

from cohort.numbers import Effect, Number, Numbers
from cohort.spec.base import Variable


class Lab(Variable):
    """A laboratory analyte as a mean-reverting process on the log scale.

    Without ``regimen`` treatment acts through the parents only; ``sum_of``: see ``labs.Lab``;
    ``within_cv``: one number, or one for each sex.
    """

    kind: Literal["lab"]
    median: Number
    between_sd: Number | None = None
    within_cv: Number | Numbers
    analytical_cv: Number
    persistence: Number
    response_time: Number | None = None
    regimen: Numbers | None = None
    panel: Literal["haematology", "chemistry", "markers", "thyroid"] = "chemistry"
    sum_of: tuple[str, ...] = ()
    range: tuple[float, float]
    decimals: int


class Decline(Variable):
    """How far a patient is in the last weeks before death from ``death``, from 0 to 1."""

    kind: Literal["decline"]
    death: str
    over: Number


class Performance(Variable):
    """ECOG performance status over time; ``start``: the variable with that at index."""

    kind: Literal["performance"]
    start: str
    sd: Number
    persistence: Number


class Weight(Variable):
    """Body weight over time; ``start``: the variable with that at index. ``early_loss``: what is
    lost, on the log scale, over the first ``over_days`` of illness."""

    kind: Literal["weight"]
    start: str
    early_loss: Number
    over_days: Number
    sd: Number
    persistence: Number
    range: tuple[float, float]


class Vital(Variable):
    """A vital sign at a visit."""

    kind: Literal["vital"]
    mean: Number
    between_sd: Number
    within_sd: Number
    range: tuple[float, float]
    decimals: int


class Symptom(Variable):
    """A symptom at a visit, by grade; ``stays``: what presence before adds to the logit."""

    kind: Literal["symptom"]
    base: Number
    stays: Number
    grades: Numbers


class Missing(Variable):
    """Whether something is not recorded at a visit, and by which mechanism.

    Rates are probabilities at the reference of their effects; ``mar_effects`` read baseline
    variables only, which are always on record; ``mnar_effects`` read what may not be.
    """

    kind: Literal["missing"]
    mcar: Number
    mar: Number
    mnar: Number
    mar_effects: tuple[Effect, ...] = ()
    mnar_effects: tuple[Effect, ...] = ()


class Lost(Variable):
    """Loss to follow-up after a visit; what happens then is true and not on record.

    Hazard ``rate`` a week; ``withdrawal``: share that withdraw.
    """

    kind: Literal["lost"]
    rate: Number
    withdrawal: Number
