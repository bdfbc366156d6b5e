"""Shared by all tests: the bundled knowledge and the compiled NSCLC model."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from alignment.run import bundled
from cohort.codebook import Codebook, build_codebook
from cohort.compiler import compile_disease
from cohort.model import CausalModel
from ontology.knowledge import KnowledgeGraph

ADVANCED = {"stage": ("IIIB", "IIIC", "IVA", "IVB")}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """With CI set, skipping a test that is marked ``required`` is a failure."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("required"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} is required, but was skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeGraph:
    return KnowledgeGraph.load("nsclc")


@pytest.fixture(scope="session")
def nsclc(knowledge: KnowledgeGraph) -> CausalModel:
    """All stages."""
    return compile_disease(bundled("nsclc", "diseases"), knowledge)


@pytest.fixture(scope="session")
def advanced(knowledge: KnowledgeGraph) -> CausalModel:
    """The population of configs/nsclc.yaml."""
    return compile_disease(bundled("nsclc", "diseases"), knowledge, ADVANCED)


@pytest.fixture(scope="session")
def codebook(advanced: CausalModel, knowledge: KnowledgeGraph) -> Codebook:
    return build_codebook(advanced, knowledge)
