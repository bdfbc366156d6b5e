"""The diameter that the judge reads from pixels, of lesions and vessels drawn here."""

import numpy as np
import pytest
from scipy import ndimage

from eval.readers.ct import Volume, pixel_long_axis
from eval.readers.seg import Segment

PIXEL_MM, SLICE_MM = 1.0, 4.0
SHAPE = (9, 96, 96)
LUNG_HU, LESION_HU = -850.0, 45.0


def grid():
    """mm from the volume's middle: (slices, 1, 1), (1, rows, 1), (1, 1, columns)."""
    steps = (SLICE_MM, PIXEL_MM, PIXEL_MM)
    z, y, x = ((np.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE, steps, strict=True))
    return z[:, None, None], y[None, :, None], x[None, None, :]


def ellipsoid(across_mm, along_mm):
    z, y, x = grid()
    return np.broadcast_to(
        (z / across_mm * 2) ** 2 + (y / across_mm * 2) ** 2 + (x / along_mm * 2) ** 2 < 1, SHAPE
    )


def vessel(off_mm, width_mm, reach_mm=60.0):
    """A straight vessel in the plane of the slices, past the middle at a distance."""
    z, y, x = grid()
    inside = (np.hypot(z, y - off_mm) < width_mm / 2) & (np.abs(x) < reach_mm)
    return np.broadcast_to(inside, SHAPE)


def scan(*parts):
    hu = np.full(SHAPE, LUNG_HU)
    for part in parts:
        hu[part] = LESION_HU
    return Volume(
        hu=ndimage.gaussian_filter(hu, (0, 0.6, 0.6)).astype(np.float32),
        heights=np.arange(SHAPE[0]) * SLICE_MM,
        spacing=(PIXEL_MM, PIXEL_MM),
        origin=(0.0, 0.0, 0.0),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        headers=frozenset(),
    )


def segment(mask):
    planes = {i * SLICE_MM: plane for i, plane in enumerate(mask) if plane.any()}
    return Segment(1, "L01", "1.2.3", (PIXEL_MM, PIXEL_MM), planes, (0.0, 0.0, 0.0))


@pytest.mark.parametrize(("across", "along"), [(8.0, 8.0), (14.0, 20.0), (30.0, 44.0)])
def test_a_free_lesion_is_measured_within_a_pixel(across, along):
    lesion = ellipsoid(across, along)
    read = pixel_long_axis(scan(lesion), segment(lesion))
    assert read is not None and not read.limited
    assert read.long_axis_mm == pytest.approx(along, abs=PIXEL_MM)


@pytest.mark.parametrize("width", [4.0, 6.0, 8.0, 10.0])
@pytest.mark.parametrize("off", [0.0, 6.0, 8.0])
def test_a_vessel_that_passes_does_not_count(width, off):
    lesion = ellipsoid(14.0, 14.0)
    read = pixel_long_axis(scan(lesion, vessel(off, width)), segment(lesion))
    assert read is not None
    # The search ends one pixel outside the mask, at either end of the diameter.
    assert read.long_axis_mm == pytest.approx(14.0, abs=3 * PIXEL_MM)


@pytest.mark.parametrize(("mask", "drawn"), [((14, 14), (20, 20)), ((14, 14), (14, 24))])
def test_a_mask_that_is_too_small_does_not_hide_what_is_drawn(mask, drawn):
    read = pixel_long_axis(scan(ellipsoid(*drawn)), segment(ellipsoid(*mask)))
    assert read is not None and not read.limited
    assert read.long_axis_mm == pytest.approx(max(drawn), abs=PIXEL_MM)


def test_a_lesion_without_a_trace_in_the_pixels_is_not_found():
    assert pixel_long_axis(scan(), segment(ellipsoid(14.0, 14.0))) is None


def test_too_few_pixels_are_not_measured():
    lesion = ellipsoid(4.0, 4.0)
    assert pixel_long_axis(scan(lesion), segment(lesion)) is None
