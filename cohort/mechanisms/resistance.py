"""Resistance that a tumour acquires under treatment."""

from __future__ import annotations

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.visits import Dynamic


class Acquired(Dynamic):
    """True from the visit after progression on one of some regimens, in a share of patients.

    One draw a patient decides whether the tumour takes this way, so that twins share it. A policy
    may stop the drug at the visit of progression itself: what counts is the last regimen given.
    """

    def __init__(self, name: str, variable: spec.Acquired, regimens: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.codes = np.array(
            [code for code, regimen in enumerate(regimens) if regimen in variable.regimens], np.int8
        )
        self.own_parents = (("response", 1), ("regimen", 1), (variable.where, 0),
                            (variable.without, 0))  # fmt: skip

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0 or not len(self.codes):
            return np.zeros(frame.n, bool)
        key = f"{self.name}/last"
        given = frame.before["regimen"]
        last = frame.state[key] if frame.step > 1 else np.zeros(frame.n, np.int8)
        last = frame.state[key] = np.where(given > 0, given, last).astype(np.int8)
        held: Array = frame.before[self.name]
        fails = frame.is_level("response", "PD", 1) & ~held & np.isin(last, self.codes)
        fails &= frame[self.v.where] & (frame[self.v.without] == 0)
        if not fails.any():
            return held
        takes = frame.uniform(self.name, step=0) < self.v.probability.value
        return held | (fails & takes)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} with P = {self.v.probability.value:g}, once, at the visit after "
            f"progression on {' or '.join(self.v.regimens)}, if {self.v.where} "
            f"and no {self.v.without}"
        )
