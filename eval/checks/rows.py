"""Comparing a whole column with what it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from eval.result import Tally


def compare_rows(
    tally: Tally,
    frame: pd.DataFrame,
    holds: Any,
    where: str,
    *,
    expected: Any,
    found: Any,
    message: str,
) -> None:
    """Count one comparison a row of ``frame`` (patient_id, perhaps day, line, assessor).

    ``expected`` and ``found``: a value a row, or one for all.
    """
    holds = np.asarray(holds, bool)
    tally.agree(int(holds.sum()))
    bad = np.flatnonzero(~holds)
    if not len(bad):
        return
    wanted, got = (_column(values, len(frame)) for values in (expected, found))
    for i in bad.tolist():
        row: Any = frame.iloc[i]
        day = row.get("day")
        parts = [f"{name} {row[name]}" for name in ("line", "assessor") if name in row]
        tally.violate(
            str(row["patient_id"]),
            None if day is None or pd.isna(day) else int(day),
            ", ".join([where, *parts]),
            expected=wanted[i],
            found=got[i],
            message=message,
        )


def _column(values: Any, count: int) -> Any:
    if isinstance(values, str) or np.ndim(values) == 0:
        return np.full(count, values, dtype=object)
    return np.asarray(values, dtype=object)


def plain(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """A copy whose dictionary columns (or those named) are plain objects."""
    chosen = names or tuple(
        name for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)
    )
    return frame.astype(dict.fromkeys(chosen, object))


def among(frame: pd.DataFrame, other: pd.DataFrame, keys: list[str]) -> Any:
    """(n,) whether each row's keys stand in a row of ``other``."""
    left = frame[keys].astype(dict.fromkeys(keys, object))
    right = other[keys].astype(dict.fromkeys(keys, object)).drop_duplicates()
    merged = left.merge(right, on=keys, how="left", indicator=True)
    return (merged["_merge"] == "both").to_numpy()
