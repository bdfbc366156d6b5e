"""The evaluator evaluated: break one thing in the images, and exactly its check fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels.utils import pack_bits
from scipy.ndimage import binary_erosion

from alignment import schemas
from eval import evaluate
from eval.readers.dx import heart_left_mm, read_dx

sys.path.insert(0, str(Path(__file__).parent))
from changes import Break, cell, dicom, failures
from conftest import P0, P1, sign
from dicom_fixtures import chest, effusion_ml, write_dx


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


def _in_the_liver(ds: pydicom.Dataset) -> None:
    region = pydicom.Dataset()
    region.CodeValue, region.CodingSchemeDesignator = "10200004", "SCT"
    region.CodeMeaning = "Liver"
    ds.SegmentSequence[0].AnatomicRegionSequence = [region]


def _left(ds: pydicom.Dataset) -> None:
    modifier = ds.SegmentSequence[0].AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0]
    modifier.CodeValue, modifier.CodeMeaning = "7771000", "Left"


def _no_side(ds: pydicom.Dataset) -> None:
    del ds.SegmentSequence[0].AnatomicRegionSequence[0].AnatomicRegionModifierSequence


def _lower_lobe(ds: pydicom.Dataset) -> None:
    ds.SegmentSequence[0].AnatomicRegionSequence[0].CodeValue = "90572001"


def _other_segment(ds: pydicom.Dataset) -> None:
    ds.SegmentSequence[0].TrackingID = "L08"


def _sr_target(ds: pydicom.Dataset) -> None:
    codes = [
        item.ConceptCodeSequence[0]
        for item in _all(ds)
        if item.ConceptNameCodeSequence[0].CodeValue == "112016"
    ]
    codes[0].CodeValue = "112075"


def _mirror(ds: pydicom.Dataset) -> None:
    ds.PixelData = np.ascontiguousarray(ds.pixel_array[:, ::-1]).tobytes()


def _wider(ds: pydicom.Dataset) -> None:
    """A chest a sixth wider than that of the CT."""
    image = ds.pixel_array
    columns = image.shape[1]
    at = (np.arange(columns) - columns / 2) / 1.17 + columns / 2
    ds.PixelData = np.ascontiguousarray(image[:, np.round(at).astype(int)]).tobytes()


def _relabel(ds: pydicom.Dataset) -> None:
    """Left upper and lower lobe change names."""
    upper, lower = (ds.SegmentSequence[n].AnatomicRegionSequence[0] for n in (0, 1))
    upper.CodeValue, lower.CodeValue = lower.CodeValue, upper.CodeValue


def _planes(change: Callable[[dict[tuple[int, float], Any]], None]) -> Any:
    """Change {(segment, height): (rows, columns) bool} of a SEG in place."""

    def apply(ds: pydicom.Dataset) -> None:
        keys = [
            (
                int(g.SegmentIdentificationSequence[0].ReferencedSegmentNumber),
                float(g.PlanePositionSequence[0].ImagePositionPatient[2]),
            )
            for g in ds.PerFrameFunctionalGroupsSequence
        ]
        planes = dict(zip(keys, ds.pixel_array.astype(bool), strict=True))
        change(planes)
        ds.PixelData = pack_bits(np.stack(list(planes.values())).astype("uint8").ravel())

    return apply


def _hand_over(planes: dict[tuple[int, float], Any]) -> None:
    """The left upper lobe takes the lower one's slices around L04."""
    for height in (30.0, 35.0, 40.0):
        planes[1, height] |= planes[2, height]
        planes[2, height] &= False


def _left_out(planes: dict[tuple[int, float], Any]) -> None:
    """Half of the right upper lobe, away from the lesion."""
    for (segment, _), plane in planes.items():
        if segment == 3:
            plane[: plane.shape[0] // 2 - 12] = False


def _other_side(planes: dict[tuple[int, float], Any]) -> None:
    for key, plane in planes.items():
        planes[key] = plane[:, ::-1]


def _radiograph_before_the_lesions(folder: Path) -> None:
    """Both views, of the same chest without a lesion."""
    study = folder / "imaging" / P0 / "ct-d0042"
    ct = pydicom.dcmread(study / "ct" / "0001.dcm")
    bare, _ = chest({})
    for number, view in enumerate(("PA", "LL"), 1):
        write_dx(study / "dx" / f"{number:04d}.dcm", ct, bare, view)


def _less_fluid(planes: dict[tuple[int, float], Any]) -> None:
    """The lowest slice of the effusion, which is the last of three segments."""
    assert {segment for segment, _ in planes} == {1, 2, 3}
    planes[3, 0.0] &= False


EFFUSION = {"day": 84, "finding_id": "L05"}
CASES: dict[str, tuple[Break, set[str]]] = {
    "SR size": (dicom("ct-m0007", "sr", _sr_size), {"sr_sizes"}),
    "SR unit": (dicom("ct-m0007", "sr", _sr_unit), {"sr_sizes"}),
    "SR lesion": (dicom("ct-m0007", "sr", _sr_name), {"sr_lesions"}),
    "SR target": (dicom("ct-d0084", "sr", _sr_target), {"sr_targets"}),
    "radiograph mirrored": (dicom("ct-d0042", "dx", _mirror), {"dx_side"}),
    "radiograph of another chest": (dicom("ct-d0042", "dx", _wider), {"dx_projection"}),
    "radiograph without the lesion": (
        _radiograph_before_the_lesions,
        {"dx_lesion", "dx_projection"},
    ),
    "radiograph's sex": (
        dicom("ct-d0042", "dx", lambda ds: setattr(ds, "PatientSex", "F")),
        {"dicom_header"},
    ),
    "lobes exchanged": (dicom("ct-d0084", "lobes", _relabel), {"lobes_ct", "lobes_lesions"}),
    "lesion in another lobe": (
        dicom("ct-d0084", "lobes", _planes(_hand_over)),
        {"lobes_lesions"},
    ),
    "lung left out of the lobes": (
        dicom("ct-d0042", "lobes", _planes(_left_out)),
        {"lobes_ct"},
    ),
    "lobes mirrored": (
        dicom("ct-m0007", "lobes", _planes(_other_side)),
        {"lobes_ct", "lobes_lesions"},
    ),
    "SEG lesion": (
        dicom("ct-m0007", "seg", _other_segment),
        {"seg_lesions", "mask_truth", "rendering"},
    ),
    "SEG tracking": (dicom("ct-d0042", "seg", _retrack), {"seg_lesions"}),
    "SEG of another organ": (dicom("ct-d0042", "seg", _in_the_liver), {"seg_site"}),
    "SEG of the other lung": (dicom("ct-d0042", "seg", _left), {"seg_site"}),
    "SEG of either lung": (dicom("ct-d0042", "seg", _no_side), {"seg_site"}),
    "SEG of another lobe": (dicom("ct-d0042", "seg", _lower_lobe), {"seg_site"}),
    "SEG of a part of the effusion": (
        dicom("ct-d0084", "seg", _planes(_less_fluid)),
        {"effusion_volume"},
    ),
    "effusion larger than drawn": (
        cell(schemas.TRUTH_RENDERING, EFFUSION, "volume_ml", 1.02 * effusion_ml()),
        {"effusion_volume"},
    ),
    "effusion without a volume": (
        cell(schemas.TRUTH_RENDERING, EFFUSION, "volume_ml", None),
        {"effusion_volume"},
    ),
    "drawn, but not described": (
        cell(schemas.TRUTH_RENDERING, {"day": 42, "finding_id": "L01"}, "description", None),
        {"described"},
    ),
    "SEG too small": (
        dicom("ct-m0007", "seg", _small_seg),
        {"seg_sizes", "mask_truth", "seg_site"},  # inside the lesion there is no lung around
    ),
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
}


@pytest.mark.parametrize("name", CASES)
def test_one_contradiction_fails_its_check_alone(name: str, dataset: Path) -> None:
    change, expected = CASES[name]
    change(dataset)
    sign(dataset)
    report = evaluate(dataset, page=False)
    failed = failures(report)
    assert failed == expected, [v.message for v in report.violations]


def test_a_lesion_gone_from_the_pixels_is_noticed(dataset: Path) -> None:
    dicom("ct-m0007", "ct", _no_lesion)(dataset)
    sign(dataset)
    report = evaluate(dataset, page=False)
    failed = failures(report)
    assert failed == {"pixel_truth"} or report["pixel_truth"].unrendered == 1


def test_a_heart_at_the_right_is_noticed_without_a_ct(dataset: Path) -> None:
    shot = read_dx(dataset / "imaging" / P0 / "ct-d0042" / "dx" / "0001.dcm")
    at = heart_left_mm(shot)
    mirrored = heart_left_mm(replace(shot, density=shot.density[:, ::-1]))
    turned = replace(shot, density=shot.density[:, ::-1], directions=("R", "F"))
    assert at is not None and at > 10
    assert mirrored == pytest.approx(-at, abs=4) and heart_left_mm(turned) == pytest.approx(
        at, abs=4
    )
    assert heart_left_mm(replace(shot, directions=("P", "F"))) is None


def test_swapped_segments_change_sides(dataset: Path) -> None:
    def swap(ds: pydicom.Dataset) -> None:
        first, second = ds.SegmentSequence[0], ds.SegmentSequence[1]
        first.TrackingID, second.TrackingID = second.TrackingID, first.TrackingID
        first.TrackingUID, second.TrackingUID = second.TrackingUID, first.TrackingUID

    dicom("ct-d0084", "seg", swap)(dataset)
    sign(dataset)
    failed = failures(evaluate(dataset, page=False))
    places = {"seg_side", "seg_site", "lobes_lesions"}
    assert failed == places | {"seg_sizes", "mask_truth", "pixel_truth"}
