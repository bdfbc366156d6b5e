"""The demo with the language model as author of its CT reports, from config to judgement."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from results import Row

import consilience as cs
from note.rates import COMMAND


def demo_rows() -> list[Row]:
    """Who wrote the reports, how long it took, and what the evaluator holds against the cohort."""
    config = cs.load_config("demo", notes={"author": "language_model"})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made = cs.generate(config, out=Path(folder) / "demo", workers=2)
        written = time.perf_counter() - start
        start = time.perf_counter()
        verdict = cs.evaluate(made.folder, page=False)
        judged = time.perf_counter() - start
        notes = made.table("notes")
        notes = notes[notes["kind"] == "ct_chest_report"]
    by_model = notes["author"] != "grammar"
    first = int((by_model & (notes["draws"] == 1)).sum())
    n = len(notes)

    def row(name: str, value: float, unit: str) -> Row:
        return Row(f"demo by the language model: {name}", value, unit, COMMAND + "demo")

    held = row("contradictions that evaluate finds", len(verdict.violations), "1")
    return [
        row("CT reports", n, "reports"),
        row("first drafts kept", first, f"of {n}"),
        row("redraws kept", int(by_model.sum()) - first, f"of {n}"),
        row("left to the grammar", n - int(by_model.sum()), f"of {n}"),
        row("comparisons of evaluate", sum(check.tested for check in verdict.checks), "1"),
        replace(held, target="0", met=verdict.holds),
        row("generate, images too", written, "s"),
        row("evaluate", judged, "s"),
    ]  # fmt: skip
