"""Laboratory analytes as mean-reverting processes."""

from __future__ import annotations

from typing import cast

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.base import Predictor
from cohort.mechanisms.visits import Dynamic, Parents
from cohort.numbers import Numbers


class Lab(Dynamic):
    """Latent value on the visit day, in the analyte's unit, before analytical error.

    ln value = person + effects + treatment + deviation. ``person`` is drawn once; ``treatment``
    approaches the regimen's shift with ``response_time`` while doses
    are given, and wears off after the last; ``deviation`` is a first-order
    autoregression whose spread is the within-person variation. With ``sum_of`` this is the rest,
    to which the values of these variables are added.
    """

    own_parents: Parents = (("visit_day", 0),)

    def __init__(
        self,
        name: str,
        variable: spec.Lab,
        regimens: tuple[str, ...],
        dynamic_variables: frozenset[str],
        sexes: tuple[str, ...],
    ) -> None:
        super().__init__(name, variable)
        self.v = variable
        shift = variable.regimen.values if variable.regimen else {}
        self.shift = np.array([cast(float, shift.get(r, 0.0)) for r in regimens])
        self.treated = bool(shift) and variable.response_time is not None
        if self.treated:
            self.own_parents = (("regimen", 1), ("dose", 1), *Lab.own_parents)
        self.own_parents = (*((part, 0) for part in variable.sum_of), *self.own_parents)
        varying = [e for e in variable.effects if e.parent in dynamic_variables]
        self.varying = Predictor(varying)
        self.fixed = Predictor([e for e in variable.effects if e not in varying])
        # A log-normal of coefficient of variation c has log-scale variance ln(1 + c^2).
        cv = variable.within_cv
        self.by_sex = isinstance(cv, Numbers)
        by_sex = [cast(float, cv.values[s]) if isinstance(cv, Numbers) else cv.value for s in sexes]
        self.within_sd = np.sqrt(np.log1p(np.array(by_sex) ** 2))
        if self.by_sex:
            self.own_parents = (*self.own_parents, ("sex", 0))

    def __call__(self, frame: Frame) -> Array:
        log_value = self._person(frame) + self._deviation(frame) + self.varying(frame)
        if self.treated:
            log_value += self._treatment(frame)
        value = np.clip(np.exp(log_value), self.v.range[0], self.v.range[1])
        for part in self.v.sum_of:
            value = value + frame[part]
        return value

    def _person(self, frame: Frame) -> Array:
        key = f"{self.name}/person"
        if frame.step == 0:
            person = np.full(frame.n, np.log(self.v.median.value)) + self.fixed(frame)
            if self.v.between_sd is not None:
                person = person + self.v.between_sd.value * frame.normal(key)
            frame.state[key] = person
        return frame.state[key]

    def _deviation(self, frame: Frame) -> Array:
        key, z = f"{self.name}/deviation", frame.normal(self.name)
        sd = self.within_sd[frame["sex"]] if self.by_sex else self.within_sd[0]
        if frame.step == 0:
            frame.state[key] = sd * z
        else:
            days = frame["visit_day"] - frame.before["visit_day"]
            phi = np.exp(np.log(self.v.persistence.value) * (days / 21.0))
            spread = sd * np.sqrt(1 - phi**2)
            frame.state[key] = phi * frame.state[key] + spread * z
        return frame.state[key]

    def _treatment(self, frame: Frame) -> Array:
        key, state = f"{self.name}/treatment", frame.state
        if frame.step == 0:
            state[key] = np.zeros(frame.n)
        else:
            assert self.v.response_time is not None
            days = frame["visit_day"] - frame.before["visit_day"]
            approach = -np.expm1(-days / self.v.response_time.value)
            given = frame.before["dose"] > 0.0
            toward = np.where(given, self.shift[frame.before["regimen"]], 0.0)
            state[key] = state[key] + approach * (toward - state[key])
        return state[key]

    def equation(self) -> str:
        """The formula in one line."""
        person = f" + {self.v.between_sd.value:g} z_person" if self.v.between_sd else ""
        sd = " or ".join(f"{x:.3g}" for x in dict.fromkeys(self.within_sd))
        return (
            f"ln {self.name} = ln {self.v.median.value:g}{Predictor(self.v.effects).equation()}"
            f"{person}{' + treatment' if self.treated else ''} + {sd} AR(1)"
        )
