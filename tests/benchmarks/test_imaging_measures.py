"""The measures of benchmarks/imaging.py on images whose answer is known."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("nrrd", reason="needs the extra bench")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    from ct import copies, features, kernel, lesions, patches, tissue
    from ct.volumes import Scan
finally:
    sys.path.remove(str(BENCHMARKS))

SPACING = np.array([5.0, 1.5, 1.5])


def blocks(n, each=10):
    return np.arange(n) // each


def disc(radius, sigma, side=64, pixel=1.5):
    """A disc of 40 HU in lung of -850 HU, (side, side); radius and blur in mm."""
    fine = 8
    axis = (np.arange(side * fine) + 0.5) / fine * pixel - side * pixel / 2
    inside = np.hypot(axis[:, None], axis[None]) < radius
    blurred = ndimage.gaussian_filter(inside.astype(float), sigma / pixel * fine)
    share = blurred.reshape(side, fine, side, fine).mean(axis=(1, 3))
    mask = inside.reshape(side, fine, side, fine).mean(axis=(1, 3)) > 0.5
    return -850 + 890 * share, mask


def test_kernel_distance_of_one_distribution_is_near_zero_and_grows_with_a_shift():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200, 16)).astype(np.float32)
    same, near, far = (
        kernel.distance(a, b + np.float32(s), (blocks(200), blocks(200)), draws=100)
        for s in (0.0, 0.5, 1.0)
    )
    assert same.low < 0 < same.high
    assert abs(same.value) < 0.05
    assert near.low > 0
    assert far.value > 2 * near.value


def test_kernel_distance_is_unbiased_and_takes_equal_numbers_only():
    rng = np.random.default_rng(1)
    values = [
        kernel.distance(*rng.normal(size=(2, 60, 4)).astype(np.float32), (blocks(60, 1),) * 2,
                        draws=2).value
        for _ in range(60)
    ]  # fmt: skip
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)
    with pytest.raises(AssertionError, match="60 against 50"):
        kernel.distance(np.zeros((60, 4)), np.zeros((50, 4)), (blocks(60), blocks(50)))


def test_kernel_distance_leaves_out_pairs_of_one_slice():
    """Each patch three times over on its slice says no more than once."""
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 80, 8)).astype(np.float32)
    once = kernel.distance(a, b, (np.arange(80), np.arange(80)), draws=2)
    block = np.repeat(np.arange(80), 3)
    thrice = kernel.distance(np.repeat(a, 3, 0), np.repeat(b, 3, 0), (block, block), draws=2)
    assert thrice.value == pytest.approx(once.value, abs=1e-9)


def test_noise_spectrum_of_white_noise_is_flat_and_gives_back_its_sd():
    rng = np.random.default_rng(3)
    white = rng.normal(50, 12.0, (300, tissue.ROI, tissue.ROI))
    found = tissue.spectrum(white, 1.5)
    # White noise of SD s in pixels of p mm has s^2 p^2 at every frequency.
    assert found.power[1:] == pytest.approx(12.0**2 * 1.5**2, rel=0.06)
    ramp = white + np.linspace(0, 80, tissue.ROI)[None, :, None]
    assert tissue.spectrum(ramp, 1.5).power == pytest.approx(found.power, rel=0.02)
    smooth = tissue.spectrum(ndimage.gaussian_filter(white, (0, 1, 1)), 1.5)
    assert smooth.mean_frequency < 0.6 * found.mean_frequency
    assert smooth.noise < 0.4 * found.noise


@pytest.mark.parametrize("sigma", [1.2, 2.0])
def test_edge_width_of_a_blurred_disc(sigma):
    plane, mask = disc(22.0, sigma)
    widths, slopes = lesions.edge_widths(lesions.edge_profiles(plane, mask, 1.5))
    # From 75 to 25 % a Gaussian edge takes 2 x 0.6745 sigma; linear sampling of pixels adds a bit.
    seen = np.sqrt(sigma**2 + 2 * 1.5**2 / 12)
    assert np.median(widths) == pytest.approx(1.349 * seen, rel=0.08)
    assert np.median(slopes) == pytest.approx(890 / (np.sqrt(2 * np.pi) * seen), rel=0.12)


def test_harmonics_tell_lobes_from_spicules():
    angle = np.arange(128) / 128 * 2 * np.pi
    lobed, spiked = 10 + 2 * np.cos(4 * angle), 10 + 2 * np.cos(12 * angle)
    assert lesions.harmonics(lobed, lesions.LOBES) == pytest.approx(0.2 / np.sqrt(2), rel=1e-6)
    assert lesions.harmonics(lobed, lesions.SPICULES) < 1e-9
    assert lesions.harmonics(spiked, lesions.SPICULES) == pytest.approx(0.2 / np.sqrt(2), rel=1e-6)
    assert lesions.harmonics(spiked, lesions.LOBES) < 1e-9


def test_a_round_lesion_has_neither_lobes_nor_spicules():
    plane, mask = disc(15.0, 1.0)
    radii = lesions.radius_by_angle(plane, mask) * 1.5
    assert radii == pytest.approx(15.0, abs=0.8)
    assert lesions.harmonics(radii, lesions.LOBES) < 0.02
    assert lesions.harmonics(radii, lesions.SPICULES) < 0.02


def lung_scan(name, seed, shape=(6, 96, 96)):
    """Lung-like texture in a chest wall."""
    rng = np.random.default_rng(seed)
    hu = ndimage.gaussian_filter(rng.normal(size=shape), (0, 1.2, 1.2))
    hu = (-850 + 60 * hu / hu.std()).astype(np.float32)
    wall = np.ones(shape[1:], dtype=bool)
    wall[8:-8, 8:-8] = False
    hu[:, wall] = 40
    hu[:, [0, -1], :] = hu[:, :, [0, -1]] = -1000
    scan = Scan(name, hu, SPACING, ())
    scan.__dict__["lung"] = np.broadcast_to(~wall, shape)
    return scan


def test_copies_are_found_wherever_they_were_taken_and_strangers_are_not():
    training, stranger = lung_scan("a", 0), lung_scan("b", 1)
    held = copies.nearest(copies.inside([stranger], 12, 0), [training])
    own = copies.nearest(copies.inside([training], 12, 0), [training])
    assert own.correlation.min() > 0.98
    assert held.correlation.max() < 0.6
    assert own.copied(held) == 1.0
    assert held.copied(held) <= 0.1


def test_patches_come_from_lung_and_know_their_slice():
    scan = lung_scan("a", 0)
    found = patches.lung([scan, scan], 24, seed=0, side=48)
    assert found.hu.shape == (24, 48, 48)
    assert sorted(set(found.block)) == list(range(12))
    assert (found.hu < -500).mean(axis=(1, 2)).min() > 0.35


def test_texture_features_tell_noise_from_smoothness():
    scan = lung_scan("a", 0)
    found = patches.lung([scan], 24, seed=0, side=48)
    plain = features.texture(found.hu)
    smooth = features.texture(ndimage.gaussian_filter(found.hu, (0, 1, 1)))
    other = features.texture(patches.lung([scan], 24, seed=5, side=48).hu)
    assert plain.shape[0] == 24 and np.isfinite(plain).all()
    own, far, near = (features.standardised(plain, x) for x in (plain, smooth, other))
    reference = (found.block, found.block)
    far, near = (kernel.distance(own, x, reference, draws=2).value for x in (far, near))
    assert far > 10 * abs(near)
