"""Whether two studies are of the same patient, judged from bone in re-read CT alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ct import modes, reread
from eval.readers import bones

SEED = 500
DAYS = (0, 126)
GROWTH = 1.4


@dataclass(frozen=True, eq=False)
class Pairs:
    """Overlap of the bones of each pair of studies of one patient, and of two patients."""

    same: NDArray[np.float64]
    other: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        """Mean of the shares of same and of other pairs told right at the fixed threshold."""
        right = (self.same > bones.SAME).mean(), (self.other <= bones.SAME).mean()
        return float(np.mean(right))

    @property
    def auc(self) -> float:
        """Share of (same, other) in which the same pair overlaps more."""
        return float((self.same[:, None] > self.other[None]).mean())


def _skeletons(job: tuple[str, int, int]) -> list[bones.Skeleton]:
    mode, seed, patient = job
    plans = [
        modes.plan_of(seed, patient, (20.0 * GROWTH**visit,), day) for visit, day in enumerate(DAYS)
    ]
    found = []
    for plan, drawn in modes.volumes_of(mode, plans, pixel_mm=None):
        back = reread.through_files(plan, drawn)
        found.append(bones.skeleton(back.volume.hu, back.spacing))
    return found


def pairs(mode: str, patients: int, seed: int = SEED) -> Pairs:
    """Two visits a patient, a lesion growing between them; first studies against second ones."""
    visits = list(
        reread.on_two_cores(_skeletons, [(mode, seed, 2000 + p) for p in range(patients)])
    )
    jobs = [(a[0], b[1]) for a, b in itertools.product(visits, visits)]
    found = list(reread.on_two_cores(_overlap, jobs))
    own = np.eye(patients, dtype=bool).ravel()
    return Pairs(np.array(found)[own], np.array(found)[~own])


def _overlap(job: tuple[bones.Skeleton, bones.Skeleton]) -> float:
    return bones.overlap(*job)
