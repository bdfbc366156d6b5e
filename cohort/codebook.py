"""The codes that tables need, read once from the knowledge graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignment.lexicon import Lexicon
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
    oral: frozenset[str]  # regimens of drugs that are all taken daily
    phases: Mapping[str, tuple[str, str]]  # regimen -> codes in the induction cycles, and after
    antibodies: frozenset[str]  # RxNorm: given in full or not at all
    lexicon: Lexicon


def build_codebook(model: CausalModel, knowledge: KnowledgeGraph) -> Codebook:
    """Look up every code that the model's tables will show."""
    regimens = knowledge.regimens()
    rxnorm: dict[str, str] = {}
    phases: dict[str, tuple[str, str]] = {}
    oral = knowledge.oral_drugs()
    for regimen in model.levels.get("regimen", ())[1:]:
        if regimen not in regimens:
            raise ConsilienceError(
                f"the knowledge graph has no regimen '{regimen}'", wanted=", ".join(regimens)
            )
        one = regimens[regimen]
        rxnorm[regimen] = _codes(knowledge, one.drugs)
        phases[regimen] = (
            _codes(knowledge, [d for d in one.drugs if d not in one.maintenance]),
            _codes(knowledge, [d for d in one.drugs if d not in one.induction]),
        )
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
        frozenset(key for key, r in regimens.items() if r.drugs and oral >= set(r.drugs)),
        phases,
        frozenset(knowledge.code(drug, "RxNorm") for drug in knowledge.antibodies()),
        _lexicon(knowledge, analytes, variants),
    )


def _codes(knowledge: KnowledgeGraph, drugs: Sequence[str]) -> str:
    return "+".join(knowledge.code(drug, "RxNorm") for drug in drugs)


def _lexicon(
    knowledge: KnowledgeGraph, analytes: Sequence[Analyte], variants: Mapping[str, Variant]
) -> Lexicon:
    named = {knowledge.code(term.key, "RxNorm"): term for term in knowledge.terms("Drug")}
    oral = knowledge.oral_drugs()
    return Lexicon(
        drugs={code: term.label for code, term in sorted(named.items())},
        oral=frozenset(code for code, term in named.items() if term.key in oral),
        drivers=knowledge.drivers(),
        genes=tuple(sorted({v.gene for v in variants.values()} - set(knowledge.drivers()))),
        consequences=knowledge.consequences(),
        decimals={analyte.loinc: analyte.decimals for analyte in analytes},
    )


def _event(knowledge: KnowledgeGraph, key: str) -> tuple[str, str, str]:
    return knowledge.code(key, "NCIT"), "NCIT", knowledge.term(key).label
