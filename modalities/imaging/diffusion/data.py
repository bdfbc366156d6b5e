"""Real CTs as training scans: the atlas, the CT of another patient, or the user's own."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import nibabel as nib
import nrrd
import numpy as np
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.misc import is_dicom
from scipy import ndimage

from modalities import assets
from modalities.imaging import atlas, insert_files, nodule
from modalities.imaging.diffusion import tissue
from modalities.imaging.diffusion.config import Slices, TrainingConfig
from modalities.imaging.diffusion.scans import Scan
from modalities.imaging.diffusion.tissue import Regions
from ontology.errors import ConsilienceError

BUNDLED = ("atlas", "lung1")
"""``lung2`` of the same archive is kept for tests and is refused here."""
_LUNG2 = "90e8e93b738270c8544285e710bf00feb9c7e232d1b7bde48d4f856b6efceef3"
"""sha256 of the HU histogram of ``lung2``: the same whichever way its voxels are turned."""
_EDGE_PX = 0.8
"""A reader's outline as a share: blurred by this sigma, as a scanner blurs an edge."""


def scan_of(name: str) -> Scan:
    """A bundled scan by name.

    Raises ConsilienceError for another name, or if the data are not at hand.
    """
    if name == "atlas":
        return _atlas()
    if name == "lung1":
        return _lung1()
    raise ConsilienceError("no such training scan", got=name, wanted=BUNDLED)


def scans_of(config: TrainingConfig) -> tuple[list[Scan], list[Scan]]:
    """What a training config names, the bundled scans first: to be trained on, and held out.

    A scan with slices held out is cut there: no patch is averaged across the cut. Raises
    ConsilienceError if there is nothing to train on, or if a scan cannot be used.
    """
    trained: list[Scan] = []
    held_out: list[Scan] = []
    for name, weight in config.scans.items():
        scan = replace(scan_of(name), weight=weight)
        _cut(scan, config.held_out.get(name), trained, held_out)
    for own in config.own:
        ct = insert_files.read(own.ct, None)
        _require_no_test_scan(ct, own.ct)
        lesion = None if own.lesion is None else _mask(own.lesion, ct)
        scan = own_scan(own.ct.name, ct.hu.astype(np.float32), ct.spacing, lesion)
        _cut(replace(scan, weight=own.weight), own.held_out, trained, held_out)
    if not trained:
        raise ConsilienceError(
            "nothing to train on", where="scans, own",
            remedy="list your own CTs under own in a copy of the file, or name bundled scans",
        )  # fmt: skip
    return trained, held_out


def _cut(scan: Scan, slices: Slices | None, trained: list[Scan], held_out: list[Scan]) -> None:
    """Add a scan to what is trained on, without the slices that are held out.

    Its two parts share the weight by their slices.
    """
    if slices is None:
        trained.append(scan)
        return
    count = len(scan.hu)
    first, end = slices
    if end > count:
        raise ConsilienceError("slices held out that the scan has not", where=scan.name,
                               got=list(slices), wanted=f"0 to {count}")  # fmt: skip
    held_out.append(scan.of(first, end))
    for a, b in ((0, first), (end, count)):
        if a < b:
            share = (b - a) / (count - (end - first))
            trained.append(replace(scan.of(a, b), weight=scan.weight * share))


def _require_no_test_scan(ct: insert_files.Ct, where: Path) -> None:
    """Raises ConsilienceError for ``lung2``, under whatever name it comes."""
    if histogram(ct.hu) == _LUNG2:
        raise ConsilienceError("this is lung2 of pyradiomics, which is for tests only", where=where)


def histogram(hu: NDArray[np.int16]) -> str:
    """sha256 of how often each HU is there."""
    counts = np.bincount(hu.ravel().astype(np.int32) + 32768, minlength=65536)
    return hashlib.sha256(counts.astype("<i8").tobytes()).hexdigest()


def _mask(path: Path, ct: insert_files.Ct) -> NDArray[np.bool_]:
    """A mask of the CT's grid, turned as the CT is: NIfTI, or a DICOM SEG of its images.

    Raises ConsilienceError if it is missing, broken or of another grid or place.
    """
    if not path.is_file():
        raise ConsilienceError("no such mask", where=path, wanted="a NIfTI file or a DICOM SEG")
    if is_dicom(path):
        return _segmented(path, ct)
    try:
        image = nib.as_closest_canonical(nib.Nifti1Image.from_filename(path))  # type: ignore[no-untyped-call]
        data = np.asarray(image.dataobj)
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise ConsilienceError("mask that cannot be read", where=path, got=error,
                               wanted="a NIfTI file or a DICOM SEG") from error  # fmt: skip
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    wanted = ct.hu.shape[::-1]
    if data.shape != wanted:
        raise ConsilienceError("mask of another grid", where=path, got=data.shape, wanted=wanted)
    corners = np.array([[*np.array(at) * (np.array(wanted) - 1), 1] for at in np.ndindex(2, 2, 2)])
    apart = np.linalg.norm(((image.affine - _affine(ct)) @ corners.T)[:3], axis=0).max()
    if apart > ct.spacing.min() / 2:
        raise ConsilienceError("mask of another place", where=path, got=f"{apart:.1f} mm apart",
                               wanted="within half a voxel of the CT's grid",
                               remedy="write the mask with the CT's own affine")  # fmt: skip
    # Canonical axes run to the right, front and top; ours to the top, the back and the left.
    return np.ascontiguousarray(data.transpose(2, 1, 0)[:, ::-1, ::-1] > 0)


def _affine(ct: insert_files.Ct) -> NDArray[np.float64]:
    """(4, 4): canonical NIfTI voxel of a CT to mm to the right, the front and the top."""
    if ct.image is not None:
        own, shape = np.asarray(ct.image.affine, dtype=np.float64), ct.image.shape[:3]
    else:
        first, last = ct.slices[0], ct.slices[-1]
        places = np.array([first.ImagePositionPatient, last.ImagePositionPatient], np.float64)
        axes = np.array(first.ImageOrientationPatient, np.float64).reshape(2, 3)
        rows_mm, columns_mm = (float(mm) for mm in first.PixelSpacing)
        shape = (int(first.Columns), int(first.Rows), len(ct.slices))
        own = np.eye(4)
        own[:3, 0], own[:3, 1] = axes[0] * columns_mm, axes[1] * rows_mm
        own[:3, 2], own[:3, 3] = (places[1] - places[0]) / (shape[2] - 1), places[0]
        own[:2] *= -1  # DICOM counts to the left and the back
    turn = nib.orientations.inv_ornt_aff(nib.io_orientation(own), shape)  # type: ignore[no-untyped-call]
    return np.asarray(own @ turn)


def _segmented(path: Path, ct: insert_files.Ct) -> NDArray[np.bool_]:
    """Voxels in any segment of a DICOM SEG that refers to the CT's images."""
    images = [str(ds.SOPInstanceUID) for ds in ct.slices]
    try:
        seg = hd.seg.segread(path)
        used = {str(uids[2]) for uids in seg.get_source_image_uids()}
        if not images or not used <= set(images):
            raise ConsilienceError("a SEG of other images", where=path,
                                   wanted="one that refers to this CT's DICOM images")  # fmt: skip
        frames = seg.get_pixels_by_source_instance(images, assert_missing_frames_are_empty=True)
    except (InvalidDicomError, AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise ConsilienceError("mask that cannot be read", where=path, got=error,
                               wanted="a DICOM SEG of the CT's images") from error  # fmt: skip
    mask = (frames > 0.5).any(axis=-1)
    return np.ascontiguousarray(np.flip(mask, tuple(n for n, f in enumerate(ct.flips) if f)))


def own_scan(
    name: str,
    hu: NDArray[np.float32],
    spacing: NDArray[np.float64],
    lesion: NDArray[np.bool_] | None = None,
) -> Scan:
    """The user's CT: HU (slices, rows, columns), lowest slice first; lesion mask of that shape."""
    share = None if lesion is None else _share(lesion)
    regions = tissue.find_regions(hu, share)
    if not regions.lung.any():
        raise ConsilienceError("no lungs in the CT", where=name, wanted="a chest CT in HU")
    if lesion is not None:
        regions = Regions(regions.body, regions.lung | lesion, regions.lesion)
    return Scan(name, hu, spacing, regions)


def _atlas() -> Scan:
    """The CT as it was taken, with its nodule and its noise."""
    hu, spacing, bottom = atlas.oriented(assets.locate(assets.ATLAS_CT))
    labels = atlas.oriented(assets.locate(assets.ATLAS_LABELS))[0]
    lesion = nodule.voxels(hu.shape, bottom, float(spacing[0]))
    body = atlas.inside_skin(hu.astype(np.int16))
    lung = np.isin(labels, atlas.LUNG_LABELS) | lesion
    return Scan("LIDC-IDRI-0001", hu, spacing, Regions(body, lung, _share(lesion)))


def _lung1() -> Scan:
    def read(part: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        path: Path = assets.real_ct(f"lung1_{part}.nrrd")
        voxels, header = nrrd.read(str(path))
        spacing = np.abs(np.diag(header["space directions"]))[::-1]
        return voxels.transpose(2, 1, 0).astype(np.float32), np.asarray(spacing, np.float64)

    hu, spacing = read("image")
    return own_scan("pyradiomics lung1", hu, spacing, read("label")[0] > 0)


def _share(lesion: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(ndimage.gaussian_filter(lesion.astype(np.float32), (0, _EDGE_PX, _EDGE_PX)))
