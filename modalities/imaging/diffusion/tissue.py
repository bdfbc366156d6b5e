"""What the network sees of a CT: companded HU, tissue classes, and the residual it predicts.

HU are companded piecewise linearly, so that lung, fat and soft tissue get the range that a reader's
windows give them. The network works on ``residual = (companded - mean) / spread``, mean and spread
of each pixel's tissue, so that quiet tissues count as much as lively ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

F32 = NDArray[np.float32]
Bools = NDArray[np.bool_]

_HU = (-1024.0, -850.0, -700.0, -200.0, -120.0, 200.0, 500.0, 1500.0)
_COMPANDED = (-1.0, -0.75, -0.5, -0.3, -0.2, 0.6, 0.8, 1.0)

CLASSES = ("air", "lung", "lung_vessel", "edge", "fat", "soft", "bright", "lesion")
AIR, LUNG, VESSEL, EDGE, FAT, SOFT, BRIGHT, LESION = range(len(CLASSES))
"""air: outside the body, and in it outside the lungs; edge: half air, half tissue, outside the
lungs; bright: bone and contrast medium."""
SPREAD = np.array([0.04, 0.13, 0.25, 0.16, 0.05, 0.07, 0.13, 0.15], dtype=np.float32)
"""Of companded HU within a class, about as in the atlas CT."""
_VESSEL_HU, _BRIGHT_HU = -650.0, 150.0
_AIR_HU, _EDGE_HU, _FAT_HU = -850.0, -150.0, -25.0
_LUNG_HU = -500.0
_BORDER_PX = 2
"""Labels leave out the outermost pixels of a lung: darker than ``_LUNG_HU``, they belong to it."""
_FLAT = np.ones((1, 3, 3), bool)
_EDGE_PX = 0.7
_LESION_PX = 3.0
_BORDER_STEP = 0.2
"""Difference of share between neighbours from which on a border is as drawn (assumption)."""
BLUR_MM = 2.0
"""The real HU that condition the network are blurred by this sigma."""
LIMIT = 5.0
CHANNELS = 1 + len(CLASSES) + 3
"""Noisy residual, classes, mean, blurred residual, and whether that one is given."""


def compand(hu: F32) -> F32:
    """HU to -1..1."""
    return np.interp(hu, _HU, _COMPANDED).astype(np.float32)


def expand(value: F32) -> F32:
    """Inverse of ``compand`` within its range."""
    return np.interp(value, _COMPANDED, _HU).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Regions:
    """Where a slice stack (slices, rows, columns) is body and lung (bool), and lesion (0..1)."""

    body: Bools
    lung: Bools
    lesion: F32


@dataclass(frozen=True, eq=False)
class Conditions:
    """What is fixed while a stack is denoised.

    classes: (slices, classes, rows, columns) float32. mean, spread: (slices, rows, columns), of
    companded HU.
    """

    classes: F32
    mean: F32
    spread: F32

    def residual(self, hu: F32) -> F32:
        """HU as the network's unknown."""
        return np.asarray(np.clip((compand(hu) - self.mean) / self.spread, -LIMIT, LIMIT))

    def given(self, low: F32 | None) -> F32:
        """(slices, CHANNELS - 1, rows, columns): classes, mean, blurred residual and its flag."""
        flat = self.mean[:, None]
        blurred = np.zeros_like(flat) if low is None else low[:, None]
        flag = np.full_like(flat, 0.0 if low is None else 1.0)
        return np.concatenate([self.classes, flat, blurred, flag], axis=1)

    def hu(self, residual: F32) -> F32:
        """Inverse of ``residual`` within its limits."""
        return expand(self.mean + residual * self.spread)


def conditions(hu: F32, regions: Regions, means: F32 | None = None) -> Conditions:
    """Tissue maps of a stack; ``means``: companded HU by class, measured where not given.

    A lesion's mean is its own, a few pixels around: part-solid and ground glass keep their density.
    """
    label = classify(hu, regions)
    companded = compand(hu)
    if means is None:
        means = class_means(companded, label)
    share = regions.lesion[:, None]
    classes = (label[:, None] == np.arange(len(CLASSES))[None, :, None, None]).astype(np.float32)
    classes *= 1 - share
    classes[:, LESION] += regions.lesion
    soft = ndimage.gaussian_filter(classes, (0, 0, _EDGE_PX, _EDGE_PX), truncate=3.0)
    mean = np.einsum("zcyx,c->zyx", soft, means)
    mean += soft[:, LESION] * (
        _lesion_mean(companded, regions.lesion, means[LESION]) - means[LESION]
    )
    spread = np.einsum("zcyx,c->zyx", soft, SPREAD)
    return Conditions(classes, mean.astype(np.float32), spread.astype(np.float32))


def _lesion_mean(companded: F32, share: F32, usual: float) -> F32:
    """(slices, rows, columns) mean companded HU of the lesion around each pixel."""
    sigma = (0, _LESION_PX, _LESION_PX)
    weight = ndimage.gaussian_filter(share, sigma, truncate=3.0)
    around = ndimage.gaussian_filter(share * companded, sigma, truncate=3.0)
    return np.where(weight > 1e-3, around / np.maximum(weight, 1e-3), usual).astype(np.float32)


def classify(hu: F32, regions: Regions) -> NDArray[np.int8]:
    """(slices, rows, columns) tissue class by HU within body and lungs; the lesion apart."""
    label = np.full(hu.shape, SOFT, np.int8)
    label[hu < _FAT_HU] = FAT
    label[hu > _BRIGHT_HU] = BRIGHT
    label[hu < _EDGE_HU] = EDGE
    label[hu < _AIR_HU] = AIR
    near = ndimage.binary_dilation(regions.lung, _FLAT, iterations=_BORDER_PX)
    lung = regions.lung | (near & (hu < _LUNG_HU))
    label[lung] = np.where(hu[lung] > _VESSEL_HU, VESSEL, LUNG)
    label[~regions.body] = AIR
    return label


def class_means(companded: F32, label: NDArray[np.int8]) -> F32:
    """(classes,) median companded HU; a class that is absent takes a usual value."""
    usual = compand(np.array([-1000, -860, -350, -400, -95, 40, 280, 45], dtype=np.float32))
    for index in range(len(CLASSES)):
        found = companded[label == index]
        if len(found) > 50:
            usual[index] = np.median(found)
    return usual


def blurred(residual: F32, pixel_mm: float) -> F32:
    """The residual at low frequency, slice by slice."""
    sigma = BLUR_MM / pixel_mm
    return np.asarray(ndimage.gaussian_filter(residual, (0, sigma, sigma), truncate=3.0))


def calm(share: F32) -> F32:
    """1 where the lesion's share hardly differs between neighbours, 0 at its borders.

    Borders and spicules are as drawn: from them the network makes teeth.
    """
    step = ndimage.maximum_filter(share, (1, 3, 3)) - ndimage.minimum_filter(share, (1, 3, 3))
    return np.asarray(np.clip(1 - step / _BORDER_STEP, 0, 1), dtype=np.float32)


def find_regions(hu: F32, lesion: F32 | None = None) -> Regions:
    """Body and lungs of any chest CT by thresholds; HU (slices, rows, columns)."""
    body = np.stack([_largest_filled(plane) for plane in hu])
    dark = body & (hu < _LUNG_HU)
    parts = measure.label(dark)  # type: ignore[no-untyped-call]
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    large = np.flatnonzero(sizes > 0.02 * max(int(body.sum()), 1))
    lung = np.isin(parts, large)
    for index, plane in enumerate(lung):
        closed = ndimage.binary_closing(np.pad(plane, 12), iterations=5)[12:-12, 12:-12]
        lung[index] = ndimage.binary_fill_holes(closed) & body[index]
    share = np.zeros(hu.shape, np.float32) if lesion is None else lesion.astype(np.float32)
    return Regions(body, lung, share)


def _largest_filled(plane: F32) -> Bools:
    solid = ndimage.binary_opening(plane > -350, iterations=2)
    parts, count = ndimage.label(solid)
    if not count:
        return np.zeros(plane.shape, bool)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(parts == sizes.argmax()))
