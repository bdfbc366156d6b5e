"""Lines of therapy of a draw: when each began, progressed by whose reading, and ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignment import schemas
from cohort import spec
from cohort.frame import Array
from cohort.model import CausalModel, Draw


@dataclass(frozen=True)
class Progression:
    """By one reader: (lines,) day of the first PD or NaN, what made it one, and the visit day."""

    day: Array
    cause: Array  # code of schemas.PFS_CAUSES
    decision_day: Array


LEFT = schemas.CENSOR_REASONS.index("lost_to_follow_up")
"""This and later reasons for censoring: the patient left."""


@dataclass(frozen=True)
class Lines:
    """One entry a line of therapy, by patient and line; days from index."""

    patient: Array
    line: NDArray[np.int64]
    regimen: Array
    start: Array
    last_scan: Array
    next_starts: Array
    death: Array
    cause_of_death: Array  # code of schemas.DEATH_CAUSES
    end: Array  # last day on which the patient was known to be alive, or of death
    died: Array
    censored_as: Array  # code of schemas.CENSOR_REASONS
    stopped: Array  # day on which treatment stopped before progression, NaN
    stopped_by: Array  # code of schemas.STOP_REASONS
    progression: dict[str, Progression]

    @classmethod
    def of(cls, model: CausalModel, draw: Draw) -> Lines:
        """Collect the lines of a draw."""
        visits, scans = draw.visits, draw.scans
        starts = np.flatnonzero(visits["line_starts"])
        patient, line = visits["patient"][starts], visits["line"][starts].astype(np.int64)
        here = (patient, line)
        shape = (draw.n, int(line.max(initial=1)) + 2)
        started = np.zeros(shape, bool)
        started[here] = True
        at_line = scans["line_at_visit"].astype(np.int64)
        last_scan = np.full(shape, np.nan)
        np.fmax.at(last_scan, (scans["patient"], at_line), scans["scan_day"])
        progression: dict[str, Progression] = {
            v.assessor: _progression(draw, name, v.assessor, at_line, shape, here)
            for name, v in model.disease.variables.items()
            if isinstance(v, spec.Recist)
        }
        observed = observe(draw)
        stopped, stopped_by = _stops(draw, shape)
        return cls(
            patient=patient,
            line=line,
            regimen=visits["regimen"][starts],
            start=visits["visit_day"][starts],
            last_scan=last_scan[here],
            next_starts=started[patient, line + 1],
            death=draw.death[patient],
            cause_of_death=observed.cause[patient],
            end=observed.end[patient],
            died=observed.died[patient],
            censored_as=observed.censored_as[patient],
            stopped=stopped[here],
            stopped_by=stopped_by[here],
            progression=progression,
        )

    def stops(self) -> tuple[Array, Array]:
        """Day and reason of the end of each line's treatment: what came first."""
        progression, death, ongoing = (
            schemas.STOP_REASONS.index(r) for r in ("progression", "death", "ongoing")
        )
        decided = self.progression["investigator"].decision_day
        stop = np.where(self.died & ~self.next_starts, self.death, np.nan)
        reason = np.where(np.isnan(stop), ongoing, death)
        sooner = ~np.isnan(decided)
        stop, reason = np.where(sooner, decided, stop), np.where(sooner, progression, reason)
        sooner = ~np.isnan(self.stopped) & ~(self.stopped >= stop)
        stop = np.where(sooner, self.stopped, stop)
        reason = np.where(sooner, self.stopped_by, reason)
        # Who is lost or withdraws was last treated at the last visit.
        left = np.isnan(stop) & ~self.next_starts & (self.censored_as >= LEFT)
        withdrawal = schemas.STOP_REASONS.index("withdrawal")
        return np.where(left, self.end, stop), np.where(left, withdrawal, reason)


@dataclass(frozen=True)
class Observed:
    """(n,) how a patient's follow-up ended."""

    end: Array
    died: Array
    cause: Array
    censored_as: Array


def observe(draw: Draw) -> Observed:
    """Death is seen up to the cutoff, unless the patient was lost before."""
    cutoff, lost = draw.baseline["days_to_cutoff"], lost_day(draw)
    known_until = np.minimum(cutoff, lost)
    died = draw.death <= known_until
    other = draw.baseline["other_death"] <= draw.deaths["cancer_death"]
    none, administrative, lost_code = 0, 1, 2
    censored = np.where(lost < cutoff, lost_code + lost_reason(draw), administrative)
    return Observed(
        end=np.minimum(draw.death, known_until),
        died=died,
        cause=np.where(died, np.where(other, 1, 0), 2),
        censored_as=np.where(died, none, censored),
    )


def lost_day(draw: Draw) -> NDArray[np.float64]:
    """(n,) last day on which the patient was heard of; infinite where that never ends."""
    day = np.full(draw.n, np.inf)
    rows = np.flatnonzero(draw.visits["lost"])
    day[draw.visits["patient"][rows]] = draw.visits["visit_day"][rows]
    return day


def lost_reason(draw: Draw) -> NDArray[np.int64]:
    """(n,) 0: lost to follow-up, 1: withdrawal."""
    reason = np.zeros(draw.n, np.int64)
    rows = np.flatnonzero(draw.visits["lost"])
    reason[draw.visits["patient"][rows]] = draw.visits["lost"][rows] - 1
    return reason


def _progression(
    draw: Draw, response: str, assessor: str, at_line: Array, shape: tuple[int, int],
    here: tuple[Array, Array],
) -> Progression:  # fmt: skip
    scans = draw.scans
    progressive = draw.levels[response].index("PD")
    rows = np.flatnonzero(scans[response] == progressive)[::-1]  # the first one is written last
    where = (scans["patient"][rows], at_line[rows])
    day, decision = np.full(shape, np.nan), np.full(shape, np.nan)
    cause = np.zeros(shape, np.int64)
    day[where] = scans["scan_day"][rows]
    decision[where] = scans["visit_day"][rows]
    target, nontarget, new_lesion = range(3)
    by_target = scans[f"target_response_{assessor}"][rows] == progressive
    other = np.where(scans["new_lesion"][rows], new_lesion, nontarget)
    cause[where] = np.where(by_target, target, other)
    return Progression(day[here], cause[here], decision[here])


def _stops(draw: Draw, shape: tuple[int, int]) -> tuple[Array, Array]:
    """First visit of a line at which treatment stopped for toxicity or was complete."""
    day, reason = np.full(shape, np.nan), np.zeros(shape, np.int64)
    toxicity, completed = 1, 2
    visits = draw.visits
    for name, code in (("treatment_completed", completed), ("toxicity_stop", toxicity)):
        if name not in visits:
            continue
        rows = np.flatnonzero(visits[name])[::-1]
        where = (visits["patient"][rows], visits["line"][rows].astype(np.int64))
        earlier = ~(day[where] < visits["visit_day"][rows])
        where = (where[0][earlier], where[1][earlier])
        day[where], reason[where] = visits["visit_day"][rows][earlier], code
    return day, reason
