"""Denoising a stack of slices: from noise, from a re-noised image, or inside a region only.

Slices are denoised in batches of fixed shape, each on one thread, so that the bytes depend on
neither the number of threads nor that of workers. The starting noise of neighbouring slices is
correlated (first-order autoregressive), and half of its variance is the patient's own: a volume
hangs together in z, and a follow-up shows the same patient.
"""

from __future__ import annotations

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray
from scipy import ndimage

from alignment.noise import Noise
from modalities.imaging.diffusion import network, tissue
from modalities.imaging.diffusion.tissue import Regions

F32 = NDArray[np.float32]
T = TypeVar("T", bound=np.generic)
WEIGHTS = Path(__file__).parent / "weights.safetensors"
_BATCH = 4
_AROUND_PX = 8
"""What the network sees around the pixels that it may change."""
_MULTIPLE = 16
"""Rows and columns that the network can halve as often as it does."""
_CORRELATION = 0.75
"""Of the noise of neighbouring slices, so that they differ as those of real CT do."""
_OWN_SHARE = 0.5
_CALIBRATION_PX = 4.0


@dataclass(frozen=True)
class Sampling:
    """start: time at which denoising begins, 1 noise alone, 0 nothing done. steps: Euler steps.

    copies: whether the real HU at low frequency are given; without, only the tissue map is.
    """

    start: float = 0.5
    steps: int = 3
    copies: bool = True


@dataclass(frozen=True)
class Key:
    """What keys the noise of one visit."""

    seed: int
    patient: int
    day: int


@functools.lru_cache(maxsize=2)
def flow(path: Path = WEIGHTS) -> network.Flow:
    """The network with its weights, kept for the life of the process."""
    loaded = network.load(path)
    loaded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return loaded


def weights_of(path: str) -> Path:
    """The file that a protocol names, or the shipped one."""
    return Path(path) if path else WEIGHTS


@functools.lru_cache(maxsize=2)
def digest(path: Path = WEIGHTS) -> str:
    """Of the weights, by content; read once for the life of the process."""
    return network.digest(path)


def denoise(
    hu: F32,
    regions: Regions,
    pixel_mm: float,
    key: Key,
    sampling: Sampling = Sampling(),
    inside: NDArray[np.bool_] | None = None,
    weights: Path = WEIGHTS,
) -> F32:
    """HU (slices, rows, columns) as the network renders them; ``hu``: the image it starts from.

    ``inside``: where pixels may change; all others keep their value. Air outside the body is
    never touched. The mean of a few mm around every pixel is put back after sampling where the
    real HU were given, so that tissues keep their calibration.
    """
    if sampling.start <= 0 or sampling.steps < 1:
        return hu
    box = _box(regions.body if inside is None else inside & regions.body)
    if box is None:
        return hu
    part = hu[box]
    within = Regions(regions.body[box], regions.lung[box], regions.lesion[box])
    fixed = tissue.conditions(part, within)
    residual = fixed.residual(part)
    low = tissue.blurred(residual, pixel_mm) if sampling.copies else None
    given = fixed.given(low)
    noise = starting_noise(hu.shape, key)[box]
    free = within.body if inside is None else within.body & inside[box]
    made = _run(residual, given, noise, free, sampling, weights)
    new = fixed.hu(made)
    if sampling.copies:
        sigma = (0, _CALIBRATION_PX, _CALIBRATION_PX)
        new += ndimage.gaussian_filter(np.where(free, part - new, 0), sigma)
    result = hu.copy()
    result[box] = np.where(free, new, part)
    return result


def starting_noise(shape: tuple[int, ...], key: Key) -> F32:
    """(slices, rows, columns) standard normal, correlated over slices, keyed by slice number."""
    own = Noise(key.seed, "imaging.diffusion.patient")
    visit = Noise(key.seed, "imaging.diffusion.visit")
    noise = np.empty(shape, np.float32)
    for index in range(shape[0]):
        fresh = math.sqrt(_OWN_SHARE) * own.generator(key.patient, index).standard_normal(
            shape[1:], dtype=np.float32
        )
        fresh += math.sqrt(1 - _OWN_SHARE) * visit.generator(
            key.patient, key.day, index
        ).standard_normal(shape[1:], dtype=np.float32)
        if index:
            fresh = _CORRELATION * noise[index - 1] + math.sqrt(1 - _CORRELATION**2) * fresh
        noise[index] = fresh
    return noise


def _run(
    residual: F32,
    given: F32,
    noise: F32,
    free: NDArray[np.bool_],
    sampling: Sampling,
    weights: Path,
) -> F32:
    """Residuals after sampling; slices in batches of ``_BATCH``, the last filled up."""
    model = flow(weights)
    count, rows, columns = residual.shape
    residual, given, noise = (_filled_up(part) for part in (residual, given, noise))
    free = _filled_up(free)
    filled = -(-count // _BATCH) * _BATCH
    order = np.minimum(np.arange(filled), count - 1)
    made = np.empty((filled, *residual.shape[1:]), np.float32)

    def batch(start: int) -> None:
        at = order[start : start + _BATCH]
        made[start : start + _BATCH] = _euler(
            model, residual[at], given[at], noise[at], free[at], sampling
        )

    threads = min(2, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(batch, range(0, filled, _BATCH)))
    return made[:count, :rows, :columns]


def _filled_up(part: NDArray[T]) -> NDArray[T]:
    """Rows and columns (the last two axes) up to the multiple that the network takes."""
    missing = [-n % _MULTIPLE for n in part.shape[-2:]]
    return np.pad(part, [(0, 0)] * (part.ndim - 2) + [(0, n) for n in missing], mode="edge")


def _euler(
    model: network.Flow,
    residual: F32,
    given: F32,
    noise: F32,
    free: NDArray[np.bool_],
    sampling: Sampling,
) -> F32:
    scheduler = FlowMatchEulerDiscreteScheduler()
    sigmas = np.linspace(sampling.start, sampling.start / sampling.steps, sampling.steps)
    scheduler.set_timesteps(sigmas=sigmas.tolist())
    known, eps = torch.from_numpy(residual)[:, None], torch.from_numpy(noise)[:, None]
    told, may = torch.from_numpy(given), torch.from_numpy(free)[:, None]
    state = (1 - sampling.start) * known + sampling.start * eps
    with torch.inference_mode():
        for time in scheduler.timesteps:
            at = float(time) / 1000.0
            state = torch.where(may, state, (1 - at) * known + at * eps)
            velocity = model(state, told, torch.full((len(state),), at))
            state = scheduler.step(velocity, time, state, return_dict=False)[0]
        state = torch.where(may, state, known)
    return np.asarray(state[:, 0].clamp(-tissue.LIMIT, tissue.LIMIT).numpy())


def _box(wanted: NDArray[np.bool_]) -> tuple[slice, slice, slice] | None:
    """Smallest box of what is wanted, with some pixels around in the plane."""
    found = ndimage.find_objects(wanted.astype(np.uint8))
    if not found:
        return None
    slices, rows, columns = found[0]
    return (
        slices,
        slice(max(rows.start - _AROUND_PX, 0), rows.stop + _AROUND_PX),
        slice(max(columns.start - _AROUND_PX, 0), columns.stop + _AROUND_PX),
    )
