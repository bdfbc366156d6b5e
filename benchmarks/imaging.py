"""The images beside real CT, and what readers find in them.

python benchmarks/imaging.py [--parts distance,tissue,...] [--modes "first stage,t0 = 0"]

Writes benchmarks/results/imaging.json and docs/figures/*.png; parts that are not asked for keep
their rows. Needs the extra ``bench`` and ``make assets``. Real CTs: the atlas and lung1 are for
training, lung2 is held out. ``python benchmarks/quiz.py`` makes the contact sheet and the quiz.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

from ct import claims, modes
from results import Row, others, write

PARTS: dict[str, Callable[[tuple[str, ...]], list[Row]]] = {
    "distance": claims.distance_rows,
    "tissue": claims.tissue_rows,
    "lesions": claims.lesion_rows,
    "copies": claims.copy_rows,
    "detection": claims.detection_rows,
    "identity": claims.identity_rows,
    "speed": claims.speed_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--modes", default=",".join(modes.MODES))
    options = parser.parse_args()
    chosen = tuple(options.modes.split(","))
    order = list(PARTS)
    started = time.perf_counter()
    for name in options.parts.split(","):
        found = [replace(row, part=name) for row in PARTS[name](chosen)]
        print(f"[{time.perf_counter() - started:5.0f} s] {name}", flush=True)
        # Written part by part: what is measured is not lost with what comes after it.
        write(
            "imaging",
            sorted([*others("imaging", name), *found], key=lambda row: order.index(row.part)),
        )


if __name__ == "__main__":
    main()
