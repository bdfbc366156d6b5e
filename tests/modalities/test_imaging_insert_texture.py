"""Texture of an inserted lesion: at the pixels that the network learnt, without moving borders."""

import numpy as np
import pytest
from scipy import ndimage

from modalities.imaging import insert_texture
from modalities.imaging.diffusion import sampler
from modalities.imaging.diffusion.sampler import Key
from modalities.imaging.diffusion.tissue import Regions


@pytest.mark.parametrize(
    ("spacing", "wanted"),
    [
        ((2.5, 1.0, 1.0), (12, 60, 60)),  # as learnt
        ((5.0, 0.75, 0.75), (12, 30, 30)),
        ((5.0, 2.0, 2.0), (12, 80, 80)),
        ((1.25, 0.5, 0.5), (6, 20, 20)),
        ((8.0, 1.0, 1.0), (12, 60, 60)),
    ],
)
def test_the_network_works_at_the_pixels_it_learnt(spacing, wanted):
    mm = np.array(spacing)
    assert insert_texture.learnt_shape((12, 60, 60), mm) == wanted
    notes = " ".join(insert_texture.notes((12, 60, 60), mm))
    assert ("network at voxels" in notes) == (wanted != (12, 60, 60))
    assert ("thicker than it was trained on" in notes) == (spacing[0] > 5)


@pytest.mark.parametrize("spacing", [(2.5, 0.7, 0.7), (1.0, 0.6, 0.6)])
@pytest.mark.parametrize("density", [0.3, 1.0])
def test_fine_pixels_keep_grain_mean_and_surroundings(spacing, density):
    mm = np.array(spacing)
    axes = [(np.arange(n) - n / 2) * s for n, s in zip((12, 64, 64), mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    share = np.clip(0.5 + (9 - np.sqrt(z**2 + y**2 + x**2)) / 1.5, 0, 1).astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 12, share.shape)
    share *= np.float32(density)
    hu = (-860 + 910 * share + grain).astype(np.float32)
    regions = Regions(np.ones(hu.shape, bool), np.ones(hu.shape, bool), share)
    inside = share > 0
    made = insert_texture.textured(hu, regions, inside, mm, Key(1, 0, 0), sampler.WEIGHTS)
    assert np.array_equal(made[~inside], hu[~inside]) and not np.array_equal(made, hu)
    solid = share > 0.98 * density
    assert made[solid].mean() == pytest.approx(hu[solid].mean(), abs=5)
    core = ndimage.binary_erosion(solid, np.ones((1, 3, 3)), iterations=3)

    def fine(data):  # what differs between a pixel and its neighbours
        return (data - ndimage.uniform_filter(data, (1, 3, 3)))[core].std()

    assert fine(made) == pytest.approx(fine(hu), rel=0.3)
    assert made[core].std() < 40  # about 12 drawn; the network alone makes ground glass 95
