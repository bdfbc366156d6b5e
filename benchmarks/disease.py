"""The disease model beside what is published: arms, landmarks, policies, epidemiology, rules.

python benchmarks/disease.py [--patients 24000] [--rule-patients 100000] [--no-plots]

Writes benchmarks/results/disease.json and docs/figures/arms.png. About twenty minutes on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import arms
import epidemiology
import independence
import numpy as np
import plots
import rules
import toxicity
from populations import Populations, exact
from results import Row, write

import consilience as cs
from alignment.run import load_config
from cohort.model import Intervention
from cohort.spec import DiseaseFile
from cohort.study import MONTH, Arm, median, run_study
from ontology.knowledge import KnowledgeGraph

COMMAND = arms.COMMAND
SEED = 2024


def policy_rows(placebo: Arm) -> Iterator[Row]:
    """Later lines and crossover switched off, the same patients with the same noise."""
    factual = placebo.outcomes
    survival = median(factual["os_days"].to_numpy(), factual["os_event"].to_numpy()) / MONTH
    yield Row("KEYNOTE-189 placebo: median OS as it is", round(survival, 2), "months", COMMAND)
    for name, label, wanted in (
        ("later_lines", "without later lines", "lower"),
        ("crossover", "without crossover", "changes"),
    ):
        model = placebo.model.do(Intervention(name, False))
        frame = run_study(placebo.study, model, placebo.draw.n, SEED).outcomes
        os = median(frame["os_days"].to_numpy(), frame["os_event"].to_numpy()) / MONTH
        met = os < survival if wanted == "lower" else os != survival
        yield Row(f"KEYNOTE-189 placebo: median OS {label}", round(os, 2), "months", COMMAND,
                  target=wanted, met=bool(met))  # fmt: skip
        changed = int((frame["pfs_days"].to_numpy() != factual["pfs_days"].to_numpy()).sum())
        yield Row(f"KEYNOTE-189 placebo: patients whose PFS changes {label}", changed, "1", COMMAND,
                  target="0", met=changed == 0)  # fmt: skip


def brain_rows(patients: int) -> Iterator[Row]:
    """Brain metastases in a series of metastatic patients and among the eligible."""
    drawn = Populations(patients, SEED)
    series = drawn.baseline["met_brain"][drawn.baseline.metastatic]
    for name, found, published, n, source in (
        ("in a series of metastatic patients", series, 28.4, 729, "Tamura 2014"),
        ("among those eligible for KEYNOTE-189", drawn.trial["met_brain"], 17.0, 206, "its arm"),
    ):
        low, high = exact(published, n)
        value = 100 * float(found.mean())
        yield Row(f"brain metastases {name}", round(value, 1), "%", COMMAND,
                  target=f"{low:.1f} to {high:.1f}", met=low <= value <= high,
                  against=f"{source}, {published} % of {n}; one set of shares")  # fmt: skip


def epidemiology_rows(patients: int) -> list[Row]:
    """Every row of the evidence table, after how many of the confirmed ones hold."""
    found = epidemiology.rows(patients, SEED)
    tested = [row for row in found if row.met is not None]
    missed = [row for row in tested if not row.met]
    held = len(tested) - len(missed)
    summary = Row("confirmed rows of the evidence table inside their interval", held, "1", COMMAND,
                  target=str(len(tested)), met=not missed)  # fmt: skip
    return [
        *_part("epidemiology", [summary, *missed]),
        *_part("epidemiology_in_full", [row for row in found if row not in missed]),
    ]


def size_rows(knowledge: KnowledgeGraph, disease: DiseaseFile) -> Iterator[Row]:
    """What the model consists of, and how much of it is assumed."""
    edges = knowledge.edges()
    kinds = Counter(e.partition(":")[0] for edge in edges for e in edge.evidence)
    assumed, defined = kinds["assumption"], kinds["definition"]
    yield Row("causal edges", len(edges), "1", COMMAND,
              against=f"{assumed} assumed, {defined} by definition, others cited")  # fmt: skip
    statuses = Counter(
        parameter.status
        for variable in disease.variables.values()
        for _, parameter in variable.numbers()
    )
    yield Row("variables", len(disease.variables), "1", COMMAND)
    yield Row("numbers", statuses.total(), "1", COMMAND,
              against=", ".join(f"{n} {s}" for s, n in statuses.most_common()))  # fmt: skip


def generated(patients: int) -> Path:
    """A dataset with every stage and both readers, for the rules."""
    out = Path(tempfile.mkdtemp()) / "cohort"
    run = load_config(
        "nsclc", patients=patients, seed=SEED, population={}, assessors=("investigator", "central")
    )
    cs.generate(run, out=out, workers=2)
    return out


def _part(name: str, rows: Iterable[Row]) -> list[Row]:
    return [replace(row, part=name) for row in rows]


def measured(options: argparse.Namespace) -> Iterator[list[Row]]:
    """Rows, part by part."""
    knowledge = KnowledgeGraph.load("nsclc")
    made = {
        name: arms.arm(name, knowledge, options.patients, SEED)
        for name in (*arms.FITTED, *arms.OTHERS)
    }
    if not options.no_plots:
        plots.draw(made)
    yield _part("size", size_rows(knowledge, made["keynote189_placebo"].model.disease))
    yield _part("fitted", arms.main_rows({name: made[name] for name in arms.FITTED}))
    yield _part("arms", arms.main_rows({name: made[name] for name in arms.OTHERS}))
    found = arms.fitted(knowledge, options.patients // 3, SEED, 1, lambda text: None)
    yield _part("fit", arms.jacobian_rows(found))
    yield _part("not_fitted", arms.unfitted_rows(made))
    yield _part("toxicity", toxicity.rows(knowledge, options.patients // 2))
    yield _part("policies", policy_rows(made["keynote189_placebo"]))
    made.clear()
    yield _part("policies", brain_rows(options.patients))
    yield epidemiology_rows(options.patients)
    yield _part("rules", rules.rules_rows(generated(options.rule_patients)))
    yield _part("rules", rules.oracle_rows())
    yield _part("independence", independence.rows(6000, 11))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=24_000)
    parser.add_argument("--rule-patients", type=int, default=100_000)
    parser.add_argument("--no-plots", action="store_true")
    rows: list[Row] = []
    started = time.perf_counter()
    for part in measured(parser.parse_args()):
        print(f"[{time.perf_counter() - started:6.0f} s] {part[0].part}", flush=True)
        rows += part
    assert all(np.isfinite(row.value) for row in rows)
    write("disease", rows)


if __name__ == "__main__":
    main()
