"""Shared by all tests: the bundled knowledge and the compiled NSCLC model."""

from __future__ import annotations

import pytest

from alignment.run import bundled
from cohort.codebook import Codebook, build_codebook
from cohort.compiler import compile_disease
from cohort.model import CausalModel
from ontology.knowledge import KnowledgeGraph

ADVANCED = {"stage": ("IIIB", "IIIC", "IVA", "IVB")}


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
