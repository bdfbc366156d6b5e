"""The promises of the engine: same patient for any N, replayable noise, do and counterfactual."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from cohort.model import CausalModel, Draw, Intervention
from ontology.errors import ConsilienceError


def by_patient(draw: Draw, patient: int) -> dict[str, np.ndarray]:
    """All values of one patient (counted from the start of the draw), by variable."""
    values = {name: np.atleast_1d(array[..., patient]) for name, array in draw.baseline.items()}
    for table in (draw.visits, draw.scans):
        rows = table["patient"] == patient
        for name, array in table.items():
            if name != "patient":
                values[f"{name}@{'visit' if table is draw.visits else 'scan'}"] = array[..., rows]
    values["death"] = draw.death[patient : patient + 1]
    return values


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@pytest.mark.parametrize(("start", "n"), [(0, 300), (17, 40), (55, 1)])
def test_a_patient_is_the_same_in_every_draw(advanced: CausalModel, start: int, n: int) -> None:
    whole, part = advanced.sample(300, seed=5), advanced.sample(n, seed=5, start=start)
    for patient in range(0, n, 7):
        expected, got = by_patient(whole, start + patient), by_patient(part, patient)
        assert expected.keys() == got.keys()
        for name, values in expected.items():
            assert equal(values, got[name]), f"patient {start + patient}: {name}"


def test_another_seed_gives_other_patients(advanced: CausalModel) -> None:
    a, b = advanced.sample(50, seed=5), advanced.sample(50, seed=6)
    assert not np.array_equal(a.baseline["sld_baseline"], b.baseline["sld_baseline"])


def test_the_factual_counterfactual_is_the_patient(advanced: CausalModel) -> None:
    whole = by_patient(advanced.sample(20, seed=5), 11)
    again = by_patient(advanced.counterfactual(11, 5), 0)
    assert all(equal(values, again[name]) for name, values in whole.items())


@pytest.mark.parametrize(
    "intervention",
    [
        Intervention("smoking_status", "never"),
        Intervention("egfr", True),
        Intervention("regimen", "docetaxel", 1),
        Intervention("regimen", "pembrolizumab"),
        Intervention("sex", "female"),
        Intervention("age", 50.0),
        Intervention("tmb", 3.0),
    ],
    ids=str,
)
def test_do_changes_only_descendants(advanced: CausalModel, intervention: Intervention) -> None:
    before = advanced.sample(200, seed=5)
    after = advanced.do(intervention).sample(200, seed=5)
    allowed = advanced.descendants(intervention.variable)
    changed = {
        name for name, values in before.baseline.items()
        if not equal(values, after.baseline[name])
    }  # fmt: skip
    shared = min(len(before.visits["patient"]), len(after.visits["patient"]))
    for name in advanced.dynamic:
        # Compare at the visits that both have: everyone's first.
        first = [d.visits["step"] == 0 for d in (before, after)]
        if name in before.visits and not equal(
            before.visits[name][first[0]], after.visits[name][first[1]]
        ):
            changed.add(name)
    assert shared > 0
    assert changed <= allowed, sorted(changed - allowed)
    if intervention.variable != "tmb":  # TMB has no effects
        assert changed
    changed_all = {n for n in changed if n in before.baseline} - {intervention.variable}
    assert changed_all <= nx.descendants(advanced.descendants_graph, intervention.variable)


def test_do_sets_the_value(advanced: CausalModel) -> None:
    draw = advanced.do(Intervention("regimen", "docetaxel", 1)).sample(200, seed=5)
    first = draw.visits["line_starts"] & (draw.visits["line"] == 1)
    docetaxel = draw.levels["regimen"].index("docetaxel")
    assert (draw.visits["regimen"][first] == docetaxel).all()
    later = draw.visits["line_starts"] & (draw.visits["line"] == 2)
    assert (draw.visits["regimen"][later] != docetaxel).any()


def test_common_random_numbers_pair_the_arms(advanced: CausalModel) -> None:
    arms = [
        advanced.do(Intervention("regimen", regimen)).sample(2000, seed=5).death
        for regimen in ("docetaxel", "pembrolizumab")
    ]
    paired = np.corrcoef(np.log(arms[0]), np.log(arms[1]))[0, 1]
    assert paired > 0.6


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (Intervention("smokin_status", "never"), "did you mean 'smoking_status'"),
        (Intervention("smoking_status", "sometimes"), "never, former, current"),
        (Intervention("age", "old"), "a number"),
        (Intervention("sex", "female", 2), "no lines"),
        (Intervention("lesions", 3.0), "not supported"),
    ],
)
def test_an_impossible_intervention_is_refused(
    advanced: CausalModel, intervention: Intervention, message: str
) -> None:
    with pytest.raises(ConsilienceError, match=message):
        advanced.do(intervention)


def test_an_empty_sample_is_refused(advanced: CausalModel) -> None:
    with pytest.raises(ConsilienceError, match="n >= 1"):
        advanced.sample(0, seed=1)
