"""The reports: are they true, where do the readers disagree, how varied, how fast.

python benchmarks/notes.py [--parts truth,base,sensitivity,disagreement,diversity,leak,...]

Writes benchmarks/results/notes.json, docs/author.md (twenty reports) and examples of disagreement;
parts that are not asked for keep their rows. With fewer visits (``CONSILIENCE_NOTES=20``) or
another adapter (``CONSILIENCE_ADAPTER=DIR``) it only prints. The judge's reader on real reports:
benchmarks/notes_reader.py. Part ``speed`` measures memory, too: run it alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

from note import claims, demo, injected, leak, pages, written
from results import Row, others, write

PARTS: dict[str, Callable[[], list[Row]]] = {
    "truth": claims.truth_rows,
    "base": claims.base_rows,
    "sensitivity": injected.sensitivity_rows,
    "disagreement": claims.disagreement_rows,
    "diversity": claims.diversity_rows,
    "leak": leak.leak_rows,
    "speed": claims.speed_rows,
    "demo": demo.demo_rows,
    "pages": pages.page_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", default=",".join(PARTS))
    options = parser.parse_args()
    started = time.perf_counter()
    for name in options.parts.split(","):
        found = [replace(row, part=name) for row in PARTS[name]()]
        print(f"[{time.perf_counter() - started:5.0f} s] {name}", flush=True)
        if written.looking():
            print(*found, sep="\n")
            continue
        rows = [*others("notes", name), *found]
        write("notes", sorted(rows, key=lambda row: list(PARTS).index(row.part)))


if __name__ == "__main__":
    main()
