"""Extent at index: size makes T, T, N and M make the stage; local therapy, recurrence, deaths."""

from __future__ import annotations

import numpy as np
import pytest

from cohort.model import CausalModel, Draw, Intervention

N = 40_000


@pytest.fixture(scope="module")
def draw(nsclc: CausalModel) -> Draw:
    names = [name for name in nsclc.mechanisms if name not in nsclc.dynamic]
    return nsclc.sample(N, seed=5, variables=names)


def text(draw: Draw, name: str) -> np.ndarray:
    return np.asarray(draw.levels[name])[draw.baseline[name]]


def test_t_is_at_least_that_of_the_size(draw: Draw) -> None:
    order = np.array(draw.levels["t"])
    cuts = [10, 20, 30, 40, 50, 70]
    by_size = np.searchsorted(cuts, draw.baseline["primary_mm"], side="left")
    assert (draw.baseline["t"] >= by_size).all()
    assert order[0] == "T1a"
    raised = (draw.baseline["t"] > by_size).mean()
    assert 0.1 < raised < 0.3


@pytest.mark.parametrize(
    ("t", "n", "m", "stage"),
    [
        ("T1a", "N0", "M0", "IA1"), ("T1c", "N0", "M0", "IA3"), ("T2a", "N0", "M0", "IB"),
        ("T2b", "N0", "M0", "IIA"), ("T3", "N0", "M0", "IIB"), ("T2b", "N1", "M0", "IIB"),
        ("T4", "N0", "M0", "IIIA"), ("T3", "N1", "M0", "IIIA"), ("T1b", "N2", "M0", "IIIA"),
        ("T3", "N2", "M0", "IIIB"), ("T1c", "N3", "M0", "IIIB"), ("T4", "N3", "M0", "IIIC"),
        ("T1a", "N0", "M1a", "IVA"), ("T4", "N3", "M1b", "IVA"), ("T1b", "N0", "M1c", "IVB"),
    ],
)  # fmt: skip
def test_stage_groups_of_the_eighth_edition(
    nsclc: CausalModel, t: str, n: str, m: str, stage: str
) -> None:
    """Goldstraw 2016, table 4."""
    model = nsclc.do(Intervention("t", t), Intervention("n", n), Intervention("m", m))
    draw = model.sample(3, seed=1, variables=["stage"])
    assert set(text(draw, "stage")) == {stage}


def test_distant_is_more_than_stage_iv(draw: Draw) -> None:
    distant = text(draw, "summary_stage") == "distant"
    metastatic = text(draw, "m") != "M0"
    assert (distant >= metastatic).all()
    assert (distant & ~metastatic).any()
    assert (text(draw, "n")[distant & ~metastatic] == "N3").all()


def test_only_localised_disease_is_treated_locally(draw: Draw) -> None:
    local = draw.baseline["local_therapy"]
    assert not (local & (text(draw, "m") != "M0")).any()
    assert (draw.baseline["recurrence_day"][~local] == 0).all()
    later = draw.baseline["recurrence_day"][local]
    assert (later >= 84).all()
    assert 0.3 < np.isinf(later).mean() < 0.9


def test_higher_stages_recur_more(draw: Draw) -> None:
    recurs = np.isfinite(draw.baseline["recurrence_day"])
    resected = draw.baseline["resected"]
    shares = [
        recurs[resected & np.isin(text(draw, "stage"), stages)].mean()
        for stages in (["IA1", "IA2", "IA3"], ["IB", "IIA", "IIB"], ["IIIA"])
    ]
    assert shares == sorted(shares)


def test_deaths_of_other_causes_follow_gompertz(nsclc: CausalModel) -> None:
    """A never-smoking man of 67 without comorbidity: median from the formula."""
    fixed = {"age": 67.0, "sex": "male", "smoking_status": "never", "copd": False,
             "cardiovascular": False, "diabetes": False}  # fmt: skip
    model = nsclc.do(*(Intervention(name, value) for name, value in fixed.items()))
    days = model.sample(20_000, seed=2, variables=["other_death"]).baseline["other_death"]
    numbers = dict(nsclc.disease.variables["other_death"].numbers())
    rate, slope = numbers["rate"].value, numbers["slope"].value
    median = 365.25 * np.log1p(np.log(2) * slope / rate) / slope
    assert np.median(days) == pytest.approx(median, rel=0.03)
    older = model.do(Intervention("age", 80.0))
    assert np.median(older.sample(2000, 2, variables=["other_death"]).baseline["other_death"]) \
        < 0.6 * median  # fmt: skip


def test_a_population_is_drawn_until_it_is_met(nsclc: CausalModel, advanced: CausalModel) -> None:
    draw = advanced.sample(2000, seed=4, variables=["stage", "egfr"])
    assert set(text(draw, "stage")) <= {"IIIB", "IIIC", "IVA", "IVB"}
    everyone = nsclc.sample(2000, seed=4, variables=["stage", "egfr"])
    same = np.isin(text(everyone, "stage"), ["IIIB", "IIIC", "IVA", "IVB"])
    # Whoever fits at the first attempt is the same person in both populations.
    assert np.array_equal(everyone.baseline["egfr"][same], draw.baseline["egfr"][same])
    assert np.array_equal(everyone.baseline["stage"][same], draw.baseline["stage"][same])


def test_an_intervention_does_not_change_who_is_in_the_population(advanced: CausalModel) -> None:
    factual = advanced.sample(500, seed=4, variables=["stage", "age"])
    other = advanced.do(Intervention("m", "M0")).sample(500, 4, variables=["stage", "age"])
    assert np.array_equal(factual.baseline["age"], other.baseline["age"])
    assert not np.array_equal(factual.baseline["stage"], other.baseline["stage"])
