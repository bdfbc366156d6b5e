"""Neutrophils under myelosuppressive drugs: a semi-mechanistic (Friberg-type) model, day by day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.visits import Dynamic, Parents

COMPARTMENTS = 5
"""Proliferating cells, three stages of maturation, circulating neutrophils."""

EXPOSURE_DAYS = 5
"""Days over which a dose acts; less than 0.2 % of the area is left after them."""

LEAST = 1e-3
"""Smallest count as a share of the set point: the feedback is a power of its inverse."""

HOURS = 24.0


@dataclass(frozen=True)
class Cycle:
    """What happened between two visits. Arrays (k,): days count from the visit of the dose."""

    pools: Floats  # (5, k), at the end, as shares of the set point
    nadir: Floats  # share of the set point
    nadir_day: Floats
    low_days: Array  # int16, days below 0.5 10*9/L


def daily_shares(rates: Mapping[str, float], infusion: float, days: int) -> Floats:
    """(days,) share of the area under the concentration curve on each day after an infusion.

    Three compartments in closed form; ``rates`` k10, k12, k21, k13, k31 in 1/h, ``infusion`` in h.
    The concentration is a sum of three exponentials whose rates solve a cubic (three real roots).
    """
    k10, k12, k21, k13, k31 = (rates[name] for name in ("k10", "k12", "k21", "k13", "k31"))
    a = k10 + k12 + k13 + k21 + k31
    b = k10 * k31 + k21 * k31 + k21 * k13 + k10 * k21 + k31 * k12
    c = k10 * k21 * k31
    p, q = b - a * a / 3.0, -2.0 * a**3 / 27.0 + a * b / 3.0 - c
    angle = math.acos(3.0 * q / (2.0 * p) * math.sqrt(-3.0 / p)) / 3.0
    roots = [
        2.0 * math.sqrt(-p / 3.0) * math.cos(angle - 2.0 * math.pi * i / 3.0) + a / 3.0
        for i in range(3)
    ]
    until = [0.0] * (days + 1)
    for i, rate in enumerate(roots):
        other, another = roots[i - 1], roots[i - 2]
        weight = (k21 - rate) * (k31 - rate) / ((other - rate) * (another - rate))
        for day in range(1, days + 1):
            t = day * HOURS
            left = (math.exp(-rate * (t - infusion)) - math.exp(-rate * t)) / rate
            until[day] += k10 * weight / rate * (1.0 - left / infusion)
    return np.diff(np.array(until))


def run_cycle(
    pools: Floats,
    turnover: Floats,
    feedback: float,
    kill: Floats,
    shares: Floats,
    set_point: Floats,
    delay: Array,
    days: Array,
) -> Cycle:
    """Integrate ``days`` days from the visit at which the dose was planned.

    ``pools`` (5, k), shares of the set point; ``turnover`` (k,) 1/d; ``kill`` (k,) integral of the
    drug effect over the cycle, d; the dose comes ``delay`` days after the visit.

    A day's effect is the day's mean concentration times the slope. It is applied at the start of
    the day, since most of the area falls into the first hours. Proliferation is then exact for a
    feedback that is constant over the day, and the chain of maturation exact for an input that is
    linear over the day: the weights are those of a chain of equal exponential stages.
    """
    weights, start, end = _stage_weights(turnover)
    state = [pool.copy() for pool in pools]
    nadir, nadir_day = state[-1].copy(), np.zeros(len(kill))
    low_days = np.zeros(len(kill), np.int16)
    last = int(delay.max(initial=0)) + len(shares)
    threshold = 0.5 / set_point
    padded = np.concatenate([shares, [0.0]])
    shortest, longest = int(days.min(initial=0)), int(days.max(initial=0))
    log_count = np.log(state[-1])
    log_before = log_count
    for day in range(longest):
        proliferating = state[0]
        drive = np.exp(-feedback * (1.5 * log_count - 0.5 * log_before))  # at noon
        if day < last:
            since = day - delay
            share = padded[np.where((since >= 0) & (since < len(shares)), since, -1)]
            proliferating = proliferating * np.exp(-turnover * drive * kill * share)
        after = proliferating * np.exp(turnover * (drive - 1.0))
        new = [after]
        for stage in range(1, COMPARTMENTS):
            value = start[stage] * proliferating + end[stage] * after
            for back in range(stage):
                value += weights[back] * state[stage - back]
            new.append(value)
        new[-1] = np.maximum(new[-1], LEAST)
        if day >= shortest:  # some patients are at their next visit already
            live = day < days
            new = [np.where(live, now, before) for now, before in zip(new, state, strict=True)]
            low_days += live & (new[-1] < threshold)
        else:
            low_days += new[-1] < threshold
        state = new
        log_before, log_count = log_count, np.log(state[-1])
        lower = state[-1] < nadir
        nadir = np.minimum(nadir, state[-1])
        nadir_day = np.where(lower, day + 1.0, nadir_day)
    return Cycle(np.stack(state), nadir, nadir_day, low_days)


def _stage_weights(turnover: Floats) -> tuple[list[Floats], list[Floats], list[Floats]]:
    """For one day: what is left j stages on, and what the start and the end of a linear input give
    to stage m."""
    weights = [np.exp(-turnover)]
    for j in range(1, COMPARTMENTS + 1):
        weights.append(weights[-1] * turnover / j)
    start: list[Floats] = [np.zeros_like(turnover)]
    end: list[Floats] = [np.zeros_like(turnover)]
    passed = 1.0 - weights[0]  # the regularised incomplete gamma function of order 1
    for stage in range(1, COMPARTMENTS):
        beyond = passed - weights[stage]
        start.append(stage * beyond / turnover)
        end.append(passed - start[stage])
        passed = beyond
    return weights, start, end


class Marrow(Dynamic):
    """Circulating neutrophils on the visit day, 10*9/L, before the next dose.

    Who had a myelosuppressive dose since the last visit is integrated day by day; in all others the
    compartments return to the set point in closed form. Growth factors are not modelled.
    """

    own_parents: Parents = (
        ("neutrophil_set_point", 0),
        ("marrow_transit_time", 0),
        ("marrow_sensitivity", 0),
        ("drug_clearance", 0),
        ("height_cm", 0),
        ("weight_kg", 0),
        ("visit_day", 0),
        ("line", 1),
        ("regimen", 1),
        ("dose", 1),
        ("dose_delay", 1),
    )

    def __init__(self, name: str, variable: spec.Marrow, regimens: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        rates = {key: float(cast(float, k)) for key, k in variable.rates.values.items()}
        self.shares = daily_shares(rates, variable.infusion.value, EXPOSURE_DAYS)
        exposure, maintenance = variable.exposure.values, variable.maintenance.values
        self.exposure = np.array([cast(float, exposure.get(r, 0.0)) for r in regimens])
        self.maintenance = np.array(
            [cast(float, maintenance.get(r, exposure.get(r, 0.0))) for r in regimens]
        )

        induction = variable.induction_cycles.values
        self.induction = np.array([cast(float, induction.get(r, np.inf)) for r in regimens])

    def __call__(self, frame: Frame) -> Array:
        state, v = frame.state, self.v
        state["marrow_nadir"] = np.full(frame.n, np.nan)
        state["marrow_nadir_day"] = np.full(frame.n, np.nan)
        state["marrow_low_days"] = np.zeros(frame.n, np.int16)
        set_point = frame["neutrophil_set_point"]
        if frame.step == 0:
            state["marrow_pools"] = np.ones((COMPARTMENTS, frame.n))
            return set_point.copy()
        set_point = set_point * (1.0 + v.prior_therapy.value * (frame.before["line"] > 1))
        days = frame["visit_day"] - frame.before["visit_day"]
        pools = state["marrow_pools"]
        left = np.exp(-days * HOURS / frame["marrow_transit_time"])
        kill = self._kill(frame)
        dosed = np.flatnonzero(kill > 0)
        state["marrow_pools"] = 1.0 + left * (pools - 1.0)
        if len(dosed):
            previous = frame.before["visit_day"][dosed]
            cycle = run_cycle(
                np.take(pools, dosed, axis=-1),
                4.0 * HOURS / frame["marrow_transit_time"][dosed],
                v.feedback.value,
                kill[dosed],
                self.shares,
                set_point[dosed],
                frame.before["dose_delay"][dosed].astype(np.int64),
                days[dosed].astype(np.int64),
            )
            state["marrow_pools"][:, dosed] = cycle.pools
            state["marrow_nadir"][dosed] = cycle.nadir * set_point[dosed]
            state["marrow_nadir_day"][dosed] = previous + cycle.nadir_day
            state["marrow_low_days"][dosed] = cycle.low_days
        return set_point * state["marrow_pools"][-1]

    def _kill(self, frame: Frame) -> Floats:
        """(n,) slope times area under the curve, in days; 0 without a myelosuppressive dose."""
        v, regimen, dose = self.v, frame.before["regimen"], frame.before["dose"]
        kept_up = frame.state["dose_cycle"] > self.induction[regimen]
        share = np.where(kept_up, self.maintenance[regimen], self.exposure[regimen]) * dose
        kill = np.zeros(frame.n)
        at = np.flatnonzero(share > 0)
        if len(at):
            given = v.dose.value * body_surface(frame["height_cm"][at], frame["weight_kg"][at])
            # mg / (g/mol) is mmol: x 1000 umol, over L/h
            area = 1000.0 * given / v.molar_mass.value / frame["drug_clearance"][at]
            kill[at] = frame["marrow_sensitivity"][at] * area * share[at] / HOURS
        return kill

    def equation(self) -> str:
        """The formula in one line."""
        v = self.v
        return (
            f"{self.name}: ktr = 4 / MTT; proliferation x (1 - slope C) x (set point / count)^"
            f"{v.feedback.value:g}; C daily after {v.dose.value:g} mg/m2 x relative dose; "
            f"set point x {1 + v.prior_therapy.value:g} after earlier therapy"
        )


def body_surface(height_cm: Floats, weight_kg: Floats) -> Floats:
    """Body surface, m2 (Du Bois and Du Bois, Arch Intern Med 1916;17:863)."""
    return 0.007184 * np.exp(0.725 * np.log(height_cm) + 0.425 * np.log(weight_kg))
