"""A column and a table, and the types they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``unit`` is UCUM; ``""`` where none applies."""

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One Parquet file. ``key``: columns that together are unique."""

    name: str
    folder: Literal["tables", "truth", ""]
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        """Arrow schema with names, types and nullability."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    @property
    def path(self) -> str:
        """Path below the dataset folder."""
        return "/".join(part for part in (self.folder, f"{self.name}.parquet") if part)


TEXT = pa.dictionary(pa.int32(), pa.string())
I8, I16, I32, F32, F64, BOOL = (
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
)
DATE = pa.date32()

PATIENT = Column("patient_id", TEXT, "", "P and seven digits; the digits key all randomness")
DAY = Column("day", I32, "d", "days since index_date")
