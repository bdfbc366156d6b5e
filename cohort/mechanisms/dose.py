"""Doses: how much of the full dose is given at a visit, and how late."""

from __future__ import annotations

from typing import cast

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.visits import Dynamic, Parents


class Dose(Dynamic):
    """Relative dose at this visit: 0 where none is given, omitted or the plan is completed.

    ``state["dose_cycle"]``: doses given in this line, this visit's among them. ``["dose_level"]``:
    0 full dose, 1, 2 reduced. ``["treatment_completed"]``: all planned cycles were given.
    ``["treatment_ended"]``: toxicity ended it for the rest of the line.
    ``["dose_omitted"]``: a dose was due and withheld.
    """

    own_parents: Parents = (
        ("regimen", 0),
        ("line", 0),
        ("neutrophils", 0),
        ("dose_limiting", 0),
        ("toxicity_stop", 0),
    )

    def __init__(self, name: str, variable: spec.Dose, regimens: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        missed = ((variable.missed, 0),) if variable.missed else ()
        self.own_parents = (*Dose.own_parents, *missed)
        planned = variable.planned.values
        self.planned = np.array([cast(float, planned.get(r, np.inf)) for r in regimens])
        self.given = np.array([r not in ("none", *variable.not_dosed) for r in regimens])
        self.reducible = np.array([r in variable.reducible for r in regimens])
        self.counted = np.array([r in variable.by_count for r in regimens])
        self.levels = np.array([float(cast(float, x)) for x in variable.levels.values.values()])

    def __call__(self, frame: Frame) -> Array:
        state, regimen = frame.state, frame["regimen"]
        if frame.step == 0:
            state["dose_cycle"] = np.zeros(frame.n, np.int16)
            state["dose_level"] = np.zeros(frame.n, np.int8)
            state["treatment_ended"] = np.zeros(frame.n, bool)
        starts, limiting = state["line_starts"], frame["dose_limiting"]
        level = np.where(starts, 0, state["dose_level"])
        level = np.where(
            (limiting == 2) & ~starts & self.reducible[regimen],
            np.minimum(level + 1, len(self.levels) - 1),
            level,
        )
        cycle = np.where(starts, 0, state["dose_cycle"])
        due = self.given[regimen] & (cycle < self.planned[regimen])
        state["treatment_completed"] = self.given[regimen] & ~due
        state["treatment_ended"] = ~starts & (state["treatment_ended"] | frame["toxicity_stop"])
        due &= ~state["treatment_ended"]
        withheld = self.counted[regimen] & (frame["neutrophils"] < self.v.omit_neutrophils.value)
        withheld |= (limiting > 0) & ~starts & ~self.reducible[regimen]
        if self.v.missed is not None:
            withheld |= frame[self.v.missed] > 0
        state["dose_omitted"] = due & withheld
        dosed = due & ~withheld
        state["dose_level"] = level.astype(np.int8)
        state["dose_cycle"] = (cycle + dosed).astype(np.int16)
        return np.where(dosed, self.levels[level], 0.0)

    def equation(self) -> str:
        """The formula in one line."""
        levels = ", ".join(f"{x:g}" for x in self.levels)
        return (
            f"{self.name} = {levels}: one level down after a dose-limiting toxicity; 0 if "
            f"neutrophils < {self.v.omit_neutrophils.value:g} 10*9/L or all cycles are given"
        )


class DoseDelay(Dynamic):
    """Days by which the dose of this visit is delayed: low counts, or a toxicity that lowers it.

    ``state["dose_low_counts"]``: counts are why.
    """

    own_parents: Parents = (
        ("regimen", 0),
        ("dose", 0),
        ("neutrophils", 0),
        ("platelets", 0),
        ("dose_limiting", 0),
    )

    def __init__(self, name: str, variable: spec.DoseDelay, regimens: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.counted = np.array([r in variable.by_count for r in regimens])

    def __call__(self, frame: Frame) -> Array:
        low = (frame["neutrophils"] < self.v.neutrophils.value) | (
            frame["platelets"] < self.v.platelets.value
        )
        frame.state["dose_low_counts"] = low
        toxic = (frame["dose_limiting"] == 2) & ~frame.state["line_starts"]
        late = (low | toxic) & (frame["dose"] > 0) & self.counted[frame["regimen"]]
        return np.where(late, np.int8(self.v.days.value), np.int8(0))

    def equation(self) -> str:
        """The formula in one line."""
        v = self.v
        return (
            f"{self.name} = {v.days.value:g} if neutrophils < {v.neutrophils.value:g} or "
            f"platelets < {v.platelets.value:g} 10*9/L, or after a toxicity that lowers the dose"
        )
