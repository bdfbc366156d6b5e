"""Plain wordings of values: dates, lengths, lobes, diagnoses, regimens, ordinals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ontology.errors import ConsilienceError

# Own names: those of the standard library follow the locale of the machine.
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip
LOBE_WORDS = {
    "RUL": "upper lobe",
    "RML": "middle lobe",
    "RLL": "lower lobe",
    "LUL": "upper lobe",
    "LLL": "lower lobe",
}
DISEASES = {
    "adenocarcinoma": "adenocarcinoma of the lung",
    "squamous": "squamous cell carcinoma of the lung",
    "large_cell": "large cell carcinoma of the lung",
    "adenosquamous": "adenosquamous carcinoma of the lung",
    "nos": "non-small cell lung cancer",
}


@dataclass(frozen=True, slots=True)
class Length:
    """A length as the reader measured it, in whole mm, at least 1."""

    mm: int

    def __post_init__(self) -> None:
        if isinstance(self.mm, bool) or not isinstance(self.mm, int) or self.mm < 1:
            raise ConsilienceError("not a measured length", got=self.mm, wanted="whole mm, >= 1")


def write_length(length: Length, features: Mapping[str, str]) -> str:
    """``24`` or, where the feature ``unit`` is cm, ``2.4``: one decimal of a cm is exact."""
    if features["unit"] == "cm":
        return f"{length.mm // 10}.{length.mm % 10}"
    return str(length.mm)


def write_date(date: dt.date, features: Mapping[str, str]) -> str:
    """By the feature ``dates``: ``2019-03-14``, ``14 March 2019`` or ``March 14, 2019``."""
    month = MONTHS[date.month - 1]
    if features["dates"] == "iso":
        return date.isoformat()
    if features["dates"] == "day_first":
        return f"{date.day} {month} {date.year}"
    return f"{month} {date.day}, {date.year}"


def ordinal(number: int) -> str:
    """``third`` for 3; figures above ten."""
    if number <= len(ORDINALS):
        return ORDINALS[number - 1]
    tail = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{tail or 'th'}"


def disease(histology: str) -> str:
    """``squamous`` as ``squamous cell carcinoma of the lung``."""
    return DISEASES.get(histology, f"{histology.replace('_', ' ')} lung cancer")


def regimen(name: str) -> str:
    """``platinum_pemetrexed`` as ``carboplatin-pemetrexed``, ``egfr_tki`` as ``EGFR TKI``.

    Antibodies stand last, as in clinic notes; the platinum of the regimens is carboplatin.
    """
    if name == "best_supportive_care":
        return "best supportive care"
    if name.startswith("chemoradiation"):
        return " followed by ".join(name.split("_"))
    name = name.replace("platinum", "carboplatin")
    if name.startswith("pembrolizumab_"):
        name = f"{name.removeprefix('pembrolizumab_')}_pembrolizumab"
    words = ["EGFR" if word == "egfr" else "TKI" if word == "tki" else word
             for word in name.replace("_", " ").split()]  # fmt: skip
    return (" " if "TKI" in words else "-").join(words)


def size_value(long_mm: int, short_mm: int | None) -> str:
    """Value of a size fact: ``24x18``, or ``24`` where the short axis is not measured."""
    return str(long_mm) if short_mm is None else f"{long_mm}x{short_mm}"
