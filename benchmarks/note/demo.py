"""The demo's CT reports, which the language model writes, and what the evaluator holds of them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from results import Row

import consilience as cs
from note import written
from note.rates import COMMAND

MADE = written.ROOT / "demo-cohort"
"""Where ``make demo`` writes; taken where it is of today's config, else the demo is made anew."""


def demo_rows() -> list[Row]:
    """Who wrote the reports, and what contradicts what."""
    config = cs.load_config("demo")
    with tempfile.TemporaryDirectory() as folder:
        made = cs.load(MADE) if MADE.is_dir() else None
        if made is None or made.manifest["config_hash"] != config.digest():
            made = cs.generate(config, out=Path(folder) / "demo", workers=2)
        verdict = cs.evaluate(made.folder, page=False)
        notes = made.table("notes")
        notes = notes[notes["kind"] == "ct_chest_report"]
    by_model = notes["author"] != "grammar"
    first = int((by_model & (notes["draws"] == 1)).sum())
    n = len(notes)

    def row(name: str, value: float, unit: str) -> Row:
        return Row(f"demo: {name}", value, unit, COMMAND + "demo")

    held = row("contradictions that evaluate finds", len(verdict.violations), "1")
    return [
        row("CT reports", n, "reports"),
        row("CT reports, first drafts of the language model", first, f"of {n}"),
        row("CT reports, its redraws", int(by_model.sum()) - first, f"of {n}"),
        row("CT reports left to the grammar", n - int(by_model.sum()), f"of {n}"),
        row("comparisons of evaluate", sum(check.tested for check in verdict.checks), "1"),
        replace(held, target="0", met=verdict.holds),
    ]
