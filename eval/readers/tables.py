"""Reads Parquet tables and the manifest; an unreadable file is an error with a remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alignment.schemas import SCHEMA_VERSION, Table
from ontology.errors import ConsilienceError

UNREADABLE = (OSError, EOFError, ValueError, pa.ArrowException)
REGENERATE = "copy the file again from where the dataset was made, or generate the dataset again"


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest as a mapping; raises :class:`ConsilienceError` on anything unusable."""
    if not path.is_file():
        raise ConsilienceError(
            "this folder holds no manifest.json",
            where=path.parent,
            wanted="a dataset folder as written by 'consilience generate'",
            remedy="name the dataset folder itself, not one above or below it",
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConsilienceError(
            "the manifest cannot be read", where=path, got=error, remedy=REGENERATE
        ) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise ConsilienceError(
            "the manifest lists no files",
            where=path,
            wanted='an object with "files": {path: sha256}',
            remedy=REGENERATE,
        )
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise ConsilienceError(
            "unknown schema version",
            where=path,
            got=manifest.get("schema_version"),
            wanted=SCHEMA_VERSION,
            remedy="evaluate it with the release that wrote it, or generate it again",
        )
    return manifest


def read_table(folder: Path, table: Table) -> tuple[pa.Schema, pd.DataFrame] | None:
    """Schema and rows of one table, or None where the dataset does not hold it.

    Dictionary columns come back as pandas categoricals with one dictionary. A truncated or
    corrupt file raises :class:`ConsilienceError`; a wrong schema does not (a check reports it).
    """
    path = folder / table.path
    if not path.is_file():
        return None
    try:
        rows = pq.read_table(path, partitioning=None).unify_dictionaries()
        return rows.schema.remove_metadata(), rows.to_pandas(date_as_object=False)
    except UNREADABLE as error:
        raise ConsilienceError(
            "the table cannot be read: the file is truncated or corrupt",
            where=path,
            got=str(error).splitlines()[0],
            wanted="a complete Parquet file",
            remedy=REGENERATE,
        ) from error


def schema_faults(schema: pa.Schema, table: Table) -> list[tuple[str, str, str]]:
    """(column, expected, found) of every column that is missing, unknown or of another type."""
    faults = []
    wanted = {column.name: column for column in table.columns}
    for name in schema.names:
        if name not in wanted:
            faults.append((name, "no such column", str(schema.field(name).type)))
    for name, column in wanted.items():
        if name not in schema.names:
            faults.append((name, str(column.type), "no such column"))
        elif not _same_type(schema.field(name).type, column.type):
            faults.append((name, str(column.type), str(schema.field(name).type)))
    return faults


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether both hold the same values; how wide a dictionary's index is does not matter."""
    if pa.types.is_dictionary(found) and pa.types.is_dictionary(wanted):
        return bool(found.value_type == wanted.value_type)
    return bool(found == wanted)
