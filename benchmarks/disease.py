"""The disease model beside what is published: arms, landmarks, policies, epidemiology, rules.

python benchmarks/disease.py [--patients 24000] [--rule-patients 100000] [--no-plots]

Writes benchmarks/results/disease.json and docs/figures/.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import arms
import epidemiology
import independence
import numpy as np
import plots
import rules
import toxicity
from results import Row, write

import consilience as cs
from cohort.model import Intervention
from cohort.study import MONTH, Arm, median, run_study
from ontology.knowledge import KnowledgeGraph

COMMAND = arms.COMMAND
SEED = 2024


def policy_rows(placebo: Arm) -> Iterator[Row]:
    """Later lines and crossover switched off, the same patients with the same noise."""
    factual = placebo.outcomes
    survival = median(factual["os_days"].to_numpy(), factual["os_event"].to_numpy()) / MONTH
    yield Row("KEYNOTE-189 placebo: median OS as it is", round(survival, 2), "months", COMMAND)
    for name, label in (("later_lines", "without later lines"), ("crossover", "without crossover")):
        model = placebo.model.do(Intervention(name, False))
        frame = run_study(placebo.study, model, placebo.draw.n, SEED).outcomes
        os = median(frame["os_days"].to_numpy(), frame["os_event"].to_numpy()) / MONTH
        yield Row(f"KEYNOTE-189 placebo: median OS {label}", round(os, 2), "months", COMMAND,
                  target="lower", met=bool(os < survival))  # fmt: skip
        changed = int((frame["pfs_days"].to_numpy() != factual["pfs_days"].to_numpy()).sum())
        yield Row(f"KEYNOTE-189 placebo: patients whose PFS changes {label}", changed, "1", COMMAND,
                  target="0", met=changed == 0)  # fmt: skip


def brain_rows(placebo: Arm, knowledge: KnowledgeGraph) -> Iterator[Row]:
    """Brain metastases in a series of metastatic patients and among the eligible."""
    series = epidemiology.series(knowledge, placebo.draw.n, SEED)
    metastatic = series.baseline["m"] != series.levels["m"].index("M0")
    for name, share, low, high, source in (
        ("in a series of metastatic patients", series.baseline["met_brain"][metastatic].mean(),
         25.2, 31.8, "Tamura 2014, 28.4 % of 729"),
        ("among those eligible for KEYNOTE-189", placebo.draw.baseline["met_brain"].mean(),
         12.1, 22.9, "KEYNOTE-189 placebo, 17.0 % of 206"),
    ):  # fmt: skip
        value = round(100 * float(share), 1)
        yield Row(f"brain metastases {name}", value, "%", COMMAND, target=f"{low} to {high}",
                  met=low <= value <= high, against=source)  # fmt: skip


def generated(patients: int) -> Path:
    """A dataset with every stage and both readers, for the rules."""
    out = Path(tempfile.mkdtemp()) / "cohort"
    run = cs.load_config("nsclc", patients=patients, seed=SEED)
    run = run.model_copy(update={"population": {}, "assessors": ("investigator", "central")})
    cs.generate_run(run, out=out, workers=2)
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=24_000)
    parser.add_argument("--rule-patients", type=int, default=100_000)
    parser.add_argument("--no-plots", action="store_true")
    options = parser.parse_args()
    knowledge = KnowledgeGraph.load("nsclc")
    started = time.perf_counter()

    def note(text: str) -> None:
        print(f"[{time.perf_counter() - started:6.0f} s] {text}", flush=True)

    made = {
        name: arms.arm(name, knowledge, options.patients, SEED)
        for name in (*arms.FITTED, *arms.OTHERS)
    }
    rows = list(arms.main_rows(made))
    note("arms")
    rows += arms.jacobian_rows(arms.fitted(knowledge, options.patients // 3, SEED, 1, note))
    note("jacobian")
    rows += arms.unfitted_rows(made)
    rows += toxicity.rows(knowledge, options.patients // 2, SEED)
    note("toxicity")
    placebo = made["keynote189_placebo"]
    rows += policy_rows(placebo)
    rows += brain_rows(placebo, knowledge)
    note("policies")
    rows += epidemiology.rows(knowledge, 4 * options.patients, SEED)
    note("epidemiology")
    rows += rules.rows(generated(options.rule_patients))
    note("rules")
    rows += independence.rows(knowledge, SEED)
    note("independence")
    if not options.no_plots:
        plots.draw(made)
    assert all(np.isfinite(row.value) for row in rows)
    write("disease", rows)


if __name__ == "__main__":
    main()
