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
from modalities.imaging import drawing
from modalities.imaging.atlas import LUNG_LABELS
from modalities.imaging.diffusion import sampler
from modalities.imaging.diffusion.sampler import Key
from modalities.imaging.diffusion.tissue import Regions

_AROUND_MM = 10.0
"""How far around a lesion the network renders where only lesions are asked for."""

_SKIN_PX = 2
"""The skin's edge stays as it was stretched."""
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
    if asked == "whole":
        scene.hu[:] = sampler.denoise(scene.hu, regions, pixel, key)
        return
    for lesion in scene.drawn:
        inside = np.zeros(scene.grid.shape, bool)
        inside[lesion.box] = lesion.mask
        reach = np.maximum(np.rint(_AROUND_MM / scene.grid.spacing), 1).astype(int)
        box = tuple(
            slice(max(part.start - by, 0), part.stop + by)
            for part, by in zip(lesion.box, reach, strict=True)
        )
        near = ndimage.distance_transform_edt(~inside[box], sampling=scene.grid.spacing)
        inside[box] = near <= _AROUND_MM
        scene.hu[:] = sampler.denoise(scene.hu, regions, pixel, key, inside=inside)
