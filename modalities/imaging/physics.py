"""How a scan is taken: contrast medium, dose, slice thickness and reconstruction kernel.

The atlas was taken with contrast; without, blood and organs are brought to their plain density.
Quantum noise goes with one over the square root of dose and slice thickness. The atlas's own noise
cannot be taken away: a dose that would need it is refused. A sharp kernel lifts what is fine, edges
and noise alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Protocol
from modalities.imaging.atlas import LUNG_LABELS
from modalities.imaging.organs import BONES
from ontology.errors import ConsilienceError
from ontology.evidence import Parameter

F32 = NDArray[np.float32]
Labels = NDArray[np.uint8]

_PLAIN = "adults, CT without contrast"
_USUAL = "usual value; no study read; the spread between patients is left out"
BLOOD_HU = Parameter(42.0, "HU", _PLAIN, _USUAL, "assumption")
LIVER_HU = Parameter(
    58.3, "HU", "64 healthy livers, CT after death without contrast",
    "mean, SD 8.9, doi:10.1007/s00414-019-02016-1", "secondary",
)  # fmt: skip
SPLEEN_HU = Parameter(48.0, "HU", _PLAIN, _USUAL, "assumption")
KIDNEY_HU = Parameter(32.0, "HU", _PLAIN, _USUAL, "assumption")
_PLAIN_HU = {
    **dict.fromkeys(range(51, 65), BLOOD_HU.value), 5: LIVER_HU.value, 1: SPLEEN_HU.value,
    2: KIDNEY_HU.value, 3: KIDNEY_HU.value,
}  # fmt: skip
"""By atlas label: heart and great vessels, liver, spleen, kidneys."""
_CARTILAGE = 118
_OTHER_HU = 60.0
"""Denser than this, neither bone nor labelled: a small vessel or a gland."""
_KEPT = 0.05
"""Share that is kept of what contrast added."""
_LUNG_TISSUE_HU, _VESSEL_HU = -860.0, 300.0

NOISE_HU = Parameter(
    6.8, "HU", "soft tissue, 5 mm, 1.5 mm pixels, soft kernel",
    "little above what the network leaves; three real CTs on this grid have 4.6, 5.7 and 6.7",
    "assumption",
)  # fmt: skip
REFERENCE_MGY = Parameter(
    9.0, "mGy", "adult chest CT", "CTDIvol that NOISE_HU stands for", "assumption"
)
_OWN_MM, _OWN_HU = (1.25, 2.5, 5.0), (6.6, 6.75, 6.7)
"""SD of the network's own texture in even soft tissue, measured, by slice thickness."""
_GRAIN_PX, _GRAIN_SD = 0.5, 0.66
"""A soft kernel's grain, and the SD that it leaves of white noise."""
_SHARP_MM, _SHARP_GAIN = 1.2, 1.0


def without_contrast(plan: EncounterPlan, hu: F32, labels: Labels) -> F32:
    """HU of the scan had no contrast been given: (slices, rows, columns) both.

    In blood, organs and small vessels what is above the plain density is pressed down, and the
    noise that is pressed with it is drawn again; vessels of the lung fade in proportion.
    """
    most = np.full(256, _OTHER_HU, np.float32)
    most[list(_PLAIN_HU)] = list(_PLAIN_HU.values())
    dense = np.isin(labels, (*BONES, _CARTILAGE))
    dense = ndimage.binary_dilation(dense, np.ones((1, 3, 3), bool)) & ~np.isin(
        labels, list(_PLAIN_HU)
    )
    knee = most[labels]
    keyed = Noise(plan.seed, "imaging.plain").generator(plan.patient_index, plan.day)
    own = grain(keyed, hu.shape) * np.float32(own_noise(plan.protocol.slice_mm))
    pressed = knee + np.float32(_KEPT) * (hu - knee) + own
    plain = np.where(~dense & (hu > knee), pressed, hu)
    lung = np.isin(labels, LUNG_LABELS) & (hu > _LUNG_TISSUE_HU)
    share = (BLOOD_HU.value - _LUNG_TISSUE_HU) / (_VESSEL_HU - _LUNG_TISSUE_HU)
    plain[lung] = _LUNG_TISSUE_HU + share * (hu[lung] - _LUNG_TISSUE_HU)
    return np.asarray(plain, dtype=np.float32)


def grain(generator: np.random.Generator, shape: tuple[int, ...]) -> F32:
    """Noise of SD 1 as a soft kernel leaves it."""
    white = generator.standard_normal(shape, dtype=np.float32)
    soft = ndimage.gaussian_filter(white, (0, _GRAIN_PX, _GRAIN_PX), truncate=2.5)
    return np.asarray(soft / np.float32(_GRAIN_SD), dtype=np.float32)


def acquire(plan: EncounterPlan, hu: F32, spacing: NDArray[np.float64]) -> F32:
    """The volume as this visit's scan shows it: its noise added, its kernel applied."""
    keyed = Noise(plan.seed, "imaging.noise").generator(plan.patient_index, plan.day)
    seen = hu + grain(keyed, hu.shape) * np.float32(fresh_noise(plan.protocol))
    if plan.protocol.kernel == "sharp":
        sigma = _SHARP_MM / float(spacing[1])
        blurred = ndimage.gaussian_filter(seen, (0, sigma, sigma), truncate=3.0)
        seen = seen + np.float32(_SHARP_GAIN) * (seen - blurred)
    return np.asarray(seen, dtype=np.float32)


def fresh_noise(protocol: Protocol) -> float:
    """SD in HU that a scan adds to the rendered volume's own, before the kernel.

    Raises ConsilienceError for a dose at which a scan would be less noisy than the atlas is.
    """
    thickness = min(protocol.slice_mm, 5.0)  # the network's texture does not average out
    wanted = NOISE_HU.value**2 * REFERENCE_MGY.value / protocol.ctdi_mgy * 5.0 / thickness
    own = own_noise(protocol.slice_mm) ** 2
    if wanted < own:
        raise ConsilienceError(
            "a dose that cannot be rendered: the atlas itself is noisier", where="ctdi_mgy",
            got=f"{protocol.ctdi_mgy:g} mGy at {protocol.slice_mm:g} mm",
            wanted=f"at most {protocol.ctdi_mgy * wanted / own:.1f} mGy",
        )  # fmt: skip
    return math.sqrt(wanted - own)


def own_noise(slice_mm: float) -> float:
    """SD in HU of the rendered volume's own noise in soft tissue."""
    return float(np.interp(slice_mm, _OWN_MM, _OWN_HU))
