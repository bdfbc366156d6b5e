"""Tumour growth inhibition (TGI) of the sum of target diameters.

SLD(t) = SLD_0 (exp(kg t) + exp(-ks t) - 1), t in weeks since the line began
(Stein 2011, doi:10.1158/1078-0432.CCR-10-1762; rates: Struemper 2025, PMID 39985158).
"""

from __future__ import annotations

import numpy as np

from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.visits import NO_REGIMEN, Dynamic, Parents

GROWTH_CAP = 5.0
"""exp of at most this: a patient whose sum would grow 150-fold is dead long before."""


class Rate(Dynamic):
    """kg or ks, 1/week: drawn when a line starts, held until the next."""

    own_parents: Parents = (("regimen", 0), ("line", 0))

    def __init__(self, name: str, variable: spec.Rate, regimens: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents = ((variable.eta, 0), *Rate.own_parents)
        values = [variable.typical[r].value for r in regimens if r != NO_REGIMEN]
        self.log_typical = np.log(np.array([1.0, *values]))
        active = variable.active if variable.active is not None else regimens
        self.active = np.array([float(r in active) for r in regimens])

    def __call__(self, frame: Frame) -> Array:
        regimen = frame["regimen"]
        effects = self.active[regimen] * self.predictor(frame)
        drawn = np.exp(self.log_typical[regimen] + effects + frame[self.v.eta])
        if frame.step == 0:
            return drawn
        return np.where(frame.state["line_starts"], drawn, frame.before[self.name])

    def equation(self) -> str:
        """The formula in one line."""
        only = f" (effects on {', '.join(self.v.active)} only)" if self.v.active else ""
        return (
            f"ln {self.name} = ln typical[regimen]{self.predictor.equation()} + {self.v.eta}{only}"
        )


class TumourBurden(Dynamic):
    """Latent SLD on the visit day, mm, under the line that has run until then."""

    own_parents: Parents = (
        ("sld_baseline", 0),
        ("recurrence_sld", 0),
        ("kg", 1),
        ("ks", 1),
        ("visit_day", 0),
        ("line", 1),
    )

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            return frame["sld_baseline"].copy()
        running = burden_on(frame, frame["visit_day"])
        return np.where(frame.state["opens"], frame["recurrence_sld"], running)

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = {self.name}(line start) (exp(kg t) + exp(-ks t) - 1), t in weeks"


def burden_on(frame: Frame, day: Floats) -> Floats:
    """(n,) mm: SLD on any day of the running line; before its start, the value at its start."""
    weeks = np.maximum(day - frame.state["line_start"], 0.0) / 7.0
    growth = np.exp(np.minimum(frame.before["kg"] * weeks, GROWTH_CAP))
    shrinkage = np.exp(-frame.before["ks"] * weeks)
    return np.asarray(frame.state["line_sld"] * (growth + shrinkage - 1.0))


def burden_at_scan(frame: Frame) -> Floats:
    """(n,) mm: SLD on the day of the scan; without a scan, on the day of the visit."""
    day = np.where(np.isnan(frame["scan_day"]), frame["visit_day"], frame["scan_day"])
    if frame.step == 0:
        return frame["sld"]
    return np.where(frame.state["opens"], frame["sld"], burden_on(frame, day))
