"""Contrast, dose, thickness and kernel change what they should, and nothing else."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pytest

from alignment.plan import EncounterPlan, Protocol, Subject
from alignment.run import ImagingOptions
from modalities.imaging import physics, volume, warp
from ontology.errors import ConsilienceError

AORTA, HEART, LIVER, SPLEEN, VERTEBRAE = 52, 51, 5, 1, range(31, 43)
SPACING = np.array([5.0, 1.5, 1.5])


def plan_of(**protocol) -> EncounterPlan:
    return EncounterPlan(
        seed=3, model="test", patient_id="P0000002", day=0, date=dt.date(2020, 1, 1),
        subject=Subject("male", 64, 176.0, 80.0, "former", 30.0),
        protocol=Protocol(matrix=96, radiographs=False, network="none", **protocol),
        histology="adenocarcinoma", stage="IV", line=0, regimen=None, prior_day=None,
        prior_date=None, overall_response=None, findings=(),
    )  # fmt: skip


def rendered(**protocol) -> volume.Volume:
    plan = plan_of(**protocol)
    anatomy = warp.anatomy_of(plan)
    grid = volume.grid_of(anatomy, plan.protocol.matrix, plan.protocol.slice_mm)
    return volume.render(plan, anatomy, grid, {})


@pytest.fixture(scope="module")
def enhanced() -> volume.Volume:
    return rendered()


@pytest.fixture(scope="module")
def plain() -> volume.Volume:
    return rendered(contrast=False)


def mean(made: volume.Volume, *labels: int) -> float:
    return float(made.hu[np.isin(made.labels, labels)].mean())


def test_without_contrast_blood_and_organs_have_their_plain_density(
    enhanced: volume.Volume, plain: volume.Volume
) -> None:
    assert mean(enhanced, AORTA) > 250
    for label, wanted in ((AORTA, physics.BLOOD_HU), (HEART, physics.BLOOD_HU),
                          (LIVER, physics.LIVER_HU), (SPLEEN, physics.SPLEEN_HU)):  # fmt: skip
        assert mean(plain, label) == pytest.approx(wanted.value, abs=20)


def test_without_contrast_bone_muscle_and_fat_stay(
    enhanced: volume.Volume, plain: volume.Volume
) -> None:
    assert mean(plain, *VERTEBRAE) == pytest.approx(mean(enhanced, *VERTEBRAE), abs=3)
    fat = (enhanced.hu < -60) & (enhanced.hu > -130) & (enhanced.labels == 200)
    assert plain.hu[fat].mean() == pytest.approx(enhanced.hu[fat].mean(), abs=3)


def test_noise_goes_with_one_over_the_root_of_dose_and_thickness() -> None:
    def total(**protocol) -> float:
        asked = Protocol(**protocol)
        own = np.interp(asked.slice_mm, physics._OWN_MM, physics._OWN_HU)
        return math.hypot(physics.fresh_noise(asked), own)

    assert total() == pytest.approx(physics.NOISE_HU.value)
    assert total(ctdi_mgy=9 / 4) == pytest.approx(2 * total())
    assert total(ctdi_mgy=1.0, slice_mm=1.25) == pytest.approx(2 * total(ctdi_mgy=1.0), rel=1e-6)
    with pytest.raises(ConsilienceError, match="noisier"):
        physics.fresh_noise(Protocol(ctdi_mgy=40.0))


@pytest.mark.parametrize("kernel", ["soft", "sharp"])
def test_a_kernel_keeps_the_mean_and_the_sharp_one_lifts_the_fine(kernel: str) -> None:
    flat = np.full((6, 64, 64), 40.0, np.float32)
    seen = physics.acquire(plan_of(kernel=kernel, ctdi_mgy=2.0), flat, SPACING)
    assert seen.mean() == pytest.approx(40.0, abs=1.0)
    wanted = physics.fresh_noise(Protocol(ctdi_mgy=2.0))
    if kernel == "soft":
        assert seen.std() == pytest.approx(wanted, rel=0.05)
    else:
        assert seen.std() > 1.3 * wanted


def test_a_sharp_kernel_steepens_an_edge_where_it_is() -> None:
    step = np.tile(np.where(np.arange(64) < 32, -850.0, 40.0), (1, 64, 1)).astype(np.float32)
    soft, sharp = (
        physics.acquire(plan_of(kernel=k, ctdi_mgy=9.0), step, SPACING)[0].mean(axis=0)
        for k in ("soft", "sharp")
    )
    assert np.ptp(sharp[30:34]) > np.ptp(soft[30:34])
    half = (40.0 - 850.0) / 2
    assert (sharp < half).sum() == (soft < half).sum() == 32


@pytest.mark.parametrize("slice_mm", [1.25, 2.5, 5.0])
def test_slices_of_every_thickness_cover_the_same_lungs(slice_mm: float) -> None:
    plan = plan_of(slice_mm=slice_mm)
    grid = volume.grid_of(warp.anatomy_of(plan), 96, slice_mm)
    assert grid.shape[0] * slice_mm == pytest.approx(
        volume.grid_of(warp.anatomy_of(plan), 96, 5.0).shape[0] * 5.0, abs=5.0
    )


def test_a_protocol_comes_from_the_run_and_bad_values_are_refused() -> None:
    asked = ImagingOptions(kernel="sharp", ctdi_mgy=1.5, contrast=False, slice_mm=1.25)
    made = asked.protocol
    assert dataclasses.asdict(made).items() >= {
        "kernel": "sharp", "ctdi_mgy": 1.5, "contrast": False, "slice_mm": 1.25,
    }.items()  # fmt: skip
    for wrong in ({"kernel": "lung"}, {"ctdi_mgy": 0.0}, {"slice_mm": 0.5}):
        with pytest.raises(ValueError):
            ImagingOptions(**wrong)
