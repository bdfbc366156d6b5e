"""What is never recorded: missed visits, missing values, patients lost.

A value may be missing completely at random (MCAR), for reasons that are on record (MAR), or for
reasons that are not (MNAR). Each has a draw of its own; the first that strikes, in that order, is
kept as the mechanism.
"""

from __future__ import annotations

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.base import Predictor
from cohort.mechanisms.visits import Dynamic, Parents


class Missing(Dynamic):
    """(n,) int8: 0 recorded, else 1 + the code of ``schemas.MECHANISMS``."""

    own_parents: Parents = (("visit_day", 0), ("response", 1))

    def __init__(self, name: str, variable: spec.Missing) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.parts = [
            (variable.mcar.value, Predictor(())),
            (variable.mar.value, Predictor(variable.mar_effects)),
            (variable.mnar.value, Predictor(variable.mnar_effects)),
        ]

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        found = (p for _, predictor in self.parts for p in predictor.parents)
        return tuple(dict.fromkeys((*self.own_parents, *found)))

    def __call__(self, frame: Frame) -> Array:
        result = np.zeros(frame.n, np.int8)
        if frame.step == 0:
            return result
        draws = frame.thirds(self.name)
        for code in (2, 1, 0):  # the first in the order of the mechanisms overwrites
            rate, predictor = self.parts[code]
            odds = rate / (1.0 - rate) * np.exp(predictor(frame))
            strikes = draws[code] * (1.0 + odds) < odds
            result[strikes] = code + 1
        # The visits at which disease opens or treatment is decided are kept.
        result[frame.state["opens"] | frame.is_level("response", "PD", 1)] = 0
        return result

    def equation(self) -> str:
        """The formula in one line."""
        v = self.v
        return (
            f"{self.name}: MCAR {v.mcar.value:g}; MAR {v.mar.value:g}"
            f"{self.parts[1][1].equation()} (logit); MNAR {v.mnar.value:g}"
            f"{self.parts[2][1].equation()} (logit)"
        )


class Lost(Dynamic):
    """(n,) int8: 0 still followed, 1 lost to follow-up after this visit, 2 withdrawn."""

    own_parents: Parents = (("visit_day", 0),)

    def __init__(self, name: str, variable: spec.Lost) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            return np.zeros(frame.n, np.int8)
        weeks = (frame["visit_day"] - frame.before["visit_day"]) / 7.0
        rate = self.v.rate.value * np.exp(self.predictor(frame))
        draws = frame.thirds(self.name)
        strikes = (draws[0] < -np.expm1(-rate * weeks)) & ~frame.state["opens"]
        withdrawn = draws[1] < self.v.withdrawal.value
        return np.where(strikes, 1 + withdrawn, 0).astype(np.int8)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"P({self.name}) = 1 - exp(-rate x weeks), ln rate = ln {self.v.rate.value:g}"
            f"{self.predictor.equation()}"
        )
