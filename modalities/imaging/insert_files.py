"""CTs from outside, read and written back: arrays, NIfTI files, DICOM folders.

Inside, a CT is (slices up, rows towards the back, columns towards the patient's left).
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from alignment import identifiers
from ontology.errors import ConsilienceError

_RGB = (128, 2304)
"""NIfTI data types of colour."""
_TILT = 1e-2
"""Cosine between axes of a CT above which it counts as sheared."""
_SQUARE = 0.01
_AIR_HU, _DENSEST_HU = -700, 32767
_BODY_PARTS = ("CHEST", "THORAX", "LUNG", "TAP", "WHOLEBODY")
"""One of these within BodyPartExamined, on every image; many scanners leave it empty."""
_USUAL_HU = (-1024.0, 3071.0)
"""What 12 bits hold."""
_NEW_SERIES = 1000
"""Added to the number of the source's series."""


@dataclass(frozen=True, eq=False)
class Ct:
    """hu: (z up, y to the back, x to the left) int16; spacing: mm in that order.

    axes: the source's own axis behind each of these; flips: whether it runs the other way.
    image: the NIfTI image; slices: the DICOM images, lowest first.
    """

    hu: NDArray[np.int16]
    spacing: NDArray[np.float64]
    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)
    image: Any = None
    slices: tuple[Dataset, ...] = ()

    @property
    def own_spacing(self) -> NDArray[np.float64]:
        """Spacing along the source's own axes."""
        own = np.empty(3)
        own[list(self.axes)] = self.spacing
        return own

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest HU that may be written: of 12 bits or of the CT's own values.

        DICOM files may hold less.
        """
        low = min(_USUAL_HU[0], float(self.hu.min()))
        high = max(_USUAL_HU[1], float(self.hu.max()))
        for ds in self.slices:
            slope, intercept = float(ds.RescaleSlope), float(ds.RescaleIntercept)
            ends = sorted(v * slope + intercept for v in _stored_range(ds))
            low, high = max(low, ends[0]), min(high, ends[1])
        return math.ceil(low), math.floor(high)

    def to_own(self, data: NDArray[Any]) -> NDArray[Any]:
        """An array on the source's own axes."""
        flipped = np.flip(data, tuple(n for n, f in enumerate(self.flips) if f))
        return np.ascontiguousarray(flipped.transpose(np.argsort(self.axes)))

    def to_own_index(self, voxel: NDArray[np.float64]) -> NDArray[np.float64]:
        """A voxel on the source's own axes."""
        own = np.empty(3)
        own[list(self.axes)] = np.where(self.flips, np.array(self.hu.shape) - 1 - voxel, voxel)
        return own

    def from_own_index(self, voxel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Inverse of :meth:`to_own_index`."""
        ours = voxel[list(self.axes)]
        return np.where(self.flips, np.array(self.hu.shape) - 1 - ours, ours)


def _stored_range(ds: Dataset) -> tuple[int, int]:
    """Lowest and highest stored value of a DICOM image."""
    bits = int(ds.BitsStored)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if ds.PixelRepresentation else (0, 2**bits - 1)


def _turned(
    data: NDArray[Any], axes: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> NDArray[Any]:
    """An array on its own axes, on ours."""
    moved = data.transpose(axes)
    return np.ascontiguousarray(np.flip(moved, tuple(n for n, f in enumerate(flips) if f)))


def read(source: NDArray[Any] | str | Path, spacing: tuple[float, float, float] | None) -> Ct:
    """A CT from an array with its spacing, a NIfTI file or a DICOM folder."""
    if isinstance(source, np.ndarray):
        return _from_array(source, spacing)
    path = Path(source)
    if path.is_dir():
        return _from_dicom(path)
    if not path.is_file():
        raise ConsilienceError("no such CT", where=path, wanted="a NIfTI file or a DICOM folder")
    return _from_nifti(path)


def _checked(hu: NDArray[Any], spacing: NDArray[np.float64], where: object) -> NDArray[np.int16]:
    """HU as int16; raises for what is no CT in HU with usable spacing."""
    if hu.ndim != 3 or hu.shape[-1] == 3 or min(hu.shape) < 4:
        colour = hu.ndim == 4 or hu.shape[-1] in (3, 4)
        raise ConsilienceError(
            "colour pixels or several volumes" if colour else "no volume", where=where,
            got=f"shape {hu.shape}", wanted="one grey volume of 4 slices or more",
        )  # fmt: skip
    if hu.dtype.kind not in "iuf" or not np.isfinite(hu).all():
        raise ConsilienceError("values that are no HU", where=where, got=str(hu.dtype),
                               wanted="finite integers or floats")  # fmt: skip
    if spacing.shape != (3,) or not np.isfinite(spacing).all() or (spacing <= 0).any():
        raise ConsilienceError("no usable spacing", where=where, got=spacing.tolist(),
                               wanted="three positive numbers, mm")  # fmt: skip
    if abs(spacing[1] / spacing[2] - 1) > _SQUARE:
        raise ConsilienceError(
            "pixels that are not square", where=where, got=spacing.tolist(),
            remedy="resample the CT to square pixels in the axial plane",
        )  # fmt: skip
    low, high = float(hu.min()), float(hu.max())
    if low > _AIR_HU or high > _DENSEST_HU:
        raise ConsilienceError(
            "values are not HU", where=where, got=f"{low:g} to {high:g}",
            wanted="air near -1000, water near 0",
            remedy="apply rescale slope and intercept first",
        )  # fmt: skip
    return np.asarray(np.rint(hu).clip(-32768, 32767), dtype=np.int16)


def _from_array(hu: NDArray[Any], spacing: tuple[float, float, float] | None) -> Ct:
    if spacing is None:
        raise ConsilienceError("an array without spacing", where="ct",
                               wanted="spacing=(z, y, x) in mm")  # fmt: skip
    mm = np.array(spacing, dtype=np.float64)
    return Ct(_checked(hu, mm, "ct"), mm)


def _from_nifti(path: Path) -> Ct:
    try:
        image = nib.Nifti1Image.from_filename(path)
    except (nib.filebasedimages.ImageFileError, OSError, ValueError) as error:
        raise ConsilienceError("cannot be read as NIfTI", where=path, got=error) from error
    if image.header["datatype"] in _RGB:
        raise ConsilienceError("colour pixels", where=path, wanted="HU")
    affine = np.asarray(image.affine, dtype=np.float64)
    if not (image.header["sform_code"] or image.header["qform_code"]):
        raise ConsilienceError("a NIfTI file without spacing or orientation", where=path,
                               wanted="a qform or sform")  # fmt: skip
    unit = image.header.get_xyzt_units()[0]  # type: ignore[no-untyped-call]
    if unit not in ("mm", "unknown"):
        raise ConsilienceError("lengths that are not in mm", where=path, got=unit, wanted="mm",
                               remedy="convert the affine to mm and set the unit")  # fmt: skip
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    _untilted(affine[:3, :3] / np.where(lengths == 0, 1, lengths), path)
    data = np.asarray(image.dataobj)
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise ConsilienceError(
            "several volumes or colour", where=path, got=data.shape, wanted="one"
        )
    # NIfTI counts to the right, the front and the top.
    z, y, x = (int(np.argmax(np.abs(affine[row, :3]))) for row in (2, 1, 0))
    flips = (bool(affine[2, z] < 0), bool(affine[1, y] > 0), bool(affine[0, x] > 0))
    spacing = lengths[[z, y, x]]
    hu = _checked(_turned(data, (z, y, x), flips), spacing, path)
    return Ct(hu, spacing, (z, y, x), flips, image=image)


def _untilted(directions: NDArray[np.float64], where: object) -> None:
    """Raises unless three unit vectors (columns) are at right angles."""
    cosines = np.abs(directions.T @ directions - np.diag((directions**2).sum(axis=0)))
    if cosines.max() > _TILT:
        raise ConsilienceError(
            "gantry tilt: slices are sheared", where=where,
            got=f"axes {np.degrees(np.arccos(np.clip(cosines.max(), 0, 1))):.1f} degrees apart",
            wanted="90", remedy="resample the CT to a grid at right angles",
        )  # fmt: skip


def _from_dicom(folder: Path) -> Ct:
    slices: list[Dataset] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            ds = pydicom.dcmread(path)
        except (InvalidDicomError, OSError):
            continue
        if "PixelData" in ds:
            slices.append(ds)
    if not slices:
        raise ConsilienceError("no DICOM images", where=folder)
    _check_headers(slices, folder)
    slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    axes = np.array(slices[0].ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
    positions = np.array([ds.ImagePositionPatient for ds in slices], dtype=np.float64)
    steps = np.diff(positions, axis=0)
    gaps = np.linalg.norm(steps, axis=1)
    if len(slices) < 4 or gaps.min() <= 0 or np.ptp(gaps) > 0.05 * gaps.mean():
        raise ConsilienceError("slices are missing, doubled or unevenly spaced", where=folder,
                               got=f"{len(slices)} slices, gaps {gaps.min():g} to {gaps.max():g} mm"
                               if len(gaps) else "one slice")  # fmt: skip
    _untilted(np.stack([axes[0], axes[1], steps.mean(axis=0) / gaps.mean()], axis=1), folder)
    if not np.allclose(np.abs(axes), [[1, 0, 0], [0, 1, 0]], atol=0.02):
        raise ConsilienceError("not axial", where=folder, got=np.round(axes, 3).tolist())
    hu = np.stack([
        ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in slices
    ])  # fmt: skip
    pixel = [float(v) for v in slices[0].PixelSpacing]
    spacing = np.array([gaps.mean(), *pixel])
    flips = (False, bool(axes[1, 1] < 0), bool(axes[0, 0] < 0))
    turned = _checked(_turned(hu, (0, 1, 2), flips), spacing, folder)
    return Ct(turned, spacing, (0, 1, 2), flips, slices=tuple(slices))


def _check_headers(slices: list[Dataset], folder: Path) -> None:
    """Raises ConsilienceError with everything that is wrong with a series."""
    wrong = []
    if any(ds.get("SOPClassUID") != CTImageStorage for ds in slices):
        wrong.append("images that are no CT images")
    if any(int(ds.get("SamplesPerPixel", 1)) != 1 for ds in slices):
        wrong.append("colour pixels")
    for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient",
                    "RescaleSlope", "RescaleIntercept"):  # fmt: skip
        if any(ds.get(keyword) in (None, "") for ds in slices):
            what = "not HU: " if keyword.startswith("Rescale") else ""
            wrong.append(f"{what}no {keyword}")
    if any(abs(float(ds.get("GantryDetectorTilt") or 0)) > 0.1 for ds in slices):
        wrong.append("gantry tilt")
    if len({str(ds.get("SeriesInstanceUID")) for ds in slices}) > 1:
        wrong.append("several series")
    for name in ("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient"):
        if len({str(ds.get(name)) for ds in slices}) > 1:
            wrong.append(f"slices of several {name}")
    parts = {str(ds.get("BodyPartExamined") or "").upper() for ds in slices}
    other = sorted(p for p in parts if p and not any(name in p for name in _BODY_PARTS))
    if other:
        wrong.append(f"wrong body part: {', '.join(other)}")
    if wrong:
        raise ConsilienceError("a series that cannot be used", where=folder, got="; ".join(wrong),
                               wanted="one axial chest CT series in HU, without tilt")  # fmt: skip


def write(
    source: Ct,
    hu: NDArray[np.int16],
    mask: NDArray[np.bool_],
    out: Path,
    record: dict[str, Any],
    description: str,
) -> tuple[Path, ...]:
    """CT and mask into the new folder ``out``, as NIfTI or DICOM like the source; their paths.

    hu, mask: on the source's own axes. An array gives ``.npz``.
    """
    if out.exists() and any(out.iterdir()):
        raise ConsilienceError("the folder is not empty", where=out, remedy="choose a new one")
    out.mkdir(parents=True, exist_ok=True)
    note = out / "lesion.json"
    text = {"synthetic": True, "description": description, **record}
    note.write_text(json.dumps(text, indent=1, sort_keys=True), encoding="utf-8")
    if source.slices:
        return (*_write_dicom(source, hu, mask, out, json.dumps(record, sort_keys=True)), note)
    if source.image is not None:
        made = (_nifti(source, hu, out / "ct.nii.gz"),
                _nifti(source, mask.astype(np.uint8), out / "mask.nii.gz"))  # fmt: skip
        return (*made, note)
    path = out / "ct.npz"
    np.savez_compressed(path, hu=hu, mask=mask, spacing=source.spacing)
    return path, note


def _nifti(source: Ct, data: NDArray[Any], path: Path) -> Path:
    image = nib.Nifti1Image(data, source.image.affine, dtype=data.dtype)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
    image.header["descrip"] = b"SYNTHETIC: lesion inserted"
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=3, mtime=0))
    return path


def _write_dicom(
    source: Ct, hu: NDArray[np.int16], mask: NDArray[np.bool_], out: Path, record: str
) -> tuple[Path, ...]:
    """A new series of the same study, marked as derived and synthetic, and its mask as SEG."""
    from modalities.imaging.insert_seg import segmentation  # highdicom: only who writes needs it

    series = str(source.slices[0].SeriesInstanceUID)
    key = hashlib.sha256(f"{record}\x1f{series}".encode()).hexdigest()
    images, paths = [], []
    (out / "ct").mkdir()
    for number, (old, plane) in enumerate(zip(source.slices, hu, strict=True), start=1):
        ds = _derived(old, plane, key)
        path = out / "ct" / f"{number:04d}.dcm"
        pydicom.dcmwrite(path, ds, enforce_file_format=True)
        images.append(ds)
        paths.append(path)
    seg = out / "seg.dcm"
    pydicom.dcmwrite(seg, segmentation(images, mask, key), enforce_file_format=True)
    return (*paths, seg)


def _derived(old: Dataset, plane: NDArray[np.int16], key: str) -> Dataset:
    """One image of the new series: changed pixels in the old one's own stored values."""
    ds = pydicom.Dataset()
    ds.update({e.tag: copy.deepcopy(e) for e in old if e.tag.group != 0x7FE0})
    stored = np.asarray(old.pixel_array)
    slope, intercept = float(old.RescaleSlope), float(old.RescaleIntercept)
    before = np.rint(stored * slope + intercept)
    fresh = np.rint((plane - intercept) / slope)
    # Within what the stored bits hold, see ``Ct.limits``; half a step may be rounded beyond it.
    fresh = fresh.clip(*_stored_range(old))
    changed = np.where(before == plane, stored, fresh).astype(stored.dtype)
    ds.PixelData = changed.astype(changed.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OW"
    ds.SOPInstanceUID = identifiers.dicom_uid("insert", key, str(old.SOPInstanceUID))
    ds.SeriesInstanceUID = identifiers.dicom_uid("insert", key, "series")
    ds.SeriesNumber = int(old.get("SeriesNumber") or 1) + _NEW_SERIES
    ds.SeriesDescription = "SYNTHETIC lesion inserted"
    kind = list(old.get("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"]))
    ds.ImageType = ["DERIVED", "SECONDARY", *kind[2:]]
    ds.DerivationDescription = "A synthetic lesion drawn into a real CT"
    ds.ImageComments = "SYNTHETIC: one lesion is not real"
    ds.SyntheticData = "YES"
    reference = Dataset()
    reference.ReferencedSOPClassUID = old.SOPClassUID
    reference.ReferencedSOPInstanceUID = old.SOPInstanceUID
    ds.SourceImageSequence = [reference]
    for name in ("SmallestImagePixelValue", "LargestImagePixelValue", "LossyImageCompression"):
        if name in ds:
            del ds[name]
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = pydicom.uid.UID(
        identifiers.dicom_uid("consilience", "implementation")
    )
    meta.ImplementationVersionName = "CONSILIENCE"
    ds.file_meta = meta
    return ds
