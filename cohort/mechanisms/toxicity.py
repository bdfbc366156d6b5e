"""Adverse events since the last visit: how bad they were, who reports them, what they mean.

Each event is one int8 grade a visit, 0 where there was none since the last visit. Beside it
``state[NAME + "/new"]`` says whether it began or worsened since then. Grade 5 is not generated:
death has its own mechanism.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.special import ndtr

from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.visits import Dynamic, Parents

GRADES = ("1", "2", "3", "4")


def is_new(frame: Frame, event: str) -> Array:
    """Whether an event began or worsened since the last visit."""
    return frame.state[f"{event}/new"]


def line_began(frame: Frame, name: str) -> Array:
    """Who began a line at the last visit, as ``name`` has not yet seen; call once a visit."""
    key, line = f"{name}/line", frame.before["line"]
    began = line > frame.state[key]
    frame.state[key] = line.astype(np.int8)
    return began


class AdverseEvent(Dynamic):
    """An event that comes once a line, some time after its start, and lasts.

    At the start of a line chance, grade and onset are drawn for that line's regimen; the event is
    there from its onset for its duration, if the patient is still treated when it comes.
    """

    own_parents: Parents = (("visit_day", 0), ("line", 1), ("regimen", 1))

    def __init__(self, name: str, variable: spec.AdverseEvent, regimens: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        incidence = variable.incidence.values
        self.incidence = np.array([cast(float, incidence.get(r, 0.0)) for r in regimens])
        shares = np.array([cast(float, variable.grades.values.get(g, 0.0)) for g in GRADES])
        self.above = np.cumsum(shares / shares.sum())[:-1]

    def __call__(self, frame: Frame) -> Array:
        state, name = frame.state, self.name
        if frame.step == 0:
            state[f"{name}/line"] = np.zeros(frame.n, np.int8)
            state[f"{name}/onset"] = np.full(frame.n, np.inf)
            state[f"{name}/grade"] = np.zeros(frame.n, np.int8)
            state[f"{name}/new"] = np.zeros(frame.n, bool)
            return np.zeros(frame.n, np.int8)
        started = np.flatnonzero(line_began(frame, name))
        if len(started):
            self._draw(frame, started)
        day, onset = frame["visit_day"], state[f"{name}/onset"]
        before = frame.before["visit_day"]
        new = (onset > before) & (onset <= day)
        new &= frame.before["regimen"] > 0
        # Who was not treated at the onset is spared for good.
        state[f"{name}/onset"] = onset = np.where((onset <= day) & (onset > before) & ~new,
                                                  np.inf, onset)  # fmt: skip
        state[f"{name}/new"] = new
        there = (onset <= day) & (before < onset + 7.0 * self.v.duration.value)
        return np.where(there, state[f"{name}/grade"], np.int8(0))

    def _draw(self, frame: Frame, started: Array) -> None:
        regimen = frame.before["regimen"][started]
        z, late = frame.normal_pair(self.name, 0, started)
        u, chance = ndtr(z), self.incidence[regimen]
        weeks = self.v.onset.value * np.exp(self.v.onset_sd.value * late)
        start = frame.before["visit_day"][started]
        onset = np.where(u < chance, start + np.ceil(7.0 * weeks), np.inf)
        # Below the chance the same number is even again: it decides the grade.
        rest = u / np.maximum(chance, 1e-12)
        grade = 1 + sum((rest >= bound).astype(np.int8) for bound in self.above)
        frame.state[f"{self.name}/onset"][started] = onset
        frame.state[f"{self.name}/grade"][started] = grade.astype(np.int8)

    def equation(self) -> str:
        """The formula in one line."""
        v = self.v
        return (
            f"P({self.name} in a line) by regimen; onset {v.onset.value:g} wk x exp("
            f"{v.onset_sd.value:g} z), for {v.duration.value:g} wk"
        )


class GradedEvent(Dynamic):
    """An event that is a laboratory value beyond the bounds of a grade, (n,) int8.

    ``dip``: the worst value since the last visit is the value now times (neutrophil nadir / count
    now) to that power. Grades count only where worse than at the start of the line.
    """

    def __init__(
        self,
        name: str,
        variable: spec.GradedEvent,
        regimens: tuple[str, ...],
        levels: tuple[str, ...],
    ) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents: Parents = ((variable.value, 0), ("line", 1), ("regimen", 1))
        if variable.dip is not None and variable.value != "marrow":
            self.own_parents = (*self.own_parents, ("marrow", 0))
        if variable.by is not None:
            self.own_parents = (*self.own_parents, (variable.by, 0))
        rows = [variable.bounds.values[level] for level in levels] if variable.by else [
            variable.bounds.values
        ]  # fmt: skip
        keys = [g for g in GRADES if g in cast("dict[str, float]", rows[0])]
        self.bounds = [np.array([cast("dict[str, float]", row)[g] for row in rows]) for g in keys]
        dip = variable.dip.values if variable.dip else {}
        self.dip = np.array([cast(float, dip.get(r, 0.0)) for r in regimens])

    def __call__(self, frame: Frame) -> Array:
        state, name = frame.state, self.name
        if frame.step == 0:
            state[f"{name}/line"] = np.zeros(frame.n, np.int8)
            state[f"{name}/raw"] = self._grade(frame, frame[self.v.value])
            state[f"{name}/baseline"] = state[f"{name}/raw"].copy()
            state[f"{name}/new"] = np.zeros(frame.n, bool)
            return np.zeros(frame.n, np.int8)
        began = line_began(frame, name)
        baseline = np.where(began, state[f"{name}/raw"], state[f"{name}/baseline"])
        raw = self._grade(frame, self._worst(frame))
        state[f"{name}/raw"], state[f"{name}/baseline"] = raw, baseline
        counts = (raw > baseline) & (frame.before["regimen"] > 0)
        grade = np.where(counts, raw, 0).astype(np.int8)
        state[f"{name}/new"] = grade > frame.before[name]
        return grade

    def _worst(self, frame: Frame) -> Floats:
        value: Floats = frame[self.v.value]
        if self.v.dip is None:
            return value
        nadir = frame.state["marrow_nadir"]
        low = np.flatnonzero(~np.isnan(nadir))
        if not len(low):
            return value
        power = self.dip[frame.before["regimen"][low]]
        worst = value.copy()
        worst[low] *= np.exp(power * np.log(nadir[low] / frame["marrow"][low]))
        return worst

    def _grade(self, frame: Frame, value: Floats) -> Array:
        row: Array | int = frame[self.v.by] if self.v.by else 0
        grade = np.zeros(frame.n, np.int8)
        for bounds in self.bounds:
            grade += value > bounds[row] if self.v.rising else value < bounds[row]
        return grade

    def equation(self) -> str:
        """The formula in one line."""
        sign = ">" if self.v.rising else "<"
        by = f" (by {self.v.by})" if self.v.by else ""
        bounds = ", ".join("/".join(f"{x:g}" for x in row) for row in self.bounds)
        return f"grade of {self.v.value} {sign} {bounds}{by}, where worse than at line start"


class FebrileNeutropenia(Dynamic):
    """Fever while neutrophils are below 0.5: a hazard for each such day; grade 3 or 4."""

    own_parents: Parents = (("marrow", 0),)

    def __init__(self, name: str, variable: spec.FebrileNeutropenia) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        grade = np.zeros(frame.n, np.int8)
        days = frame.state["marrow_low_days"]
        at = np.flatnonzero(days)
        if len(at):
            u = frame.uniform(self.name)[at]
            chance = -np.expm1(-self.v.hazard.value * days[at])
            worse = u < chance * self.v.grade_4.value
            grade[at] = np.where(u < chance, np.where(worse, 4, 3), 0)
        frame.state[f"{self.name}/new"] = grade > 0
        return grade

    def equation(self) -> str:
        """The formula in one line."""
        return f"P({self.name}) = 1 - exp(-{self.v.hazard.value:g} x days below 0.5 10*9/L)"


class Reporting(Dynamic):
    """Which events the investigator reports: bit i for the i-th event, (n,) int32.

    Decided when an event begins or worsens; an event once reported stays so while it lasts.
    """

    def __init__(self, name: str, variable: spec.Reporting, events: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v, self.events = variable, events
        self.own_parents: Parents = tuple((event, 0) for event in events)
        tables = variable.probability.values
        self.chance = [
            np.array([0.0, *(self._one(tables.get(event, tables["other"]), g) for g in GRADES)])
            for event in events
        ]

    @staticmethod
    def _one(table: float | dict[str, float], grade: str) -> float:
        return table[grade] if isinstance(table, dict) else table

    def __call__(self, frame: Frame) -> Array:
        reported = np.zeros(frame.n, np.int32)
        if frame.step == 0:
            return reported
        before = frame.before[self.name]
        words: dict[int, Array] = {}
        for bit, event in enumerate(self.events):
            grade = frame[event]
            if not grade.any():
                continue
            flag = np.int32(1 << bit)
            said = (before & flag > 0) & (grade > 0)
            new = np.flatnonzero(is_new(frame, event) & ~said)
            if len(new):
                slot, quarter = divmod(bit, 4)  # a word serves four events
                if slot not in words:
                    words[slot] = frame.quarters(self.name, slot)
                u = (words[slot][quarter][new] + 0.5) / 65536.0
                said[new] = u < self.chance[bit][grade[new]]
            reported |= np.where(said, flag, np.int32(0))
        return reported

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name}: each new or worse event with a probability by event and grade"


class DoseLimiting(Dynamic):
    """Toxicity that limits the next dose: 2 where new since the last visit, 1 where it persists."""

    def __init__(self, name: str, variable: spec.DoseLimiting) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents: Parents = (("marrow", 0), *((event, 0) for event in variable.events))

    def __call__(self, frame: Frame) -> Array:
        new = frame.state["marrow_low_days"] > self.v.low_days.value
        limiting = new.copy()
        for event, least in self.v.events.items():
            severe = frame[event] >= least
            limiting |= severe
            new |= severe & is_new(frame, event)
        return limiting.astype(np.int8) + new

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
            ("line", 1),
            ("dose", 1),
            ("regimen", 1),
            *((event, 0) for event in variable.ending),
        )

    def __call__(self, frame: Frame) -> Array:
        state = frame.state
        if frame.step == 0:
            state[f"{self.name}/line"] = np.zeros(frame.n, np.int8)
            state["grade_4_events"] = np.zeros(frame.n, np.int8)
            return np.zeros(frame.n, bool)
        stop = (frame["dose_limiting"] == 2) & (state["dose_level"] >= self.v.reductions.value)
        again = np.where(line_began(frame, self.name), 0, state["grade_4_events"])
        for event, least in self.v.ending.items():
            new = is_new(frame, event)
            stop |= new & (frame[event] >= least)
            again = again + (new & (frame[event] == 4))
        state["grade_4_events"] = again.astype(np.int8)
        return (stop | (again >= 2)) & (frame.before["regimen"] > 0)

    def equation(self) -> str:
        """The formula in one line."""
        events = "".join(f" or {event} >= {grade}" for event, grade in self.v.ending.items())
        return (
            f"{self.name} = dose-limiting toxicity after {self.v.reductions.value:g} reductions"
            f"{events} or a second event of grade 4"
        )
