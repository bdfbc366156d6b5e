"""Seconds for one study of 60 slices with all its files, in modes that share everything else."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from alignment.plan import EncounterPlan, Network, Protocol
from ct import modes
from modalities import imaging
from modalities.imaging import texture, volume, warp
from modalities.imaging.diffusion import sampler
from modalities.imaging.diffusion.sampler import Sampling
from modalities.imaging.diffusion.tissue import CHANNELS

SEED = 900
SLICES = 60
SIZES = (14.0, 24.0, 40.0)
RUNS = 3
NETWORKS: dict[str, Network] = {"without": "none", "around lesions": "lesions", "whole": "whole"}
MANY = 50
_IMAGES = {"cpu": 4, "cuda": 64}
_MATRIX = {"cpu": 2048, "cuda": 8192}


def plan() -> EncounterPlan:
    """The first patient of the seed whose lungs take 60 slices of 256 x 256, three lesions."""
    for patient in range(200):
        found = modes.plan_of(SEED, patient, SIZES)
        grid = volume.grid_of(warp.anatomy_of(found), 256, found.protocol.slice_mm)
        if grid.shape[0] == SLICES:
            return dataclasses.replace(found, protocol=Protocol(radiographs=True))
    raise SystemExit(f"none of 200 patients needs {SLICES} slices")


def seconds(network: Network, steps: int | None = None, runs: int = RUNS) -> list[float]:
    """Wall seconds of each run, files encoded; atlas, weights and body are at hand before."""
    base = plan()
    protocol = dataclasses.replace(base.protocol, network=network)
    job = dataclasses.replace(base, protocol=protocol)
    usual = texture.SAMPLING
    texture.SAMPLING = usual if steps is None else Sampling(usual.start, steps)
    try:
        return [_timed(lambda: list(imaging.render_patient([job]))) for _ in range(runs)]
    finally:
        texture.SAMPLING = usual


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def device() -> str:
    """The accelerator at hand, or the processor."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def network_alone(where: str) -> tuple[float, float]:
    """Images of 256 x 256 a second at the usual steps, and the share of the measured peak.

    The peak is that of products of large square matrices in the same precision (float32).
    """
    model = sampler.flow().to(where)
    count = _IMAGES[where]
    noisy = torch.randn(count, 1, 256, 256, device=where)
    given = torch.randn(count, CHANNELS - 1, 256, 256, device=where)
    time_of = torch.full((count,), 0.5, device=where)
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counted:
            model(noisy, given, time_of)
        elapsed = _best(lambda: model(noisy, given, time_of), where)
        a, b = (torch.randn(_MATRIX[where], _MATRIX[where], device=where) for _ in range(2))
        peak = 2 * _MATRIX[where] ** 3 / _best(lambda: a @ b, where)
    sampler.flow.cache_clear()
    return count / elapsed / texture.SAMPLING.steps, counted.get_total_flops() / elapsed / peak


def _best(work: Callable[[], object], where: str) -> float:
    def once() -> None:
        work()
        if where == "cuda":
            torch.cuda.synchronize()

    once()
    return min(_timed(once) for _ in range(5))
