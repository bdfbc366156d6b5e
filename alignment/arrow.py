"""Columns in the schemas' types, without going through Python objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alignment.identifiers import patient_id
from alignment.schemas import Table
from ontology.errors import ConsilienceError


def coded(codes: NDArray[Any], levels: Sequence[str]) -> pa.DictionaryArray:
    """Dictionary column from integer codes; -1 is null. Equal levels share one entry."""
    unique = list(dict.fromkeys(levels))
    if len(unique) < len(levels):
        entry = np.array([unique.index(level) for level in levels])
        codes, levels = np.where(codes < 0, -1, entry[codes]), unique
    indices = pa.array(codes.astype(np.int32), mask=codes < 0 if codes.min(initial=0) < 0 else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(levels), pa.string()))


def patient_column(start: int, n: int, patient: NDArray[Any]) -> pa.DictionaryArray:
    """``patient_id`` column for patients counted from ``start``."""
    return coded(patient, _patient_ids(start, n))


@lru_cache(maxsize=2)
def _patient_ids(start: int, n: int) -> tuple[str, ...]:
    return tuple(patient_id(start + i) for i in range(n))


def constant(value: str, length: int) -> pa.DictionaryArray:
    """The same text in every row."""
    return coded(np.zeros(length, np.int32), [value])


def build(table: Table, columns: Mapping[str, Any]) -> pa.Table:
    """An Arrow table in the schema's order and types; arrays are matched by name."""
    names = [c.name for c in table.columns]
    if set(columns) != set(names):
        raise ConsilienceError(
            "columns do not match the schema",
            where=table.path,
            got=", ".join(sorted(columns)),
            wanted=", ".join(names),
        )
    arrays = []
    for column in table.columns:
        values = columns[column.name]
        if not isinstance(values, pa.Array | pa.ChunkedArray):
            values = pa.array(values, type=column.type, from_pandas=column.nullable)
        elif values.type != column.type:
            values = values.cast(column.type)
        arrays.append(values)
    return pa.Table.from_arrays(arrays, schema=table.arrow)
