"""Words of oncology clinic notes: drugs, regimens, adverse events, analytes."""

from __future__ import annotations

from collections.abc import Mapping

from ontology.errors import ConsilienceError

DRUGS = {
    "1721560": "osimertinib",
    "337525": "erlotinib",
    "1727455": "alectinib",
    "2103164": "lorlatinib",
    "1148495": "crizotinib",
    "2362165": "capmatinib",
    "2625882": "adagrasib",
    "1547545": "pembrolizumab",
    "1919503": "durvalumab",
    "40048": "carboplatin",
    "2555": "cisplatin",
    "56946": "paclitaxel",
    "68446": "pemetrexed",
    "72962": "docetaxel",
    "12574": "gemcitabine",
}
"""RxNorm ingredients, as the knowledge graph has them."""
_LAST = ("pembrolizumab", "durvalumab")

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
SYMPTOMS = {
    "weight loss noticed by the patient": ("weight loss", "weight loss"),
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


def drugs(rxnorm: str) -> list[str]:
    """Names of ingredient codes joined by '+', antibodies last."""
    codes = [code for code in rxnorm.split("+") if code]
    unknown = [code for code in codes if code not in DRUGS]
    if unknown:
        raise ConsilienceError("a drug without a name", got=unknown, wanted=", ".join(DRUGS))
    names = sorted(DRUGS[code] for code in codes)
    return sorted(names, key=lambda name: name in _LAST)


def regimen_words(regimen: str, rxnorm: str, features: Mapping[str, str]) -> str:
    """``carboplatin, pemetrexed and pembrolizumab`` or joined by hyphens, by feature ``joined``."""
    uk = features["spelling"] == "uk"
    if regimen in WITHOUT_DRUGS:
        return WITHOUT_DRUGS[regimen][0 if uk else 1]
    names = drugs(rxnorm)
    if regimen.startswith("chemoradiation"):
        chemo = [name for name in names if name not in _LAST]
        with_ray = f"{'chemoradiotherapy' if uk else 'chemoradiation'} ({', '.join(chemo)})"
        return " and ".join([with_ray, *(name for name in names if name in _LAST)])
    if len(names) == 1 or features["joined"] == "hyphen":
        return "-".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


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


def number_words(value: float) -> str:
    """A reported value without a trailing zero: ``12.8``, ``284``."""
    return f"{value:g}"
