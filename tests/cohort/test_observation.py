"""What is not recorded: at which rates, by which mechanism, and that the truth keeps it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alignment import schemas
from cohort.codebook import Codebook
from cohort.model import CausalModel, Draw, Intervention
from cohort.tables import CohortTables

N = 8000
MCAR, MAR, MNAR = 1, 2, 3


@pytest.fixture(scope="module")
def draw(advanced: CausalModel) -> Draw:
    return advanced.sample(N, seed=31)


@pytest.fixture(scope="module")
def tables(advanced: CausalModel, codebook: Codebook, draw: Draw) -> dict[str, pd.DataFrame]:
    made = CohortTables(advanced, codebook, draw).tables()
    return {path: table.to_pandas() for path, table in made.items()}


def test_random_losses_do_not_depend_on_burden_and_others_do(draw: Draw) -> None:
    visits = draw.visits
    missed, later = visits["visit_missed"], visits["step"] > 0
    large = visits["sld"] > np.median(visits["sld"])
    share = {
        code: [(missed[later & group] == code).mean() for group in (~large, large)]
        for code in (MCAR, MNAR)
    }
    assert share[MCAR][0] == pytest.approx(share[MCAR][1], rel=0.12)
    assert share[MCAR][0] == pytest.approx(0.015, rel=0.12)
    assert share[MNAR][1] > 1.6 * share[MNAR][0]


def test_mar_depends_on_what_is_on_record(draw: Draw) -> None:
    visits = draw.visits
    ecog = draw.baseline["ecog"][visits["patient"]]
    mar = (visits["visit_missed"] == MAR) & (visits["step"] > 0)
    assert mar[ecog == 2].mean() > 1.5 * mar[ecog <= 1].mean()


def test_dropout_depends_on_latent_burden(advanced: CausalModel, draw: Draw) -> None:
    visits = draw.visits
    at_risk = visits["step"] > 0
    large = visits["sld"] > np.median(visits["sld"])
    lost = visits["lost"] > 0
    assert lost[at_risk & large].mean() > 1.2 * lost[at_risk & ~large].mean()
    kept = advanced.do(Intervention("lost", 0.0)).sample(500, seed=31)
    assert not (kept.visits["lost"] > 0).any()
    assert np.array_equal(kept.death, advanced.sample(500, seed=31).death)


def test_no_trace_after_loss(tables: dict[str, pd.DataFrame]) -> None:
    truth = tables[schemas.TRUTH_DEATHS.path].set_index("patient_id")
    lost = truth["lost_day"][np.isfinite(truth["lost_day"])]
    assert len(lost) > 50
    survival = tables[schemas.SURVIVAL.path]
    of_lost = survival[survival["patient_id"].isin(lost.index) & ~survival["os_event"]]
    assert (of_lost["censor_reason"].isin(["lost_to_follow_up", "withdrawal",
                                           "administrative"])).all()  # fmt: skip
    for table in (schemas.VISITS, schemas.VITALS, schemas.RESPONSES_TABLE):
        last = tables[table.path].groupby("patient_id", observed=True)["day"].max()
        both = last.to_frame("last").join(lost.rename("lost"), how="inner")
        assert (both["last"] <= both["lost"]).all(), table.name


def test_missed_visits_leave_no_record_but_a_reason(tables: dict[str, pd.DataFrame]) -> None:
    missing = tables[schemas.TRUTH_MISSING.path]
    missed = missing[missing["kind"] == "visit"]
    assert set(missed["mechanism"]) == set(schemas.MECHANISMS)
    keys = ["patient_id", "day"]
    for table in (schemas.VITALS, schemas.SYMPTOMS, schemas.TOXICITIES):
        found = tables[table.path][keys].astype({"patient_id": str}).drop_duplicates()
        assert found.merge(missed[keys].astype({"patient_id": str})).empty
    vitals = tables[schemas.VITALS.path]
    share = vitals["ecog"].isna().mean()
    assert 0.05 < share < 0.2
    assert (vitals["ecog"].isna() == vitals["weight_kg"].isna()).all()
