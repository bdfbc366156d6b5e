"""How a lung lesion looks: ratings of a real one, and what they mean in HU and millimetres.

LIDC-IDRI readers rated each lesion from 1 to 5 (Armato et al. 2011, doi:10.1118/1.3528204): texture
(1 ground-glass, 3 part-solid, 5 solid), margin (5 sharp), spiculation, lobulation, malignancy; and
calcification (6 none). A lesion of the plan takes all ratings of one annotation, so that they go
together as in real lesions. What a rating means in the image is set below.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignment.noise import Noise
from modalities.imaging import contours
from modalities.imaging.contours import Ratings
from ontology.evidence import Parameter

SOLID, GROUND_GLASS, NO_CALCIUM = 5, 1, 6
WINDOW = 301
"""How many real lesions of nearly the same size a lesion draws from: ratings go with size."""
EDGE_MM = Parameter(
    1.15, "mm", "solid lesions of margin 3.25 on average (atlas nodule, four readers)",
    "SD of the normal profile across the border: with the wobble of the border it gives the 10-90 %"
    " width of 4.3 mm measured there (4.2 mm at the tumour of pyradiomics lung1)", "calibrated",
)  # fmt: skip
EDGE_PER_RATING_MM = Parameter(
    0.35, "mm", "LIDC margin ratings 1 to 5",
    "sharp ones (5) end near the scanner's blur, poorly defined ones (1) a few mm wide",
    "assumption",
)  # fmt: skip
CAVITY = {
    "squamous": Parameter(
        0.20, "1", "squamous lung cancers of 20 mm and more",
        "2-25 % of lung cancers, more of the squamous (doi:10.21037/jtd-20-426, introduction);"
        " the split by histology is ours", "assumption",
    ),
    "other": Parameter(
        0.07, "1", "other lung cancers of 20 mm and more", "as above", "assumption",
    ),
}  # fmt: skip
CAVITY_FROM_MM = 20.0
HALO = Parameter(
    0.25, "1", "solid and part-solid lesions", "thin ground glass around some; no rate found",
    "assumption",
)  # fmt: skip
TAG = Parameter(
    0.6, "1", "lesions within 10 mm of the pleura; +0.1 a point of spiculation above 1",
    "no rate found", "assumption",
)  # fmt: skip
SPICULES = {1: (0, 1), 2: (2, 5), 3: (6, 10), 4: (10, 16), 5: (15, 22)}
"""Least and most strands by rating of spiculation, all around the lesion (assumption)."""
CORE_SHARE = {1: (0.0, 0.0), 2: (0.2, 0.4), 3: (0.4, 0.65), 4: (0.65, 0.85), 5: (1.0, 1.0)}
"""Diameter of the solid core over that of the lesion, by texture (assumption)."""
GLASS = (0.22, 0.42)
"""Share of tissue in ground glass: -650 to -470 HU in lung of -850 (assumption)."""
SOLID_HU = {True: (35.0, 65.0), False: (20.0, 40.0)}
"""Mean of the solid part with and without contrast; atlas nodule 88, lung1 52 HU (assumption)."""


@dataclass(frozen=True, slots=True)
class Look:
    """Ratings and what was drawn from them once for the lesion's life.

    core_share: diameter of the solid core over the lesion's. glass: share of tissue in ground
    glass. edge_mm: SD of the profile across the border. solid_hu: mean of the solid part.
    halo, cavity, tag: whether it has one. noise, patient: what keys its details.
    """

    ratings: Ratings
    core_share: float
    glass: float
    edge_mm: float
    solid_hu: float
    spicules: int
    halo: bool
    cavity: bool
    tag: bool
    noise: Noise
    patient: int

    @property
    def kind(self) -> str:
        """``solid``, ``part-solid`` or ``ground-glass``."""
        if self.core_share >= 1:
            return "solid"
        return "part-solid" if self.core_share > 0 else "ground-glass"

    def detail(self, name: str, step: int = 0) -> np.random.Generator:
        """A generator of its own for one detail."""
        keyed = Noise(self.noise.seed, f"{self.noise.variable}.{name}")
        return keyed.generator(self.patient, step)

    def describe(self) -> str:
        """In words, for the record of what was drawn."""
        r = self.ratings
        parts = [f"{self.kind}, spiculation {r.spiculation}, lobulation {r.lobulation}, margin"
                 f" {r.margin}, texture {r.texture} of 5"]  # fmt: skip
        named = {"halo": self.halo, "cavity": self.cavity, "calcified": r.calcified}
        return "; ".join(parts + [name for name, there in named.items() if there])


def choose(
    noise: Noise, patient: int, first_mm: float, *, histology: str, primary: bool, contrast: bool
) -> Look:
    """The look of one lesion, keyed, from its size at first sight; for life.

    The primary draws from all annotations rated malignant (3 or more); metastases from those that
    are solid and hardly spiculated, as blood-borne ones mostly are (assumption).
    """
    near = candidates(first_mm, primary=primary)
    draw = noise.generator(patient)
    return make(near[int(draw.integers(len(near)))], noise, patient,
                histology=histology, contrast=contrast)  # fmt: skip


def make(ratings: Ratings, noise: Noise, patient: int, *, histology: str, contrast: bool) -> Look:
    """The look that these ratings give; what they leave open is keyed."""
    own = Noise(noise.seed, f"{noise.variable}.look").generator(patient)
    low, high = CORE_SHARE[ratings.texture]
    kind = "squamous" if "squamous" in histology else "other"
    least, most = SPICULES[ratings.spiculation]
    u = own.uniform(size=7)
    hu_low, hu_high = SOLID_HU[contrast]
    tag = TAG.value + 0.1 * (ratings.spiculation - 1)
    return Look(
        ratings=ratings,
        core_share=low + (high - low) * float(u[0]),
        glass=GLASS[0] + (GLASS[1] - GLASS[0]) * float(u[6]),
        edge_mm=max(EDGE_MM.value + EDGE_PER_RATING_MM.value * (3.25 - ratings.margin), 0.7),
        solid_hu=hu_low + (hu_high - hu_low) * float(u[1]),
        spicules=least + int(float(u[2]) * (most - least + 1)),
        halo=float(u[3]) < HALO.value and ratings.texture > GROUND_GLASS,
        cavity=float(u[4]) < CAVITY[kind].value and ratings.texture >= 4,
        tag=float(u[5]) < tag,
        noise=noise,
        patient=patient,
    )


@functools.lru_cache(maxsize=2)
def _sorted(primary: bool) -> tuple[tuple[Ratings, ...], NDArray[np.float64]]:
    found = [
        r for r in contours.malignant()
        if primary or (r.texture == SOLID and r.spiculation <= 2 and not r.calcified)
    ]  # fmt: skip
    found.sort(key=lambda r: (r.about_mm, r.annotation))
    return tuple(found), np.array([r.about_mm for r in found])


def candidates(first_mm: float, *, primary: bool) -> tuple[Ratings, ...]:
    """The ``WINDOW`` malignant annotations nearest in size."""
    found, sizes = _sorted(primary)
    middle = int(np.searchsorted(sizes, first_mm))
    start = min(max(middle - WINDOW // 2, 0), max(len(found) - WINDOW, 0))
    return found[start : start + WINDOW]
