"""Radiographs and lobes: known projections, rays marched by hand, codes, places, bytes."""

import dataclasses
import datetime as dt
import math
from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from alignment.plan import EncounterPlan, Finding, Protocol, Subject
from alignment.run import ImagingOptions
from modalities import imaging
from modalities.imaging import dicom, dx, radiograph
from modalities.imaging.fit import Grid
from modalities.imaging.volume import Volume

PLAN = EncounterPlan(
    seed=7, model="test", patient_id="P0000005", day=0, date=dt.date(2020, 1, 1),
    subject=Subject("female", 61, 163.0, 64.0, "former", 30.0), protocol=Protocol(matrix=64, network="none"),
    histology="adenocarcinoma", stage="IV", line=0, regimen=None, prior_day=None,
    prior_date=None, overall_response=None,
    findings=(
        Finding("L01", "lung_lesion", True, "lung", "RLL", "right", 40.0, 36.0, 40, 36,
                rendered=("ct",)),
        Finding("L02", "lung_lesion", True, "lung", "LUL", "left", 38.0, 36.0, 38, 36,
                rendered=("ct",)),
    ),
)  # fmt: skip
_EMPTY = (np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32), (), {})
WATER_PER_MM = 0.02059
SDD, GAP = 1800.0, 50.0


def volume_of(hu, spacing=(5.0, 4.0, 4.0)):
    spacing = np.array(spacing)
    origin = -spacing * (np.array(hu.shape) - 1) / 2
    return Volume(Grid(hu.shape, origin, spacing), hu.astype(np.int16), *_EMPTY)


def axes(volume):
    return np.meshgrid(*(volume.grid.axis(a) for a in range(3)), indexing="ij")


def block(volume):
    """A block of water 60 mm high, 80 deep and 120 wide, in the middle of air."""
    z, y, x = axes(volume)
    return (abs(z) < 30) & (abs(y) < 40) & (abs(x) < 60)


@pytest.fixture(scope="module")
def study():
    return next(iter(imaging.render_patient([PLAN])))


def read(study, series):
    return [
        pydicom.dcmread(BytesIO(a.data)) for a in study.artifacts if a.path.parent.name == series
    ]


def frames(seg):
    """{segment label: {height in mm: (rows, columns) mask}}"""
    labels = {int(s.SegmentNumber): str(s.SegmentLabel) for s in seg.SegmentSequence}
    found = {label: {} for label in labels.values()}
    for group, frame in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        height = float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        found[labels[number]][height] = frame.astype(bool)
    return found


def test_attenuation_is_that_of_the_tables():
    air, water, bone = radiograph.linear_attenuation(np.array([-1000, 0, 1594], np.int16))
    assert air == pytest.approx(0.0, abs=1e-7)
    assert water == pytest.approx(WATER_PER_MM, rel=1e-6)
    assert bone == pytest.approx(0.3148 * 1.92 / 10, rel=2e-3)  # cortical bone at 70 keV, in HU


@pytest.mark.parametrize(("view", "thick"), [("PA", 80.0), ("LL", 120.0)])
def test_a_block_of_water_casts_its_thickness_and_its_shadow(view, thick):
    empty = volume_of(np.full((40, 60, 60), -1000))
    solid = dataclasses.replace(empty, hu=np.where(block(empty), 0, -1000).astype(np.int16))
    shots = {s.view: s for s in radiograph.radiographs(PLAN, solid)}
    seen = shots[view].pixels / radiograph.VALUES_PER_UNIT
    rows, columns = seen.shape
    middle = seen[rows // 2 - 8 : rows // 2 + 8, columns // 2 - 8 : columns // 2 + 8].mean()
    assert middle == pytest.approx(WATER_PER_MM * thick, rel=0.005)
    # Half-way up, the shadow is as wide as the block at the magnification of its middle.
    wide = {"PA": 120.0, "LL": 80.0}[view]
    across = (seen[rows // 2 - 8 : rows // 2 + 8].mean(axis=0) > middle / 2).sum()
    expected = wide * SDD / (SDD - GAP - thick / 2) / radiograph.PIXEL_MM
    assert across == pytest.approx(expected, abs=2)
    assert shots[view].magnification == pytest.approx(SDD / (SDD - GAP - thick / 2), rel=1e-3)


@settings(max_examples=12, deadline=None)
@given(
    z=st.integers(-8, 8), y=st.integers(-12, 12), x=st.integers(-12, 12),
    view=st.sampled_from(radiograph.VIEWS),
)  # fmt: skip
def test_a_bead_lies_where_its_ray_meets_the_detector(z, y, x, view):
    planes = np.zeros((31, 41, 41), np.float32)  # (depth, height, width), 4 mm apart
    depth, height, width = (15 + y, 20 - z, 20 + x) if view == "PA" else (15 - y, 20 - z, 20 - x)
    planes[depth, height, width] = 1.0
    image = radiograph.project(planes, 60.0, (4.0, 5.0, 4.0))
    row, column = ndimage.center_of_mass(image)
    scale = SDD / (SDD - 60.0 - 4.0 * depth)
    assert (row - (image.shape[0] - 1) / 2) * radiograph.PIXEL_MM == pytest.approx(
        (height - 20) * 5.0 * scale, abs=0.1
    )
    assert (column - (image.shape[1] - 1) / 2) * radiograph.PIXEL_MM == pytest.approx(
        (width - 20) * 4.0 * scale, abs=0.1
    )


def test_the_projection_is_the_integral_along_marched_rays():
    rng = np.random.default_rng(3)
    planes = ndimage.gaussian_filter(rng.random((40, 48, 48)), 3.0).astype(np.float32) * 0.02
    spacing = (4.0, 5.0, 4.0)
    image = radiograph.project(planes, 52.0, spacing)
    rows, columns = image.shape
    for row, column in ((20, 30), (rows // 2, columns // 2), (rows - 40, columns // 3)):
        v = (row - (rows - 1) / 2) * radiograph.PIXEL_MM
        u = (column - (columns - 1) / 2) * radiograph.PIXEL_MM
        # From the detector (0) to the source (1), in steps of about 0.1 mm.
        step = 0.1
        share = (np.arange(50.0, 52.0 + 40 * 4.0, step) + step / 2) / SDD
        d, y, x = share * SDD, v * (1 - share), u * (1 - share)
        at = [(d - 52.0) / 4.0, y / 5.0 + 23.5, x / 4.0 + 23.5]
        sampled = ndimage.map_coordinates(planes, at, order=1, mode="grid-constant")
        length = step * math.sqrt(1 + (u**2 + v**2) / SDD**2)
        assert image[row, column] == pytest.approx(sampled.sum() * length, rel=0.01)


def test_noise_is_that_of_the_quanta_and_keyed():
    empty = volume_of(np.full((40, 60, 60), -1000))
    solid = dataclasses.replace(empty, hu=np.where(block(empty), 0, -1000).astype(np.int16))
    first, again = (radiograph.radiographs(PLAN, solid)[0].pixels for _ in range(2))
    assert (first == again).all()
    later = dataclasses.replace(PLAN, day=1)
    other = radiograph.radiographs(later, solid)[0].pixels
    rows, columns = first.shape
    centre = np.s_[rows // 2 - 30 : rows // 2 + 30, columns // 2 - 60 : columns // 2 + 60]
    apart = (first[centre].astype(float) - other[centre]) / radiograph.VALUES_PER_UNIT
    expected = 1 / math.sqrt(radiograph.QUANTA.value * radiograph.PIXEL_MM**2)
    assert apart.std() / math.sqrt(2) == pytest.approx(expected, rel=0.08)


def test_a_large_body_is_cut_off_at_the_detector():
    planes = np.zeros((4, 100, 150), np.float32)
    image = radiograph.project(planes, 60.0, (4.0, 5.0, 4.0))
    assert image.shape == (716, 716)  # 43 cm


def test_the_window_of_an_empty_image_is_whole():
    volume = volume_of(np.full((10, 10, 10), -1000))
    (pa, _) = radiograph.radiographs(PLAN, volume)
    assert pa.window == (0, radiograph.LARGEST) and pa.pixels.max() < 20


@pytest.mark.slow
def test_dx_headers_tell_view_geometry_and_where_it_comes_from(study):
    pa, lateral = read(study, "dx")
    ct = {ds.SOPInstanceUID for ds in read(study, "ct")}
    assert (pa.ViewPosition, list(pa.PatientOrientation)) == ("PA", ["L", "F"])
    assert (lateral.ViewPosition, list(lateral.PatientOrientation)) == ("LL", ["P", "F"])
    assert pa.SeriesInstanceUID == lateral.SeriesInstanceUID
    for ds in (pa, lateral):
        assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"  # For Presentation
        assert ds.PhotometricInterpretation == "MONOCHROME2"
        assert float(ds.DistanceSourceToDetector) == 1800
        assert list(map(float, ds.ImagerPixelSpacing)) == [0.6, 0.6]
        ratio = float(ds.DistanceSourceToDetector) / float(ds.DistanceSourceToPatient)
        assert float(ds.EstimatedRadiographicMagnificationFactor) == pytest.approx(ratio, rel=1e-4)
        assert {i.ReferencedSOPInstanceUID for i in ds.SourceImageSequence} == ct
        assert ds.SyntheticData == "YES" and "SYNTHETIC" in ds.ImageComments
        assert 400 < ds.Rows < 717 and ds.pixel_array.max() <= 4095
    assert lateral.ViewCodeSequence[0].CodeMeaning == "left lateral"


@pytest.mark.slow
def test_lung_is_dark_and_the_heart_lies_at_the_images_right(study):
    pa = read(study, "dx")[0]
    image = ndimage.gaussian_filter(pa.pixel_array.astype(float), 4)
    rows, columns = image.shape
    low, width = float(pa.WindowCenter) - float(pa.WindowWidth) / 2, float(pa.WindowWidth)
    profile = np.clip((image[rows // 2 - 20 : rows // 2 + 20].mean(axis=0) - low) / width, 0, 1)
    third = columns // 3
    middle = int(np.argmax(profile[third : 2 * third])) + third
    right, left = profile[columns // 6 : middle], profile[middle : -columns // 6]
    lung = max(right.min(), left.min())
    assert profile[middle] > 0.6 and lung < 0.35
    # From the spine out, the shadow of spine and heart reaches further to the patient's left.
    half = (profile[middle] + lung) / 2
    assert np.argmax(left < half) > 1.5 * np.argmax(right[::-1] < half)


@pytest.mark.slow
def test_the_radiograph_is_of_the_pixels_that_the_ct_holds(study):
    images = sorted(read(study, "ct"), key=lambda d: float(d.ImagePositionPatient[2]))
    hu = np.stack([d.pixel_array for d in images])
    x, y, z = map(float, images[0].ImagePositionPatient)
    first = images[0]
    spacing = np.array([float(first.SliceThickness), *map(float, first.PixelSpacing)])
    volume = Volume(Grid(hu.shape, np.array([z, y, x]), spacing), hu, *_EMPTY)
    for ds, shot in zip(read(study, "dx"), radiograph.radiographs(PLAN, volume), strict=True):
        # The header rounds the pixel to a millionth of a mm, which may move a value by one.
        assert np.abs(ds.pixel_array.astype(int) - shot.pixels).max() <= 2


@pytest.mark.slow
def test_lobes_have_codes_and_sides_and_hold_their_lesions(study):
    (seg,), (lesions,) = read(study, "lobes"), read(study, "seg")
    assert [str(s.SegmentLabel) for s in seg.SegmentSequence] == ["LUL", "LLL", "RUL", "RML", "RLL"]
    sides = {}
    for segment in seg.SegmentSequence:
        region = segment.AnatomicRegionSequence[0]
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        assert region.CodingSchemeDesignator == kind.CodingSchemeDesignator == "SCT"
        assert region.CodeValue == kind.CodeValue
        sides[str(segment.SegmentLabel)] = region.AnatomicRegionModifierSequence[0].CodeMeaning
    assert {name: side[0] for name, side in sides.items()} == {n: n[0] for n in sides}

    lobes, tumours = frames(seg), frames(lesions)
    heights = {z for name in lobes for z in lobes[name]}
    for z in heights:
        assert sum(planes[z].astype(int) for planes in lobes.values() if z in planes).max() == 1
    for name, lobe in (("L01 RLL", "RLL"), ("L02 LUL", "LUL")):
        inside = sum(int((lobes[lobe][z] & p).sum()) for z, p in tumours[name].items()
                     if z in lobes[lobe])  # fmt: skip
        assert inside > 0.9 * sum(int(p.sum()) for p in tumours[name].values())


@pytest.mark.slow
def test_radiographs_are_an_option_of_the_run(study):
    assert ImagingOptions().protocol.radiographs
    without = dataclasses.replace(
        PLAN, protocol=ImagingOptions(matrix=64, radiographs=False).protocol
    )
    kinds = {a.path.parent.name for a in next(iter(imaging.render_patient([without]))).artifacts}
    assert kinds == {"ct", "seg", "sr", "lobes"}


def test_dx_bytes_are_the_same_twice():
    volume = volume_of(np.full((10, 20, 20), 0))
    images = dicom.ct_series(PLAN, volume)
    first, again = (
        [
            dicom.encode(ds)
            for ds in dx.dx_series(PLAN, radiograph.radiographs(PLAN, volume), images)
        ]
        for _ in range(2)
    )
    assert first == again and len(first) == 2
