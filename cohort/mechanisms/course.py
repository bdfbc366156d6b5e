"""The course of treatment: hazards, response, line, regimen, death."""

from __future__ import annotations

import numpy as np

from alignment.schemas import RESPONSES
from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.visits import NO_REGIMEN, Dynamic, Parents

RESPONSE_LEVELS = ("none", *RESPONSES)


class Hazard(Dynamic):
    """Whether an event fell between the last scan and this one."""

    own_parents: Parents = (("scan_day", 0),)

    def __init__(self, name: str, variable: spec.Hazard) -> None:
        super().__init__(name, variable)
        self.v = variable
        if variable.needs_nontarget:
            self.own_parents = (*Hazard.own_parents, ("measurement", 0))

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            frame.state["last_scan"] = frame["scan_day"].copy()
            return np.zeros(frame.n, bool)
        scanned = ~np.isnan(frame["scan_day"])
        since = np.maximum(frame.state["last_scan"], frame.state["line_start"])
        if self.v.needs_nontarget:
            scanned &= frame.state["nontarget_present"] & ~frame.state["nontarget_gone"]
        weeks = np.where(scanned, frame["scan_day"] - since, 0.0) / 7.0
        rate = self.v.rate.value * np.exp(self.predictor(frame))
        return scanned & (frame.uniform(self.name) < -np.expm1(-rate * weeks))

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"P({self.name} by the next scan) = 1 - exp(-rate x weeks), "
            f"ln rate = ln {self.v.rate.value:g}{self.predictor.equation()}"
        )


class Recist(Dynamic):
    """RECIST 1.1 overall response (Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026)."""

    own_parents: Parents = (
        ("measurement", 0),
        ("new_lesion", 0),
        ("nontarget_progression", 0),
        ("scan_day", 0),
    )

    def __init__(self, name: str, variable: spec.Recist) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        state, scanned = frame.state, ~np.isnan(frame["scan_day"])
        total, gone = self._targets(frame)
        state["sld_measured"] = np.where(scanned, total, np.nan)
        if frame.step == 0:
            state["last_sum"] = total
            state["target_response"] = np.zeros(frame.n, np.int8)
            return np.zeros(frame.n, np.int8)
        state["last_scan"] = np.where(scanned, frame["scan_day"], state["last_scan"])
        target = self._target_response(state["sum_baseline"], state["sum_nadir"], total, gone)
        state["target_response"] = np.where(scanned, target, 0).astype(np.int8)
        overall = target.copy()
        overall[(target == _CR) & ~state["nontarget_gone"]] = _PR
        overall[frame["new_lesion"] | frame["nontarget_progression"]] = _PD
        state["sum_nadir"] = np.where(
            scanned, np.minimum(state["sum_nadir"], total), state["sum_nadir"]
        )
        state["last_sum"] = np.where(scanned, total, state["last_sum"])
        return np.where(scanned, overall, 0).astype(np.int8)

    def _targets(self, frame: Frame) -> tuple[Floats, Array]:
        """Sum of target diameters, and whether all are gone (nodes below the normal size)."""
        measured, state = frame["measurement"], frame.state
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


class Line(Dynamic):
    """1, 2, ...; a next line starts at the visit after progression, with a probability."""

    own_parents: Parents = (("response", 1), ("visit_day", 0), ("sld", 0))

    def __init__(self, name: str, variable: spec.Line) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        state, n = frame.state, frame.n
        if frame.step == 0:
            starts, previous = np.ones(n, bool), np.zeros(n)
            state["line_start"], state["line_sld"] = np.zeros(n), np.zeros(n)
            state["sum_baseline"], state["sum_nadir"] = np.zeros(n), np.zeros(n)
        else:
            previous = frame.before[self.name]
            chance = np.zeros(n)
            for line in range(1, self.v.maximum):  # one draw a line, so that twins share it
                u = frame.uniform(self.name, slot=line, step=0)
                chance = np.where(previous == line, u, chance)
            starts = frame.is_level("response", "PD", 1) & (previous < self.v.maximum)
            starts &= chance < self.v.next_line.value
        state["line_starts"] = starts
        for key, value in (
            ("line_start", frame["visit_day"]),
            ("line_sld", frame["sld"]),
            ("sum_baseline", state["last_sum"]),
            ("sum_nadir", state["last_sum"]),
            ("scan_index", 0.0),
        ):
            state[key] = np.where(starts, value, state[key])
        return np.asarray(previous + starts)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} + 1 at the visit after progression with P = {self.v.next_line.value:g}, "
            f"at most {self.v.maximum}"
        )


class Policy(Dynamic):
    """The regimen: chosen when a line starts, none after progression."""

    own_parents: Parents = (("line", 0), ("response", 0))

    def __init__(
        self, name: str, variable: spec.Policy, levels: dict[str, tuple[str, ...]]
    ) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.levels = levels
        self.regimens = (NO_REGIMEN, *variable.regimens)
        conditions = {key for rule in variable.rules for key in rule.when}
        named = tuple((key, 0) for key in sorted(conditions - {"line", "previous"}))
        self.own_parents = (*Policy.own_parents, *named)

    def __call__(self, frame: Frame) -> Array:
        state, n = frame.state, frame.n
        if frame.step == 0:
            state["last_regimen"] = np.zeros(n, np.int8)
            running = np.zeros(n, np.int8)
        else:
            running = np.where(frame.is_level("response", "PD"), 0, frame.before[self.name])
        if not state["line_starts"].any():
            return running.astype(np.int8)
        chosen, decided = np.zeros(n, np.int8), np.zeros(n, bool)
        for rule in self.v.rules:
            applies = ~decided
            for key, wanted in rule.when.items():
                applies &= self._holds(frame, key, wanted)
            chosen[applies] = self.regimens.index(rule.regimen)
            decided |= applies
        return np.where(state["line_starts"], chosen, running).astype(np.int8)

    def remember(self, frame: Frame) -> None:
        """Keep the regimen of this line for the next decision (after any intervention)."""
        regimen = frame[self.name]
        frame.state["last_regimen"] = np.where(
            regimen > 0, regimen, frame.state["last_regimen"]
        ).astype(np.int8)

    def intervene(self, frame: Frame, value: int) -> Array:
        """Under ``do(regimen)`` a patient on treatment gets that regimen; stopping stays."""
        return np.where(frame[self.name] > 0, value, 0).astype(np.int8)

    def _holds(self, frame: Frame, key: str, wanted: str | bool | int) -> Array:
        if key == "previous":
            return frame.state["last_regimen"] == self.regimens.index(str(wanted))
        if isinstance(wanted, str):
            return frame.is_level(key, wanted)
        return frame[key] == wanted

    def equation(self) -> str:
        """The formula in one line."""
        rules = [
            f"{rule.regimen} if {' and '.join(f'{k} = {w}' for k, w in rule.when.items())}"
            if rule.when
            else rule.regimen
            for rule in self.v.rules
        ]
        return f"{self.name} at the start of a line: " + "; else ".join(rules)


class Survival(Dynamic):
    """Day of death, (n,) float64: log-normal from the start of each line, given its TGI."""

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
        if frame.step == 0:
            return drawn
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
