"""Response by RECIST 1.1, from one reader's measurements."""

from __future__ import annotations

import numpy as np

from alignment.schemas import RESPONSES
from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.visits import Dynamic

RESPONSE_LEVELS = ("none", *RESPONSES)
_KEPT = ("sld_measured", "last_sum", "baseline", "nadir", "target_response")


class Recist(Dynamic):
    """RECIST 1.1 overall response (Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026)."""

    def __init__(self, name: str, variable: spec.Recist, measurement: str) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.measurement = measurement
        own = (measurement, "new_lesion", "nontarget_progression", "scan_day")
        self.own_parents = (*((parent, 0) for parent in own), ("line", 1))

    def __call__(self, frame: Frame) -> Array:
        state, scanned = frame.state, ~np.isnan(frame["scan_day"])
        kept = {key: f"{key}_{self.v.assessor}" for key in _KEPT}
        total, gone = self._targets(frame)
        state[kept["sld_measured"]] = np.where(scanned, total, np.nan)
        if frame.step == 0:
            state[kept["last_sum"]] = state[kept["baseline"]] = state[kept["nadir"]] = total
            state[kept["target_response"]] = np.zeros(frame.n, np.int8)
            return np.zeros(frame.n, np.int8)
        self._open_line(frame, kept)
        target = self._target_response(state[kept["baseline"]], state[kept["nadir"]], total, gone)
        overall = target.copy()
        others_gone = state[f"nontarget_gone_{self.v.assessor}"]
        overall[(target == _CR) & ~others_gone] = _PR
        overall[frame["new_lesion"] | (frame["nontarget_progression"] & ~others_gone)] = _PD
        assessed = scanned & ~state["opens"]
        state[kept["target_response"]] = np.where(assessed, target, 0).astype(np.int8)
        nadir = np.minimum(state[kept["nadir"]], total)
        state[kept["nadir"]] = np.where(assessed, nadir, state[kept["nadir"]])
        state[kept["last_sum"]] = np.where(scanned, total, state[kept["last_sum"]])
        return np.where(assessed, overall, 0).astype(np.int8)

    def _open_line(self, frame: Frame, kept: dict[str, str]) -> None:
        """A line that began at the last visit is judged against the last sum before it."""
        began = frame.state["line_began"]
        for key in ("baseline", "nadir"):
            frame.state[kept[key]] = np.where(
                began, frame.state[kept["last_sum"]], frame.state[kept[key]]
            )

    def _targets(self, frame: Frame) -> tuple[Floats, Array]:
        """Sum of target diameters, and whether all are gone (nodes below the normal size)."""
        measured, state = frame[self.measurement], frame.state
        target = state["lesion_present"] & state["lesion_target"]
        node = state["lesion_node"]
        total, gone = np.zeros(frame.n), np.ones(frame.n, bool)
        for slot in range(measured.shape[1]):
            size = np.where(node[slot], measured[1, slot], measured[0, slot])
            size = np.where(target[slot], size, 0.0)
            total += size
            gone &= size < np.where(node[slot], self.v.node_normal.value, 0.5)
        return total, gone

    def _target_response(
        self, baseline: Floats, nadir: Floats, total: Floats, gone: Array
    ) -> Array:
        response = np.full(len(total), _SD, np.int8)
        # Sums are whole mm; rounding keeps 0.7 x 90 from being 62.99999999999999.
        response[total <= np.round((1.0 - self.v.partial.value) * baseline, 6)] = _PR
        grown = total - nadir
        progressed = (grown >= np.round(self.v.progression.value * nadir, 6)) & (
            grown >= self.v.progression_mm.value
        )
        response[gone] = _CR
        response[progressed & ~gone] = _PD
        return response

    def equation(self) -> str:
        """The formula in one line."""
        return (
            "PD if a new lesion, non-target progression, or the sum is "
            f">= {self.v.progression.value:.0%} and >= {self.v.progression_mm.value:g} mm above "
            f"nadir; PR if >= {self.v.partial.value:.0%} below baseline; CR if all targets are gone"
        )


_CR, _PR, _SD, _PD = (RESPONSE_LEVELS.index(level) for level in ("CR", "PR", "SD", "PD"))
