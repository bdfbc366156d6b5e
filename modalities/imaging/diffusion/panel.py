"""A panel of what the network makes of one real slice, to look at while it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modalities.imaging.diffusion import sampler
from modalities.imaging.diffusion.sampler import Key, Sampling
from modalities.imaging.diffusion.scans import Scan
from modalities.imaging.diffusion.tissue import Regions

F32 = NDArray[np.float32]
MODES = {
    "renoised": Sampling(),
    "from noise, real HU at low frequency": Sampling(1.0, 6),
    "from noise, tissue map only": Sampling(1.0, 8, copies=False),
}
_WINDOWS = ((-500.0, 1500.0), (40.0, 400.0))


def draw(scan: Scan, weights: Path, path: Path) -> None:
    """PNG: the middle slice, real and in every mode, in a lung and a soft-tissue window."""
    half = slice(None, None, 2)
    middle = slice(len(scan.hu) // 2, len(scan.hu) // 2 + 1)
    r = scan.regions
    cut = (middle, half, half)
    regions = Regions(r.body[cut], r.lung[cut], r.lesion[cut])
    hu = scan.hu[cut]
    sampler.flow.cache_clear()
    shown = [hu] + [
        sampler.denoise(
            hu, regions, float(scan.spacing[1]) * 2, Key(0, 0, 0), mode, weights=weights
        )
        for mode in MODES.values()
    ]
    rows = [np.hstack([window(image[0], *w) for image in shown]) for w in _WINDOWS]
    Image.fromarray(np.vstack(rows)).save(path)


def window(hu: F32, centre: float, width: float) -> NDArray[np.uint8]:
    """HU as grey values."""
    return np.asarray(np.clip((hu - centre + width / 2) / width, 0, 1) * 255, dtype=np.uint8)
