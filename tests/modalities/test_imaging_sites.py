"""Lesions outside the lungs and effusions: organ, side, size, density; downgrades that say why."""

import dataclasses
import datetime as dt
from io import BytesIO

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from alignment.plan import EncounterPlan, Finding, Protocol, Subject
from eval.checks import anatomy
from eval.dataset import StudyFolder
from eval.reading import read_study
from modalities import imaging
from modalities.imaging import atlas, effusion, fit, organs, placement, sites, volume, warp

pytestmark = pytest.mark.slow


def finding(name, site, side=None, long=None, short=None, lobe=None):
    return Finding(
        name, "concept", True, site, lobe, side, long, short,
        None if long is None else round(long), None if short is None else round(short),
        rendered=("ct",),
    )  # fmt: skip


def plan_of(day, *findings, patient=11, contrast=True):
    return EncounterPlan(
        seed=7, model="test", patient_id=f"P{patient:07d}", day=day,
        date=dt.date(2020, 1, 1) + dt.timedelta(days=day),
        subject=Subject("female", 61, 164.0, 68.0, "former", 30.0),
        protocol=Protocol(matrix=160, contrast=contrast, network="none"), histology="adenocarcinoma", stage="IV",
        line=0, regimen=None, prior_day=None, prior_date=None, overall_response=None,
        findings=findings,
    )  # fmt: skip


FIRST = plan_of(
    0, finding("L01", "mediastinal_node", "right", 27.0, 19.0), finding("L02", "liver", None, 26.0, 19.0),
    finding("L03", "adrenal", "left", 25.0, 17.0), finding("L04", "pleura", "left"),
    finding("L05", "bone"), finding("L06", "mediastinal_node", "left", 24.0, 16.0),
    finding("L07", "lung", "right", 22.0, 17.0, "RUL"), finding("L08", "brain", None, 12.0, 9.0),
)  # fmt: skip
SECOND = plan_of(
    42, finding("L01", "mediastinal_node", "right", 34.0, 24.0), finding("L02", "liver", None, 18.0, 13.0),
    finding("L04", "pleura", "left"), finding("L05", "bone"),
    finding("L09", "liver", None, 160.0, 120.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def scene():
    anatomy = warp.anatomy_of(FIRST)
    grid = volume.grid_of(anatomy, 160, 5.0)
    places = placement.place_all([FIRST, SECOND], imaging._map(anatomy, grid))
    drawn = [volume.render(p, anatomy, grid, places) for p in (FIRST, SECOND)]
    labels = [
        volume.sample(anatomy, warp.pose_of(p), grid, anatomy.atlas.labels, 0)
        for p in (FIRST, SECOND)
    ]
    bare = volume.render(plan_of(0), anatomy, grid, {})
    return anatomy, grid, drawn, labels, bare


def by_id(drawn):
    return {d.finding.finding_id: d for d in drawn.drawn}


def within(scene, visit, name):
    """Labels, HU and mask in the box of one lesion."""
    _, _, drawn, labels, _ = scene
    d = by_id(drawn[visit])[name]
    return labels[visit][d.box], drawn[visit].hu[d.box], d.mask


def test_all_are_drawn_and_the_rest_is_said(scene):
    _, _, drawn, _, _ = scene
    assert set(by_id(drawn[0])) == {f"L0{n}" for n in range(1, 8)}
    assert drawn[0].missing == {}
    assert set(drawn[1].missing) == {"L09"}
    assert "liver" in drawn[1].missing["L09"] or "field of view" in drawn[1].missing["L09"]


@pytest.mark.parametrize("visit", [0, 1])
def test_sizes_are_exact(scene, visit):
    _, grid, drawn, _, _ = scene
    pixel = float(grid.spacing[1])
    for d in drawn[visit].drawn:
        if d.finding.latent_long_mm is None:
            continue
        long, short = fit.pixel_axes(d.mask)
        assert long * pixel == pytest.approx(d.finding.latent_long_mm, abs=0.5 * pixel)
        assert short * pixel == pytest.approx(d.finding.latent_short_mm, abs=1.5 * pixel)


def test_liver_and_bone_lesions_lie_inside_their_organ(scene):
    labels, hu, mask = within(scene, 0, "L02")
    assert (labels[mask] == organs.LIVER).mean() > 0.85
    core = ndimage.binary_erosion(mask, np.ones((1, 3, 3)), iterations=2)
    assert (
        hu[core].mean()
        < hu[(labels == organs.LIVER) & ~ndimage.binary_dilation(mask, iterations=3)].mean() - 8
    )
    labels, _, mask = within(scene, 0, "L05")
    assert np.isin(labels[mask], organs.BONES).all()


def test_adrenal_lesion_lies_at_its_gland_on_its_side(scene):
    _, grid, drawn, labels, _ = scene
    d = by_id(drawn[0])["L03"]
    gland = np.argwhere(labels[0] == organs.ADRENALS["left"]).mean(axis=0)
    own = np.argwhere(d.mask).mean(axis=0) + [b.start for b in d.box]
    assert np.linalg.norm((own - gland) * grid.spacing) < 25
    found = labels[0][d.box][d.mask]
    assert np.isin(found, (organs.LIVER, 2, 3, 1, 52)).mean() < 0.4
    assert (found == 0).mean() == 0


def test_nodes_lie_in_the_mediastinum_on_their_side(scene):
    _, grid, drawn, labels, _ = scene
    columns = [np.flatnonzero((p != 0).any(axis=0)) for p in labels[0]]
    middle = np.median([(c[0] + c[-1]) / 2 for c in columns if len(c)])
    near = ndimage.distance_transform_edt(
        ~np.isin(labels[0], (16, 51, 52, 53, 62)), sampling=grid.spacing
    )
    for name, right in (("L01", True), ("L06", False)):
        d = by_id(drawn[0])[name]
        own = np.argwhere(d.mask).mean(axis=0) + [b.start for b in d.box]
        assert (own[2] < middle) == right
        whole = np.zeros(grid.shape, bool)
        whole[d.box] = d.mask
        assert near[whole].min() < 10
        assert np.isin(labels[0][whole], (0, *organs.BONES)).mean() < 0.02


def test_effusion_is_dependent_on_its_side_and_as_large_as_recorded(scene):
    _, grid, drawn, labels, bare = scene
    d = by_id(drawn[0])["L04"]
    wanted = effusion.volume_ml(7, 11, "L04", 0)
    assert d.volume_ml == pytest.approx(wanted, rel=0.02)
    assert d.mask.sum() * grid.spacing.prod() / 1000 == pytest.approx(d.volume_ml, rel=1e-6)
    lung = np.isin(labels[0], [atlas.LOBE_LABELS[x] for x in ("LUL", "LLL")])
    whole = np.zeros(grid.shape, bool)
    whole[d.box] = d.mask
    assert lung[whole].all()
    # Dependent: farther back and lower than the lung that stays.
    assert np.argwhere(whole)[:, 1].mean() > np.argwhere(lung & ~whole)[:, 1].mean() + 10
    assert -5 < drawn[0].hu[ndimage.binary_erosion(whole, iterations=2)].mean() < 25
    edge = ndimage.binary_dilation(whole, iterations=3) & lung & ~whole
    assert drawn[0].hu[edge].mean() > bare.hu[edge].mean() + 150  # atelectasis
    other = np.isin(labels[0], [atlas.LOBE_LABELS[x] for x in ("RML", "RLL")])
    assert np.abs(drawn[0].hu[other] - bare.hu[other].astype(float)).mean() < 1


def test_an_effusion_persists(scene):
    volumes = [effusion.volume_ml(7, 11, "L04", day) for day in (0, 42, 84)]
    assert max(volumes) / min(volumes) < 1.5 and len(set(volumes)) == 3
    everyone = [effusion.volume_ml(7, n, "L04", 0) for n in range(300)]
    assert 380 < np.median(everyone) < 530 and min(everyone) >= 100


def test_lesions_keep_their_place(scene):
    _, grid, drawn, _, _ = scene
    for name in ("L01", "L02", "L05"):
        places = []
        for plan, visit in ((FIRST, 0), (SECOND, 1)):
            d = by_id(drawn[visit])[name]
            at = np.argwhere(d.mask).mean(axis=0) + [b.start for b in d.box]
            mm = (grid.origin + at * grid.spacing).astype(np.float32)[:, None]
            places.append(warp.pose_of(plan).to_reference(mm)[:, 0])
        assert np.abs(places[0] - places[1])[0] <= 7.5
        assert np.hypot(*(places[0] - places[1])[1:]) < 5.0


def test_share_marks_what_was_drawn_and_nothing_else(scene):
    _, grid, drawn, _, bare = scene
    first = drawn[0]
    assert first.lesion.dtype == np.float32 and first.lesion.shape == grid.shape
    assert bare.lesion.max() == 0
    for d in first.drawn:
        assert first.lesion[d.box][d.mask].mean() > 0.3
    far = first.lesion == 0
    changed = np.abs(first.hu.astype(float) - bare.hu)[far]
    assert (changed > 40).mean() < 0.01


def test_bones_are_lytic_or_sclerotic_for_life():
    kinds = [sites.bone_of(7, n, "L05") for n in range(300)]
    assert 0.65 < np.mean([k.kind == "lytic" for k in kinds]) < 0.85
    assert all(12 <= k.long_mm <= 22 for k in kinds)
    assert sites.bone_of(7, 3, "L05") == sites.bone_of(7, 3, "L05")


def test_what_does_not_fit_is_left_out_with_the_reason(scene):
    anatomy, grid, _, _, _ = scene
    plan = plan_of(
        0, finding("L01", "lung", "right", 105.0, 80.0, "RML"), finding("L02", "adrenal", "right", 90.0, 70.0),
        finding("L03", "pleura", None),
    )  # fmt: skip
    places = placement.place_all([plan], imaging._map(anatomy, grid))
    made = volume.render(plan, anatomy, grid, places)
    assert set(made.missing) == {"L01", "L02", "L03"} and made.drawn == ()
    assert any(word in made.missing["L01"] for word in ("RML", "lung", "leaves room"))
    assert "adrenal" in made.missing["L02"] or "field of view" in made.missing["L02"]
    assert made.lesion.max() == 0


def test_a_place_does_not_depend_on_what_comes_later():
    anatomy = warp.anatomy_of(FIRST)
    space = imaging._map(anatomy, volume.grid_of(anatomy, 160, 5.0))
    other = dataclasses.replace(SECOND, findings=(finding("L10", "liver", None, 30.0, 22.0),))
    ours, twin = (placement.place_all([FIRST, p], space) for p in (SECOND, other))
    for name in ("L01", "L02", "L03", "L05", "L06", "L07"):
        assert np.array_equal(ours[name].centre_mm, twin[name].centre_mm)
        assert ours[name].look == twin[name].look


def test_masks_of_every_site_are_in_the_seg():
    plan = dataclasses.replace(FIRST, protocol=Protocol(matrix=64, network="none"))
    (study,) = imaging.render_patient([plan])
    rows = {r.finding_id: r for r in study.renderings}
    assert rows["L08"].reason == "outside a chest CT" and not rows["L08"].rendered
    seg = next(
        pydicom.dcmread(BytesIO(a.data)) for a in study.artifacts if a.path.parent.name == "seg"
    )
    region, side = {}, {}
    for segment in seg.SegmentSequence:
        name, item = str(segment.TrackingID), segment.AnatomicRegionSequence[0]
        region[name] = item.CodeValue
        modifier = item.get("AnatomicRegionModifierSequence")
        side[name] = modifier[0].CodeMeaning if modifier else None
    for name, code in (
        ("L01", "62683002"),
        ("L02", "10200004"),
        ("L04", "3120008"),
        ("L05", "272673000"),
    ):
        if rows[name].rendered:
            assert region[name] == code
    sides = {f.finding_id: f.side and f.side.title() for f in plan.findings}
    assert side == {name: sides[name] for name in side} and {"Right", "Left"} <= {*side.values()}
    types = {
        str(s.TrackingID): s.SegmentedPropertyTypeCodeSequence[0].CodeValue
        for s in seg.SegmentSequence
    }
    assert types["L04"] == "60046008"
    assert rows["L04"].volume_ml == pytest.approx(effusion.volume_ml(7, 11, "L04", 0), rel=0.1)


def written(root, *findings):
    """A coarse study with these findings, and the folder that its files are in."""
    plan = dataclasses.replace(plan_of(0, *findings), protocol=Protocol(matrix=64, network="none"))
    (study,) = imaging.render_patient([plan])
    for artifact in study.artifacts:
        path = root / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.data)
    return study, StudyFolder(plan.patient_id, 0, path.parents[1])


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_large_effusion_and_the_lung_that_it_collapses_pass_the_lobe_check(
    side, monkeypatch, tmp_path
):
    monkeypatch.setattr(effusion, "volume_ml", lambda *_: 1500.0)
    study, folder = written(tmp_path, finding("L04", "pleura", side))
    (lobes, _) = anatomy.check_lobes([read_study(folder)], {})
    assert lobes.holds and lobes.tested > 10, lobes.violations
    (row,) = study.renderings
    assert row.description == f"free fluid, {row.volume_ml:.0f} of 1500 mL" and row.volume_ml > 700
    # Without the effusion's mask nothing explains a lobe without air.
    (folder.path / "seg" / "0001.dcm").unlink()
    (lobes, _) = anatomy.check_lobes([read_study(folder)], {})
    lower = {"left": "LLL", "right": "RLL"}[side]
    assert f"{lower} is not lung on the CT" in [v.message for v in lobes.violations]


def test_sizes_that_no_plan_has_are_in_the_description(scene):
    _, grid, drawn, _, _ = scene
    d = by_id(drawn[0])["L05"]
    bone = sites.bone_of(7, 11, "L05")
    long = fit.pixel_axes(d.mask)[0] * float(grid.spacing[1])
    kept = "" if long > bone.long_mm - grid.spacing[1] else f"{long:.0f} of "
    assert d.description == f"{bone.kind}, {kept}{bone.long_mm:.0f} mm"
    fluid = by_id(drawn[0])["L04"]
    assert fluid.description == f"free fluid, {fluid.volume_ml:.0f} mL"
    assert effusion.describe(918.2, 1500.0) == "free fluid, 918 of 1500 mL"


def test_a_radiograph_taken_before_the_lesion_was_drawn_is_noticed(tmp_path):
    _, folder = written(tmp_path / "whole", finding("L07", "lung", "right", 30.0, 24.0, "RUL"))
    _, bare = written(tmp_path / "bare")
    shots = read_study(folder).radiographs
    assert [shot.lesion for shot in shots] == ["L07", "L07"]
    assert all(0.8 < shot.shadow < 1.2 for shot in shots)
    for path in (bare.path / "dx").iterdir():
        (folder.path / "dx" / path.name).write_bytes(path.read_bytes())
    reading = read_study(folder)
    assert all(abs(shot.shadow) < 0.4 for shot in reading.radiographs)
    (projection, sides, lesion) = anatomy.check_radiographs([reading])
    assert projection.holds and sides.holds and len(lesion.violations) == 2
