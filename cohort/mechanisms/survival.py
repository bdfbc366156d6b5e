"""Death: from the cancer given the growth of the running line, from anything, the earlier."""

from __future__ import annotations

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.visits import Dynamic, Parents


class Survival(Dynamic):
    """Day of death from cancer, (n,) float64: log-normal from the start of a line given its TGI."""

    own_parents: Parents = (
        ("kg", 0),
        ("ks", 0),
        ("sld", 0),
        ("neutrophils", 0),
        ("lymphocytes", 0),
        ("line", 0),
    )

    def __init__(self, name: str, variable: spec.Survival) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        v, kg, ks = self.v, frame["kg"], frame["ks"]
        time_to_growth = np.maximum(0.0, (np.log(ks) - np.log(kg)) / (kg + ks))
        nlr = frame["neutrophils"] / frame["lymphocytes"]
        mean = (
            v.intercept.value
            + v.shift.value
            + v.growth.value * kg / (kg + v.growth_half.value)
            + v.regrowth.value * (time_to_growth - v.regrowth_reference.value)
            + v.nlr.value * (nlr - v.nlr_reference.value)
            + self.predictor(frame)
        )
        z = np.zeros(frame.n)
        for line in range(1, int(frame["line"].max(initial=0)) + 1):  # one draw a line
            here = frame["line"] == line
            z = np.where(here, frame.normal(self.name, slot=line, step=0), z)
        days = np.ceil(np.exp(mean + np.exp(v.log_sigma.value) * z))
        drawn = frame["visit_day"] + np.clip(days, 1.0, 36500.0)
        if frame.step == 0:  # without advanced disease no death from it
            return np.where(frame["line"] > 0, drawn, np.inf)
        return np.where(frame.state["line_starts"], drawn, frame.before[self.name])

    def equation(self) -> str:
        """The formula in one line."""
        v = self.v
        return (
            f"ln days from line start = {v.intercept.value:g} + {v.shift.value:g} "
            f"+ {v.growth.value:g} kg / (kg + {v.growth_half.value:g}) "
            f"+ {v.regrowth.value:g} (TTG - {v.regrowth_reference.value:g}) "
            f"+ {v.nlr.value:g} (NLR - {v.nlr_reference.value:g}){self.predictor.equation()} "
            f"+ {float(np.exp(v.log_sigma.value)):.3f} z"
        )


class Earliest(Dynamic):
    """The earliest of several days."""

    def __init__(self, name: str, variable: spec.Earliest) -> None:
        super().__init__(name, variable)
        self.own_parents = tuple((day, 0) for day in variable.days)
        self.days = variable.days

    def __call__(self, frame: Frame) -> Array:
        result = frame[self.days[0]]
        for day in self.days[1:]:
            result = np.minimum(result, frame[day])
        return result

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = min({', '.join(self.days)})"
