"""T790M is acquired after progression on a first-generation inhibitor, once, by some."""

from __future__ import annotations

import numpy as np
import pytest

from cohort import spec
from cohort.frame import Frame
from cohort.mechanisms.resistance import Acquired
from cohort.model import CausalModel

N = 20_000
REGIMENS = ("none", "osimertinib", "erlotinib", "docetaxel")
RESPONSES = ("none", "PR", "SD", "PD")
NAME = "t790m_acquired"


@pytest.fixture
def mechanism(nsclc: CausalModel) -> Acquired:
    variable = nsclc.disease.variables[NAME]
    assert isinstance(variable, spec.Acquired)
    return Acquired(NAME, variable, REGIMENS)


def course(mechanism: Acquired, visits: list[tuple[str, str]], **static: bool) -> list[np.ndarray]:
    """Values at each visit of N patients who all have these (regimen, response)."""
    frame = Frame(3, 0, N, {"regimen": REGIMENS, "response": RESPONSES})
    frame.now["egfr_sensitising"] = np.full(N, static.get("sensitising", True))
    frame.now["t790m_variant"] = np.full(N, int(static.get("de_novo", False)), np.int8)
    found = []
    for step, (regimen, response) in enumerate(visits):
        frame.advance(step, frozenset(("regimen", "response", NAME)))
        frame.now[NAME] = mechanism(frame)
        frame.now["regimen"] = np.full(N, REGIMENS.index(regimen), np.int8)
        frame.now["response"] = np.full(N, RESPONSES.index(response), np.int8)
        found.append(frame.now[NAME])
    return found


STOPPED = [("erlotinib", "none"), ("erlotinib", "PR"), ("none", "PD"), ("docetaxel", "none"),
           ("docetaxel", "SD"), ("none", "PD"), ("none", "none")]  # fmt: skip


def test_it_comes_the_visit_after_progression_and_stays(mechanism: Acquired) -> None:
    """98 of 155 (PMID 23470965): 63 %."""
    values = course(mechanism, STOPPED)
    assert not any(v.any() for v in values[:3])
    assert values[3].mean() == pytest.approx(0.63, abs=3 * np.sqrt(0.63 * 0.37 / N))
    assert all(np.array_equal(v, values[3]) for v in values[4:])


def test_a_drug_given_beyond_progression_counts_once(mechanism: Acquired) -> None:
    """One draw a patient: further progressions add nobody."""
    values = course(mechanism, [("erlotinib", "none"), *[("erlotinib", "PD")] * 4])
    assert values[2].mean() == pytest.approx(0.63, abs=0.02)
    assert np.array_equal(values[-1], values[2])


@pytest.mark.parametrize("regimen", ["osimertinib", "docetaxel"])
def test_no_other_drug_selects_it(mechanism: Acquired, regimen: str) -> None:
    visits = [(regimen if r == "erlotinib" else r, response) for r, response in STOPPED]
    assert not any(v.any() for v in course(mechanism, visits))


def test_only_sensitising_alleles_without_it_before_treatment(mechanism: Acquired) -> None:
    assert not any(v.any() for v in course(mechanism, STOPPED, sensitising=False))
    assert not any(v.any() for v in course(mechanism, STOPPED, de_novo=True))


def test_a_model_without_the_drug_has_nobody(nsclc: CausalModel) -> None:
    variable = nsclc.disease.variables[NAME]
    assert isinstance(variable, spec.Acquired)
    absent = Acquired(NAME, variable, ("none", "osimertinib"))
    assert not any(v.any() for v in course(absent, STOPPED))
