"""The CT network on a drawn scene: over the whole body, or around each lesion only.

The deformed real CT and the lesions drawn in are re-noised half-way and denoised again, so that
what was drawn or stretched gets the texture of real CT. The anatomy stays the atlas's own:
this mode copies it on purpose, and diversity comes from the deformation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.plan import EncounterPlan
from modalities.imaging import drawing, fit
from modalities.imaging.atlas import LUNG_LABELS
from modalities.imaging.diffusion import sampler, tissue
from modalities.imaging.diffusion.sampler import Key, Sampling
from modalities.imaging.diffusion.tissue import Regions

SAMPLING = Sampling()
"""Half-way noise and three steps. What fifty cost is in the speed part of benchmarks/imaging.py."""
_AROUND_MM = 10.0
"""How far around a lesion the network renders where only lesions are asked for."""

_SKIN_PX = 2
"""The skin's edge stays as it was stretched."""
_LESION_SHARE = 0.05
_BROAD_PX, _BROAD_HU = 2.0, -700.0
"""Of that density over so many pixels around, lung holds more than a vessel."""
_FLAT = np.ones((1, 3, 3), bool)


def render(plan: EncounterPlan, scene: drawing.Scene) -> None:
    """Replace the scene's HU, as far as the plan's protocol asks for it."""
    asked = plan.protocol.network
    if asked == "none" or (asked == "lesions" and not scene.drawn):
        return
    body = ndimage.binary_erosion(scene.labels > 0, _FLAT, iterations=_SKIN_PX)
    regions = Regions(body, np.isin(scene.labels, LUNG_LABELS), scene.share)
    key = Key(plan.seed, plan.patient_index, plan.day)
    pixel = float(scene.grid.spacing[1])
    weights = sampler.weights_of(plan.protocol.weights)
    free = body & ~_half_filled(scene.hu, regions)
    if asked == "lesions":
        free &= _around(scene)
    made = sampler.denoise(scene.hu, regions, pixel, key, SAMPLING, free, weights)
    scene.hu += _kept(scene.share) * (made - scene.hu)


def _around(scene: drawing.Scene) -> NDArray[np.bool_]:
    """Voxels near a lesion that is drawn."""
    found = np.zeros(scene.grid.shape, bool)
    for lesion in scene.drawn:
        box = fit.widened(lesion.box, _AROUND_MM, scene.grid)
        inside = np.zeros(scene.grid.shape, bool)
        inside[lesion.box] = lesion.mask
        away = ndimage.distance_transform_edt(~inside[box], sampling=scene.grid.spacing)
        found[box] |= away <= _AROUND_MM
    return found


def _kept(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the network's change is kept: all in healthy tissue, none at a lesion's border,
    in ground glass its share of tissue, or it would become grainy."""
    inside = np.where(share > _LESION_SHARE, share, 1.0)
    return np.asarray(tissue.calm(share) * inside, dtype=np.float32)


def _half_filled(hu: NDArray[np.float32], regions: Regions) -> NDArray[np.bool_]:
    """Borders that lie slanted in a thick slice, such as the dome of the diaphragm.

    They are smooth ramps without texture, which the network, trained on few, makes grainy: they
    stay as they were stretched.
    """
    label = tissue.classify(hu, regions)
    around = ndimage.gaussian_filter(hu, (0, _BROAD_PX, _BROAD_PX), truncate=3.0)
    ramp = (label == tissue.EDGE) | ((label == tissue.VESSEL) & (around > _BROAD_HU))
    ramp = ndimage.binary_dilation(ramp, _FLAT)
    return np.asarray(ramp & (regions.lesion < _LESION_SHARE))
