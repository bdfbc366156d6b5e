"""Real CTs as training scans: the atlas, the CT of another patient, or the user's own."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from modalities import assets
from modalities.imaging import atlas, insert_files, nodule
from modalities.imaging.diffusion import tissue
from modalities.imaging.diffusion.config import TrainingConfig
from modalities.imaging.diffusion.scans import Scan
from modalities.imaging.diffusion.tissue import Regions
from ontology.errors import ConsilienceError

BUNDLED = ("atlas", "lung1")
"""``lung2`` of the same archive is kept for tests and is refused here."""
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


def scans_of(config: TrainingConfig) -> list[Scan]:
    """Every scan that a training config names, the bundled ones first.

    Raises ConsilienceError if there is none, or if one cannot be used.
    """
    scans = [scan_of(name) for name in config.scans]
    for own in config.own:
        ct = insert_files.read(own.ct, None)
        lesion = None if own.lesion is None else _mask(own.lesion, ct.hu.shape)
        scans.append(own_scan(own.ct.name, ct.hu.astype(np.float32), ct.spacing, lesion))
    if not scans:
        raise ConsilienceError("nothing to train on", remedy="name scans, or your own CTs")
    return scans


def _mask(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A NIfTI mask, turned as the CT is."""
    image = nib.as_closest_canonical(nib.Nifti1Image.from_filename(path))  # type: ignore[no-untyped-call]
    # Canonical axes run to the right, front and top; ours to the top, the back and the left.
    mask = np.asarray(image.dataobj).transpose(2, 1, 0)[:, ::-1, ::-1] > 0
    if mask.shape != tuple(shape):
        raise ConsilienceError("mask of another grid", where=path, got=mask.shape, wanted=shape)
    return np.ascontiguousarray(mask)


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
    import nrrd

    def read(part: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        path: Path = assets.real_ct(f"lung1_{part}.nrrd")
        voxels, header = nrrd.read(str(path))
        spacing = np.abs(np.diag(header["space directions"]))[::-1]
        return voxels.transpose(2, 1, 0).astype(np.float32), np.asarray(spacing, np.float64)

    hu, spacing = read("image")
    return own_scan("pyradiomics lung1", hu, spacing, read("label")[0] > 0)


def _share(lesion: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(ndimage.gaussian_filter(lesion.astype(np.float32), (0, _EDGE_PX, _EDGE_PX)))
