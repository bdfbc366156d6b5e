"""When a patient is seen: visit days, scan days, the end of follow-up."""

from __future__ import annotations

from typing import cast

import numpy as np

from cohort import spec
from cohort.frame import Array, Frame
from cohort.mechanisms.base import Predictor, select

NO_REGIMEN = "none"
Parents = tuple[tuple[str, int], ...]
FOLLOW_UP = ("ongoing", "dead", "censored", "off_treatment")


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
    """``step x step_days + delay``; day 0 has no delay."""

    def __init__(self, name: str, variable: spec.VisitDay, step_days: int) -> None:
        super().__init__(name, variable)
        self.step_days = step_days
        shares = [cast(float, share) for share in variable.delay.values.values()]
        self.logits = [np.full(1, np.log(share)) for share in shares]

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            return np.zeros(frame.n)
        delay = select(self.logits, frame.uniform(self.name))
        return frame.step * self.step_days + delay.astype(np.float64)

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = {self.step_days} x step + delay (0, 1, ... days)"


class FollowUp(Dynamic):
    """Dead, censored or off treatment before this visit, else ongoing; others leave the frame."""

    own_parents: Parents = (("visit_day", 0), ("death", 1), ("regimen", 1), ("response", 1))

    def __init__(self, name: str, variable: spec.FollowUp) -> None:
        super().__init__(name, variable)
        self.accrual = variable.accrual
        self.own_parents = ((variable.accrual, 0), *FollowUp.own_parents)

    def __call__(self, frame: Frame) -> Array:
        status = np.zeros(frame.n, np.int8)
        if frame.step == 0:
            return status
        day = frame["visit_day"]
        idle = frame.is_level("regimen", NO_REGIMEN, 1) & ~frame.is_level("response", "PD", 1)
        status[idle] = FOLLOW_UP.index("off_treatment")
        status[day > frame[self.accrual]] = FOLLOW_UP.index("censored")
        status[frame.value("death", 1) <= day] = FOLLOW_UP.index("dead")
        return status

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} = dead if death <= visit_day; censored if visit_day > {self.accrual}; "
            "off_treatment if no regimen and no decision is pending; else ongoing"
        )


class ScanDay(Dynamic):
    """Day of the scan that is read at this visit, NaN where there is none."""

    own_parents: Parents = (("visit_day", 0), ("regimen", 1), ("line", 1))

    def __init__(self, name: str, variable: spec.ScanDay) -> None:
        super().__init__(name, variable)
        self.interval = 7.0 * variable.interval.value
        self.screening = variable.screening.value

    def __call__(self, frame: Frame) -> Array:
        u = frame.uniform(self.name)
        if frame.step == 0:
            frame.state["scan_index"] = np.zeros(frame.n)
            return -1.0 - np.floor(u * self.screening)
        since = frame["visit_day"] - frame.state["line_start"]
        # A scan up to three days early still counts as the scheduled one.
        index = np.floor((since + 3.0) / self.interval)
        due = (index > frame.state["scan_index"]) & ~frame.is_level("regimen", NO_REGIMEN, 1)
        scheduled = frame.state["line_start"] + index * self.interval - 3.0 + np.floor(u * 7.0)
        frame.state["scan_index"] = np.where(due, index, frame.state["scan_index"])
        return np.where(due, np.minimum(scheduled, frame["visit_day"]), np.nan)

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} = line start + k x {self.interval:g} d, -3 to +3 d; "
            f"the first 1 to {self.screening:g} d before treatment"
        )
