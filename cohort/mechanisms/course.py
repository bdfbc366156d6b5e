"""The course of treatment: lines of therapy and the regimen of each."""

from __future__ import annotations

import numpy as np

from alignment.run import Wanted
from cohort import conditions, spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.visits import NO_REGIMEN, Dynamic, Parents

PREVIOUS = "previous"
"""In a rule: the regimen of the line before."""


class Line(Dynamic):
    """1, 2, ...; a next line starts at the visit after progression, with a probability."""

    def __init__(self, name: str, variable: spec.Line) -> None:
        super().__init__(name, variable)
        self.v = variable
        own = ("visit_day", "scan_day", "sld", variable.local, variable.later_lines)
        self.own_parents = (("response", 1), *((parent, 0) for parent in own))
        share = variable.next_line.value
        self.logit = float(np.log(share / (1.0 - share)))

    def __call__(self, frame: Frame) -> Array:
        state, n = frame.state, frame.n
        if frame.step == 0:
            starts, previous = ~frame[self.v.local], np.zeros(n)
            state["line_start"], state["line_sld"] = np.zeros(n), np.zeros(n)
        else:
            previous = frame.before[self.name]
            starts = self._next(frame, previous) | state["opens"]
        state["line_starts"] = starts
        for key, value in (
            ("line_start", frame["visit_day"]),
            ("line_sld", frame["sld"]),
            ("scan_index", 0),
        ):
            state[key] = np.where(starts, value, state[key])
        return np.asarray(previous + starts)

    def _next(self, frame: Frame, previous: Floats) -> Array:
        progressed = frame.is_level("response", "PD", 1) & (previous < self.v.maximum)
        progressed &= frame[self.v.later_lines]
        if not progressed.any():
            return progressed
        u = np.zeros(frame.n)
        for line in range(1, self.v.maximum):  # one draw a line, so that twins share it
            drawn = frame.uniform(self.name, slot=line, step=0)
            u = np.where(previous == line, drawn, u)
        odds = np.exp(self.logit + self.predictor(frame))
        return np.asarray(progressed & (u * (1.0 + odds) < odds))

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} + 1 at the visit after progression with logit P = {self.logit:.3g}"
            f"{self.predictor.equation()}, at most {self.v.maximum}"
        )


class Policy(Dynamic):
    """The regimen: chosen when a line starts, none after progression."""

    own_parents: Parents = (("line", 0), ("response", 0))

    def __init__(self, name: str, variable: spec.Policy) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.regimens = (NO_REGIMEN, *variable.regimens)
        wanted = {key for rule in variable.rules for key in rule.when}
        named = tuple((key, 0) for key in sorted(wanted - {"line", PREVIOUS}))
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

    def _holds(self, frame: Frame, key: str, wanted: Wanted) -> Array:
        if key == PREVIOUS:
            return conditions.holds(frame.state["last_regimen"], self.regimens, wanted)
        return conditions.holds(frame[key], frame.levels.get(key), wanted)

    def equation(self) -> str:
        """The formula in one line."""
        rules = [
            f"{rule.regimen} if {' and '.join(f'{k} = {w}' for k, w in rule.when.items())}"
            if rule.when
            else rule.regimen
            for rule in self.v.rules
        ]
        return f"{self.name} at the start of a line: " + "; else ".join(rules)
