"""The reports: are they true, where do the readers disagree, how varied, how fast.

python benchmarks/notes.py [--parts truth,sensitivity,disagreement,diversity,leak,speed,demo,pages]

Writes benchmarks/results/notes.json, docs/author.md (twenty reports) and examples of disagreement;
parts that are not asked for keep their rows. ``CONSILIENCE_NOTES``: visits, 200; 20 for a look.
``CONSILIENCE_ADAPTER``: another adapter than the shipped one. The part ``reader``, the judge's
reader on real reports, is measured by benchmarks/notes_reader.py and keeps its rows here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

from note import claims, demo, injected, pages
from results import Row, others, write

PARTS: dict[str, Callable[[], list[Row]]] = {
    "truth": claims.truth_rows,
    "sensitivity": injected.sensitivity_rows,
    "disagreement": claims.disagreement_rows,
    "diversity": claims.diversity_rows,
    "leak": claims.leak_rows,
    "speed": claims.speed_rows,
    "demo": demo.demo_rows,
    "pages": pages.page_rows,
}
ORDER = [*PARTS, "reader"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", default=",".join(PARTS))
    options = parser.parse_args()
    started = time.perf_counter()
    for name in options.parts.split(","):
        found = [replace(row, part=name) for row in PARTS[name]()]
        print(f"[{time.perf_counter() - started:5.0f} s] {name}", flush=True)
        rows = [*others("notes", name), *found]
        write("notes", sorted(rows, key=lambda row: ORDER.index(row.part)))


if __name__ == "__main__":
    main()
