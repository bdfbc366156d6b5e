"""What happens between two scans: new metastases, unequivocal worsening of non-target disease."""

from __future__ import annotations

from typing import cast

import numpy as np

from alignment.schemas import SITES
from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.base import select
from cohort.mechanisms.visits import BRAIN, Dynamic, Parents


class BetweenScans(Dynamic):
    """An event since the last scan: rate a week times the effects."""

    own_parents: Parents = (("scan_day", 0),)

    def __init__(self, name: str, variable: spec.Hazard | spec.Spread) -> None:
        super().__init__(name, variable)
        self.rate = variable.rate.value

    def chance(self, frame: Frame) -> Floats:
        """(n,) probability by this scan; 0 without a scan and at an opening visit."""
        state = frame.state
        scanned = ~np.isnan(frame["scan_day"]) & ~state["opens"]
        since = np.maximum(state["previous_scan"], state["line_start"])
        weeks = np.where(scanned, frame["scan_day"] - since, 0.0) / 7.0
        return np.asarray(-np.expm1(-self.rate * np.exp(self.predictor(frame)) * weeks))

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"P({self.name} by the next scan) = 1 - exp(-rate x weeks), "
            f"ln rate = ln {self.rate:g}{self.predictor.equation()}"
        )


class NontargetProgression(BetweenScans):
    """Only where non-target disease is there and not gone."""

    own_parents: Parents = (("scan_day", 0), ("measurement", 0))

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            return np.zeros(frame.n, bool)
        exposed = frame.state["nontarget_present"] & ~frame.state["nontarget_gone_investigator"]
        return exposed & (frame.uniform(self.name) < self.chance(frame))


class Spread(BetweenScans):
    """(n,) int8: 0, or 1 + the code of the site of a new metastasis."""

    def __init__(self, name: str, variable: spec.Spread) -> None:
        super().__init__(name, variable)
        shares = [cast(float, s) for s in variable.sites.values.values()]
        self.logits = [np.full(1, np.log(share)) for share in shares]
        self.codes = np.asarray([1 + SITES.index(s) for s in variable.sites.values], np.int8)

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            return np.zeros(frame.n, np.int8)
        occurs = frame.uniform(self.name) < self.chance(frame)
        site = self.codes[select(self.logits, frame.uniform(f"{self.name}/site"))]
        return np.where(occurs, site, np.int8(0))


class NewLesion(Dynamic):
    """Whether this scan shows a new lesion: one in the brain only where the brain is imaged."""

    own_parents: Parents = (("spread", 0), ("brain_scan", 0))

    def __init__(self, name: str, variable: spec.NewLesion) -> None:
        super().__init__(name, variable)

    def __call__(self, frame: Frame) -> Array:
        state, spread = frame.state, frame["spread"]
        brain = state["brain_hidden"] & frame["brain_scan"]
        outside = (spread > 0) & (spread != BRAIN)
        found = brain & ~outside
        state["brain_known"] = state["brain_known"] | found
        state["brain_hidden"] = state["brain_hidden"] & ~found
        return np.asarray(outside | found)

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = spread outside the brain, or in the brain and the brain is imaged"
