"""Lungs, lesions and bones that the evaluator finds by itself, in drawn chests."""

import numpy as np
import pytest
from scipy import ndimage

from eval.readers import bones, lungs, nodules

SPACING = np.array([5.0, 1.6, 1.6])
SHAPE = (36, 180, 200)


def chest(seed=0, ribs=6, stretch=1.0):
    """Two lungs in a body with contrast-filled heart, ribs and vessels; (slices, rows, columns)."""
    z, y, x = ((np.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE, SPACING, strict=True))
    z, y, x = z[:, None, None] / stretch, y[None, :, None], x[None, None, :]
    hu = np.full(SHAPE, -1000.0)
    radius = np.sqrt((y / 115) ** 2 + (x / 150) ** 2)
    hu[np.broadcast_to(radius < 1, SHAPE)] = 40
    angle = np.arctan2(y / 115, x / 150)
    rib = (radius > 0.86) & (radius < 0.93) & (np.sin(ribs * angle + z / (15 - ribs)) > 0.4)
    hu[rib] = 500
    for side in (-1, 1):
        inside = ((x - side * 70) / 52) ** 2 + (y / 75) ** 2 + (z / 80) ** 2 < 1
        hu[inside] = -850
        vessel = inside & (np.hypot(y - 0.3 * z, x - side * 60) < 3.2)
        hu[vessel] = 280
    hu[np.broadcast_to((x / 35) ** 2 + ((y + 20) / 45) ** 2 < 1, SHAPE) & (np.abs(z) < 60)] = 300
    noise = np.random.default_rng(seed).normal(0, 12, SHAPE)
    return (ndimage.gaussian_filter(hu, (0, 0.5, 0.5)) + noise).astype(np.float32)


def with_ball(hu, centre_mm, radius_mm, value=45.0):
    axes = [
        (np.arange(n) - (n - 1) / 2) * s - c
        for n, s, c in zip(SHAPE, SPACING, centre_mm, strict=True)
    ]
    ball = (axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2) < radius_mm**2
    share = ndimage.gaussian_filter(ball.astype(np.float32), (0, 0.5, 0.5))
    return (hu * (1 - share) + value * share).astype(np.float32), ball


def test_lungs_are_found_with_their_volume():
    lung = lungs.closed(lungs.aerated(chest(), SPACING), SPACING)
    litres = lung.sum() * SPACING.prod() / 1e6
    assert litres == pytest.approx(2 * 4 / 3 * np.pi * 52 * 75 * 80 / 1e6, rel=0.06)
    assert not lungs.aerated(np.full(SHAPE, 40, np.float32), SPACING).any()


def test_a_chest_without_lesion_is_clean_vessels_or_not():
    assert nodules.find(chest(), SPACING) == []
    assert nodules.find(np.full(SHAPE, -1000, np.float32), SPACING) == []


@pytest.mark.parametrize(("radius", "side"), [(6.0, 1), (9.0, -1), (16.0, 1), (25.0, -1)])
def test_a_lesion_is_found_once_and_in_its_place(radius, side):
    hu, ball = with_ball(chest(), (5.0, 38.0, side * 75.0), radius)
    found = nodules.find(hu, SPACING)
    assert len(found) == 1
    assert ball[found[0].box][found[0].mask].mean() > 0.7
    middle = (np.array(SHAPE) - 1) / 2 + np.array([5.0, 38.0, side * 75.0]) / SPACING
    assert np.abs(np.array(found[0].centre) - middle).max() < 2.5


def test_what_is_as_dense_as_contrast_is_no_lesion():
    hu, _ = with_ball(chest(), (5.0, 38.0, 75.0), 9.0, value=280.0)
    assert nodules.find(hu, SPACING) == []


def test_bones_know_their_patient_through_breath_shift_and_noise():
    one = bones.skeleton(chest(0), SPACING)
    moved = np.roll(chest(0, stretch=1.03), (1, 3, -4), axis=(0, 1, 2))
    again = bones.skeleton(moved + np.random.default_rng(9).normal(0, 8, SHAPE), SPACING)
    other = bones.skeleton(chest(2, ribs=8), SPACING)
    assert bones.overlap(one, one) == pytest.approx(1.0, abs=1e-5)
    assert bones.overlap(one, again) > bones.SAME - 0.05
    assert bones.overlap(one, other) < 0.75
    with pytest.raises(ValueError, match="no lung"):
        bones.skeleton(np.full(SHAPE, 40, np.float32), SPACING)
