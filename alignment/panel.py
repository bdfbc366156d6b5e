"""Latent laboratory values of a range of patients, as the cohort hands them to the laboratory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Analyte:
    """How one analyte is reported."""

    key: str
    loinc: str
    unit: str  # UCUM
    decimals: int
    analytical_cv: float
    panel: str = "chemistry"
    """What it is drawn with: haematology, chemistry, markers or thyroid."""
    parts: tuple[str, ...] = ()
    """Analytes that it holds beside others: leukocytes hold neutrophils."""


@dataclass(frozen=True, slots=True)
class LabPanel:
    """``m`` visits by ``k`` analytes, sorted by patient and step.

    ``patient`` (m,) is counted from ``start``; ``day`` (m,) in days; ``values`` (k, m) are latent,
    in the analyte's unit; ``person`` holds (n,) strings by which reference intervals differ.
    ``drawn`` (k, m): which analytes were drawn at which visit; None: all.
    """

    seed: int
    start: int
    n: int
    patient: NDArray[np.int64]
    step: NDArray[np.int16]
    day: NDArray[np.float64]
    analytes: tuple[Analyte, ...]
    values: NDArray[np.float64]
    person: Mapping[str, NDArray[Any]]
    drawn: NDArray[np.bool_] | None = None
