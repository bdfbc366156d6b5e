"""Adverse events as reported in simulated trial arms beside the published rates.

python benchmarks/toxicity.py [--patients 8192]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from results import Row

from cohort.model import CausalModel, Draw, Intervention
from cohort.study import Arm, load_study, run_study, study_model
from cohort.tables.toxicity import reported_grade, worst_grade
from ontology.knowledge import KnowledgeGraph

COMMAND = "python benchmarks/disease.py"
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


def rows(knowledge: KnowledgeGraph, patients: int) -> Iterator[Row]:
    """Share with each event as reported, and what is true of the marrow."""
    for name, published in PUBLISHED.items():
        model, made = arm(name, knowledge, patients)
        draw, who = made.draw, made.lines.patient[made.rows]
        line = int(made.lines.line[made.rows[0]])
        label = name.replace("_", " ")
        for event, share in published.items():
            reported = reported_grade(model, draw, f"ae_{event}", line)[who]
            yield Row(f"{label}: {event.replace('_', ' ')} as reported",
                      round(100 * float(np.mean(reported > 0)), 1), "%", COMMAND,
                      against=f"published {share:g}, reporting calibrated to it")  # fmt: skip
        if "neutropenia" in published:
            latent = worst_grade(draw, "ae_neutropenia", line)[who]
            for least in (3, 4):
                yield Row(f"{label}: true nadir of grade {least} or worse",
                          round(100 * float(np.mean(latent >= least)), 1), "%", COMMAND,
                          against="never on record as such: most nadirs fall between blood tests",
                          )  # fmt: skip
            yield Row(f"{label}: median day of the nadir", float(np.median(nadir_days(draw, line))),
                      "d", COMMAND)  # fmt: skip


def nadir_days(draw: Draw, line: int) -> np.ndarray:
    """Days from the dose to the lowest neutrophil count, cycle by cycle."""
    visits = draw.visits
    cycles = (visits["line_at_visit"] == line) & ~np.isnan(visits["marrow_nadir"])
    return np.asarray((visits["marrow_nadir_day"][1:] - visits["visit_day"][:-1])[cycles[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=8192)
    for row in rows(KnowledgeGraph.load("nsclc"), parser.parse_args().patients):
        print(f"{row.name}: {row.value:g} {row.unit} ({row.against})")


if __name__ == "__main__":
    main()
