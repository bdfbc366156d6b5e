"""A small chest of ellipses as CT, its SEGs, SR and radiographs, by pydicom and highdicom."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)
from scipy.ndimage import zoom

PIXEL_MM, SLICE_MM, ROWS, SLICES = 1.5, 5.0, 176, 14
CENTRES = {"L01": (78.0, 132.0), "L04": (189.0, 141.0)}
"""x, y in mm from the first pixel, each on a pixel centre: right lung at the image's left, left lung at its right."""

FLUID_TOP, FLUID_FRONT_MM = 8, 175.0
"""Slices that an effusion reaches, and from which row, mm, it fills the left side."""
HEART_TOP = 10
"""Slices that the heart reaches, counted from below."""
DX_MM, MAGNIFICATION = 2.0, 1.1


def uid(*parts: object) -> str:
    import hashlib

    number = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:16], "big")
    return f"2.25.{number}"


def effusion() -> NDArray[np.bool_]:
    """Fluid at the back of the left lung's base."""
    k, y, x = np.mgrid[:SLICES, :ROWS, :ROWS]
    middle = (ROWS - 1) * PIXEL_MM / 2
    left = np.hypot((x * PIXEL_MM - middle - 55) / 45, (y * PIXEL_MM - middle) / 70) < 1
    return left & (y * PIXEL_MM > FLUID_FRONT_MM) & (k < FLUID_TOP)


def effusion_ml() -> float:
    return float(effusion().sum()) * PIXEL_MM**2 * SLICE_MM / 1000


def chest(
    lesions: dict[str, tuple[float, float]], fluid: Sequence[str] = ()
) -> tuple[Any, dict[str, NDArray[np.bool_]]]:
    """HU ``(slices, rows, columns)`` and a mask a lesion; {id: (x radius, y radius) in mm}.

    ``fluid``: ids of effusions, at most one.
    """
    y, x = np.mgrid[:ROWS, :ROWS] * PIXEL_MM
    middle = (ROWS - 1) * PIXEL_MM / 2

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> Any:
        return np.hypot((x - cx) / rx, (y - cy) / ry) < 1

    plane = np.full((ROWS, ROWS), -1000.0)
    plane[ellipse(middle, middle, 125, 95)] = 40
    plane[ellipse(middle - 55, middle, 45, 70)] = -850
    plane[ellipse(middle + 55, middle, 45, 70)] = -850
    hu = np.repeat(plane[None], SLICES, axis=0)
    hu[:HEART_TOP, ellipse(middle + 20, middle - 25, 28, 25)] = 40
    masks = {}
    rng = np.random.default_rng(1)
    for name, (rx, ry) in lesions.items():
        cx, cy = CENTRES[name]
        mask = np.zeros(hu.shape, bool)
        for k in range(SLICES):
            z = (k - SLICES // 2) * SLICE_MM
            if abs(z) >= ry:
                continue
            shrink = np.sqrt(1 - (z / ry) ** 2)
            radius = np.hypot((x - cx) / (rx * shrink), (y - cy) / (ry * shrink))
            depth = (1 - radius) * rx * shrink / PIXEL_MM
            share = np.clip(depth + 0.5, 0, 1)
            hu[k] = hu[k] * (1 - share) + 40 * share
            mask[k] = radius < 1
        masks[name] = mask
    for name in fluid:
        masks[name] = effusion()
        hu[masks[name]] = 10
    return hu + rng.normal(0, 12, hu.shape), masks


def lobes(hu: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """Territories within two ellipses; L01 lies in RUL and L04 in LLL."""
    k, y, x = np.mgrid[:SLICES, :ROWS, :ROWS]
    y, x = y * PIXEL_MM, x * PIXEL_MM
    middle = (ROWS - 1) * PIXEL_MM / 2
    right, left = (
        np.hypot((x - middle - shift) / 45, (y - middle) / 70) < 1 for shift in (-55, 55)
    )
    heart = np.hypot((x - middle - 20) / 28, (y - middle + 25) / 25) < 1
    left &= ~(heart & (k < HEART_TOP))
    back = y > middle
    return {
        "LUL": left & ~(back & (k < 11)),
        "LLL": left & back & (k < 11),
        "RUL": right & (k >= 4),
        "RML": right & (k < 4) & ~back,
        "RLL": right & (k < 4) & back,
    }


def _ct(path: Path, patient: str, day: int, date: dt.date, plane: Any, k: int) -> Any:
    ds = pydicom.Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = uid(patient, day, "ct", k)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, uid(patient, day, "ct", k)
    ds.PatientID, ds.PatientName, ds.PatientSex = patient, patient, "M"
    ds.PatientBirthDate, ds.AccessionNumber, ds.ReferringPhysicianName = "", "", ""
    ds.StudyDate = ds.SeriesDate = f"{date:%Y%m%d}"
    ds.StudyTime, ds.StudyID, ds.Modality = "080000", "1", "CT"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(patient, day), uid(patient, day, "ct")
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uid(patient), ""
    ds.SeriesNumber, ds.InstanceNumber, ds.AcquisitionNumber = 1, k + 1, 1
    ds.ImagePositionPatient = [-131.25, -131.25, k * SLICE_MM]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [PIXEL_MM, PIXEL_MM], SLICE_MM
    ds.Rows = ds.Columns = ROWS
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleIntercept, ds.RescaleSlope = 0, 1
    ds.PixelData = np.round(plane).astype("<i2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return pydicom.dcmread(path)


def write_study(
    folder: Path, patient: str, day: int, date: dt.date, lesions: Sequence[tuple[Any, ...]]
) -> None:
    """CT, SEG of lung lesions and effusions, SR of the measured ones, lobes and radiographs."""
    study = folder / "imaging" / patient / f"ct-{'m' if day < 0 else 'd'}{abs(day):04d}"
    radii = {r[2]: (r[10] / 2, r[11] / 2) for r in lesions if r[3] == "lung"}
    hu, masks = chest(radii, [r[2] for r in lesions if r[3] == "pleura"])
    images = [
        _ct(study / "ct" / f"{k + 1:04d}.dcm", patient, day, date, hu[k], k) for k in range(SLICES)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regions = {r[2]: _region(r[4], r[5]) for r in lesions if r[2] in masks}
        _seg(study / "seg" / "0001.dcm", patient, day, images, masks, regions)
        write_sr(
            study / "sr" / "0001.dcm",
            patient,
            day,
            images,
            [(r[2], r[6], r[7], r[8]) for r in lesions if r[6]],
        )
        _lobes(study / "lobes" / "0001.dcm", patient, day, images, lobes(hu))
    for number, view in enumerate(("PA", "LL"), 1):
        write_dx(study / "dx" / f"{number:04d}.dcm", images[0], hu, view)


_COMMON: dict[str, Any] = {
    "manufacturer": "hand",
    "manufacturer_model_name": "hand",
    "software_versions": "1",
    "device_serial_number": "1",
}


def _region(lobe: str | None, side: str) -> tuple[Any, Any]:
    """Codes of a lesion's region and side: of its lobe, or of the pleura."""
    if lobe is not None:
        return LOBE_CODES[lobe]
    return codes.SCT.Pleura, codes.SCT.Left if side == "left" else codes.SCT.Right


def _sided(
    number: int, name: str, kind: Any, what: Any, region: tuple[Any, Any], **other: Any
) -> hd.seg.SegmentDescription:
    """A segment whose region's side is its modifier."""
    described = hd.seg.SegmentDescription(
        number,
        name,
        kind,
        what,
        hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        anatomic_regions=[region[0]],
        **other,
    )
    modifier = [CodedConcept.from_code(region[1])]
    described.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = modifier
    return described


def _seg(
    path: Path,
    patient: str,
    day: int,
    images: list[Any],
    masks: dict[str, Any],
    regions: dict[str, tuple[Any, Any]],
) -> None:
    names = sorted(masks)
    descriptions = [
        _sided(
            number,
            name,
            codes.SCT.MorphologicallyAbnormalStructure,
            codes.SCT.Lesion,
            regions[name],
            tracking_id=name,
            tracking_uid=uid(patient, name, "track"),
        )
        for number, name in enumerate(names, 1)
    ]
    seg = hd.seg.Segmentation(
        images,
        np.stack([masks[n] for n in names], axis=-1).astype(np.uint8),
        hd.seg.SegmentationTypeValues.BINARY,
        descriptions,
        uid(patient, day, "seg"),
        2,
        uid(patient, day, "seg", 1),
        1,
        **_COMMON,
    )
    path.parent.mkdir(parents=True)
    seg.save_as(path)


LOBE_CODES = {
    "LUL": (codes.SCT.UpperLobeOfLung, codes.SCT.Left),
    "LLL": (codes.SCT.LowerLobeOfLung, codes.SCT.Left),
    "RUL": (codes.SCT.UpperLobeOfLung, codes.SCT.Right),
    "RML": (codes.SCT.MiddleLobeOfRightLung, codes.SCT.Right),
    "RLL": (codes.SCT.LowerLobeOfLung, codes.SCT.Right),
}


def _lobes(path: Path, patient: str, day: int, images: list[Any], masks: dict[str, Any]) -> None:
    descriptions = [
        _sided(number, f"lobe {number}", codes.SCT.AnatomicalStructure, region[0], region)
        for number, region in enumerate(LOBE_CODES.values(), 1)
    ]
    seg = hd.seg.Segmentation(
        images,
        np.stack([masks[n] for n in LOBE_CODES], axis=-1).astype(np.uint8),
        hd.seg.SegmentationTypeValues.BINARY,
        descriptions,
        uid(patient, day, "lobes"),
        4,
        uid(patient, day, "lobes", 1),
        1,
        **_COMMON,
    )
    path.parent.mkdir(parents=True)
    seg.save_as(path)


def write_dx(path: Path, ct: Any, hu: NDArray[Any], view: str) -> None:
    """The volume's water along parallel lines, enlarged as at a detector."""
    water = np.clip(1 + hu / 1000, 0, None).sum(axis=1 if view == "PA" else 2)[::-1]
    scale = MAGNIFICATION / DX_MM
    image = zoom(
        water, (SLICE_MM * scale, PIXEL_MM * scale), order=1, grid_mode=True, mode="nearest"
    )
    ds = pydicom.Dataset()
    for name in ("PatientID", "PatientName", "PatientSex", "StudyDate", "StudyInstanceUID"):
        setattr(ds, name, getattr(ct, name))
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = uid(ct.SOPInstanceUID, view)
    ds.SeriesInstanceUID, ds.Modality = uid(ct.SeriesInstanceUID, "dx"), "DX"
    ds.ViewPosition, ds.PatientOrientation = view, ["L" if view == "PA" else "P", "F"]
    ds.ImagerPixelSpacing = [DX_MM, DX_MM]
    ds.EstimatedRadiographicMagnificationFactor = MAGNIFICATION
    ds.Rows, ds.Columns = image.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = np.round(image * 10).astype("<u2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)


def write_sr(
    path: Path,
    patient: str,
    day: int,
    images: list[Any],
    rows: list[tuple[str, float, float, bool]],
) -> None:
    """A TID 1500 report with both axes of each row (id, long, short, whether a target)."""
    groups = [
        hd.sr.MeasurementsAndQualitativeEvaluations(
            hd.sr.TrackingIdentifier(uid(patient, name, "track"), name),
            measurements=[
                hd.sr.Measurement(
                    CodedConcept("103339001", "SCT", "Long axis"), long_mm, codes.UCUM.Millimeter
                ),
                hd.sr.Measurement(
                    CodedConcept("103340004", "SCT", "Short axis"), short_mm, codes.UCUM.Millimeter
                ),
            ],
            finding_sites=[hd.sr.FindingSite(codes.SCT.Lung)],
            qualitative_evaluations=[
                hd.sr.QualitativeEvaluation(
                    codes.DCM.BaselineCategory,
                    codes.DCM.TargetLesionAtBaseline
                    if target
                    else codes.DCM.NonTargetLesionAtBaseline,
                )
            ],
        )
        for name, long_mm, short_mm, target in rows
    ]
    person = hd.sr.PersonObserverIdentifyingAttributes("hand")
    context = hd.sr.ObservationContext(hd.sr.ObserverContext(codes.DCM.Person, person))
    report = hd.sr.MeasurementReport(
        context, codes.LN.CTUnspecifiedBodyRegion, imaging_measurements=groups
    )
    sr = hd.sr.Comprehensive3DSR(
        evidence=images,
        content=report[0],
        series_instance_uid=uid(patient, day, "sr"),
        series_number=3,
        sop_instance_uid=uid(patient, day, "sr", 1),
        instance_number=1,
        manufacturer="hand",
        is_complete=True,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    sr.save_as(path)
