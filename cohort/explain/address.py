"""Which row of the tables, and which evaluation of the model, a value's address means.

``labs.LDH``, ``lesions.L01.long_axis_mm``, ``patients.age``, or a variable's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from alignment.schemas import OBSERVED, TRUTH_MISSING, Table
from cohort.explain.observed import behind
from cohort.explain.trace import Evaluation, Trace
from cohort.model import CausalModel
from ontology.errors import ConsilienceError, nearest

TABLES: Mapping[str, Table] = {table.name: table for table in OBSERVED}
LINE_TABLES = ("survival", "best_responses")
KEPT = ("policy", "survival")
"""Kinds whose values stay until they are drawn again; so does any that stays to the last bit."""

SCAN_TABLES = ("lesions", "responses")


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address. ``table`` None: a variable of the model."""

    text: str
    table: Table | None
    item: str | None
    column: str

    def key(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that name the row among the patient's."""
        assert self.table is not None
        return {name: row[name] for name in self.table.key}


def parse(text: str, model: CausalModel) -> Address:
    """Split an address and check that its table and column exist."""
    head, *rest = text.split(".")
    if head not in TABLES or not rest:
        variable = next((v for v in model.mechanisms if v.lower() == text.lower()), None)
        if variable is None:
            known = [*model.mechanisms, *(f"{name}." for name in TABLES)]
            raise ConsilienceError(
                f"unknown value '{text}'", wanted=nearest(text, known),
                remedy="name a variable, or a table and column, as labs.LDH",
            )  # fmt: skip
        return Address(text, None, None, variable)
    table = TABLES[head]
    if head == "labs":
        return Address(text, table, ".".join(rest), "value")
    names = [column.name for column in table.columns if column.name != "patient_id"]
    if rest[-1] not in names:
        raise ConsilienceError(
            f"'{head}' has no column '{rest[-1]}'", got=text, wanted=nearest(rest[-1], names)
        )
    return Address(text, table, ".".join(rest[:-1]) or None, rest[-1])


def find_row(address: Address, day: int | None, tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """The patient's row; what is not there is an error that lists what is."""
    assert address.table is not None
    table = tables.get(address.table.path)
    rows: list[dict[str, Any]] = table.to_pylist() if table is not None else []
    if not rows:
        raise ConsilienceError(f"the patient has nothing in '{address.table.name}'")
    if address.item is not None:
        rows = _items(address, rows)
    names = rows[0].keys()
    if address.table.name in LINE_TABLES:
        line = _line_on(day, tables)
        rows = [r for r in rows if r["line"] == line] or rows[:1]
    elif "start_day" in names:
        rows = [r for r in rows if r["start_day"] <= (day or 0)][-1:] or rows[:1]
    elif "day" in names:
        on_day = [r for r in rows if r["day"] == day]
        if not on_day:
            days = sorted({r["day"] for r in rows})
            raise ConsilienceError(
                f"no {address.text} on that day{_missing(address, day, tables)}",
                got="no day" if day is None else f"day {day}",
                wanted="one of the days " + ", ".join(map(str, days)),
                remedy=f"name one with --day {days[0]}",
            )
        rows = on_day
    return rows[0]


def find_evaluation(
    address: Address, day: int | None, row: Mapping[str, Any] | None, trace: Trace,
    model: CausalModel,
) -> Evaluation:  # fmt: skip
    """The run of the mechanism that made the value, or that made it last if it is kept."""
    variable = variable_of(address, row, model)
    if (variable, None) in trace:
        return trace[variable, None]
    when = day
    if row is not None:
        when = row.get("day", row.get("start_day", day))
    steps = sorted(step for name, step in trace if name == variable and step is not None)
    if address.table is not None and address.table.name == "survival":
        step = steps[-1]
    else:
        step = _step(when, steps, trace, variable, address)
    return _drawn(trace, variable, step, model)


def variable_of(address: Address, row: Mapping[str, Any] | None, model: CausalModel) -> str:
    """The variable behind an address."""
    if address.table is None:
        return address.column
    if address.table.name == "labs":
        assert row is not None
        return str(row["name"])
    if address.table.name == "variants" and row is not None:
        suffix = "vaf" if address.column == "vaf" else "variant"
        name = f"{row['gene'].lower()}_{suffix}"
        if name in model.mechanisms:
            return name
    found = behind(model, address.table.name, address.column)
    if found is None:
        raise ConsilienceError(
            f"no variable of the model stands behind '{address.text}' alone",
            remedy="name a variable of the model instead",
        )
    return found


def _items(address: Address, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of which a text column names the item, whatever its case."""
    assert address.table is not None and address.item is not None
    skip = ("patient_id", "unit", "flag")
    texts = [c.name for c in address.table.columns
             if isinstance(rows[0][c.name], str) and c.name not in skip]  # fmt: skip
    wanted = address.item.lower()
    found = [r for r in rows if any(str(r[c]).lower() == wanted for c in texts)]
    if not found:
        shown = (
            "name"
            if "name" in texts
            else next((k for k in ("lesion_id", "gene") if k in texts), texts[0])
        )
        known = sorted({str(r[shown]) for r in rows})
        raise ConsilienceError(
            f"no '{address.item}' in '{address.table.name}' of this patient",
            wanted=", ".join(known) or "nothing",
        )
    return found


def _line_on(day: int | None, tables: Mapping[str, pa.Table]) -> int:
    rows = tables["tables/treatments.parquet"].to_pylist()
    lines = [r["line"] for r in rows if r["line"] > 0 and r["start_day"] <= (day or 0)]
    return max(lines, default=1)


def _missing(address: Address, day: int | None, tables: Mapping[str, pa.Table]) -> str:
    """Why it was not recorded, where the truth says so."""
    table = tables.get(TRUTH_MISSING.path)
    rows = [r for r in table.to_pylist() if r["day"] == day] if table is not None else []
    kinds = sorted({f"{r['kind']} missing, {r['mechanism']}" for r in rows})
    return f" ({'; '.join(kinds)})" if kinds else ""


def _step(day: int | None, steps: list[int], trace: Trace, variable: str, address: Address) -> int:
    """The visit on a day, or the visit at which the scan of that day is read."""
    scans_first = address.table is not None and address.table.name in SCAN_TABLES
    days = sorted(
        {name for name, step in trace if step is not None and name.endswith("_day")},
        key=lambda name: (("scan" not in name) if scans_first else (name != "visit_day"), name),
    )
    for name in days:
        for step in steps:
            found = trace.get((name, step))
            if found is not None and found.value.ndim == 1 and found.number == day:
                return step
    visits = [f"{trace['visit_day', step].number:g}" for step in steps]
    raise ConsilienceError(
        f"no visit or scan for '{variable}' on that day",
        got="no day" if day is None else f"day {day}",
        wanted="one of the days " + ", ".join(visits),
    )


def _drawn(trace: Trace, variable: str, step: int, model: CausalModel) -> Evaluation:
    """Back to where a value that is kept over visits (a rate, a regimen) came about."""
    here = trace[variable, step]
    kept = model.disease.variables[variable].kind in KEPT or (
        here.value.ndim == 1 and here.value.dtype.kind == "f" and here.number % 1 != 0.0
    )
    while kept and (variable, step - 1) in trace:
        before = trace[variable, step - 1]
        if not np.array_equal(before.value, here.value, equal_nan=here.value.dtype.kind == "f"):
            break
        here, step = before, step - 1
    return here
