"""The codes that tables need, read once from the knowledge graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alignment.panel import Analyte
from cohort import spec
from cohort.compiler import adverse_events
from cohort.model import CausalModel
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph
from ontology.variants import Variant, catalogue

VARIANT_SUFFIX = "_variant"
SYMPTOM_PREFIX = "symptom:"


@dataclass(frozen=True, slots=True)
class Codebook:
    """Codes by key."""

    rxnorm: Mapping[str, str]  # regimen -> ingredient codes joined by '+'
    analytes: tuple[Analyte, ...]
    variants: Mapping[str, Variant]
    progression: tuple[str, str, str]  # code, system, name
    death: tuple[str, str, str]
    symptoms: Mapping[str, tuple[str, str]]  # key -> HPO code, name
    adverse_events: Mapping[str, tuple[str, str]]  # variable -> HPO code, name
    checkpoint: frozenset[str]  # regimens with an inhibitor of PD-1 or PD-L1


def build_codebook(model: CausalModel, knowledge: KnowledgeGraph) -> Codebook:
    """Look up every code that the model's tables will show."""
    regimens = knowledge.regimens()
    rxnorm = {}
    for regimen in model.levels.get("regimen", ())[1:]:
        if regimen not in regimens:
            raise ConsilienceError(
                f"the knowledge graph has no regimen '{regimen}'", wanted=", ".join(regimens)
            )
        drugs = regimens[regimen].drugs
        rxnorm[regimen] = "+".join(knowledge.code(drug, "RxNorm") for drug in drugs)
    analytes = tuple(
        Analyte(
            key=name,
            loinc=knowledge.code(name, "LOINC"),
            unit=knowledge.unit(name),
            decimals=variable.decimals,
            analytical_cv=variable.analytical_cv.value,
            panel=variable.panel,
            parts=variable.sum_of,
        )
        for name, variable in model.disease.variables.items()
        if isinstance(variable, spec.Lab)
    )
    variants = catalogue(knowledge.graph)
    for name, levels in model.levels.items():
        unknown = set(levels[1:]) - set(variants) if name.endswith(VARIANT_SUFFIX) else set()
        if unknown:
            raise ConsilienceError(
                f"'{name}' has alleles that the variant catalogue lacks",
                got=", ".join(sorted(unknown)),
                wanted=", ".join(sorted(variants)),
            )
    return Codebook(
        rxnorm,
        analytes,
        variants,
        _event(knowledge, "disease_progression"),
        _event(knowledge, "death_event"),
        {
            name: (f"HP:{knowledge.code(SYMPTOM_PREFIX + name, 'HPO')}", variable.label)
            for name, variable in model.disease.variables.items()
            if isinstance(variable, spec.Symptom)
        },
        {
            event: (knowledge.code(event, "HPO"), knowledge.term(event).label)
            for event in adverse_events(model.disease)
        },
        frozenset(key for key, r in regimens.items() if {"PD-1", "PD-L1"} & set(r.targets)),
    )


def _event(knowledge: KnowledgeGraph, key: str) -> tuple[str, str, str]:
    return knowledge.code(key, "NCIT"), "NCIT", knowledge.term(key).label
