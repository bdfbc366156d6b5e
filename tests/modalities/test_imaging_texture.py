"""The default: the network over the whole body of a small study; and weights of one's own."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pytest

from alignment.plan import EncounterPlan, Finding, Protocol, Subject
from modalities.imaging import _map as map_of
from modalities.imaging import dicom, fit, placement, render_patient, renderer, volume, warp
from modalities.imaging.diffusion import sampler
from ontology.errors import ConsilienceError

LESION = Finding("L01", "lung_lesion", True, "lung", "RLL", "right", 34.0, 26.0, 34, 26,
                 rendered=("ct",))  # fmt: skip


def plan_of(day: int = 0, **protocol) -> EncounterPlan:
    return EncounterPlan(
        seed=5, model="test", patient_id="P0000003", day=day,
        date=dt.date(2020, 1, 1) + dt.timedelta(days=day),
        subject=Subject("female", 60, 164.0, 66.0, "former", 30.0),
        protocol=Protocol(matrix=112, slice_mm=10.0, radiographs=False, **protocol),
        histology="adenocarcinoma", stage="IV", line=0, regimen=None, prior_day=None,
        prior_date=None, overall_response=None, findings=(LESION,),
    )  # fmt: skip


def rendered(*plans: EncounterPlan) -> list[volume.Volume]:
    anatomy = warp.anatomy_of(plans[0])
    grid = volume.grid_of(anatomy, plans[0].protocol.matrix, plans[0].protocol.slice_mm)
    places = placement.place_all(plans, map_of(anatomy, grid))
    return [volume.render(plan, anatomy, grid, places) for plan in plans]


@pytest.fixture(scope="module")
def visits() -> list[volume.Volume]:
    return rendered(plan_of(), plan_of(day=90))


@pytest.fixture(scope="module")
def drawn() -> list[volume.Volume]:
    return rendered(plan_of(network="none"), plan_of(day=90, network="none"))


def test_the_lesion_keeps_size_and_place_and_tissues_their_density(
    visits: list[volume.Volume], drawn: list[volume.Volume]
) -> None:
    for made, first in zip(visits, drawn, strict=True):
        (lesion,), (before,) = made.drawn, first.drawn
        assert np.array_equal(lesion.mask, before.mask)
        long_px, _ = fit.pixel_axes(lesion.mask)
        assert long_px * made.grid.spacing[1] == pytest.approx(34.0, abs=made.grid.spacing[1] / 2)
        inside, was = made.hu[lesion.box][lesion.mask], first.hu[lesion.box][lesion.mask]
        assert inside.mean() == pytest.approx(was.mean(), abs=25)
        for labels in ((10, 11, 12, 13, 14), (86, 87), (52,)):
            where = np.isin(made.labels, labels)
            assert made.hu[where].mean() == pytest.approx(first.hu[where].mean(), abs=12)
        assert not np.array_equal(made.hu, first.hu)


def test_air_around_the_body_is_the_scans_noise_alone(
    visits: list[volume.Volume], drawn: list[volume.Volume]
) -> None:
    air = visits[0].labels == 0
    assert np.array_equal(visits[0].hu[air], drawn[0].hu[air])


def test_the_same_plan_gives_the_same_volume(visits: list[volume.Volume]) -> None:
    (again,) = rendered(plan_of())
    assert np.array_equal(again.hu, visits[0].hu)


def test_own_weights_are_used_and_named(tmp_path: Path) -> None:
    copy = tmp_path / "mine.safetensors"
    shutil.copy(sampler.WEIGHTS, copy)
    own = plan_of(weights=str(copy))
    assert renderer(own) == renderer(plan_of())  # the same content
    assert renderer(plan_of(network="none")).endswith("none")
    assert dicom.uid(own, "ct") != dicom.uid(plan_of(), "ct")  # another plan
    missing = plan_of(weights=str(tmp_path / "nothing.safetensors"))
    with pytest.raises(ConsilienceError, match="weights of the CT network missing"):
        list(render_patient([missing]))


def test_a_dose_that_cannot_be_had_is_refused() -> None:
    plan = dataclasses.replace(plan_of(), protocol=Protocol(ctdi_mgy=30.0))
    with pytest.raises(ConsilienceError, match="at most 9") as refused:
        list(render_patient([plan]))
    assert "30 mGy at 5 mm" in str(refused.value)
