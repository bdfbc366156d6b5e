"""Laboratory analytes as mean-reverting processes."""

from __future__ import annotations

from typing import cast

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.base import Predictor
from cohort.mechanisms.visits import Dynamic, Parents


class Lab(Dynamic):
    """Latent value on the visit day, in the analyte's unit, before analytical error.

    ln value = person + effects + treatment + deviation. ``person`` is drawn once; ``treatment``
    approaches the regimen's shift with ``response_time``; ``deviation`` is a first-order
    autoregression whose spread is the within-person variation.
    """

    own_parents: Parents = (("regimen", 1), ("visit_day", 0))

    def __init__(
        self,
        name: str,
        variable: spec.Lab,
        regimens: tuple[str, ...],
        dynamic_variables: frozenset[str],
    ) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.shift = np.array([cast(float, variable.regimen.values.get(r, 0.0)) for r in regimens])
        varying = [e for e in variable.effects if e.parent in dynamic_variables]
        self.varying = Predictor(varying)
        self.fixed = Predictor([e for e in variable.effects if e not in varying])
        # A log-normal of coefficient of variation c has log-scale variance ln(1 + c^2).
        self.within_sd = float(np.sqrt(np.log1p(variable.within_cv.value**2)))

    def __call__(self, frame: Frame) -> Array:
        state, v = frame.state, self.v
        person, treatment, deviation = (
            f"{self.name}/{part}" for part in ("person", "treatment", "deviation")
        )
        z = frame.normal(self.name)
        if frame.step == 0:
            between = v.between_sd.value * frame.normal(person)
            state[person] = np.log(v.median.value) + between + self.fixed(frame)
            state[treatment] = np.zeros(frame.n)
            state[deviation] = self.within_sd * z
        else:
            days = frame["visit_day"] - frame.before["visit_day"]
            target = self.shift[frame.before["regimen"]]
            approach = -np.expm1(-days / v.response_time.value)
            state[treatment] = state[treatment] + approach * (target - state[treatment])
            phi = np.exp(np.log(v.persistence.value) * (days / 21.0))
            state[deviation] = phi * state[deviation] + self.within_sd * np.sqrt(1 - phi**2) * z
        log_value = state[person] + state[treatment] + state[deviation] + self.varying(frame)
        return np.clip(np.exp(log_value), v.range[0], v.range[1])

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"ln {self.name} = ln {self.v.median.value:g}{Predictor(self.v.effects).equation()} "
            f"+ {self.v.between_sd.value:g} z_person + treatment + {self.within_sd:.3g} AR(1)"
        )
