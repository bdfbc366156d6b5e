"""What the laboratory reports follows from what it prints."""

from __future__ import annotations

import re

import numpy as np
import pytest

from alignment.panel import Analyte, LabPanel
from alignment.schemas import LAB_KEYS
from cohort import spec
from cohort.codebook import Codebook
from cohort.model import CausalModel, Draw
from cohort.tables.toxicity import panels
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
        ("cea", 3.1, "H", 0), ("cyfra", 3.3, "N", 0), ("cyfra", 3.4, "H", 0),
        # leukocytes <LLN-3, <3-2, <2-1, <1
        ("leukocytes", 3.9, "L", 1), ("leukocytes", 2.9, "L", 2), ("leukocytes", 0.9, "L", 4),
        ("ast", 49, "H", 1), ("ast", 145, "H", 2), ("ast", 961, "H", 4),
        # bilirubin >ULN-1.5, >1.5-3, >3-10, >10 x ULN (1.0)
        ("bilirubin", 1.5, "H", 1), ("bilirubin", 1.6, "H", 2), ("bilirubin", 3.1, "H", 3),
        # calcium in mg/dL: bounds in the unit itself
        ("calcium", 10.6, "H", 1), ("calcium", 11.6, "H", 2), ("calcium", 13.6, "H", 4),
        ("calcium", 8.4, "L", 1), ("calcium", 6.9, "L", 3),
        ("sodium", 134, "L", 1), ("sodium", 129, "L", 2), ("sodium", 119, "L", 4),
        ("sodium", 146, "H", 1), ("sodium", 151, "H", 2),
        ("glucose", 111, "H", 0), ("glucose", 54, "L", 2),
        ("tsh", 4.2, "H", 0), ("tsh", 0.4, "L", 0),
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
    assert set(truth["albumin"].to_pylist()) == {40.0}
    assert truth["tsh"].null_count == n


def test_an_analyte_without_interval_is_refused() -> None:
    with pytest.raises(ConsilienceError, match="no reference interval for 'potassium'"):
        labs.report(panel("potassium", [4.0]))


SEXES, SMOKING = ("male", "female"), ("never", "former", "current")


def test_every_analyte_has_an_interval_for_everyone() -> None:
    labs.check_references(LAB_KEYS, SEXES, SMOKING)
    assert set(labs.references()) == set(LAB_KEYS)


def test_a_missing_interval_is_refused_with_its_line() -> None:
    with pytest.raises(ConsilienceError) as error:
        labs.check_references(("haemoglobin", "cea", "haemoglobn"), (*SEXES, "unknown"),
                              (*SMOKING, "pipe"))  # fmt: skip
    text = str(error.value)
    assert re.search(r"configs/labs\.yaml:\d+ .*'haemoglobin' has no low limit for unknown", text)
    assert re.search(r"configs/labs\.yaml:\d+ .*'haemoglobin' has no high limit for unknown", text)
    assert "'cea' has no high limit for pipe" in text
    assert "did you mean 'haemoglobin'" in text


def counts(n: int, drawn: np.ndarray | None = None) -> LabPanel:
    keys = ("neutrophils", "lymphocytes", "leukocytes")
    analytes = tuple(
        Analyte(key, f"{i}-8", "u", 2, 0.04, "haematology", keys[:2] if i == 2 else ())
        for i, key in enumerate(keys)
    )
    return LabPanel(
        seed=1, start=0, n=n, patient=np.arange(n), step=np.zeros(n, np.int16),
        day=np.zeros(n), analytes=analytes, drawn=drawn,
        values=np.array([np.full(n, 4.0), np.full(n, 1.2), np.full(n, 5.3)]),
        person={"sex": np.full(n, "male"), "smoking_status": np.full(n, "never")},
    )  # fmt: skip


def test_leukocytes_as_reported_exceed_their_parts() -> None:
    wide = labs.report(counts(5000))[0].to_pandas().pivot(
        index="patient_id", columns="name", values="value"
    )  # fmt: skip
    assert (wide["leukocytes"] > wide["neutrophils"] + wide["lymphocytes"]).all()


def test_only_what_was_drawn_is_reported() -> None:
    drawn = np.ones((3, 4), bool)
    drawn[2, 1:3] = False
    observed, truth = labs.report(counts(4, drawn))
    assert len(observed) == 10
    assert truth["leukocytes"].is_null().to_pylist() == [False, True, True, False]
    every, _ = labs.report(counts(4))
    kept = every.to_pandas().merge(observed.to_pandas(), on=["patient_id", "name"])
    assert (kept["value_x"] == kept["value_y"]).all()


@pytest.fixture(scope="module")
def made(advanced: CausalModel, codebook: Codebook) -> tuple[Draw, np.ndarray]:
    draw = advanced.sample(2000, seed=7)
    return draw, panels(draw, codebook)


def test_all_labs_stay_in_their_range(advanced: CausalModel, made: tuple[Draw, np.ndarray]) -> None:
    found = []
    for name, variable in advanced.disease.variables.items():
        if isinstance(variable, spec.Lab):
            found.append(name)
            values, (low, high) = made[0].visits[name], variable.range
            if not variable.sum_of:
                assert low <= values.min() and values.max() <= high, name
            assert values.std() > 0
    assert set(found) == set(LAB_KEYS)


def test_leukocytes_hold_more_than_their_parts(made: tuple[Draw, np.ndarray]) -> None:
    v = made[0].visits
    assert (v["leukocytes"] > v["neutrophils"] + v["lymphocytes"]).all()


def test_panels_have_their_schedule(made: tuple[Draw, np.ndarray], codebook: Codebook) -> None:
    draw, drawn = made
    row = {analyte.key: i for i, analyte in enumerate(codebook.analytes)}
    step = draw.visits["step"]
    assert drawn[row["haemoglobin"]].all() and drawn[row["sodium"]].all()
    assert np.array_equal(drawn[row["cea"]], step % 3 == 0)
    regimens = np.array(draw.levels["regimen"])[draw.visits["regimen"]]
    under = np.char.find(regimens.astype(str), "pembrolizumab") >= 0
    thyroid = drawn[row["tsh"]]
    assert thyroid[step == 0].all()
    assert thyroid[under & (step % 2 == 0)].all()
    assert not thyroid[(step % 2 == 1)].any()
    assert not thyroid[(regimens == "docetaxel") & (step > 0)].any()


def test_labs_follow_their_causes(made: tuple[Draw, np.ndarray]) -> None:
    draw, _ = made
    v = draw.visits
    first = v["step"] == 0
    who = v["patient"][first]

    def ratio(lab: str, group: np.ndarray) -> float:
        values = v[lab][first]
        return float(np.median(values[group[who]]) / np.median(values[~group[who]]))

    liver = draw.baseline["met_liver"].astype(bool)
    assert ratio("alt", liver) > 1.15 and ratio("ast", liver) > 1.15
    assert ratio("glucose", draw.baseline["diabetes"].astype(bool)) > 1.3
    squamous = draw.baseline["histology"] == draw.levels["histology"].index("squamous")
    assert ratio("calcium", squamous) > 1.01
    male = draw.baseline["sex"] == draw.levels["sex"].index("male")
    assert ratio("haemoglobin", male) > 1.04 and ratio("creatinine", male) > 1.15
    both = np.corrcoef(np.log(v["alt"][first]), np.log(v["ast"][first]))[0, 1]
    assert 0.5 < both < 0.95
    for marker in ("cea", "cyfra", "ldh"):
        assert np.corrcoef(np.log(v["sld"][first]), np.log(v[marker][first]))[0, 1] > 0.2, marker
