"""Rows of benchmarks/results/NAME.json: what is claimed, measured and by which command."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One measured claim; ``low`` and ``high``: interval, or minimum and maximum over runs.

    ``part``: heading under which the README quotes it.
    """

    name: str
    value: float
    unit: str
    command: str
    low: float | None = None
    high: float | None = None
    target: float | str | None = None
    met: bool | None = None
    against: str | None = None
    part: str = ""


def others(name: str, part: str) -> list[Row]:
    """Rows of a file that belong to other parts; none where there is no file."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return []
    rows = [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    return [row for row in rows if row.part != part]


def write(name: str, rows: list[Row]) -> None:
    """Write the rows, and print them."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    text = json.dumps([asdict(row) for row in rows], indent=1, default=lambda v: v.item())
    path.write_text(text + "\n", encoding="utf-8")
    for row in rows:
        span = f" [{row.low:g}, {row.high:g}]" if row.low is not None else ""
        against = f" ({row.against})" if row.against else ""
        verdict = {True: " met", False: " MISSED", None: ""}[row.met]
        print(f"{row.name}: {row.value:g}{span} {row.unit}{against}{verdict}")
