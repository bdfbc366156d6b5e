"""Seconds for one study of 60 slices with all its files, in modes that share everything else."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from alignment.plan import EncounterPlan, Network, Protocol
from ct import modes
from modalities import imaging
from modalities.imaging import texture, volume, warp
from modalities.imaging.diffusion.sampler import Sampling

SEED = 900
SLICES = 60
SIZES = (14.0, 24.0, 40.0)
RUNS = 3
NETWORKS: dict[str, Network] = {"without": "none", "around lesions": "lesions", "whole": "whole"}
MANY = 50


def plan() -> EncounterPlan:
    """The first patient of the seed whose lungs take 60 slices of 256 x 256, three lesions."""
    for patient in range(200):
        found = modes.plan_of(SEED, patient, SIZES)
        grid = volume.grid_of(warp.anatomy_of(found), 256, found.protocol.slice_mm)
        if grid.shape[0] == SLICES:
            return dataclasses.replace(found, protocol=Protocol(radiographs=True))
    raise SystemExit(f"none of 200 patients needs {SLICES} slices")


def seconds(network: Network, steps: int | None = None) -> list[float]:
    """Wall seconds of each run, files encoded; atlas, weights and body are at hand before."""
    base = plan()
    protocol = dataclasses.replace(base.protocol, network=network)
    job = dataclasses.replace(base, protocol=protocol)
    usual = texture.SAMPLING
    texture.SAMPLING = usual if steps is None else Sampling(usual.start, steps)
    try:
        return [_timed(lambda: list(imaging.render_patient([job]))) for _ in range(RUNS)]
    finally:
        texture.SAMPLING = usual


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
