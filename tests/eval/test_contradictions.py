"""The evaluator evaluated: break one thing in a consistent dataset, and exactly its check fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.pixels.utils import pack_bits
from scipy.ndimage import binary_erosion

from alignment import schemas
from eval import evaluate

sys.path.insert(0, str(Path(__file__).parent))
from conftest import P0, P1, edit_table, sign, write_vcf

Break = Callable[[Path], None]


def test_the_consistent_dataset_holds(consistent: Path) -> None:
    report = evaluate(consistent, page=False)
    assert report.violations == ()
    assert report.holds
    # Nothing holds by looking at nothing.
    assert [check.key for check in report.checks if check.tested == 0] == []


def cell(table: schemas.Table, where: dict[str, Any], column: str, value: Any) -> Break:
    """Set one cell of one table."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        frame.loc[rows, column] = value
        return frame

    return lambda folder: edit_table(folder, table, change)


def drop(table: schemas.Table, where: dict[str, Any]) -> Break:
    """Delete one row of one table."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        return frame[~rows]

    return lambda folder: edit_table(folder, table, change)


def twice(table: schemas.Table) -> Break:
    """Repeat the first row."""
    return lambda folder: edit_table(folder, table, lambda f: pd.concat([f, f.iloc[:1]]))


def words(day: str, old: str, new: str) -> Break:
    """Replace words in a report, in the file and in notes.parquet."""

    def apply(folder: Path) -> None:
        path = folder / "notes" / P0 / f"ct-{day}.txt"
        text = path.read_text()
        assert text.count(old) == 1, text
        changed = text.replace(old, new)
        path.write_text(changed)
        edit_table(
            folder,
            schemas.NOTES,
            lambda f: f.assign(text=[changed if t == text else t for t in f["text"]]),
        )

    return apply


def dicom(study: str, series: str, change: Callable[[pydicom.Dataset], None]) -> Break:
    """Change every DICOM file of a series."""

    def apply(folder: Path) -> None:
        for path in sorted((folder / "imaging" / P0 / study / series).glob("*.dcm")):
            ds = pydicom.dcmread(path)
            change(ds)
            ds.save_as(path)

    return apply


def _first_long_axis(ds: pydicom.Dataset) -> pydicom.Dataset:
    for item in _all(ds):
        names = item.get("ConceptNameCodeSequence")
        if names and names[0].CodeValue == "103339001":
            return item
    raise AssertionError("no long axis")


def _all(ds: pydicom.Dataset) -> list[pydicom.Dataset]:
    found = []
    for item in ds.get("ContentSequence", []):
        found += [item, *_all(item)]
    return found


def _sr_size(ds: pydicom.Dataset) -> None:
    _first_long_axis(ds).MeasuredValueSequence[0].NumericValue = "31"


def _sr_unit(ds: pydicom.Dataset) -> None:
    value = _first_long_axis(ds).MeasuredValueSequence[0]
    value.MeasurementUnitsCodeSequence[0].CodeValue = "cm"


def _sr_name(ds: pydicom.Dataset) -> None:
    for item in _all(ds):
        names = item.get("ConceptNameCodeSequence")
        if names and names[0].CodeValue == "112039":
            item.TextValue = "L09"
            return


def _no_lesion(ds: pydicom.Dataset) -> None:
    """Paint lung over the soft tissue that is inside the right lung."""
    hu = ds.pixel_array.copy()
    hu[55:125, 40:66] = -850
    ds.PixelData = hu.tobytes()


def _small_seg(ds: pydicom.Dataset) -> None:
    planes = [binary_erosion(plane, iterations=4) for plane in ds.pixel_array.astype(bool)]
    ds.PixelData = pack_bits(np.stack(planes).astype("uint8").ravel())


def _retrack(ds: pydicom.Dataset) -> None:
    ds.SegmentSequence[0].TrackingUID = "2.25.1"


def _other_segment(ds: pydicom.Dataset) -> None:
    ds.SegmentSequence[0].TrackingID = "L08"


L01 = {"patient_id": P0, "day": 84, "lesion_id": "L01"}
RESPONSE = {"patient_id": P0, "day": 42}
SURVIVAL = {"patient_id": P0}
HB = {"day": 21, "name": "haemoglobin"}

CASES: dict[str, tuple[Break, set[str]]] = {
    "flag": (cell(schemas.LABS, HB, "flag", "N"), {"lab_flags"}),
    "grade": (cell(schemas.LABS, HB, "ctcae_grade", 3), {"lab_grades"}),
    "unit": (cell(schemas.LABS, HB, "unit", "g/L"), {"lab_units"}),
    "lab after death": (cell(schemas.LABS, HB, "day", 151), {"dates"}),
    "stage": (cell(schemas.PATIENTS, {"patient_id": P1}, "stage", "IIB"), {"stage"}),
    "split lost": (drop(schemas.SPLITS_TABLE, {"patient_id": P1}), {"splits"}),
    "repeated key": (twice(schemas.VISITS), {"keys"}),
    "unknown value": (cell(schemas.VISITS, {"day": 42}, "kind", "party"), {"schema"}),
    "stray patient": (cell(schemas.VISITS, {"day": 40}, "patient_id", "P0000099"), {"keys"}),
    "sum": (cell(schemas.RESPONSES_TABLE, RESPONSE, "sld_mm", 33.0), {"recist_sum"}),
    "target response": (
        cell(schemas.RESPONSES_TABLE, {"patient_id": P0, "day": 84}, "target_response", "PR"),
        {"recist_target"},
    ),
    "non-target response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE, "nontarget_response", "CR"),
        {"recist_nontarget"},
    ),
    "overall response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE, "overall_response", "SD"),
        {"recist_overall"},
    ),
    "pfs": (cell(schemas.SURVIVAL, SURVIVAL, "pfs_days", 90), {"survival"}),
    "pfs cause": (cell(schemas.SURVIVAL, SURVIVAL, "pfs_cause", "target"), {"survival"}),
    "os": (cell(schemas.SURVIVAL, SURVIVAL, "os_days", 149), {"survival"}),
    "censored death": (cell(schemas.SURVIVAL, SURVIVAL, "os_event", False), {"survival"}),
    "unknown drug": (cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "1"), {"drugs"}),
    "TKI without target": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "1721560"),
        {"indication"},
    ),
    "pemetrexed in squamous": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "68446+40048"),
        {"indication"},
    ),
    "genotype lost": (lambda f: write_vcf(f, genotype="0/0"), {"vcf_carriers", "indication"}),
    "variant row lost": (drop(schemas.VARIANTS, {"patient_id": P1}), {"vcf_carriers"}),
    "allele fraction": (lambda f: write_vcf(f, af=0.315), {"vcf_fractions"}),
    "hotspot": (
        cell(schemas.VARIANTS, {"patient_id": P1}, "pos", 55191821),
        {"hotspots", "vcf_carriers"},
    ),
    "side in text": (
        words("d0084", "in the\nleft lower lobe", "in the\nright lower lobe"),
        {"text_side"},
    ),
    "lobe in text": (
        words("d0084", "in the\nleft lower lobe", "in the\nleft upper lobe"),
        {"text_lobe"},
    ),
    "node side in text": (
        words("m0007", "A right paratracheal", "A left paratracheal"),
        {"text_side"},
    ),
    "size in text": (words("m0007", "30 x 22 mm", "33 x 22 mm"), {"text_size"}),
    "short axis in text": (words("m0007", "30 x 22 mm", "30 x 23 mm"), {"text_size"}),
    "prior in text": (words("d0042", "prior 3.0 cm", "prior 3.5 cm"), {"text_size"}),
    "change in text": (words("d0042", "3.0 cm), smaller", "3.0 cm), larger"), {"text_change"}),
    "new in text": (words("d0084", "New 13 x 11", "Stable 13 x 11"), {"text_change"}),
    "invented lesion": (
        words("m0007", "No pleural effusion.", "A 9 mm nodule in the left upper lobe."),
        {"text_invented"},
    ),
    "invented effusion": (
        words("m0007", "No pleural effusion.", "Small left pleural effusion."),
        {"text_invented"},
    ),
    "denied lesion": (
        words("d0084", "Unchanged lytic lesion of a left\nrib.", "No bone lesion."),
        {"text_denied", "text_reported"},
    ),
    "denied new lesion": (
        words("d0042", "No new pulmonary nodule.", "No pulmonary nodule or mass."),
        {"text_denied"},
    ),
    "left out": (words("d0042", "Bones: Lytic left rib lesion.\n", ""), {"text_reported"}),
    "SR size": (dicom("ct-m0007", "sr", _sr_size), {"sr_sizes"}),
    "SR unit": (dicom("ct-m0007", "sr", _sr_unit), {"sr_sizes"}),
    "SR lesion": (dicom("ct-m0007", "sr", _sr_name), {"sr_lesions"}),
    "SEG lesion": (
        dicom("ct-m0007", "seg", _other_segment),
        {"seg_lesions", "mask_truth", "rendering"},
    ),
    "SEG tracking": (dicom("ct-d0042", "seg", _retrack), {"seg_lesions"}),
    "SEG too small": (dicom("ct-m0007", "seg", _small_seg), {"seg_sizes", "mask_truth"}),
    "DICOM sex": (
        dicom("ct-d0042", "ct", lambda ds: setattr(ds, "PatientSex", "F")),
        {"dicom_header"},
    ),
    "DICOM date": (
        dicom("ct-d0042", "sr", lambda ds: setattr(ds, "StudyDate", "20200101")),
        {"dicom_header"},
    ),
    "DICOM patient": (
        dicom("ct-d0042", "seg", lambda ds: setattr(ds, "PatientID", P1)),
        {"dicom_header"},
    ),
    "latent size": (
        cell(schemas.TRUTH_LESIONS, L01, "long_axis_mm", 30.0),
        {"mask_truth", "pixel_truth", "reader_error"},
    ),
    "rendering": (
        cell(schemas.TRUTH_RENDERING, {"day": 84, "finding_id": "L01"}, "rendered", False),
        {"rendering"},
    ),
    "plan": (
        lambda f: edit_table(f, schemas.TRUTH_PLANS, lambda t: t.assign(digest="0" * 64)),
        {"plans"},
    ),
    "note text": (
        lambda f: edit_table(
            f, schemas.NOTES, lambda t: t.assign(text=[x + " " for x in t["text"]])
        ),
        {"notes_table"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_contradiction_fails_its_check_alone(name: str, dataset: Path) -> None:
    change, expected = CASES[name]
    change(dataset)
    sign(dataset)
    report = evaluate(dataset, page=False)
    failed = {check.key for check in report.checks if not check.holds}
    assert failed == expected, [v.message for v in report.violations]
    assert not report.holds


@pytest.mark.parametrize("change", ["edited", "deleted", "added"])
def test_files_that_are_not_the_manifests(change: str, dataset: Path) -> None:
    path = dataset / "notes" / P0 / "ct-d0042.txt"
    if change == "added":
        (path.parent / "more.txt").write_text("x")
    else:
        extra = dataset / "LICENSE.txt"
        extra.write_text("terms")
        sign(dataset)
        extra.write_text("other terms") if change == "edited" else extra.unlink()
    report = evaluate(dataset, page=False)
    assert {check.key for check in report.checks if not check.holds} == {"files"}
    assert len(report["files"].violations) == 1


def test_a_lesion_gone_from_the_pixels_is_noticed(dataset: Path) -> None:
    dicom("ct-m0007", "ct", _no_lesion)(dataset)
    sign(dataset)
    report = evaluate(dataset, page=False)
    failed = {check.key for check in report.checks if not check.holds}
    assert failed == {"pixel_truth"} or report["pixel_truth"].unrendered == 1


def test_swapped_segments_change_sides(dataset: Path) -> None:
    def swap(ds: pydicom.Dataset) -> None:
        first, second = ds.SegmentSequence[0], ds.SegmentSequence[1]
        first.TrackingID, second.TrackingID = second.TrackingID, first.TrackingID
        first.TrackingUID, second.TrackingUID = second.TrackingUID, first.TrackingUID

    dicom("ct-d0084", "seg", swap)(dataset)
    sign(dataset)
    failed = {c.key for c in evaluate(dataset, page=False).checks if not c.holds}
    assert failed == {"seg_side", "seg_sizes", "mask_truth", "pixel_truth"}


def test_a_biased_reader_is_noticed(dataset: Path) -> None:
    edit_table(
        dataset, schemas.TRUTH_LESIONS, lambda f: f.assign(long_axis_mm=f["long_axis_mm"] - 3)
    )
    sign(dataset)
    assert not evaluate(dataset, page=False)["reader_error"].holds


def test_a_reader_better_than_declared_is_noticed(dataset: Path) -> None:
    sign(dataset, config={"reader_error": {"sd_mm": 30.0, "sd_share": 0.0}})
    assert not evaluate(dataset, page=False)["reader_error"].holds
