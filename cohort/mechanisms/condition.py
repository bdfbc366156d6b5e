"""How the patient is: performance status, weight, vital signs, symptoms, circulating tumour DNA."""

from __future__ import annotations

from typing import cast

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.visits import Dynamic, Parents

PERFORMANCE_LEVELS = ("0", "1", "2", "3", "4")
WEEK = 7.0


class Drift(Dynamic):
    """A deviation with memory: phi of it is left after 21 days, the spread stays the same."""

    def deviation(self, frame: Frame, sd: float, persistence: float) -> Array:
        """(n,) deviation at this visit; none at the first."""
        key = f"{self.name}/deviation"
        if frame.step == 0:
            frame.state[key] = np.zeros(frame.n)
            return frame.state[key]
        days = frame["visit_day"] - frame.before["visit_day"]
        phi = np.exp(np.log(persistence) * (np.minimum(days, 365.0) / 21.0))
        fresh = sd * np.sqrt(1.0 - phi**2) * frame.normal(self.name)
        frame.state[key] = phi * frame.state[key] + fresh
        return frame.state[key]

    def change(self, frame: Frame) -> Array:
        """(n,) effects now, less effects at the first visit."""
        key = f"{self.name}/origin"
        now = self.predictor(frame) + np.zeros(frame.n)
        if frame.step == 0:
            frame.state[key] = now
        return np.asarray(now - frame.state[key])


class Decline(Dynamic):
    """(n,) 0 until some weeks before the day of death that the last visit left, then up to 1.

    The day is latent and set when a line begins; what a patient shows of it comes from here.
    """

    def __init__(self, name: str, variable: spec.Decline) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents = (("visit_day", 0), (variable.death, 1))

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            return np.zeros(frame.n)
        left = frame.before[self.v.death] - frame["visit_day"]
        return np.clip(1.0 - left / (WEEK * self.v.over.value), 0.0, 1.0)

    def equation(self) -> str:
        """The formula in one line."""
        weeks = self.v.over.value
        return f"{self.name} = 1 - weeks to {self.v.death} / {weeks:g}, between 0 and 1"


class Performance(Drift):
    """ECOG performance status: a latent scale cut at whole numbers, starting in the index class."""

    def __init__(self, name: str, variable: spec.Performance) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents = (("visit_day", 0), (variable.start, 0))

    def __call__(self, frame: Frame) -> Array:
        key = f"{self.name}/start"
        if frame.step == 0:
            frame.state[key] = frame[self.v.start] + frame.uniform(self.name)
        drift = self.deviation(frame, self.v.sd.value, self.v.persistence.value)
        scale = frame.state[key] + self.change(frame) + drift
        return np.clip(np.floor(scale), 0, len(PERFORMANCE_LEVELS) - 1).astype(np.int8)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} = floor({self.v.start} + u{self.predictor.equation()}, less these at the "
            f"first visit, + {self.v.sd.value:g} AR(1)), 0 to 4"
        )


class Weight(Drift):
    """Body weight, kg: that at index times what has changed since."""

    def __init__(self, name: str, variable: spec.Weight) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents = (("visit_day", 0), (variable.start, 0))

    def __call__(self, frame: Frame) -> Array:
        drift = self.deviation(frame, self.v.sd.value, self.v.persistence.value)
        low, high = self.v.range
        early = self.v.early_loss.value * np.expm1(-frame["visit_day"] / self.v.over_days.value)
        change = self.change(frame) + early + drift
        return np.clip(frame[self.v.start] * np.exp(change), low, high)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"ln({self.name} / {self.v.start}) = change of{self.predictor.equation()} "
            f"- {self.v.early_loss.value:g} (1 - exp(-day / {self.v.over_days.value:g})) "
            f"+ {self.v.sd.value:g} AR(1)"
        )


class Vital(Dynamic):
    """A vital sign: person, effects, noise of the day."""

    def __init__(self, name: str, variable: spec.Vital) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        v, key = self.v, f"{self.name}/person"
        if frame.step == 0:
            frame.state[key] = v.between_sd.value * frame.normal(key)
        value = v.mean.value + frame.state[key] + self.predictor(frame)
        value = value + v.within_sd.value * frame.normal(self.name)
        return np.round(np.clip(value, *v.range), v.decimals)

    def equation(self) -> str:
        """The formula in one line."""
        v = self.v
        return (
            f"{self.name} = {v.mean.value:g}{self.predictor.equation()} "
            f"+ {v.between_sd.value:g} z_person + {v.within_sd.value:g} z"
        )


class Symptom(Dynamic):
    """(n,) int8: 0 absent, else CTCAE grade 1 to 3; one that was there tends to stay."""

    def __init__(self, name: str, variable: spec.Symptom) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents: Parents = ((name, 1),)
        share = variable.base.value
        self.logit = float(np.log(share / (1.0 - share)))
        shares = np.array([cast(float, s) for s in variable.grades.values.values()])
        self.worse = 1.0 - np.cumsum(shares)[:-1]

    def __call__(self, frame: Frame) -> Array:
        score = np.asarray(self.logit + self.predictor(frame))
        if frame.step > 0:
            # What stays also leaves: the mean over time is that of the base.
            score = score + self.v.stays.value * ((frame.before[self.name] > 0) - self.v.base.value)
        odds = np.exp(score)
        chance = odds / (1.0 + odds)
        # Among those who have it the same draw, rescaled, says how badly.
        badly = frame.uniform(self.name) / chance
        grade = (badly < 1.0).astype(np.int8)
        for share in self.worse:
            grade += badly < share
        return grade

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"logit P({self.name}) = {self.logit:.3g}{self.predictor.equation()} "
            f"+ {self.v.stays.value:g} ([present before] - {self.v.base.value:g})"
        )


class TumourFraction(Dynamic):
    """Share of tumour DNA in plasma at a scan, before the detection limit; NaN without a scan."""

    own_parents: Parents = (("scan_day", 0),)

    def __init__(self, name: str, variable: spec.TumourFraction) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        v = self.v
        log_share = np.log(v.median.value) + self.predictor(frame)
        log_share = log_share + v.sd_log.value * frame.normal(self.name)
        share = np.minimum(np.exp(log_share), v.most.value)
        return np.where(np.isnan(frame["scan_day"]), np.nan, share)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"ln {self.name} = ln {self.v.median.value:g}{self.predictor.equation()} "
            f"+ {self.v.sd_log.value:g} z; reported from {self.v.limit.value:g} on"
        )
