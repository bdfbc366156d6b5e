"""When a patient is seen: visit days, scan days, the end of follow-up."""

from __future__ import annotations

from typing import cast

import numpy as np

from alignment.schemas import SITES
from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.base import Predictor, select

NO_REGIMEN = "none"
Parents = tuple[tuple[str, int], ...]
FOLLOW_UP = ("ongoing", "dead", "censored", "off_treatment")
BRAIN = 1 + SITES.index("brain")
"""Code of a spread to the brain: 0 is none, then the sites."""


class Dynamic:
    """Common to all mechanisms that run at every visit."""

    dynamic = True
    own_parents: Parents = ()

    def __init__(self, name: str, variable: spec.Variable) -> None:
        self.name = name
        self.predictor = Predictor(variable.effects)

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return tuple(dict.fromkeys((*self.own_parents, *self.predictor.parents)))


class VisitDay(Dynamic):
    """Day 0, then ``start + step_days x step + delay``.

    ``state["opens"]``: visits that open advanced disease, the first one and, after local therapy,
    that at recurrence.
    """

    def __init__(self, name: str, variable: spec.VisitDay, step_days: int) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.step_days = step_days
        self.own_parents = ((variable.start, 0), (variable.local, 0))
        shares = [cast(float, share) for share in variable.delay.values.values()]
        self.logits = [np.full(1, np.log(share)) for share in shares]

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            frame.state["opens"] = np.ones(frame.n, bool)
            return np.zeros(frame.n)
        local = frame[self.v.local]
        delay = select(self.logits, frame.uniform(self.name)).astype(np.float64)
        frame.state["opens"] = local & (frame.step == 1)
        delay[frame.state["opens"]] = 0.0
        return np.asarray(frame[self.v.start] + (frame.step - local) * self.step_days + delay)

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = {self.v.start} + {self.step_days} x step + delay (0, 1, ... days)"


class FollowUp(Dynamic):
    """Why a patient is no longer seen at this visit, if so; others leave the frame."""

    own_parents: Parents = (("visit_day", 0), ("death", 1), ("regimen", 1), ("response", 1))

    def __init__(self, name: str, variable: spec.FollowUp) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents = ((variable.accrual, 0), *FollowUp.own_parents)

    def __call__(self, frame: Frame) -> Array:
        status = np.zeros(frame.n, np.int8)
        if frame.step == 0:
            return status
        day = frame["visit_day"]
        idle = frame.is_level("regimen", NO_REGIMEN, 1) & ~frame.is_level("response", "PD", 1)
        status[idle & ~frame.state["opens"]] = FOLLOW_UP.index("off_treatment")
        status[day > frame[self.v.accrual]] = FOLLOW_UP.index("censored")
        status[frame.value("death", 1) <= day] = FOLLOW_UP.index("dead")
        return status

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} = dead if death <= visit_day; censored if visit_day > {self.v.accrual}; "
            "off_treatment if no regimen and no decision is pending; else ongoing"
        )


class ScanDay(Dynamic):
    """Day of the scan that is read at this visit, NaN where there is none."""

    own_parents: Parents = (("visit_day", 0), ("regimen", 1), ("line", 1))

    def __init__(self, name: str, variable: spec.ScanDay) -> None:
        super().__init__(name, variable)
        self.v = variable
        missed = ((variable.missed, 0),) if variable.missed else ()
        self.own_parents = (*ScanDay.own_parents, *missed)
        weeks = [cast(float, week) for week in variable.weeks.values.values()]
        later = weeks[-1] + variable.every.value * np.arange(1, 400)
        self.due = 7.0 * np.concatenate([weeks, later])

    def __call__(self, frame: Frame) -> Array:
        state, window = frame.state, self.v.window.value
        u = frame.uniform(self.name)
        opening = frame["visit_day"] - 1.0 - np.floor(u * self.v.screening.value)
        if frame.step == 0:
            state["scan_index"] = np.zeros(frame.n, np.int64)
            state["line_began"] = np.zeros(frame.n, bool)
            state["previous_scan"] = state["last_scan"] = opening
            return opening
        state["line_began"] = state["line_starts"]  # at the last visit; ``line`` runs after this
        since = frame["visit_day"] - state["line_start"]
        # A scan up to `window` days early still counts as the scheduled one.
        index = np.searchsorted(self.due, since + window, side="right")
        due = (index > state["scan_index"]) & ~frame.is_level("regimen", NO_REGIMEN, 1)
        if self.v.missed:
            due &= frame[self.v.missed] == 0
        jitter = np.floor(u * (2.0 * window + 1.0)) - window
        scheduled = state["line_start"] + self.due[index - 1] + jitter
        # One that had to wait is made within a few days before the visit that reads it.
        scheduled = np.maximum(scheduled, frame["visit_day"] - 2.0 * window)
        day = np.where(due, np.minimum(scheduled, frame["visit_day"]), np.nan)
        day = np.where(state["opens"], opening, day)
        state["scan_index"] = np.where(due, index, state["scan_index"])
        state["previous_scan"] = state["last_scan"]
        state["last_scan"] = np.where(np.isnan(day), state["last_scan"], day)
        return day

    def equation(self) -> str:
        """The formula in one line."""
        weeks = ", ".join(f"{w:g}" for w in self.v.weeks.values.values())
        window = self.v.window.value
        return (
            f"{self.name} = line start + {weeks} weeks, then every {self.v.every.value:g}, "
            f"-{window:g} to +{window:g} d; the first 1 to {self.v.screening.value:g} d before"
        )


class BrainScan(Dynamic):
    """Whether the brain is imaged with this scan.

    At baseline where metastases are known, else by protocol; later where they are known or a new
    one gives symptoms.
    """

    def __init__(self, name: str, variable: spec.BrainScan) -> None:
        super().__init__(name, variable)
        self.v = variable
        own = ("scan_day", "spread", variable.known, variable.recurrent)
        self.own_parents = tuple((parent, 0) for parent in own)

    def __call__(self, frame: Frame) -> Array:
        state = frame.state
        scanned = ~np.isnan(frame["scan_day"])
        if frame.step == 0:
            state["brain_known"] = frame[self.v.known].copy()
            state["brain_hidden"] = np.zeros(frame.n, bool)
        else:
            recurrent = state["opens"] & frame[self.v.recurrent]
            state["brain_known"] = state["brain_known"] | recurrent
        u = frame.uniform(self.name)
        state["brain_hidden"] = state["brain_hidden"] | (frame["spread"] == BRAIN)
        symptoms = state["brain_hidden"] & (u < self.v.symptomatic.value)
        protocol = state["opens"] & (u < self.v.protocol.value)
        return np.asarray(scanned & (state["brain_known"] | symptoms | protocol))

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} at a scan if metastases are known, or a new one gives symptoms "
            f"(P = {self.v.symptomatic.value:g}), or at baseline (P = {self.v.protocol.value:g})"
        )
