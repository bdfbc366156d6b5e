"""Opens DICOM files; an unreadable one is an error with a remedy."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset as DicomDataset
from pydicom.errors import InvalidDicomError

from eval.readers.tables import REGENERATE
from ontology.errors import ConsilienceError

_UNDEFINED_LENGTH = 0xFFFFFFFF

FAULTS = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises on bytes or attributes that are not what they should be."""


def open_dicom(path: Path) -> DicomDataset:
    """The parsed file; raises :class:`ConsilienceError` where it is truncated or no DICOM."""
    try:
        ds = pydicom.dcmread(path)
        _require_complete(ds)
        return ds
    except (*FAULTS, OSError, InvalidDicomError) as error:
        raise unreadable(path, error) from error


def _require_complete(ds: DicomDataset) -> None:
    """Pydicom takes what it finds of a last element that is cut off; its stated length tells."""
    for tag in ds.keys():  # noqa: SIM118  iterating a data set converts its elements
        element = ds.get_item(tag)
        if isinstance(element, RawDataElement) and element.value is not None:
            stated = element.length
            if stated != _UNDEFINED_LENGTH and len(element.value) < stated:
                raise EOFError(f"{tag} is shorter than it says: {len(element.value)} of {stated}")


def unreadable(path: Path, error: Exception) -> ConsilienceError:
    """The error of a DICOM file that cannot be used."""
    return ConsilienceError(
        "the DICOM file cannot be read: it is truncated or corrupt",
        where=path,
        got=str(error).splitlines()[0] if str(error) else type(error).__name__,
        wanted="a complete DICOM file with the attributes of its kind",
        remedy=REGENERATE,
    )


def slice_normal(orientation: Sequence[float]) -> NDArray[np.float64]:
    """Unit normal of the image plane from Image Orientation (Patient), PS3.3 C.7.6.2.1.1."""
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    return np.asarray(np.cross(row, column))
