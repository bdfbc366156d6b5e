"""Words of oncology clinic notes: drugs, regimens, adverse events, analytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WITHOUT_DRUGS = {
    "surgery": ("surgical resection", "surgical resection"),
    "sbrt": ("stereotactic body radiotherapy", "stereotactic body radiation therapy"),
    "best_supportive_care": ("best supportive care", "best supportive care"),
}
"""Uk, us."""

ADVERSE = {
    "anaemia": "anemia",
    "diarrhoea": "diarrhea",
    "alanine aminotransferase increased": "alanine aminotransferase increased",
}
NOTICED = "weight loss noticed by the patient"
"""CTCAE grades weight loss by what was lost: the scales are told, not the patient's grade."""
SYMPTOMS = {
    "dyspnoea": ("breathlessness", "dyspnea"),
    "haemoptysis": ("haemoptysis", "hemoptysis"),
}
"""British and American words where they differ from the record's."""

ANALYTES: dict[str, tuple[str, str, str]] = {
    # name in the record: British, American, short
    "haemoglobin": ("haemoglobin", "hemoglobin", "Hb"),
    "leukocytes": ("white cells", "white blood cells", "WBC"),
    "neutrophils": ("neutrophils", "neutrophils", "ANC"),
    "lymphocytes": ("lymphocytes", "lymphocytes", "lymphocytes"),
    "platelets": ("platelets", "platelets", "Plt"),
    "creatinine": ("creatinine", "creatinine", "Cr"),
    "alt": ("ALT", "ALT", "ALT"),
    "ast": ("AST", "AST", "AST"),
    "bilirubin": ("bilirubin", "bilirubin", "bili"),
    "albumin": ("albumin", "albumin", "Alb"),
    "protein": ("total protein", "total protein", "total protein"),
    "ldh": ("LDH", "LDH", "LDH"),
    "cea": ("CEA", "CEA", "CEA"),
    "cyfra": ("CYFRA 21-1", "CYFRA 21-1", "CYFRA 21-1"),
    "calcium": ("calcium", "calcium", "Ca"),
    "sodium": ("sodium", "sodium", "Na"),
    "glucose": ("glucose", "glucose", "glucose"),
    "tsh": ("TSH", "TSH", "TSH"),
}
UNITS = {"10*9/L": "x 10^9/L", "m[IU]/L": "mIU/L"}
"""UCUM as it is printed; the others are printed as they are."""


def listed_drugs(drugs: Sequence[str], features: Mapping[str, str]) -> str:
    """``carboplatin, pemetrexed and pembrolizumab``, or by hyphens; antibodies last."""
    names = sorted(sorted(drugs), key=_antibody)
    if len(names) < 2 or features["joined"] == "hyphen":
        return "-".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def regimen_words(regimen: str, drugs: Sequence[str], features: Mapping[str, str]) -> str:
    """Local treatment by its name, drugs by theirs, chemoradiotherapy with its drugs."""
    uk = features["spelling"] == "uk"
    if regimen in WITHOUT_DRUGS:
        return WITHOUT_DRUGS[regimen][0 if uk else 1]
    chemo = sorted(name for name in drugs if not _antibody(name))
    if not regimen.startswith("chemoradiation") or not chemo:
        return listed_drugs(drugs, features)
    after = [name for name in drugs if _antibody(name)]
    with_ray = f"{radiation_words(features)} ({', '.join(chemo)})"
    return " followed by ".join([with_ray, *after])


def radiation_words(features: Mapping[str, str]) -> str:
    """Chemoradiotherapy by spelling."""
    return "chemoradiotherapy" if features["spelling"] == "uk" else "chemoradiation"


def _antibody(name: str) -> bool:
    return name.endswith("mab")  # the stem of their international names


def adverse_words(name: str, spelling: str) -> str:
    """An adverse event or symptom in one spelling."""
    if name in SYMPTOMS:
        return SYMPTOMS[name][0 if spelling == "uk" else 1]
    return ADVERSE.get(name, name) if spelling == "us" else name


def analyte_words(name: str, features: Mapping[str, str]) -> str:
    """An analyte, short where the feature ``labs`` is short."""
    british, american, short = ANALYTES.get(name, (name, name, name))
    if features["labs"] == "short":
        return short
    return british if features["spelling"] == "uk" else american


def number_words(value: float, decimals: int) -> str:
    """A reported value with the digits that the laboratory gives: ``12.8``, ``1.0``, ``284``."""
    return f"{value:.{decimals}f}"
