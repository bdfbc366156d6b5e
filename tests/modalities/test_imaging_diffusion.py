"""The CT network's parts at tiny size: what it sees, what it may change, whose noise it uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modalities.imaging.diffusion import network, sampler, tissue
from modalities.imaging.diffusion.network import Flow, Shape
from modalities.imaging.diffusion.sampler import Key, Sampling
from modalities.imaging.diffusion.tissue import Regions
from ontology.errors import ConsilienceError

SIZE = 48
TINY = Shape((16, 16), 8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("network") / "weights.safetensors"
    network.save(Flow(TINY), path, {"scans": "none"})
    return path


@pytest.fixture(scope="module")
def chest() -> tuple[np.ndarray, Regions]:
    """Five slices: a body of soft tissue and fat with one lung and one lesion in it."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5
    radius = np.hypot(y, x)
    body, lung, lesion = radius < 20, radius < 12, radius < 3
    hu = np.where(body, np.where(radius < 17, 40.0, -95.0), -1000.0)
    hu[lung], hu[lesion] = -860.0, 45.0
    rng = np.random.default_rng(1)
    stack = (np.repeat(hu[None], 5, axis=0) + rng.normal(0, 12, (5, SIZE, SIZE))).astype(np.float32)
    five = [np.repeat(m[None], 5, axis=0) for m in (body, lung, lesion)]
    return stack, Regions(five[0], five[1], five[2].astype(np.float32))


@given(st.floats(-1024, 1500))
def test_companding_can_be_undone(hu: float) -> None:
    there = tissue.compand(np.array([hu], np.float32))
    assert -1 <= there[0] <= 1
    assert tissue.expand(there)[0] == pytest.approx(hu, abs=0.05)


def test_the_residual_can_be_undone(chest: tuple[np.ndarray, Regions]) -> None:
    hu, regions = chest
    fixed = tissue.conditions(hu, regions)
    assert np.allclose(fixed.classes.sum(axis=1), 1)
    residual = fixed.residual(hu)
    free = np.abs(residual) < tissue.LIMIT
    assert free.mean() > 0.9
    assert np.abs(fixed.hu(residual) - hu)[free & regions.body].max() < 0.2


def test_tissues_are_what_they_are(chest: tuple[np.ndarray, Regions]) -> None:
    hu, regions = chest
    label = tissue.classify(hu, regions)
    middle = SIZE // 2
    assert label[2, 2, 2] == tissue.AIR
    assert label[2, middle, middle + 8] == tissue.LUNG
    assert (label[2, middle, middle + 13 : middle + 16] == tissue.SOFT).all()
    assert (label[2, middle, middle + 18] == tissue.FAT).all()


def test_the_network_changes_the_body_and_nothing_else(
    chest: tuple[np.ndarray, Regions], weights: Path
) -> None:
    hu, regions = chest
    made = sampler.denoise(hu, regions, 1.5, Key(1, 2, 3), weights=weights)
    assert made.shape == hu.shape and made.dtype == np.float32
    assert np.array_equal(made[~regions.body], hu[~regions.body])
    assert not np.array_equal(made, hu)
    inside = np.zeros(hu.shape, bool)
    inside[1:3, 20:30, 20:30] = True
    part = sampler.denoise(hu, regions, 1.5, Key(1, 2, 3), weights=weights, inside=inside)
    assert np.array_equal(part[~inside], hu[~inside])
    assert not np.array_equal(part[inside], hu[inside])


def test_any_size_is_rendered_and_a_pixel_has_its_own_noise(
    chest: tuple[np.ndarray, Regions], weights: Path
) -> None:
    hu, r = chest
    cut = (slice(None), slice(0, 43), slice(0, 37))
    small = sampler.denoise(
        hu[cut], Regions(r.body[cut], r.lung[cut], r.lesion[cut]), 1.5, Key(1, 2, 3),
        weights=weights,
    )  # fmt: skip
    assert small.shape == (5, 43, 37) and np.isfinite(small).all()
    # The noise belongs to the scan's pixel, not to the box that is rendered.
    spot = np.zeros(hu.shape, bool)
    spot[2:4, 22:26, 22:26] = True
    seen = []
    for inside in (spot, spot | np.roll(spot, 6, axis=1)):
        seen.append(sampler.denoise(hu, r, 1.5, Key(1, 2, 3), weights=weights, inside=inside))
    assert np.corrcoef(seen[0][spot], seen[1][spot])[0, 1] > 0.9


def test_nothing_is_done_from_time_zero(chest: tuple[np.ndarray, Regions], weights: Path) -> None:
    hu, regions = chest
    made = sampler.denoise(hu, regions, 1.5, Key(1, 2, 3), Sampling(start=0.0), weights=weights)
    assert np.array_equal(made, hu)


def test_same_key_same_bytes_whatever_the_threads(
    chest: tuple[np.ndarray, Regions], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hu, regions = chest
    one = sampler.denoise(hu, regions, 1.5, Key(1, 2, 3), weights=weights)
    monkeypatch.setattr(sampler.os, "cpu_count", lambda: 1)
    assert np.array_equal(one, sampler.denoise(hu, regions, 1.5, Key(1, 2, 3), weights=weights))
    for other in (Key(2, 2, 3), Key(1, 3, 3), Key(1, 2, 4)):
        assert not np.array_equal(one, sampler.denoise(hu, regions, 1.5, other, weights=weights))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 500))
def test_noise_is_standard_and_hangs_together(patient: int, day: int) -> None:
    noise = sampler.starting_noise((6, 40, 40), Key(1, patient, day))
    assert noise.std() == pytest.approx(1, abs=0.06)
    near = np.mean(noise[1:] * noise[:-1])
    assert near == pytest.approx(0.75, abs=0.08)
    later = sampler.starting_noise((6, 40, 40), Key(1, patient, day + 1))
    assert np.mean(noise * later) == pytest.approx(0.5, abs=0.08)


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(ConsilienceError, match="not weights of this CT network"):
        network.load(tmp_path / "w.safetensors")
    with pytest.raises(ConsilienceError, match="missing"):
        network.load(tmp_path / "none.safetensors")
