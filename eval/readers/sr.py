"""Reads TID 1500 measurement reports by walking the content tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset as DicomDataset

from eval.readers.dicom import FAULTS, open_dicom, unreadable

# Concept names as (coding scheme, value). PS3.16: TID 1500, 1411, 1419; CID 7470, 6145.
MEASUREMENT_GROUP = {("DCM", "125007")}
TRACKING_IDENTIFIER = {("DCM", "112039")}
TRACKING_UID = {("DCM", "112040")}
FINDING_SITE = {("SCT", "363698007"), ("SRT", "G-C0E3")}
LONG_AXIS = {("SCT", "103339001"), ("SRT", "G-A185")}
SHORT_AXIS = {("SCT", "103340004"), ("SRT", "G-A186")}
BASELINE_CATEGORY = {("DCM", "112016")}
TARGET = {"112074": True, "112075": False}
"""Target and non-target lesion at baseline."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement group: diameters in ``unit`` (UCUM; both units where they differ).

    ``target``: whether it is a RECIST target; None where the report does not say.
    """

    tracking_id: str
    tracking_uid: str
    long_axis: float | None
    short_axis: float | None
    unit: str | None
    site: str | None
    target: bool | None = None


def read_sr(path: Path) -> tuple[Measurement, ...]:
    """The measurement groups of one SR file, in order; ``ConsilienceError`` where unreadable."""
    ds = open_dicom(path)
    try:
        if "ContentSequence" not in ds:
            raise ValueError("no content tree")
        groups = [item for item in _walk(ds) if _name(item) in MEASUREMENT_GROUP]
        return tuple(_measurement(group) for group in groups)
    except FAULTS as error:
        raise unreadable(path, error) from error


def _walk(item: DicomDataset) -> Iterator[DicomDataset]:
    for child in item.get("ContentSequence", []):
        yield child
        yield from _walk(child)


def _name(item: DicomDataset) -> tuple[str, str]:
    names = item.get("ConceptNameCodeSequence")
    if not names:
        return ("", "")
    return str(names[0].CodingSchemeDesignator), str(names[0].CodeValue)


def _measurement(group: DicomDataset) -> Measurement:
    tracking = uid = ""
    long_axis = short_axis = None
    units: list[str] = []
    site = None
    target: bool | None = None
    for item in _walk(group):
        name = _name(item)
        if name in TRACKING_IDENTIFIER:
            tracking = str(item.TextValue)
        elif name in TRACKING_UID:
            uid = str(item.UID)
        elif name in FINDING_SITE and site is None:
            site = str(item.ConceptCodeSequence[0].CodeMeaning)
        elif name in BASELINE_CATEGORY:
            target = TARGET.get(str(item.ConceptCodeSequence[0].CodeValue))
        elif name in LONG_AXIS:
            long_axis = _number(item, units)
        elif name in SHORT_AXIS:
            short_axis = _number(item, units)
    unit = ", ".join(dict.fromkeys(units)) or None
    return Measurement(tracking, uid, long_axis, short_axis, unit, site, target)


def _number(item: DicomDataset, units: list[str]) -> float:
    """The value of a NUM item; its unit is added to ``units``."""
    value = item.MeasuredValueSequence[0]
    units.append(str(value.MeasurementUnitsCodeSequence[0].CodeValue))
    return float(value.NumericValue)
