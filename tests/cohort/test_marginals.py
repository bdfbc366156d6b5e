"""Marginals against the evidence table: one test each, with source and interval.

Where the source gives n, the interval is the exact binomial 95 % interval of the published
proportion; where it gives a range, the range; the sampling error of the simulation (N patients)
is added. All stages, as the sources have them, unless a test says otherwise.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from cohort.model import CausalModel, Draw

N = 150_000


@pytest.fixture(scope="module")
def draw(nsclc: CausalModel) -> Draw:
    names = [name for name in nsclc.mechanisms if name not in nsclc.dynamic]
    return nsclc.sample(N, seed=101, variables=names)


def level(draw: Draw, variable: str, name: str) -> np.ndarray:
    return draw.baseline[variable] == draw.levels[variable].index(name)


def published(share: float, n: int) -> tuple[float, float]:
    interval = binomtest(round(share * n), n).proportion_ci(0.95)
    return interval.low, interval.high


def check(values: np.ndarray, low: float, high: float) -> None:
    share = values.mean()
    slack = 3 * np.sqrt(share * (1 - share) / len(values))
    assert low - slack <= share <= high + slack, f"{share:.4f} outside [{low:.4f}, {high:.4f}]"


def test_sex_ganti_2021(draw: Draw) -> None:
    """53 % male (PMID 34673888, printed to 1 %)."""
    check(level(draw, "sex", "male"), 0.525, 0.535)


def test_age_65_and_over_ganti_2021(draw: Draw) -> None:
    """67 % at least 65 years (PMID 34673888, printed to 1 %)."""
    check(draw.baseline["age"] >= 65, 0.665, 0.685)


def test_age_bands_cdc(draw: Draw) -> None:
    """Counts by five-year age band (CDC)."""
    counts = [1280, 3457, 9479, 21103, 29736, 37623, 40968, 34154, 23556]
    for low, count in zip(range(40, 85, 5), counts, strict=True):
        share = count / sum(counts)
        check((draw.baseline["age"] >= low) & (draw.baseline["age"] < low + 5), share, share)


def test_never_smokers_siegel_2021(draw: Draw) -> None:
    """About 12.5 % never-smokers in the US (PMID 33270100)."""
    check(level(draw, "smoking_status", "never"), 0.115, 0.135)


def test_current_smokers_siegel_2021(draw: Draw) -> None:
    """Current: about 50 % at 20-64 years, about 33 % at 65-79 (PMID 33270100)."""
    age, current = draw.baseline["age"], level(draw, "smoking_status", "current")
    check(current[age < 65], 0.47, 0.53)
    check(current[(age >= 65) & (age < 80)], 0.30, 0.36)


def test_never_smokers_asia(draw: Draw) -> None:
    """More than 30 % in Asian series (PMC4467161)."""
    asian = level(draw, "ancestry", "east_asian")
    check(level(draw, "smoking_status", "never")[asian], 0.30, 0.45)


def test_histology(draw: Draw) -> None:
    """Squamous 25-28 % of NSCLC, large cell 1-3 % (from memory; the rest adenocarcinoma)."""
    check(level(draw, "histology", "squamous"), 0.25, 0.28)
    check(level(draw, "histology", "large_cell"), 0.01, 0.035)


def test_stage_groups(draw: Draw) -> None:
    """Localized 22-27, regional about 21, distant 44-53 % (SEER, ALA)."""
    m = ~level(draw, "m", "M0")
    localized = np.isin(
        draw.baseline["stage"],
        [draw.levels["stage"].index(s) for s in ("IA2", "IA3", "IB", "IIA")],
    )
    check(m, 0.44, 0.53)
    check(localized, 0.22, 0.27)


def test_pdl1_express_2019(draw: Draw) -> None:
    """>= 50 % in 22 %, >= 1 % in 52 % of patients (EXPRESS; printed to 1 %, +/- 2 points)."""
    check(draw.baseline["pdl1_tps"] >= 50, 0.20, 0.24)
    check(draw.baseline["pdl1_tps"] >= 1, 0.50, 0.54)


def test_pdl1_without_egfr_alk_express_2019(draw: Draw) -> None:
    """27 and 53 % where EGFR and ALK are negative (EXPRESS, +/- 2.5 points)."""
    wild = ~(draw.baseline["egfr"] | draw.baseline["alk"])
    check(draw.baseline["pdl1_tps"][wild] >= 50, 0.245, 0.295)
    check(draw.baseline["pdl1_tps"][wild] >= 1, 0.505, 0.555)


def test_tmb_tcga(draw: Draw) -> None:
    """Median 5.78, mean 8.87, range 0.5-48 mut/Mb (PMID 33653773; +/- 5 %)."""
    tmb = draw.baseline["tmb"]
    assert np.median(tmb) == pytest.approx(5.78, rel=0.05)
    assert tmb.mean() == pytest.approx(8.87, rel=0.05)
    assert tmb.min() >= 0.5
    assert tmb.max() <= 48


@pytest.mark.parametrize(
    ("site", "share"),
    [("bone", 0.343), ("lung", 0.321), ("brain", 0.284), ("adrenal", 0.167), ("liver", 0.134),
     ("node", 0.095)],
)  # fmt: skip
def test_metastatic_sites_tamura_2014(draw: Draw, site: str, share: float) -> None:
    """Sites in 729 metastatic patients (Tamura 2014)."""
    metastatic = ~level(draw, "m", "M0")
    check(draw.baseline[f"met_{site}"][metastatic], *published(share, 729))


def test_sites_agree_with_m(draw: Draw) -> None:
    """TNM 8: M1a within the thorax, M1b exactly one site outside, M1c more."""
    sites = {s: draw.baseline[f"met_{s}"] for s in
             ("lung", "pleura", "bone", "brain", "adrenal", "liver", "node")}  # fmt: skip
    outside = sum(sites[s].astype(int) for s in ("bone", "brain", "adrenal", "liver", "node"))
    inside = sites["lung"] | sites["pleura"]
    assert not (inside | (outside > 0))[level(draw, "m", "M0")].any()
    assert (inside & (outside == 0))[level(draw, "m", "M1a")].all()
    assert (~inside & (outside == 1))[level(draw, "m", "M1b")].all()
    assert (outside >= 1)[level(draw, "m", "M1c")].all()


def test_primary_lobe_nilssen_2024(draw: Draw) -> None:
    """Right upper lobe 31.2 % of 10,849 (doi:10.1186/s12890-024-02918-w)."""
    check(level(draw, "primary_lobe", "RUL"), *published(0.312, 10_849))


def test_growth_rate_effects_struemper_2025(draw: Draw) -> None:
    """Variances .8715 (before Box-Cox), .9174, .2645 and covariances (PMID 39985158)."""
    shape = -0.3744
    kg = np.log1p(shape * draw.baseline["eta_kg"]) / shape
    ks = draw.baseline["eta_ks"]
    assert kg.var() == pytest.approx(0.8715, rel=0.04)  # truncated at +/- 3
    assert ks.var() == pytest.approx(0.9174, rel=0.04)
