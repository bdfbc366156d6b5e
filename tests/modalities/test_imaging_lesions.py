"""Lesions as drawn: exact sizes, ratings of the real set, what each rating does to the pixels."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import regionprops

from alignment.noise import Noise
from modalities.imaging import contours, fit, lesions, looks, shapes, strands
from modalities.imaging.contours import Ratings
from modalities.imaging.shape_pool import POOL

LUNG = -850.0


def grid_of(pixel, slice_mm, side_mm=150.0, tall_mm=130.0):
    n = int(side_mm / pixel)
    return fit.Grid(
        (int(tall_mm / slice_mm), n, n), np.zeros(3), np.array([slice_mm, pixel, pixel])
    )


def look_of(seed=1, **ratings):
    given = {"texture": 5, "spiculation": 1, "lobulation": 1, "margin": 4, "calcification": 6}
    r = Ratings(0, **given | ratings, malignancy=5, internal_structure=1, about_mm=20.0)
    made = looks.make(r, Noise(seed, "test"), 0, histology="", contrast=True)
    return dataclasses.replace(made, halo=False, cavity=False, tag=False)


def draw(look, long, short, pixel=1.2, slice_mm=2.5, lung=LUNG, annotation=POOL[0], step=0):
    """Mask and painted box of one lesion in even lung."""
    grid = grid_of(pixel, slice_mm)
    centre = np.array(grid.shape) // 2 * grid.spacing
    sized, centre, miss = fit.fitted(shapes.build(annotation), long, short, centre, grid)
    box = fit.box_of(centre, sized.reach_mm, grid)
    mask = np.zeros(grid.shape, bool)
    mask[box] = sized.inside(fit.offsets_of(box, centre, grid)) > 0
    wide = fit.widened(box, lesions.REACH_MM, grid)
    under = lung[wide] if isinstance(lung, np.ndarray) else np.full(mask[wide].shape, lung)
    painted = lesions.paint(
        look, sized, (centre, grid, wide), under.astype(np.float32), mask[wide],
        np.ones(under.shape, bool), np.zeros(under.shape, bool), step,
    )  # fmt: skip
    return mask[wide], painted, grid, miss


def widest(mask):
    """The largest section and the signed distance to its border, pixels."""
    index = int(mask.sum(axis=(1, 2)).argmax())
    inside = ndimage.distance_transform_edt(mask[index])
    return index, inside - ndimage.distance_transform_edt(~mask[index])


@settings(max_examples=20, deadline=None)
@given(
    annotation=st.sampled_from(POOL), long=st.floats(6.0, 90.0), share=st.floats(0.5, 0.85),
    pixel=st.sampled_from([0.7, 1.2, 1.6]), slice_mm=st.sampled_from([1.25, 2.5, 5.0]),
)  # fmt: skip
def test_long_axis_is_exact_within_half_a_pixel(annotation, long, share, pixel, slice_mm):
    grid = grid_of(pixel, slice_mm)
    centre = np.array(grid.shape) // 2 * grid.spacing
    sized, centre, miss = fit.fitted(shapes.build(annotation), long, share * long, centre, grid)
    box = fit.box_of(centre, sized.reach_mm, grid)
    if box is None:
        return
    mask = sized.inside(fit.offsets_of(box, centre, grid)) > 0
    long_px, short_px = fit.pixel_axes(mask)
    assert miss <= fit.HALF_PX
    assert long_px * pixel == pytest.approx(long, abs=0.5 * pixel + 1e-6)
    # Across, pixels of an uneven outline can add up to one at either side.
    assert short_px * pixel == pytest.approx(share * long, abs=2.0 * pixel + 0.02 * long)
    widest = max(mask, key=fit.pixel_diameter)
    assert regionprops(widest.astype(int))[0].feret_diameter_max * pixel == pytest.approx(
        long, abs=1.5 * pixel
    )


def test_pixel_axes_known_answers():
    mask = np.zeros((2, 30, 30), bool)
    mask[1, 5:9, 4:24] = True
    long, short = fit.pixel_axes(mask)
    assert long == pytest.approx(math.hypot(19, 3) + 1)
    assert short == pytest.approx(2 * 19 * 3 / math.hypot(19, 3) + 1)


def test_ratings_come_with_the_frequencies_of_malignant_annotations():
    real = contours.malignant()
    assert len(real) == 4259 and all(r.malignancy >= 3 for r in real)
    sizes = np.array([r.about_mm for r in real])
    drawn = [
        looks.choose(Noise(3, "t"), n, float(sizes[(n * 37) % len(sizes)]), histology="",
                     primary=True, contrast=True).ratings
        for n in range(1500)
    ]  # fmt: skip
    for name in ("texture", "spiculation", "lobulation", "margin"):
        for value in range(1, 6):
            p = np.mean([getattr(r, name) == value for r in real])
            got = np.mean([getattr(r, name) == value for r in drawn])
            assert abs(got - p) < 4 * math.sqrt(p * (1 - p) / 1500) + 0.012, (name, value)


def test_metastases_are_solid_and_hardly_spiculated():
    for n in range(40):
        look = looks.choose(Noise(3, "t"), n, 15.0, histology="", primary=False, contrast=True)
        assert look.kind == "solid" and look.ratings.spiculation <= 2


def test_a_look_is_keyed():
    first, again, other = (
        looks.choose(Noise(seed, "t"), 4, 22.0, histology="", primary=True, contrast=True)
        for seed in (1, 1, 2)
    )
    assert first == again and first != other


@pytest.mark.parametrize(
    "histology, low, high", [("squamous", 0.12, 0.28), ("adenocarcinoma", 0.02, 0.12)]
)
def test_cavities_are_commoner_in_squamous_cancer(histology, low, high):
    made = [
        looks.make(look_of().ratings, Noise(n, "c"), 0, histology=histology, contrast=True).cavity
        for n in range(400)
    ]
    assert low < np.mean(made) < high


@pytest.mark.parametrize("hu", [25.0, 60.0])
def test_solid_part_has_the_mean_that_was_asked(hu):
    look = dataclasses.replace(look_of(), solid_hu=hu)
    mask, painted, _, _ = draw(look, 36.0, 27.0)
    core = ndimage.binary_erosion(mask, iterations=4)
    assert core.sum() > 50
    assert painted.hu[core].mean() == pytest.approx(hu, abs=4.0)
    assert 6 < painted.hu[core].std() < 22


def test_each_texture_has_its_density():
    means = {}
    for texture in (1, 3, 5):
        mask, painted, _, _ = draw(look_of(texture=texture), 30.0, 23.0)
        inner = ndimage.binary_erosion(mask, iterations=2)
        means[texture] = painted.hu[inner]
    assert -720 < means[1].mean() < -400  # ground glass
    assert np.percentile(means[1], 95) < -300
    assert means[5].mean() > -120
    assert (means[3] > -150).mean() > 0.05 and (means[3] < -400).mean() > 0.2  # core and rim
    assert means[1].mean() < means[3].mean() < means[5].mean()


def test_density_crosses_one_half_where_the_mask_ends():
    mask, painted, _, _ = draw(look_of(), 32.0, 25.0, pixel=0.8)
    middle, plane = widest(mask)
    share = painted.share[middle]
    assert np.median(share[plane == 1]) > 0.5 > np.median(share[plane == -1])
    assert np.median(share[plane > 5]) > 0.97 and np.median(share[plane < -6]) < 0.03


def test_border_is_as_soft_as_its_rating():
    widths = []
    for margin in (5, 3, 1):
        mask, painted, _, _ = draw(look_of(margin=margin), 34.0, 28.0, pixel=0.8)
        middle, plane = widest(mask)
        steps = np.arange(-8, 9)
        profile = np.array([painted.share[middle][plane.round() == s].mean() for s in steps if s])
        at = steps[steps != 0] * 0.8
        low, high = np.interp([0.1, 0.9], profile, at)
        widths.append(high - low)
    assert widths[0] < widths[1] < widths[2]
    # The atlas nodule (margin 3.25) and the lung1 tumour measure 4.2 to 4.3 mm.
    assert 3.2 < widths[1] < 5.4


def test_spicules_lie_outside_the_mask_and_go_by_rating():
    outside = []
    for rating in (1, 3, 5):
        look = look_of(spiculation=rating)
        mask, painted, _, miss = draw(look, 28.0, 21.0, pixel=1.0)
        away = ndimage.distance_transform_edt(~mask, sampling=(2.5, 1.0, 1.0))
        outside.append(float(painted.share[away > 4].sum()))
        bare, _, _, _ = draw(look_of(spiculation=1), 28.0, 21.0, pixel=1.0)
        assert np.array_equal(mask, bare) and miss <= 0.5
    assert outside[0] < 1 and 5 < outside[1] < outside[2]
    least, most = looks.SPICULES[5]
    sized = shapes.resize(shapes.build(POOL[0]), 28.0, 21.0)
    assert least - 2 <= len(strands.spicules(look_of(spiculation=5), sized)) <= most


def test_vessels_run_into_a_lesion_and_do_not_stop_before_it():
    lung = np.full(grid_of(1.2, 2.5).shape, LUNG, np.float32)
    row = lung.shape[1] // 2
    lung[:, row - 1 : row + 2] = 150.0
    mask, painted, _, _ = draw(look_of(), 30.0, 24.0, lung=lung)
    outside = ~mask
    middle = mask.shape[1] // 2
    vessel = painted.hu[:, middle - 1 : middle + 2]
    assert vessel[outside[:, middle - 1 : middle + 2]].min() >= 149.0


def test_a_cavity_holds_air_in_a_wall():
    look = dataclasses.replace(look_of(), cavity=True)
    mask, painted, _, _ = draw(look, 45.0, 36.0)
    assert (painted.hu[mask] < -850).sum() > 30
    rim = mask & ~ndimage.binary_erosion(mask, iterations=2)
    core = ndimage.binary_erosion(mask, np.ones((1, 3, 3)), iterations=3)
    assert (painted.hu[rim & core] < -850).sum() == 0
    small, shown, _, _ = draw(look, 15.0, 12.0)
    assert (shown.hu[small] < LUNG - 40).sum() == 0  # none below 20 mm


def test_calcium_where_rated():
    mask, painted, _, _ = draw(look_of(calcification=4), 30.0, 24.0)
    plain_mask, plain, _, _ = draw(look_of(), 30.0, 24.0)
    assert painted.hu[mask].max() > 180 > plain.hu[plain_mask].max()


def test_a_halo_is_thin_and_light():
    look = dataclasses.replace(look_of(margin=5), halo=True)
    mask, painted, grid, _ = draw(look, 24.0, 19.0)
    _, bare, _, _ = draw(look_of(margin=5), 24.0, 19.0)
    away = ndimage.distance_transform_edt(~mask, sampling=grid.spacing)
    near, far = (away > 2.4) & (away < 5), away > 15
    assert 0.03 < (painted.share - bare.share)[near].mean() < 0.25
    assert np.abs(painted.share - bare.share)[far].max() < 0.03


def test_a_tag_runs_to_the_pleura_when_it_is_near():
    look = dataclasses.replace(look_of(), tag=True)
    mask = np.zeros((9, 60, 60), bool)
    mask[3:6, 25:35, 25:35] = True
    for gap, there in ((6, True), (20, False)):
        lung = np.ones(mask.shape, bool)
        lung[:, :, 35 + gap :] = False
        found = strands.tags(look, mask, lung, np.ones(3), np.full(3, -30.0))
        assert bool(found) == there
        if there:
            assert found[0].points[-1][2] >= 35 + gap - 30 - 1


def test_it_looks_the_same_at_every_visit_but_for_grain():
    look = look_of(spiculation=4)
    _, first, _, _ = draw(look, 30.0, 22.0, step=0)
    _, again, _, _ = draw(look, 30.0, 22.0, step=0)
    _, later, _, _ = draw(look, 30.0, 22.0, step=42)
    assert np.array_equal(first.hu, again.hu)
    assert np.array_equal(first.share, later.share)
    assert not np.array_equal(first.hu, later.hu)
    assert np.abs(first.hu - later.hu).mean() < 12


def test_share_tells_the_density():
    for texture in (1, 5):
        mask, painted, _, _ = draw(look_of(texture=texture), 30.0, 23.0)
        assert painted.share.dtype == np.float32
        assert painted.share.min() >= 0 and painted.share.max() <= 1
        inner = ndimage.binary_erosion(mask, iterations=4)
        assert painted.share[inner].mean() == pytest.approx(
            ((painted.hu - LUNG) / (50.0 - LUNG))[inner].mean(), abs=0.04
        )
