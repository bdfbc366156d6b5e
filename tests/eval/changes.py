"""Ways to break one thing in a dataset, and what the evaluator then says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pydicom

from alignment import schemas
from eval import ConsistencyReport

sys.path.insert(0, str(Path(__file__).parent))
from conftest import P0, edit_table

Break = Callable[[Path], None]


def cell(table: schemas.Table, where: dict[str, Any], column: str, value: Any) -> Break:
    """Set one cell of one table."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        frame.loc[rows, column] = value
        return frame

    return lambda folder: edit_table(folder, table, change)


def drop(table: schemas.Table, where: dict[str, Any]) -> Break:
    """Delete one row of one table."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        return frame[~rows]

    return lambda folder: edit_table(folder, table, change)


def twice(table: schemas.Table) -> Break:
    """Repeat the first row."""
    return lambda folder: edit_table(folder, table, lambda f: pd.concat([f, f.iloc[:1]]))


def told(patient: str, name: str, old: str, new: str) -> Break:
    """Replace words in a note, in the file and in notes.parquet."""

    def apply(folder: Path) -> None:
        path = folder / "notes" / patient / f"{name}.txt"
        text = path.read_text()
        assert text.count(old) == 1, text
        changed = text.replace(old, new)
        path.write_text(changed)
        edit_table(
            folder,
            schemas.NOTES,
            lambda f: f.assign(text=[changed if t == text else t for t in f["text"]]),
        )

    return apply


def words(day: str, old: str, new: str) -> Break:
    """Replace words in a CT report of P0."""
    return told(P0, f"ct-{day}", old, new)


def dicom(study: str, series: str, change: Callable[[pydicom.Dataset], None]) -> Break:
    """Change every DICOM file of a series."""

    def apply(folder: Path) -> None:
        for path in sorted((folder / "imaging" / P0 / study / series).glob("*.dcm")):
            ds = pydicom.dcmread(path)
            change(ds)
            ds.save_as(path)

    return apply


def column(table: schemas.Table, patient: str, name: str, value: Any) -> Break:
    """Set a column of all rows of one patient."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame["patient_id"] == patient, name] = value
        return frame

    return lambda folder: edit_table(folder, table, change)


def copied(table: schemas.Table, where: dict[str, Any], **changes: Any) -> Break:
    """Add a changed copy of one row."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        return pd.concat([frame, frame[rows].assign(**changes)])

    return lambda folder: edit_table(folder, table, change)


def failures(report: ConsistencyReport) -> set[str]:
    """Checks that fail; the patient rules may fail beside them on the same matter."""
    keys = {check.key for check in report.checks if not check.holds}
    return {key for key in keys if not key.startswith("rule:")}
