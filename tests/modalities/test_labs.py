"""What the laboratory reports follows from what it prints."""

from __future__ import annotations

import numpy as np
import pytest

from alignment.panel import Analyte, LabPanel
from modalities import labs
from ontology.errors import ConsilienceError


def panel(key: str, values: list[float], *, sex: str = "female", cv: float = 0.0) -> LabPanel:
    m = len(values)
    return LabPanel(
        seed=1, start=0, n=1, patient=np.zeros(m, np.int64), step=np.arange(m, dtype=np.int16),
        day=np.arange(m) * 21.0, analytes=(Analyte(key, "1-8", "u", 2, cv),),
        values=np.array([values]),
        person={"sex": np.array([sex]), "smoking_status": np.array(["never"])},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "flag", "grade"),
    [
        # CTCAE v5.0: anaemia <LLN-10, <10-8, <8 g/dL
        ("haemoglobin", 12.0, "N", 0), ("haemoglobin", 11.9, "L", 1),
        ("haemoglobin", 10.0, "L", 1), ("haemoglobin", 9.9, "L", 2), ("haemoglobin", 7.9, "L", 3),
        # neutrophils <LLN-1.5, <1.5-1.0, <1.0-0.5, <0.5
        ("neutrophils", 1.8, "N", 0), ("neutrophils", 1.7, "L", 1), ("neutrophils", 1.49, "L", 2),
        ("neutrophils", 0.99, "L", 3), ("neutrophils", 0.49, "L", 4), ("neutrophils", 8.0, "H", 0),
        # creatinine >ULN-1.5, >1.5-3, >3-6, >6 x ULN (1.2): 1.8 is 1.5 x ULN, hence still grade 1
        ("creatinine", 1.2, "N", 0), ("creatinine", 1.21, "H", 1), ("creatinine", 1.8, "H", 1),
        ("creatinine", 1.81, "H", 2), ("creatinine", 3.7, "H", 3), ("creatinine", 7.3, "H", 4),
        ("alt", 57, "H", 1), ("alt", 169, "H", 2), ("alt", 281, "H", 3), ("alt", 1121, "H", 4),
        ("cea", 3.1, "H", 0),
    ],
)  # fmt: skip
def test_flags_and_grades(key: str, value: float, flag: str, grade: int) -> None:
    observed, _ = labs.report(panel(key, [value]))
    row = observed.to_pylist()[0]
    assert (row["value"], row["flag"], row["ctcae_grade"]) == (value, flag, grade)


def test_men_have_another_interval() -> None:
    for sex, flag in (("female", "N"), ("male", "L")):
        observed, _ = labs.report(panel("haemoglobin", [12.5], sex=sex))
        assert observed["flag"].to_pylist() == [flag]


def test_analytical_error_has_its_size_and_truth_has_none() -> None:
    n = 20_000
    observed, truth = labs.report(panel("albumin", [40.0] * n, cv=0.02))
    ratio = np.log(np.array(observed["value"].to_pylist()) / 40.0)
    assert abs(ratio.std() - 0.02) < 4 * 0.02 / np.sqrt(2 * n)
    assert set(truth["value"].to_pylist()) == {40.0}


def test_an_analyte_without_interval_is_refused() -> None:
    with pytest.raises(ConsilienceError, match="no reference interval for 'sodium'"):
        labs.report(panel("sodium", [140.0]))
