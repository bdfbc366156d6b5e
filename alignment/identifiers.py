"""Identifiers, dates and paths as pure functions: no clock, no random UID."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import PurePosixPath

from ontology.errors import ConsilienceError

MAX_PATIENTS = 10_000_000
EPOCH = dt.date(1970, 1, 1)


def patient_id(index: int) -> str:
    """``P0000007`` for patient 7."""
    if not 0 <= index < MAX_PATIENTS:
        raise ConsilienceError(
            "patient index out of range", got=index, wanted=f"0 to {MAX_PATIENTS - 1}"
        )
    return f"P{index:07d}"


def patient_index(identifier: str) -> int:
    """Inverse of :func:`patient_id`."""
    if len(identifier) != 8 or identifier[0] != "P" or not identifier[1:].isdigit():
        raise ConsilienceError(
            "not a patient id", got=repr(identifier), wanted="P and seven digits, as P0000007"
        )
    return int(identifier[1:])


def calendar_date(index_date: dt.date, day: int) -> dt.date:
    """Calendar date of a study day."""
    return index_date + dt.timedelta(days=int(day))


def dicom_date(date: dt.date) -> str:
    """DICOM DA, ``20190314``."""
    return date.strftime("%Y%m%d")


def digest(*parts: object) -> bytes:
    """sha256 over the parts, each length-prefixed so that ('ab','c') differs from ('a','bc')."""
    state = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        state.update(len(data).to_bytes(8, "big") + data)
    return state.digest()


def dicom_uid(*parts: object) -> str:
    """A UUID-derived DICOM UID (PS3.5 B.2, root 2.25) that hashes the parts; at most 44 chars."""
    return f"2.25.{int.from_bytes(digest(*parts)[:16], 'big')}"


def study_name(day: int) -> str:
    """Folder name of the study on a day: ``ct-d0042``; days before index as ``ct-m0007``."""
    return f"ct-{'m' if day < 0 else 'd'}{abs(day):04d}"


NOTE_NAMES = {
    "ct_chest_report": "ct",
    "radiograph_report": "cxr",
    "clinic_note": "clinic",
    "molecular_report": "molecular",
}
"""How the file of each kind of note begins; that of a CT report is named as its study."""


def note_name(kind: str, day: int) -> str:
    """Name of a note's file without its ending: ``clinic-d0042``."""
    if kind not in NOTE_NAMES:
        raise ConsilienceError("unknown kind of note", got=kind, wanted=", ".join(NOTE_NAMES))
    return study_name(day).replace("ct-", f"{NOTE_NAMES[kind]}-", 1)


def imaging_path(patient: str, study: str, series: str) -> PurePosixPath:
    """``imaging/<patient>/<study>/<series>`` below the dataset folder."""
    return PurePosixPath("imaging", patient, study, series)


def note_path(patient: str, name: str) -> PurePosixPath:
    """``notes/<patient>/<name>.txt`` below the dataset folder, by :func:`note_name`."""
    return PurePosixPath("notes", patient, f"{name}.txt")


VCF_PATH = PurePosixPath("genomics", "cohort.vcf.gz")
MANIFEST = "manifest.json"


def age_on(index_age: int, day: int) -> int:
    """Age in whole years on a study day: years since index added. Before index it is that at index.

    No date of birth is drawn, so that birthdays fall on the index day.
    """
    return index_age + int(max(day, 0) / 365.25)
