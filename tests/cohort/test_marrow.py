"""The marrow against a fine solution of its equations, and doses against their rules."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cohort import spec
from cohort.mechanisms.marrow import EXPOSURE_DAYS, daily_shares, run_cycle
from cohort.model import CausalModel, Draw, Intervention

DOSE_MG, MOLAR_MASS, VOLUME = 75.0 * 1.8, 807.88, 7.4
FEEDBACK = 0.145
N = 3000


def rates(model: CausalModel) -> dict[str, float]:
    marrow = model.disease.variables["marrow"]
    assert isinstance(marrow, spec.Marrow)
    return {key: float(value) for key, value in marrow.rates.flat()}


def solved(
    k: dict[str, float], set_point: float, transit: float, slope: float, clearance: float
) -> tuple[np.ndarray, np.ndarray]:
    """(days, count) of pharmacokinetics and marrow together, by a stiff solver in hours."""
    turnover, k10 = 4.0 / transit, clearance / VOLUME

    def change(t: float, y: np.ndarray) -> list[float]:
        central, second, third, p, t1, t2, t3, c = y
        given = 1000.0 * DOSE_MG / MOLAR_MASS if t < 1.0 else 0.0
        drive = (set_point / c) ** FEEDBACK * (1.0 - slope * central / VOLUME)
        return [
            given - (k10 + k["k12"] + k["k13"]) * central + k["k21"] * second + k["k31"] * third,
            k["k12"] * central - k["k21"] * second,
            k["k13"] * central - k["k31"] * third,
            turnover * p * (drive - 1.0),
            turnover * (p - t1),
            turnover * (t1 - t2),
            turnover * (t2 - t3),
            turnover * (t3 - c),
        ]

    options = {"rtol": 1e-9, "atol": 1e-10, "method": "LSODA"}
    start = [0.0, 0.0, 0.0, *[set_point] * 5]
    infused = solve_ivp(change, (0, 1), start, **options)
    hours = np.linspace(1, 21 * 24, 4001)
    after = solve_ivp(change, (1, 21 * 24), infused.y[:, -1], t_eval=hours, **options)
    return hours / 24, after.y[-1]


@pytest.mark.parametrize(
    ("set_point", "transit", "slope", "share"),
    [(5.22, 84.2, 15.57, 1.0), (4.5, 84.2, 15.57, 0.7), (5.22, 110.0, 25.0, 1.0),
     (6.0, 65.0, 8.0, 1.3)],
)  # fmt: skip
def test_daily_steps_reach_the_fine_solution(
    advanced: CausalModel, set_point: float, transit: float, slope: float, share: float
) -> None:
    k = rates(advanced)
    clearance = k["k10"] * VOLUME * share
    day, count = solved(k, set_point, transit, slope, clearance)
    area = 1000.0 * DOSE_MG / MOLAR_MASS / clearance
    cycle = run_cycle(
        np.ones((5, 1)), np.array([96.0 / transit]), FEEDBACK, np.array([slope * area / 24]),
        daily_shares(k, 1.0, EXPOSURE_DAYS), np.array([set_point]), np.array([0]), np.array([21]),
    )  # fmt: skip
    assert cycle.nadir[0] * set_point == pytest.approx(count.min(), rel=0.05)
    assert abs(cycle.nadir_day[0] - day[count.argmin()]) <= 1.0
    below = (count[np.searchsorted(day, np.arange(1, 22) - 1e-6)] < 0.5).sum()
    assert abs(int(cycle.low_days[0]) - int(below)) <= 1
    assert cycle.pools[-1, 0] * set_point == pytest.approx(count[-1], rel=0.05)


def test_a_days_share_of_exposure_is_that_of_the_concentration(advanced: CausalModel) -> None:
    k = rates(advanced)

    def change(t: float, y: np.ndarray) -> list[float]:
        central, second, third, _ = y
        return [
            (t < 1.0) - (k["k10"] + k["k12"] + k["k13"]) * central
            + k["k21"] * second + k["k31"] * third,
            k["k12"] * central - k["k21"] * second,
            k["k13"] * central - k["k31"] * third,
            k["k10"] * central,
        ]  # fmt: skip

    hours = [24.0 * d for d in range(EXPOSURE_DAYS + 1)]
    run = solve_ivp(change, (0, hours[-1]), [0.0] * 4, t_eval=hours, rtol=1e-9, atol=1e-12,
                    max_step=0.5)  # fmt: skip
    assert np.allclose(daily_shares(k, 1.0, EXPOSURE_DAYS), np.diff(run.y[3]), atol=2e-4)
    assert daily_shares(k, 1.0, EXPOSURE_DAYS).sum() > 0.998


def test_a_late_dose_shifts_the_course() -> None:
    shares = np.array([1.0])
    arguments = (np.ones((5, 2)), np.full(2, 1.14), FEEDBACK, np.full(2, 2.5), shares,
                 np.full(2, 5.0), np.array([0, 7]), np.array([21, 28]))  # fmt: skip
    cycle = run_cycle(*arguments)
    assert cycle.nadir[0] == pytest.approx(cycle.nadir[1], rel=1e-12)
    assert cycle.nadir_day[1] - cycle.nadir_day[0] == 7
    assert np.allclose(cycle.pools[:, 0], cycle.pools[:, 1], rtol=1e-12)


def test_without_drug_nothing_moves() -> None:
    cycle = run_cycle(np.ones((5, 1)), np.array([1.1]), FEEDBACK, np.array([0.0]), np.array([1.0]),
                      np.array([5.0]), np.array([0]), np.array([21]))  # fmt: skip
    assert np.allclose(cycle.pools, 1.0, atol=1e-12)


@pytest.fixture(scope="module")
def docetaxel(advanced: CausalModel) -> Draw:
    return advanced.do(Intervention("regimen", "docetaxel", 1)).sample(N, seed=3)


def test_the_docetaxel_nadir_is_on_day_7_to_14(docetaxel: Draw) -> None:
    first = (docetaxel.visits["step"] == 1) & ~np.isnan(docetaxel.visits["marrow_nadir"])
    assert first.sum() > 0.8 * N
    middle = np.quantile(docetaxel.visits["marrow_nadir_day"][first], (0.1, 0.5, 0.9))
    assert middle[0] >= 6 and 7 <= middle[1] <= 10 and middle[2] <= 14


def test_counts_recover_before_the_next_dose(docetaxel: Draw) -> None:
    v = docetaxel.visits
    cycle = ~np.isnan(v["marrow_nadir"])
    assert (v["marrow_nadir"][cycle] <= v["marrow"][cycle] + 1e-9).all()
    assert np.median(v["marrow"][cycle]) > 4 * np.median(v["marrow_nadir"][cycle])


def test_doses_follow_their_rules(advanced: CausalModel, docetaxel: Draw) -> None:
    v, levels = docetaxel.visits, docetaxel.levels["regimen"]
    assert set(np.unique(v["dose"])) <= {0.0, 0.6, 0.75, 1.0}
    assert (v["dose"][v["regimen"] == 0] == 0).all()
    myelo = v["regimen"] == levels.index("docetaxel")
    assert (v["dose"][myelo & (v["neutrophils"] < 1.0)] == 0).all()
    late = v["dose_delay"] > 0
    low = (v["neutrophils"] < 1.5) | (v["platelets"] < 100)
    assert np.array_equal(v["dose_low_counts"][late], low[late])
    assert (low | (v["dose_limiting"] == 2))[late].all()
    assert (low & late).any() and (~low & late).any()
    dose = advanced.disease.variables["dose"]
    assert isinstance(dose, spec.Dose)
    for regimen, planned in dose.planned.flat():
        if regimen in levels:
            here = v["regimen"] == levels.index(regimen)
            assert (v["dose_cycle"][here] <= planned).all()
            assert (v["dose"][here & v["treatment_completed"]] == 0).all()


def test_a_dose_is_not_raised_within_a_line(docetaxel: Draw) -> None:
    v = docetaxel.visits
    given = np.flatnonzero(v["dose"] > 0)
    same = (np.diff(v["patient"][given]) == 0) & (np.diff(v["line"][given]) == 0)
    assert (np.diff(v["dose"][given])[same] <= 0).all()


def test_sparing_the_drug_spares_the_marrow(advanced: CausalModel) -> None:
    spared = advanced.do(Intervention("regimen", "pembrolizumab", 1)).sample(500, seed=3).visits
    first = spared["line_at_visit"] == 1
    assert np.isnan(spared["marrow_nadir"][first]).all()
