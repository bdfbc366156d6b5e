"""Adverse events: grades follow values, episodes follow grades, reports follow events."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alignment import arrow, schemas
from cohort.codebook import Codebook, build_codebook
from cohort.mechanisms.toxicity import GRADES
from cohort.model import CausalModel, Draw, Intervention
from cohort.study import Arm, load_study, run_study, study_model
from cohort.tables import toxicity
from cohort.tables.lines import Lines
from ontology.knowledge import KnowledgeGraph

N = 3000
SEED = 5


@pytest.fixture(scope="module")
def draw(advanced: CausalModel) -> Draw:
    return advanced.sample(N, seed=SEED)


@pytest.fixture(scope="module")
def book(advanced: CausalModel, knowledge: KnowledgeGraph) -> Codebook:
    return build_codebook(advanced, knowledge)


@pytest.fixture(scope="module")
def tables(advanced: CausalModel, draw: Draw, book: Codebook) -> dict[str, pd.DataFrame]:
    episodes = toxicity.Episodes.of(advanced, draw, Lines.of(advanced, draw))
    columns = {
        schemas.EVENTS: toxicity.adverse_events(advanced, draw, book, episodes),
        schemas.TRUTH_EVENTS: toxicity.truth_events(advanced, draw, book, episodes),
        schemas.TRUTH_MARROW: toxicity.truth_marrow(draw),
        schemas.DOSES: toxicity.doses(advanced, draw, book),
    }
    return {table.path: arrow.build(table, made).to_pandas() for table, made in columns.items()}


def test_keys_are_unique(tables: dict[str, pd.DataFrame]) -> None:
    for table in (schemas.EVENTS, schemas.TRUTH_EVENTS, schemas.TRUTH_MARROW, schemas.DOSES):
        assert len(tables[table.path]) > 0
        assert not tables[table.path].duplicated(list(table.key)).any(), table.path


def test_grades_follow_their_values(draw: Draw) -> None:
    v = draw.visits
    graded = v["ae_neutropenia"] > 0
    low = np.where(np.isnan(v["marrow_nadir"]), v["marrow"], v["marrow_nadir"])
    bounds = np.array([np.inf, 1.8, 1.5, 1.0, 0.5])
    assert (low[graded] < bounds[v["ae_neutropenia"][graded]]).all()
    severe = v["ae_neutropenia"] < 4
    assert (low[severe & graded] >= 0.5).all()
    male = draw.baseline["sex"][v["patient"]] == draw.levels["sex"].index("male")
    anaemic = v["ae_anaemia"] > 0
    assert (v["haemoglobin"][anaemic] < np.where(male, 13, 12)[anaemic]).all()
    assert (v["haemoglobin"][v["ae_anaemia"] >= 2] < 10).all()
    assert (v["alt"][v["ae_alt_increased"] > 0] > 56).all()


def test_fever_comes_with_few_neutrophils(draw: Draw) -> None:
    febrile = draw.visits["ae_febrile_neutropenia"] > 0
    assert febrile.any()
    assert (draw.visits["marrow_low_days"][febrile] > 0).all()
    assert (draw.visits["ae_febrile_neutropenia"][febrile] >= 3).all()


def test_nothing_is_reported_that_did_not_happen(advanced: CausalModel, draw: Draw) -> None:
    for bit, event in enumerate(toxicity.events_of(advanced)):
        said = (draw.visits["ae_reported"] >> bit) & 1 > 0
        assert (draw.visits[event][said] > 0).all(), event


def test_no_event_before_treatment(advanced: CausalModel, draw: Draw) -> None:
    first = draw.visits["step"] == 0
    for event in toxicity.events_of(advanced):
        assert (draw.visits[event][first] == 0).all(), event
        assert draw.visits[event].max() <= int(GRADES[-1])


def test_episodes_hold_each_grade_once(advanced: CausalModel, draw: Draw) -> None:
    episodes = toxicity.Episodes.of(advanced, draw, Lines.of(advanced, draw))
    events = toxicity.events_of(advanced)
    for bit, event in enumerate(events):
        mine = episodes.event == bit
        worst = np.zeros(draw.n, np.int8)
        np.maximum.at(worst, episodes.patient[mine], episodes.grade[mine])
        expected = np.zeros(draw.n, np.int8)
        np.maximum.at(expected, draw.visits["patient"], draw.visits[event])
        assert np.array_equal(worst, expected), event
    ended = ~np.isnan(episodes.end)
    assert (episodes.end[ended] >= episodes.start[ended]).all()
    assert (np.diff(episodes.patient) >= 0).all()


def test_reported_events_are_true_ones(tables: dict[str, pd.DataFrame]) -> None:
    observed, truth = tables["tables/events.parquet"], tables["truth/events.parquet"]
    key = ["patient_id", "day", "code"]
    merged = observed.merge(truth, on=key, suffixes=("", "_true"))
    assert len(merged) == len(observed) == truth["reported"].sum()
    assert (merged["grade"] == merged["grade_true"]).all()
    assert (observed["code"].str.fullmatch(r"HP:\d{7}")).all()


def test_joined_events_are_sorted(advanced: CausalModel, draw: Draw, book: Codebook) -> None:
    episodes = toxicity.Episodes.of(advanced, draw, Lines.of(advanced, draw))
    part = arrow.build(schemas.EVENTS, toxicity.adverse_events(advanced, draw, book, episodes))
    joined = toxicity.with_adverse_events(part.slice(0, 50), part.slice(50))
    assert joined.schema == part.schema and len(joined) == len(part)
    frame = joined.to_pandas()
    assert frame["patient_id"].astype(str).is_monotonic_increasing
    assert (frame.groupby("patient_id", observed=True)["day"].diff().dropna() >= 0).all()


def test_the_marrow_table_is_of_cycles(tables: dict[str, pd.DataFrame]) -> None:
    marrow = tables["truth/marrow.parquet"]
    assert (marrow["nadir_day"] >= marrow["day"]).all()
    assert (marrow["days_below_half"] <= 35).all()
    assert ((marrow["nadir"] < 0.5) | (marrow["days_below_half"] == 0)).all()


def test_doses_are_of_their_cycle(tables: dict[str, pd.DataFrame]) -> None:
    doses = tables["tables/doses.parquet"]
    assert ((doses["relative_dose"] == 0) == (doses["action"] == "omitted")).all()
    assert ((doses["delay_days"] > 0) == (doses["action"] == "delayed")).all()
    assert doses["reason"][doses["action"] != "given"].notna().all()
    assert (doses["cycle"] >= 1).all()
    assert "best_supportive_care" not in set(doses["regimen"])


def test_doses_name_the_drugs_of_their_cycle(
    advanced: CausalModel, book: Codebook, tables: dict[str, pd.DataFrame]
) -> None:
    """Platinum ends after four cycles, chemoradiation after two; an antibody goes on in full."""
    doses = tables["tables/doses.parquet"].astype({"regimen": str, "rxnorm": str})
    names = [book.lexicon.names(codes) for codes in doses["rxnorm"]]
    early = {"pembrolizumab_platinum_pemetrexed": 4, "pembrolizumab_platinum_paclitaxel": 4,
             "platinum_pemetrexed": 4}  # fmt: skip
    late = 0
    for regimen, cycle, share, drugs in zip(
        doses["regimen"], doses["cycle"], doses["relative_dose"], names, strict=True
    ):
        if regimen in early:
            assert ("carboplatin" in drugs) == (cycle <= early[regimen])
            assert ("paclitaxel" in drugs) == (regimen.endswith("paclitaxel") and cycle <= 4)
            assert ("pemetrexed" in drugs) == regimen.endswith("pemetrexed")
            late += cycle > early[regimen]
        if drugs == ("pembrolizumab",):
            assert share in (0.0, 1.0)
    assert late > 20


def test_hepatitis_shows_in_the_laboratory(draw: Draw) -> None:
    v = draw.visits
    sick = v["ae_hepatitis"] > 0
    assert sick.sum() > 10
    assert np.median(v["alt"][sick]) > 4 * np.median(v["alt"][~sick])
    low_thyroid = v["ae_hypothyroidism"] > 0
    assert np.median(v["tsh"][low_thyroid]) > 4 * np.median(v["tsh"][~low_thyroid])


def test_immune_events_come_late_and_with_the_antibodies(advanced: CausalModel) -> None:
    sampled = advanced.do(Intervention("regimen", "pembrolizumab", 1)).sample(N, seed=SEED)
    v = sampled.visits
    for event in ("ae_hypothyroidism", "ae_colitis", "ae_pneumonitis"):
        rows = np.flatnonzero((v[event] > 0) & (v["line_at_visit"] == 1))
        first = rows[np.unique(v["patient"][rows], return_index=True)[1]]
        start = np.zeros(sampled.n)
        opens = v["line_starts"] & (v["line"] == 1)
        start[v["patient"][opens]] = v["visit_day"][opens]
        weeks = (v["visit_day"][first] - start[v["patient"][first]]) / 7
        assert 8 <= np.median(weeks) <= 26, event


def share(model: CausalModel, arm: Arm, event: str) -> tuple[float, float]:
    """(reported share, four standard errors) of an event in the arm's line."""
    line = int(arm.lines.line[arm.rows[0]])
    who = arm.lines.patient[arm.rows]
    reported = toxicity.reported_grade(model, arm.draw, event, line)[who] > 0
    p = float(reported.mean())
    return p, 4 * float(np.sqrt(max(p * (1 - p), 0.01) / len(who)))


MODEL_TOLERANCE = 0.03
"""Published shares are of 200 to 400 patients: their own standard errors are 0.02 to 0.035."""


@pytest.mark.parametrize(
    ("study", "regimen", "published"),
    [
        ("checkmate057_docetaxel", None,
         {"ae_neutropenia": 0.31, "ae_febrile_neutropenia": 0.10, "ae_anaemia": 0.20}),
        ("keynote189_placebo", None,
         {"ae_neutropenia": 0.243, "ae_anaemia": 0.465, "ae_thrombocytopenia": 0.144,
          "ae_hypothyroidism": 0.025, "ae_pneumonitis": 0.028, "ae_colitis": 0.0}),
        ("keynote189_placebo", "pembrolizumab_platinum_pemetrexed",
         {"ae_hypothyroidism": 0.067, "ae_pneumonitis": 0.044, "ae_colitis": 0.031}),
    ],
)  # fmt: skip
def test_reported_rates_are_the_published_ones(
    knowledge: KnowledgeGraph, study: str, regimen: str | None, published: dict[str, float]
) -> None:
    loaded = load_study(study)
    model = study_model(loaded, knowledge)
    if regimen is not None:
        model = model.do(Intervention("regimen", regimen, 1))
    arm = run_study(loaded, model, N, seed=SEED)
    for event, wanted in published.items():
        got, noise = share(model, arm, event)
        assert abs(got - wanted) < MODEL_TOLERANCE + noise, (event, got, wanted)
