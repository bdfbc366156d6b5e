"""The tables of a dataset as numpy columns: patients and categories as codes, days as floats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alignment import schemas
from eval.reference import NODE_NORMAL_MM, NODE_SITES

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPAN = 1 << 18
"""A patient's share of the key space of (patient, day): days from -100,000 to 162,143."""
_OFFSET = 100_000


def day_key(group: NDArray[Any], day: Floats) -> Ints:
    """(n,) one integer for each (group, day), in the order of group, then day."""
    return group.astype(np.int64) * SPAN + day.astype(np.int64) + _OFFSET


@dataclass
class Rows:
    """The rows of one table. ``patient``: (n,) position in ``Tables.ids``."""

    name: str
    frame: pd.DataFrame
    patient: Ints
    _numbers: dict[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def number(self, column: str) -> Floats:
        """(n,) values as float64; NaN where null."""
        if column not in self._numbers:
            self._numbers[column] = self.frame[column].to_numpy(np.float64, na_value=np.nan)
        return self._numbers[column]

    def flag(self, column: str) -> Bools:
        """(n,) a Boolean column."""
        return self.frame[column].to_numpy(bool)

    def coded(self, column: str) -> tuple[Ints, tuple[str, ...]]:
        """(n,) codes of a text column, -1 where null, and the texts they stand for."""
        values = self.frame[column]
        if not isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype("category")
        return values.cat.codes.to_numpy().astype(np.int64), tuple(map(str, values.cat.categories))

    def lookup(self, column: str, answer: Callable[[str], bool]) -> Bools:
        """(n,) the answer for each text, asked once a category; False where null."""
        codes, texts = self.coded(column)
        table = np.array([*map(answer, texts), False], dtype=bool)
        return table[codes]

    def among(self, column: str, levels: Iterable[str]) -> Bools:
        """(n,) whether the text is one of ``levels``."""
        wanted = set(levels)
        return self.lookup(column, lambda text: text in wanted)

    def known(self, column: str) -> Bools:
        """(n,) whether the column has a value."""
        return self.frame[column].notna().to_numpy()


@dataclass(frozen=True)
class Scans:
    """One element for each (patient, assessor, day) of tables/lesions, in that order.

    ``mm``: sum of the measured target diameters; ``usable``: there are targets and all of them
    have a measurement; ``remains``: a target is still pathological.
    """

    key: Ints
    of_lesion: Ints
    targets: Ints
    mm: Floats
    usable: Bools
    remains: Bools


class Tables:
    """Every observed table that a rule may look at; an absent table has no rows."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        wanted = {table.name: table for table in schemas.OBSERVED}
        found = {name: frames[name] for name in wanted if name in frames}
        patients = found.get("patients")
        listed = [] if patients is None else patients["patient_id"].astype(object).tolist()
        others = {str(p) for frame in found.values() for p in pd.unique(frame["patient_id"])}
        self.ids: NDArray[Any] = np.array(sorted({*map(str, listed), *others}), dtype=object)
        self._place = {patient: i for i, patient in enumerate(self.ids)}
        self._rows: dict[str, Rows] = {}
        self._frames = found
        self._empty = wanted
        self._scans: Scans | None = None

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.ids)

    def __getitem__(self, name: str) -> Rows:
        """The rows of a table, by the name in ``alignment.schemas``."""
        if name not in self._rows:
            frame = self._frames.get(name)
            if frame is None:
                columns = [column.name for column in self._empty[name].columns]
                frame = pd.DataFrame(columns=columns)
            self._rows[name] = Rows(name, frame, self._positions(frame["patient_id"]))
        return self._rows[name]

    def _positions(self, column: pd.Series[Any]) -> Ints:
        if not isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype("category")
        place = [self._place.get(str(text), 0) for text in column.cat.categories]
        return np.array([*place, 0], dtype=np.int64)[column.cat.codes.to_numpy()]

    def any_row(self, rows: Rows, mask: Bools) -> Bools:
        """(patients,) whether a patient has such a row."""
        found = np.zeros(self.n, bool)
        found[rows.patient[mask]] = True
        return found

    def least(self, rows: Rows, values: Floats, mask: Bools) -> Floats:
        """(patients,) smallest value of such rows; infinite where there are none."""
        found = np.full(self.n, np.inf)
        np.minimum.at(found, rows.patient[mask], values[mask])
        return found

    def largest(self, rows: Rows, values: Floats, mask: Bools) -> Floats:
        """(patients,) largest value of such rows; minus infinite where there are none."""
        return -self.least(rows, -values, mask)

    @property
    def deaths(self) -> Floats:
        """(patients,) day of death; infinite for the living."""
        events = self["events"]
        return self.least(events, events.number("day"), events.among("category", ["death"]))

    @property
    def scans(self) -> Scans:
        """The scans that tables/lesions describe."""
        if self._scans is None:
            self._scans = _scans(self["lesions"])
        return self._scans


def reader(rows: Rows) -> Ints:
    """(n,) patient and assessor as one number."""
    return rows.patient * 2 + rows.among("assessor", ["central"])


def diameters(lesions: Rows) -> Floats:
    """(n,) the diameter that counts, mm: short axis of nodes, long axis of all else."""
    node = lesions.among("site", NODE_SITES)
    return np.where(node, lesions.number("short_axis_mm"), lesions.number("long_axis_mm"))


def _scans(lesions: Rows) -> Scans:
    key, of_lesion = np.unique(day_key(reader(lesions), lesions.number("day")), return_inverse=True)
    target, mm = lesions.flag("is_target"), diameters(lesions)
    limit = np.where(lesions.among("site", NODE_SITES), NODE_NORMAL_MM, 0.0)
    normal = (mm < limit) | (lesions.number("long_axis_mm") == 0)

    def count(mask: Bools) -> Ints:
        return np.bincount(of_lesion[mask], minlength=len(key)).astype(np.int64)

    measured = target & ~np.isnan(mm)
    weights = mm[measured]
    total = np.bincount(of_lesion[measured], weights=weights, minlength=len(key)).astype(np.float64)
    targets = count(target)
    return Scans(
        key,
        of_lesion,
        targets,
        total,
        (targets > 0) & (count(measured) == targets),
        count(target & ~normal) > 0,
    )
