"""The conditional independences of the graph in the samples: a software test, not a validation."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PATIENTS, SEED = 5000, 11


@pytest.fixture(scope="module")
def independence() -> ModuleType:
    pytest.importorskip("dowhy")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("independence")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # dowhy's own, on import
def test_what_the_graph_says_is_independent_is_so_in_the_samples(independence: ModuleType) -> None:
    p_values, found = independence.check(PATIENTS, SEED, all_details=False)
    assert len(p_values) > 1000
    assert independence.violations(p_values) == []
    assert found and all(found.values()), f"smuggled edges not found: {found}"


def test_the_test_knows_dependence_through_a_common_cause(independence: ModuleType) -> None:
    rng = np.random.default_rng(0)
    cause = rng.integers(0, 3, 3000).astype(float)
    x, y = cause**2 + rng.normal(size=3000), (cause == 1) + rng.normal(size=3000)
    assert independence.unconditional(x, y) < 1e-6
    assert independence.conditional(x, y, cause) > 0.01
    assert independence.conditional(x, y + 0.2 * x, cause) < 1e-6


def test_rare_pairs_and_definitions_are_not_judged(independence: ModuleType) -> None:
    rare = np.zeros(3000)
    rare[:30] = 1.0
    assert independence.unconditional(rare, rare[::-1]) == 1.0
    cause = np.arange(3000) % 4.0
    assert independence.conditional(cause == 2, cause, cause) == 1.0
