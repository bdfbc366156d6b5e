"""Bodies: published equations, positive Jacobians, volumes that come out, a clean atlas."""

import datetime as dt
import math

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist
from skimage.measure import label, regionprops

from alignment.plan import EncounterPlan, Protocol, Subject
from modalities.imaging import atlas, body, fit, nodule, shapes, volume, warp
from modalities.imaging.shape_pool import POOL


def plan_of(patient, sex, height, weight, age=66):
    return EncounterPlan(
        seed=7, model="test", patient_id=f"P{patient:07d}", day=0, date=dt.date(2020, 1, 1),
        subject=Subject(sex, age, height, weight, "former", 30.0), protocol=Protocol(),
        histology="adenocarcinoma", stage="IV", line=0, regimen=None, prior_day=None,
        prior_date=None, overall_response=None, findings=(),
    )  # fmt: skip


BODIES = [
    ("male", 175.0, 80.0), ("male", 195.0, 130.0), ("male", 160.0, 45.0), ("male", 170.0, 125.0),
    ("female", 162.0, 65.0), ("female", 148.0, 40.0), ("female", 158.0, 110.0),
    ("female", 178.0, 58.0),
]  # fmt: skip


def lungs_at_4mm(plan):
    anatomy = warp.anatomy_of(plan)
    grid = volume.grid_of(anatomy, 64, 5.0)
    spacing = np.full(3, 4.0)
    counts = tuple(int(n) for n in np.ceil(np.array(grid.shape) * grid.spacing / spacing))
    fine = fit.Grid(counts, grid.origin, spacing)
    return anatomy, fine, volume.sample(anatomy, warp.Pose(), fine, anatomy.atlas.labels, 0)


@pytest.mark.parametrize(
    ("sex", "age", "height", "litres"),
    # ECSC/ATS 1993 (Quanjer, doi:10.1183/09041950.005s1693): men 7.99 h - 7.08, women 6.60 h - 5.79
    [("male", 50, 175, 7.99 * 1.75 - 7.08), ("female", 50, 162, 6.60 * 1.62 - 5.79)],
)
def test_lung_capacity_agrees_with_an_older_equation(sex, age, height, litres):
    assert body.total_lung_capacity(sex, age, height) == pytest.approx(litres, rel=0.06)


def test_lung_capacity_spread_is_a_tenth():
    low, high = (body.total_lung_capacity("male", 60, 175, z) for z in (-1.645, 1.645))
    median = body.total_lung_capacity("male", 60, 175)
    assert low < median < high
    assert (high - low) / median == pytest.approx(2 * 1.645 * 0.121, rel=0.02)


def test_body_surface_known_answer():
    assert body.body_surface(plan_of(0, "male", 180.0, 80.0).subject) == pytest.approx(2.0)


@pytest.mark.parametrize("index", range(len(BODIES)))
def test_jacobian_is_positive_everywhere(index):
    anatomy = warp.anatomy_of(plan_of(index, *BODIES[index]))
    pose = warp.Pose(stretch=1.03, shift_mm=(2.0, -4.0, 4.0))
    rng = np.random.default_rng(index)
    low, high = np.array([-400.0, -230.0, -280.0]), np.array([30.0, 230.0, 280.0])
    points = (low + (high - low) * rng.random((60_000, 3))).T.astype(np.float64)
    step = 0.25
    columns = []
    for axis in range(3):
        shift = np.zeros((3, 1))
        shift[axis] = step
        ahead, behind = (
            warp.to_atlas(anatomy, pose, (points + sign * shift).astype(np.float32))
            for sign in (1, -1)
        )
        columns.append((ahead.astype(np.float64) - behind) / (2 * step))
    determinant = np.linalg.det(np.stack(columns).transpose(2, 1, 0))
    # No fold: the least is the fat of the stoutest, 1 / (2.6 scale^3), with room to spare.
    assert determinant.min() > 0.03
    assert determinant.max() < 12


@pytest.mark.parametrize("seed", range(20))
def test_random_field_is_a_contraction_of_the_identity(seed):
    knots = warp.random_knots(np.random.default_rng(seed))
    rows = [
        sum(np.abs(np.diff(field, axis=a)).max() for a in range(3)) / warp.KNOT_MM
        for field in knots
    ]
    assert max(rows) <= warp.MAX_GRADIENT + 1e-5
    assert np.abs(knots).max() > 3.0  # and yet bodies differ by millimetres


@pytest.mark.parametrize("fat", [0.45, 0.8, 1.0, 1.7, 2.6])
def test_thicken_inverts_thin(fat):
    radius, core = np.linspace(50, 260, 400), np.full(400, 120.0)
    back = warp.thin(warp.thicken(radius, core, fat), core.astype(np.float32), fat)
    assert np.abs(back - radius).max() < 1e-3


@pytest.mark.parametrize("fat", [1.0, 1.7, 3.2])
def test_thicken_inverts_thin_where_the_skin_keeps_its_thickness(fat):
    radius, core, rim = np.linspace(50, 260, 400), np.full(400, 120.0), np.full(400, 150.0)
    out = warp.thicken(radius, core, fat, rim)
    back = warp.thin(out, core.astype(np.float32), fat, rim.astype(np.float32))
    assert np.abs(back - radius).max() < 1e-3
    assert np.allclose(np.diff(out[radius > 151]), np.diff(radius)[0], atol=1e-3)


@pytest.mark.parametrize("index", [0, 3, 5, 7])
def test_lung_volume_and_lobes_come_out_as_planned(index):
    plan = plan_of(index, *BODIES[index])
    _, grid, labels = lungs_at_4mm(plan)
    measured = np.isin(labels, atlas.LUNG_LABELS).sum() * 4.0**3 / 1e6
    assert measured == pytest.approx(body.of(plan).lung_litres, rel=0.02)
    x = grid.axis(2)
    middle = {
        lobe: x[np.argwhere(labels == code)[:, 2]].mean()
        for lobe, code in atlas.LOBE_LABELS.items()
    }
    assert all(middle[lobe] < -20 for lobe in ("RUL", "RML", "RLL"))  # x runs to the left
    assert all(middle[lobe] > 20 for lobe in ("LUL", "LLL"))
    height = {lobe: np.argwhere(labels == atlas.LOBE_LABELS[lobe])[:, 0].mean() for lobe in middle}
    assert height["RUL"] > height["RML"] > height["RLL"] and height["LUL"] > height["LLL"]


def test_stout_and_thin_bodies_differ_in_fat_not_in_ribs():
    thin, stout = (warp.anatomy_of(plan_of(1, "male", 175.0, kg)) for kg in (70.0, 110.0))
    assert stout.fat > thin.fat + 0.5
    assert np.allclose(thin.scale, stout.scale)


def test_a_very_thin_body_is_longer_and_narrower_with_the_same_lungs():
    thin, stout = (warp.anatomy_of(plan_of(1, "male", 175.0, kg)) for kg in (42.0, 110.0))
    z, y, x = thin.scale / stout.scale
    assert z > 1 > y == pytest.approx(x)
    assert x > 0.89
    assert z * y * x == pytest.approx(1.0)


def test_one_body_per_patient_another_per_seed_and_patient():
    first = warp.anatomy_of(plan_of(1, "male", 175.0, 80.0))
    assert first is warp.anatomy_of(plan_of(1, "male", 175.0, 80.0))
    other = warp.anatomy_of(plan_of(2, "male", 175.0, 80.0))
    assert np.abs(first.knots - other.knots).max() > 5


def test_pose_is_inverted_exactly():
    pose = warp.Pose(stretch=1.02, shift_mm=(1.0, -2.0, 3.0))
    point = np.array([-120.0, 40.0, -60.0])
    back = pose.to_reference(pose.from_reference(point).astype(np.float32)[:, None])
    assert np.abs(back[:, 0] - point).max() < 1e-4


def _extents(mask):
    return [np.flatnonzero(mask.any(axis=axes))[[0, -1]].tolist() for axes in ((0, 2), (0, 1))]


def test_the_atlas_nodule_is_gone():
    clean = atlas.load()
    where = nodule.voxels(clean.ct.shape, -340.0, 2.5)
    centre = np.argwhere(where).mean(axis=0)
    # Left lung, behind; readers' contours, not flipped in z.
    assert centre[2] > clean.centre[2] and centre[1] > clean.centre[1]
    assert np.flatnonzero(where.any(axis=(1, 2)))[[0, -1]].tolist() == [86, 94]
    inner = ndimage.binary_erosion(where, np.ones((1, 7, 7)))
    assert inner.sum() > 3000
    assert np.median(clean.ct[inner]) < -750
    assert np.isin(clean.labels[inner], atlas.LUNG_LABELS).mean() > 0.98
    box = (slice(84, 97), *(slice(a - 12, b + 12) for a, b in _extents(where)))
    near = ndimage.binary_dilation(where[box], np.ones((3, 9, 9)))
    solid = (clean.ct[box] > -400) & near & np.isin(clean.labels[box], atlas.LUNG_LABELS)
    for plane in solid:
        # What a ball of 8 mm fits into would be a nodule; vessels are thinner.
        depth = ndimage.distance_transform_edt(plane, sampling=clean.spacing[1:])
        assert 2 * depth.max() < 8.0


def test_atlas_is_body_in_air():
    clean = atlas.load()
    outside = clean.labels == 0
    assert np.median(clean.ct[outside]) == -1000
    assert (clean.ct[outside] > -300).mean() < 0.02  # the blurred rim of the skin, no table
    assert clean.lung_slices == (21, 125)


@pytest.mark.parametrize("annotation", POOL[::9])
@pytest.mark.parametrize("share", [0.5, 0.7, 0.85])
def test_shapes_reach_their_diameters(annotation, share):
    shape = shapes.build(annotation)
    sized = shapes.resize(shape, 40.0, 40.0 * share)
    offsets = np.arange(-30, 30, 0.25, dtype=np.float32)
    longest = []
    for z in np.arange(-30, 31, 5.0):
        grid = np.stack(np.meshgrid(np.float32([z]), offsets, offsets, indexing="ij"))
        section = sized.inside(grid)[0] > 0
        edge = section & ~ndimage.binary_erosion(section)
        points = np.argwhere(edge) * 0.25
        longest.append(pdist(points).max() if len(points) > 1 else 0.0)
    assert max(longest) == pytest.approx(40.0, abs=0.6)
    assert longest[6] == pytest.approx(max(longest), abs=0.5)  # the middle slice is the widest
    assert sized.short_mm == pytest.approx(40.0 * share, rel=0.015)


@pytest.mark.parametrize("annotation", POOL[1::6])
def test_a_shape_is_one_compact_body(annotation):
    shape = shapes.build(annotation)
    sections = [plane > 0 for plane in shape.distance if (plane > 0).any()]
    assert all(label(section, return_num=True)[1] == 1 for section in sections)
    widest = max(sections, key=np.sum).astype(int)
    assert regionprops(widest)[0].solidity > 0.84
    assert math.isclose(float(shape.step[1]), float(shape.step[2]))
