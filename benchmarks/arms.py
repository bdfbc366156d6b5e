"""Trial arms under the model's regimens beside their published summaries. Set by hand, not fitted.

python benchmarks/arms.py [--patients 24576]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from lifelines import KaplanMeierFitter
from results import Row, write

import consilience as cs
from alignment.run import load_config
from cohort.model import Draw
from cohort.tables import CohortTables

COMMAND = "python benchmarks/arms.py"
MONTH = 30.4375
SEED = 2024


@dataclass(frozen=True)
class Arm:
    """Published: median OS and PFS in months and ORR in per cent, with intervals where known."""

    name: str
    regimen: str
    eligible: Callable[[Draw], np.ndarray]
    os: tuple[float, float, float]
    pfs: tuple[float, float, float]
    orr: tuple[float, float, float]


def within(value: float, share: float = 0.15) -> tuple[float, float, float]:
    """The published value where its interval is not to hand: 15 % either way."""
    return value, value * (1 - share), value * (1 + share)


def at(draw: Draw, variable: str, *levels: str) -> np.ndarray:
    codes = [draw.levels[variable].index(level) for level in levels]
    return np.isin(draw.baseline[variable], codes)


def fit_for_trial(draw: Draw) -> np.ndarray:
    return at(draw, "ecog", "0", "1")


ARMS = (
    Arm("CheckMate-057 docetaxel", "docetaxel",
        lambda d: fit_for_trial(d) & ~at(d, "histology", "squamous"),
        (9.4, 8.1, 10.7), within(4.2), (12.0, 8.8, 16.8)),
    Arm("CheckMate-017 docetaxel", "docetaxel",
        lambda d: fit_for_trial(d) & at(d, "histology", "squamous"),
        (6.0, 5.1, 7.3), within(2.8), (9.0, 4.6, 14.8)),
    Arm("KEYNOTE-189 placebo", "platinum_pemetrexed",
        lambda d: fit_for_trial(d) & ~at(d, "histology", "squamous")
        & ~d.baseline["egfr"] & ~d.baseline["alk"],
        (10.6, 8.7, 13.6), (4.9, 4.7, 5.5), (18.9, 13.8, 25.0)),
    Arm("KEYNOTE-024 pembrolizumab", "pembrolizumab",
        lambda d: fit_for_trial(d) & at(d, "pdl1_class", ">=50")
        & ~d.baseline["egfr"] & ~d.baseline["alk"],
        within(26.3), within(10.3), (44.8, 36.8, 53.0)),
    Arm("FLAURA osimertinib", "osimertinib",
        lambda d: fit_for_trial(d) & d.baseline["egfr"],
        within(38.6), within(18.9), (80.0, 75.0, 85.0)),
)  # fmt: skip


def summaries(job: cs.Job, arm: Arm, patients: int) -> dict[str, float]:
    """Median OS and PFS in months and ORR in per cent of the eligible under the arm's regimen."""
    model = job.model.do(cs.Intervention("regimen", arm.regimen, 1))
    draw = model.sample(patients, SEED)
    survival = (
        CohortTables(model, job.codebook, draw).tables()["tables/survival.parquet"].to_pandas()
    )
    first = survival[survival["line"] == 1]
    keep = arm.eligible(draw)
    first = first[keep[first["patient_id"].astype(str).str[1:].astype(int).to_numpy()]]
    medians = {
        name: KaplanMeierFitter().fit(first[f"{name}_days"], first[f"{name}_event"])
        .median_survival_time_ / MONTH
        for name in ("os", "pfs")
    }  # fmt: skip
    scans = draw.scans
    assessed = (scans["step"] > 0) & (scans["line_at_visit"] == 1)
    responds = np.isin(scans["response"], [draw.levels["response"].index(r) for r in ("CR", "PR")])
    responders = np.unique(scans["patient"][assessed & responds])
    return {**medians, "orr": 100.0 * np.isin(np.flatnonzero(keep), responders).mean()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=24_576)
    options = parser.parse_args()
    run = load_config("nsclc").model_copy(update={"follow_up_days": (1800, 2200)})
    job = cs.Job.prepare(run)
    rows = []
    for arm in ARMS:
        found = summaries(job, arm, options.patients)
        for name, unit in (("os", "months"), ("pfs", "months"), ("orr", "%")):
            published, low, high = getattr(arm, name)
            rows.append(
                Row(f"{arm.name}: {name.upper()}", round(found[name], 2), unit, COMMAND,
                    target=f"{low:.3g} to {high:.3g}", met=bool(low <= found[name] <= high),
                    against=f"published {published:g}")
            )  # fmt: skip
    write("arms", rows)


if __name__ == "__main__":
    main()
