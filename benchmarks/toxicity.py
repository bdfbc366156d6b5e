"""Adverse events as reported in simulated trial arms beside the published rates.

python benchmarks/toxicity.py [--patients 8192]
"""

from __future__ import annotations

import argparse

import numpy as np

from cohort.mechanisms.toxicity import GRADES
from cohort.model import CausalModel, Intervention
from cohort.study import Arm, load_study, run_study, study_model
from cohort.tables.toxicity import reported_grade, worst_grade
from ontology.knowledge import KnowledgeGraph

SEED = 2024
PUBLISHED = {
    "checkmate057_docetaxel": {"neutropenia": 31, "febrile_neutropenia": 10, "anaemia": 20},
    "keynote189_placebo": {
        "anaemia": 46.5, "neutropenia": 24.3, "thrombocytopenia": 14.4, "nausea": 52.0,
        "diarrhoea": 21.3, "hypothyroidism": 2.5, "pneumonitis": 2.8, "colitis": 0.0,
        "hepatitis": 0.0,
    },
    "keynote189_pembrolizumab": {
        "anaemia": 46.2, "neutropenia": 27.2, "thrombocytopenia": 18.0, "nausea": 55.6,
        "diarrhoea": 30.9, "hypothyroidism": 6.7, "pneumonitis": 4.4, "colitis": 3.1,
        "hepatitis": 1.7,
    },
}  # fmt: skip
"""Per cent. CheckMate-057 counts treatment-related events, KEYNOTE-189 events of any cause."""


def arm(name: str, knowledge: KnowledgeGraph, patients: int) -> tuple[CausalModel, Arm]:
    study = load_study(name.replace("_pembrolizumab", "_placebo"))
    model = study_model(study, knowledge)
    if name.endswith("_pembrolizumab"):
        model = model.do(Intervention("regimen", "pembrolizumab_platinum_pemetrexed", 1))
    return model, run_study(study, model, patients, SEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=8192)
    patients = parser.parse_args().patients
    knowledge = KnowledgeGraph.load("nsclc")
    for name, published in PUBLISHED.items():
        model, made = arm(name, knowledge, patients)
        draw, lines, rows = made.draw, made.lines, made.rows
        line = int(lines.line[rows[0]])
        who = lines.patient[rows]
        visits = draw.visits
        cycles = (visits["line_at_visit"] == line) & ~np.isnan(visits["marrow_nadir"])
        nadir = np.full(draw.n, np.inf)
        np.minimum.at(nadir, visits["patient"][cycles], visits["marrow_nadir"][cycles])
        day = (visits["marrow_nadir_day"][1:] - visits["visit_day"][:-1])[cycles[1:]]
        deep, deepest = (100 * np.mean(nadir[who] < bound) for bound in (1.0, 0.5))
        early, middle, late = np.quantile(day, (0.05, 0.5, 0.95))
        print(f"{name}: {len(who)} patients")
        print(f"  true nadir grade 3-4 {deep:.0f} %, grade 4 {deepest:.0f} %")
        print(f"  nadir on day {middle:.0f} ({early:.0f} to {late:.0f})")
        stop = np.zeros(draw.n, bool)
        here = visits["line_at_visit"] == line
        stop[visits["patient"][here & visits["toxicity_stop"]]] = True
        print(f"  stopped for toxicity {100 * stop[who].mean():.1f} %")
        print("  latent grades 1 to 4, reported, published, %")
        for event in model.mechanisms["ae_reported"].events:  # type: ignore[attr-defined]
            latent = worst_grade(draw, event, line)[who]
            reported = reported_grade(model, draw, event, line)[who]
            shares = " ".join(f"{100 * np.mean(latent == int(g)):5.1f}" for g in GRADES)
            wanted = published.get(event.removeprefix("ae_"))
            print(f"  {event:24s} grades {shares}   reported {100 * np.mean(reported > 0):5.1f}"
                  f"  {'' if wanted is None else wanted}")  # fmt: skip


if __name__ == "__main__":
    main()
