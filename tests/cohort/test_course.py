"""What the tables must say of every patient, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alignment import schemas
from cohort.codebook import Codebook
from cohort.mechanisms.lesions import node_mask
from cohort.model import CausalModel, Draw, Intervention
from cohort.tables import CohortTables

N = 1500


@pytest.fixture(scope="module")
def draw(advanced: CausalModel) -> Draw:
    return advanced.sample(N, seed=11)


@pytest.fixture(scope="module")
def tables(advanced: CausalModel, codebook: Codebook, draw: Draw) -> dict[str, pd.DataFrame]:
    made = CohortTables(advanced, codebook, draw).tables()
    return {path.split("/")[1].removesuffix(".parquet") if path.startswith("tables") else path:
            table.to_pandas() for path, table in made.items()}  # fmt: skip


def test_keys_are_unique_and_columns_match(tables: dict[str, pd.DataFrame]) -> None:
    for table in schemas.OBSERVED:
        if table.name == "labs":
            continue
        frame = tables[table.name]
        assert list(frame.columns) == [c.name for c in table.columns]
        assert not frame.duplicated(list(table.key)).any(), table.name


def test_the_targets_add_up_to_the_latent_sum(draw: Draw) -> None:
    scans = draw.scans
    node = node_mask(scans["lesion_site"])
    size = np.where(node, scans["lesions"][1], scans["lesions"][0])
    counted = scans["lesion_present"] & scans["lesion_target"]
    total = np.where(counted, size, 0).sum(0)
    capped = (np.where(counted, size, 0) >= 109.999).any(0)
    first = scans["step"] == 0
    expected = draw.baseline["sld_baseline"][scans["patient"][first]]
    assert np.allclose(total[first & ~capped], expected[~capped[first]], rtol=1e-12)


def test_baseline_targets_are_measurable(draw: Draw) -> None:
    scans = draw.scans
    first = scans["step"] == 0
    counted = (scans["lesion_present"] & scans["lesion_target"])[:, first]
    node = node_mask(scans["lesion_site"][:, first])
    long, short = scans["lesions"][:, :, first]
    assert (long[counted & ~node] >= 10 - 1e-9).all()
    assert (short[counted & node] >= 15 - 1e-9).all()


def test_nothing_happens_after_death_or_cutoff(tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"]
    death = events[events["grade"] == 5].set_index("patient_id")["day"]
    for name in ("visits", "lesions", "responses"):
        last = tables[name].groupby("patient_id", observed=True)["day"].max()
        both = last.to_frame("last").join(death.rename("death"), how="inner")
        assert (both["last"] <= both["death"]).all(), name


def test_lines_follow_each_other(tables: dict[str, pd.DataFrame]) -> None:
    lines = tables["treatments"].sort_values(["patient_id", "line"])
    grouped = lines.groupby("patient_id", observed=True)
    assert (grouped["line"].diff().dropna() == 1).all()
    previous_stop = grouped["stop_day"].shift()
    later = previous_stop.notna()
    assert (lines["start_day"][later] > previous_stop[later]).all()
    assert (lines["start_day"][lines["line"] == 1] == 0).all()  # advanced at index


def test_survival_is_in_order(tables: dict[str, pd.DataFrame]) -> None:
    s = tables["survival"]
    assert (s["pfs_days"] <= s["os_days"]).all()
    assert (s["pfs_days"] >= 0).all()
    assert ((s["pfs_cause"] == "none") == ~s["pfs_event"]).all()
    assert ((s["censor_reason"] == "none") == s["os_event"]).all()
    assert ((s["cause_of_death"] == "none") == ~s["os_event"]).all()


def test_inhibitors_go_to_their_drivers(tables: dict[str, pd.DataFrame], draw: Draw) -> None:
    first = tables["treatments"].query("line == 1").set_index("patient_id")["regimen"]
    egfr = draw.baseline["egfr_sensitising"]
    systemic = draw.levels["initial_treatment"].index("systemic")
    treated = (first == "osimertinib").to_numpy()
    assert np.array_equal(treated, egfr & (draw.baseline["initial_treatment"] == systemic))
    carriers = set(tables["variants"].query("gene == 'EGFR'")["patient_id"])
    assert carriers >= set(first.index[treated])


def test_a_drug_that_shrinks_more_responds_more(advanced: CausalModel) -> None:
    shrinks = []
    for regimen in ("docetaxel", "osimertinib"):
        draw = advanced.do(Intervention("regimen", regimen, 1)).sample(800, seed=3)
        second = (draw.scans["step"] > 0) & (draw.scans["line_at_visit"] == 1)
        shrinks.append(np.isin(draw.scans["response"][second], (1, 2)).mean())
    assert shrinks[1] > 2 * shrinks[0]


def test_longer_growth_lowers_survival(advanced: CausalModel) -> None:
    slow = advanced.do(Intervention("eta_kg", -1.0)).sample(800, seed=3).death
    fast = advanced.do(Intervention("eta_kg", 1.0)).sample(800, seed=3).death
    assert np.median(fast) < np.median(slow)
