"""The dataset folder: written whole or not at all, and read back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alignment import identifiers, schemas
from alignment.artifact import Artifact
from ontology.errors import ConsilienceError, nearest

log = logging.getLogger("consilience.dataset")
RECORDED_PACKAGES = ("numpy", "scipy", "pyarrow", "pydicom", "highdicom", "pysam")


class DatasetWriter:
    """Writes beside the target and renames at the end; leaves nothing behind on failure.

    With ``resume`` an interrupted run's work is kept, and taken up by the next run with resume.
    """

    def __init__(self, out: Path, *, resume: bool = False) -> None:
        self.out = out
        self.resume = resume
        self.folder = out.parent / f".{out.name}.partial"
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> DatasetWriter:
        if self.out.exists():
            raise ConsilienceError(
                "the output folder exists already",
                where=self.out,
                remedy="name another with --out, or remove it",
            )
        with _disk(self.out):
            if self.folder.exists() and not self.resume:
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in self._writers.values():
            with contextlib.suppress(OSError, pa.ArrowInvalid):
                writer.close()
        if self.folder.exists() and not (self.resume and kind is not None):
            shutil.rmtree(self.folder, ignore_errors=True)

    def append(self, tables: Mapping[str, pa.Table]) -> None:
        """Add one row group to each table; ``tables`` by path below the folder."""
        with _disk(self.out):
            for path, table in tables.items():
                writer = self._writers.get(path)
                if writer is None:
                    target = self.folder / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    writer = self._writers[path] = pq.ParquetWriter(
                        target, table.schema, **parquet_options(table.schema)
                    )
                writer.write_table(table, row_group_size=max(table.num_rows, 1))

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Close the tables, write the manifest with every file's sha256, and rename."""
        with _disk(self.out):
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()
            shutil.rmtree(self.folder / ".done", ignore_errors=True)
            files = {
                path.as_posix(): sha256(self.folder / path) for path in files_below(self.folder)
            }
            content = {**manifest, "environment": environment(), "files": files}
            text = json.dumps(content, indent=1, sort_keys=True) + "\n"
            (self.folder / identifiers.MANIFEST).write_text(text, encoding="utf-8")
            self.folder.rename(self.out)
        log.info("wrote %d files to %s", len(files) + 1, self.out)


def write_artifact(folder: Path, artifact: Artifact) -> None:
    """Write one rendered file below a dataset folder."""
    target = folder / artifact.path
    with _disk(folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(artifact.data)


class Dataset:
    """A dataset on disk. Tables are read when asked for."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest

    def __repr__(self) -> str:
        return f"Dataset({str(self.folder)!r}, patients={self.manifest.get('patients')})"

    def table(self, name: str) -> pd.DataFrame:
        """A table as a DataFrame: ``patients``, ``labs``, ..., or ``truth/lesions``."""
        path = f"{name}.parquet" if name in ("notes", "splits") else f"tables/{name}.parquet"
        path = f"{name}.parquet" if "/" in name else path
        if not (self.folder / path).is_file():
            written = [t.path for t in schemas.ALL.values() if (self.folder / t.path).is_file()]
            present = [p.removesuffix(".parquet").removeprefix("tables/") for p in written]
            raise ConsilienceError(
                f"no table '{name}'", where=self.folder, wanted=nearest(name, present)
            )
        frame: pd.DataFrame = pq.read_table(self.folder / path).to_pandas()
        return frame


def load(folder: str | Path) -> Dataset:
    """Open a dataset; a folder that is none, or of an unknown version, is an error."""
    root = Path(folder)
    path = root / identifiers.MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConsilienceError(
            "not a dataset folder: it has no manifest.json",
            where=root,
            remedy="name a folder that `consilience generate` wrote",
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConsilienceError(
            f"the manifest cannot be read: {error}", where=path, remedy="generate the dataset again"
        ) from None
    version = manifest.get("schema_version")
    if version != schemas.SCHEMA_VERSION:
        raise ConsilienceError(
            "unknown dataset version",
            where=path,
            got=version,
            wanted=schemas.SCHEMA_VERSION,
            remedy="use the consilience version that wrote it: " + str(manifest.get("version")),
        )
    return Dataset(root, manifest)


def files_below(folder: Path) -> list[PurePosixPath]:
    """Relative paths of all files, sorted; ``report/`` and the manifest stand outside."""
    found = (
        PurePosixPath(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_file()
    )
    return sorted(p for p in found if p.parts[0] != "report" and str(p) != identifiers.MANIFEST)


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def environment() -> dict[str, str]:
    """What byte-identity depends on."""
    packages = {name: metadata.version(name) for name in RECORDED_PACKAGES}
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        **packages,
    }


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """How tables are encoded: latent floats do not repeat, so a dictionary would only cost; row
    groups are sorted by patient, so statistics pay for that column alone."""
    repeating = [f.name for f in schema if f.type != pa.float32()]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": repeating,
        "write_statistics": ["patient_id"] if "patient_id" in schema.names else False,
    }


@contextlib.contextmanager
def _disk(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConsilienceError(
            f"cannot write: {error.strerror or error}",
            where=where,
            remedy="make room, or name a folder that you may write to with --out",
        ) from None
