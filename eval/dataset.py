"""A dataset folder opened for evaluation: tables on demand, studies and notes by path."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from alignment import identifiers
from alignment.schemas import Table
from eval.readers.tables import read_manifest, read_table

_STUDY = re.compile(r"ct-([dm])(\d+)")


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """One study on disk, ``imaging/<patient>/<study>``, and its day since index."""

    patient_id: str
    day: int
    path: Path

    def series(self, name: str) -> tuple[Path, ...]:
        """The DICOM files of the series ``ct``, ``seg``, ``lobes``, ``sr`` or ``dx``, by name."""
        return tuple(sorted((self.path / name).glob("*.dcm")))


def study_day(name: str) -> int | None:
    """Inverse of ``identifiers.study_name``; None where the name is another."""
    match = _STUDY.fullmatch(name)
    if match is None:
        return None
    return int(match[2]) * (-1 if match[1] == "m" else 1)


@dataclass
class Dataset:
    """Read-only view of one dataset folder. Absent tables are None, never an error."""

    folder: Path
    _tables: dict[str, tuple[pa.Schema, pd.DataFrame] | None] = field(default_factory=dict)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest; raises ``ConsilienceError`` where there is none."""
        return read_manifest(self.folder / identifiers.MANIFEST)

    @property
    def config(self) -> dict[str, Any]:
        """The manifest's run configuration, empty where it has none."""
        config = self.manifest.get("config")
        return config if isinstance(config, dict) else {}

    def schema(self, table: Table) -> pa.Schema | None:
        """Arrow schema as found on disk."""
        loaded = self._load(table)
        return None if loaded is None else loaded[0]

    def table(self, table: Table) -> pd.DataFrame | None:
        """Rows, or None where the table is absent or lacks a column that its schema names."""
        loaded = self._load(table)
        if loaded is None:
            return None
        names = [column.name for column in table.columns]
        return loaded[1] if set(names) <= set(loaded[1].columns) else None

    def forget(self, table: Table) -> None:
        """Release a large table that no later check needs."""
        self._tables.pop(table.path, None)

    def _load(self, table: Table) -> tuple[pa.Schema, pd.DataFrame] | None:
        if table.path not in self._tables:
            self._tables[table.path] = read_table(self.folder, table)
        return self._tables[table.path]

    @cached_property
    def studies(self) -> tuple[StudyFolder, ...]:
        """Every study folder, by patient and day."""
        found = []
        for path in (self.folder / "imaging").glob("*/*"):
            day = study_day(path.name)
            if path.is_dir() and day is not None:
                found.append(StudyFolder(path.parent.name, day, path))
        return tuple(sorted(found, key=lambda study: (study.patient_id, study.day)))


def strings(column: pd.Series[Any]) -> pd.Series[Any]:
    """A categorical or string column as plain objects (for small tables)."""
    return column.astype(object)


def mapped(column: pd.Series[Any], values: dict[str, float]) -> np.ndarray[Any, Any]:
    """Float per row of a categorical column, through its dictionary; NaN where unknown."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        per_category = np.array([values.get(c, np.nan) for c in column.cat.categories], float)
        codes = column.cat.codes.to_numpy()
        picked = per_category[codes] if len(per_category) else np.full(len(codes), np.nan)
        return np.where(codes < 0, np.nan, picked)
    return column.map(values).to_numpy(float)
