"""Adverse events since the last visit, and what they mean for treatment."""

from __future__ import annotations

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.visits import Dynamic, Parents


class DoseLimiting(Dynamic):
    """A toxicity since the last visit for which the next dose is lowered or withheld, (n,) bool."""

    def __init__(self, name: str, variable: spec.DoseLimiting) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents: Parents = (("marrow", 0), *((event, 0) for event in variable.events))

    def __call__(self, frame: Frame) -> Array:
        limiting = frame.state["marrow_low_days"] > self.v.low_days.value
        for event, grade in self.v.events.items():
            limiting |= frame[event] >= grade
        return limiting

    def equation(self) -> str:
        """The formula in one line."""
        events = "".join(f" or {event} >= {grade}" for event, grade in self.v.events.items())
        return f"{self.name} = more than {self.v.low_days.value:g} days below 0.5 10*9/L{events}"


class ToxicityStop(Dynamic):
    """Treatment must end: an event that rules it out, grade 4 again, or no dose level left."""

    def __init__(self, name: str, variable: spec.ToxicityStop) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents: Parents = (
            ("dose_limiting", 0),
            ("dose", 1),
            ("regimen", 1),
            *((event, 0) for event in variable.ending),
        )

    def __call__(self, frame: Frame) -> Array:
        state = frame.state
        if frame.step == 0:
            state["grade_4_events"] = np.zeros(frame.n, np.int8)
            return np.zeros(frame.n, bool)
        stop = frame["dose_limiting"] & (state["dose_level"] >= self.v.reductions.value)
        again = np.where(state["line_starts"], 0, state["grade_4_events"])
        for event, grade in self.v.ending.items():
            stop |= frame[event] >= grade
            again = again + (frame[event] == 4)
        state["grade_4_events"] = again.astype(np.int8)
        return (stop | (again >= 2)) & (frame.before["regimen"] > 0)

    def equation(self) -> str:
        """The formula in one line."""
        events = "".join(f" or {event} >= {grade}" for event, grade in self.v.ending.items())
        return (
            f"{self.name} = dose-limiting toxicity after {self.v.reductions.value:g} reductions"
            f"{events} or a second event of grade 4"
        )
