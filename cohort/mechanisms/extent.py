"""Extent of disease at index, and what comes of treatment with curative intent; once a patient."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.special import ndtri

from cohort import conditions, spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.baseline import Static

DAYS_A_YEAR = 365.25


class Setting(Static):
    """The same for every patient; ``do`` changes it."""

    def __init__(self, name: str, variable: spec.Setting) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        return np.full(frame.n, self.v.value)

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = {self.v.value}"


class Cases(Static):
    """A definition by first match."""

    def __init__(self, name: str, variable: spec.Cases, levels: tuple[str, ...] | None) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.codes = [
            levels.index(cast(str, case.value)) if levels else case.value for case in variable.cases
        ]
        self.type = np.int8 if levels else np.bool_

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return tuple((key, 0) for key in dict.fromkeys(k for c in self.v.cases for k in c.when))

    def __call__(self, frame: Frame) -> Array:
        result: Array = np.zeros(frame.n, self.type)
        decided = np.zeros(frame.n, bool)
        for case, code in zip(self.v.cases, self.codes, strict=True):
            applies = ~decided
            for key, wanted in case.when.items():
                applies &= conditions.holds(frame[key], frame.levels.get(key), wanted)
            result[applies] = code
            decided |= applies
        return result

    def equation(self) -> str:
        """The formula in one line."""
        cases = (
            f"{case.value} if {' and '.join(f'{k} = {w}' for k, w in case.when.items())}"
            if case.when
            else str(case.value)
            for case in self.v.cases
        )
        return f"{self.name} = " + "; else ".join(cases)


class Primary(Static):
    """The primary's share of the sum of target diameters, mm; the others are equal on average."""

    def __init__(self, name: str, variable: spec.Primary, lesions: spec.Lesions) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.first, *others = lesions.lesions
        self.others = [x for x in others if x.target]

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        named = tuple((x.present, 0) for x in self.others)
        return tuple(dict.fromkeys(((self.v.sum, 0), *named)))

    def __call__(self, frame: Frame) -> Array:
        least, weight = _size(self.first)
        mine = weight * np.exp(self.v.share_sd.value * ndtri(frame.uniform(self.name)))
        total, floor = mine.copy(), np.full(frame.n, least)
        for lesion in self.others:
            other_least, other = _size(lesion)
            total += other * frame[lesion.present]
            floor += other_least * frame[lesion.present]
        return np.asarray(least + mine / total * (frame[self.v.sum] - floor))

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = minimum + share x ({self.v.sum} - minima), ln share ~ normal"


def _size(lesion: spec.Lesion) -> tuple[float, float]:
    assert lesion.minimum is not None and lesion.weight is not None  # the compiler has checked
    return lesion.minimum.value, lesion.weight.value


class TCategory(Static):
    """T by size, or by invasion where that makes it higher."""

    def __init__(self, name: str, variable: spec.TCategory, levels: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.cuts = np.array([cast(float, cut) for cut in variable.sizes.values.values()])
        self.raised = [
            (levels.index(level), cast(float, share))
            for level, share in variable.invasion.values.items()
        ]

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return ((self.v.size, 0),)

    def __call__(self, frame: Frame) -> Array:
        by_size = np.searchsorted(self.cuts, frame[self.v.size], side="left").astype(np.int8)
        u = frame.uniform(self.name)
        result, below = by_size, 0.0
        for code, share in self.raised:
            here = (u >= below) & (u < below + share)
            result = np.where(here, np.maximum(by_size, code), result)
            below += share
        return result.astype(np.int8)

    def equation(self) -> str:
        """The formula in one line."""
        cuts = ", ".join(f"{k} <= {c:g} mm" for k, c in self.v.sizes.values.items())
        return f"{self.name} by {self.v.size} ({cuts}); higher where invasion makes it so"


class Recurrence(Static):
    """Day of recurrence after local therapy: cured with a probability, else log-normal."""

    def __init__(self, name: str, variable: spec.Recurrence, levels: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        cured = np.array([cast(float, variable.cured.values[level]) for level in levels])
        self.logit = np.log(cured / (1.0 - cured))
        self.log_median = np.log([cast(float, variable.median.values[level]) for level in levels])

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        own = ((self.v.by, 0), (self.v.local, 0))
        return tuple(dict.fromkeys((*own, *self.predictor.parents)))

    def __call__(self, frame: Frame) -> Array:
        by, local = frame[self.v.by], frame[self.v.local]
        if not local.any():
            return np.zeros(frame.n)
        odds = np.exp(self.logit[by] + self.predictor(frame))
        cured = frame.uniform(self.name, slot=1) * (1.0 + odds) < odds
        days = np.exp(self.log_median[by] + self.v.sd_log.value * frame.normal(self.name))
        days = np.ceil(np.maximum(days, self.v.earliest.value))
        return np.where(local, np.where(cured, np.inf, days), 0.0)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"logit P(cured) = by {self.v.by}{self.predictor.equation()}; "
            f"else ln {self.name} = ln median by {self.v.by} + {self.v.sd_log.value:g} z"
        )


class OtherDeath(Static):
    """Day of death from other causes, by inversion of the Gompertz survival from the age on."""

    def __init__(self, name: str, variable: spec.OtherDeath) -> None:
        super().__init__(name, variable)
        self.v = variable

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return tuple(dict.fromkeys((("age", 0), *self.predictor.parents)))

    def __call__(self, frame: Frame) -> Array:
        slope = self.v.slope.value
        years = frame["age"] - self.v.reference_age
        hazard = np.exp(np.log(self.v.rate.value) + slope * years + self.predictor(frame))
        waited: Floats = np.log1p(-slope * np.log(frame.uniform(self.name)) / hazard) / slope
        return np.ceil(np.clip(waited * DAYS_A_YEAR, 1.0, 36500.0))

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"ln hazard a year = ln {self.v.rate.value:g} + {self.v.slope.value:g} "
            f"(age - {self.v.reference_age:g}){self.predictor.equation()}, rising with age"
        )
