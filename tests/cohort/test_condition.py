"""Performance, weight, vital signs, symptoms, tumour DNA, comorbidity over time."""

from __future__ import annotations

import numpy as np
import pytest

from cohort.model import CausalModel, Draw

N = 6000


@pytest.fixture(scope="module")
def draw(advanced: CausalModel) -> Draw:
    return advanced.sample(N, seed=21)


def test_performance_starts_at_index_and_moves_slowly(draw: Draw) -> None:
    visits = draw.visits
    first = visits["step"] == 0
    at_index = draw.baseline["ecog"][visits["patient"][first]]
    assert np.array_equal(visits["ecog_now"][first], at_index)
    same = visits["patient"][1:] == visits["patient"][:-1]
    moves = np.abs(np.diff(visits["ecog_now"].astype(int)))[same]
    assert (moves <= 1).mean() > 0.98
    assert (moves == 0).mean() > 0.6


def test_the_last_visits_before_death_are_worse(draw: Draw) -> None:
    visits = draw.visits
    before = draw.death[visits["patient"]] - visits["visit_day"]
    treated = visits["step"] > 2
    late, early = treated & (before < 60), treated & (before > 365)
    assert visits["ecog_now"][late].mean() > visits["ecog_now"][early].mean() + 0.2


def test_weight_by_the_second_cycle(draw: Draw) -> None:
    """32 % gained, 34 % lost less than 2 %, 34 % lost 2 % or more (PMID 32940014, n = 656)."""
    visits = draw.visits
    second = visits["step"] == 1
    start = draw.baseline["weight_kg"][visits["patient"][second]]
    change = visits["weight_now"][second] / start - 1.0
    shares = [(change > 0).mean(), ((change <= 0) & (change > -0.02)).mean(),
              (change <= -0.02).mean()]  # fmt: skip
    assert shares == pytest.approx([0.32, 0.34, 0.34], abs=0.06)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("cough", 0.30, 0.45), ("dyspnoea", 0.25, 0.40), ("haemoptysis", 0.05, 0.12),
     ("fatigue", 0.25, 0.45), ("headache", 0.03, 0.12)],
)  # fmt: skip
def test_symptoms_at_index(draw: Draw, name: str, low: float, high: float) -> None:
    """Cough 33.9 and dyspnoea 26.7 % at diagnosis of all stages (PMC7678343); more in advanced."""
    first = draw.visits["step"] == 0
    share = (draw.visits[name][first] > 0).mean()
    assert low < share < high


def test_symptoms_stay_and_follow_their_causes(draw: Draw) -> None:
    visits = draw.visits
    same = visits["patient"][1:] == visits["patient"][:-1]
    before, now = (visits["cough"] > 0)[:-1][same], (visits["cough"] > 0)[1:][same]
    assert now[before].mean() > 2 * now[~before].mean()
    bone = draw.baseline["met_bone"][visits["patient"]]
    pain = visits["bone_pain"] > 0
    assert pain[bone].mean() > 4 * pain[~bone].mean()
    assert set(np.unique(visits["cough"])) <= {0, 1, 2, 3}


def test_tumour_dna_is_found_in_about_two_thirds(draw: Draw) -> None:
    """Detected in 64 % of advanced NSCLC (PMID 36357680)."""
    first = draw.scans["step"] == 0
    share = (draw.scans["tumour_fraction"][first] >= 0.003).mean()
    assert share == pytest.approx(0.64, abs=0.06)


def test_comorbidity_by_sex(nsclc: CausalModel) -> None:
    """COPD 38.7 and 34.4 % of men and women (PMC10207966)."""
    draw = nsclc.sample(40_000, 3, variables=["copd", "diabetes", "cardiovascular", "sex"])
    male = draw.baseline["sex"] == draw.levels["sex"].index("male")
    assert draw.baseline["copd"][male].mean() == pytest.approx(0.387, abs=0.03)
    assert draw.baseline["copd"][~male].mean() == pytest.approx(0.344, abs=0.03)
    assert draw.baseline["diabetes"][male].mean() == pytest.approx(0.209, abs=0.03)
    assert draw.baseline["diabetes"][~male].mean() == pytest.approx(0.134, abs=0.03)
