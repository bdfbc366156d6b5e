"""A lesion in a CT of one's own: exact, re-read by other libraries, refused where it cannot be."""

import dataclasses
import json

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage
from scipy.spatial.distance import pdist
from skimage.measure import label

import consilience as cs
from modalities.imaging import atlas, dicom, insert_files, lungs
from modalities.imaging.diffusion import network, sampler
from modalities.imaging.insert import LesionSpec, insert_lesion
from ontology.errors import ConsilienceError

SPACING = (5.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def chest():
    """A body of water with two lungs and a windpipe, (40, 150, 180) int16; some noise."""
    z, y, x = np.meshgrid(np.arange(40), np.arange(150), np.arange(180), indexing="ij")
    hu = np.full(z.shape, -1000.0)
    hu[((y - 75) / 68) ** 2 + ((x - 90) / 84) ** 2 < 1] = 30
    for middle in (50, 130):
        lung = ((z - 20) / 18) ** 2 + ((y - 75) / 45) ** 2 + ((x - middle) / 30) ** 2 < 1
        hu[lung] = -850
    hu[(y - 70) ** 2 + (x - 90) ** 2 < 20] = -1000
    return (hu + np.random.default_rng(0).normal(0, 10, hu.shape)).astype(np.int16)


def feret(mask, pixel):
    return max((pdist(np.argwhere(p)).max() + 1) * pixel for p in mask if p.sum() > 1)


@settings(max_examples=8, deadline=None)
@given(
    long=st.floats(12.0, 45.0), share=st.floats(0.55, 0.85), texture=st.integers(1, 5),
    spiculation=st.integers(1, 5), seed=st.integers(0, 50), side=st.sampled_from(["right", "left"]),
)  # fmt: skip
def test_size_and_side_are_as_asked(chest, long, share, texture, spiculation, seed, side):
    spec = LesionSpec(long, long * share, f"{side} lung", texture=texture, spiculation=spiculation)
    made = insert_lesion(chest, spec, seed, spacing=SPACING, network=seed % 4 == 0)
    assert made.long_mm == pytest.approx(long, abs=1.0)
    assert made.long_mm == pytest.approx(feret(made.mask, 2.0))
    x = np.argwhere(made.mask)[:, 2].mean()
    assert (x < 90) == (side == "right")
    assert label(made.mask, return_num=True)[1] == 1
    assert np.array_equal(made.hu[made.share == 0], chest[made.share == 0])


def test_it_shows_in_the_pixels_and_is_keyed(chest):
    spec = {
        "long_mm": 30,
        "short_mm": 24,
        "centre": "left lung",
        "solid_hu": 45.0,
        "spiculation": 1,
    }
    made = cs.insert_lesion(chest, spec, 3, spacing=SPACING)
    core = ndimage.binary_erosion(made.mask, np.ones((1, 3, 3)), iterations=3)
    assert made.hu[core].mean() == pytest.approx(45, abs=12)
    again, other = (cs.insert_lesion(chest, spec, s, spacing=SPACING) for s in (3, 4))
    assert np.array_equal(made.hu, again.hu) and not np.array_equal(made.mask, other.mask)
    assert made.description.startswith("solid")


def test_the_record_names_weights_and_renderer(chest, tmp_path, monkeypatch):
    write_dicom(tmp_path / "in", chest[10:30])

    def record(name, given):
        made = insert_lesion(tmp_path / "in", LesionSpec(14), 1, network=given, out=tmp_path / name)
        uid = pydicom.dcmread(tmp_path / name / "ct" / "0001.dcm").SOPInstanceUID
        return made, json.loads((tmp_path / name / "lesion.json").read_text()), uid

    torch.manual_seed(0)
    own = tmp_path / "own.safetensors"
    network.save(network.Flow(network.Shape((16, 16), 8)), own, {})
    without, shipped, mine = record("a", False), record("b", True), record("c", str(own))
    assert without[1]["network"] == "none" and without[1]["renderer"] == dicom.SOFTWARE
    assert shipped[1]["network"] == sampler.digest()
    assert mine[1]["network"] == sampler.digest(own) != sampler.digest()
    assert not np.array_equal(mine[0].hu, shipped[0].hu)
    monkeypatch.setattr(dicom, "SOFTWARE", "another")
    uids = [without[2], shipped[2], mine[2], record("d", False)[2]]
    assert len(set(uids)) == 4


def test_what_holds_no_weights_is_refused(chest, tmp_path):
    with pytest.raises(ConsilienceError, match="weights of the CT network missing"):
        insert_lesion(chest, LesionSpec(14), 1, spacing=SPACING, network=tmp_path / "none")
    (tmp_path / "text").write_text("no weights at all, only some words")
    with pytest.raises(ConsilienceError, match="not weights"):
        insert_lesion(chest, LesionSpec(14), 1, spacing=SPACING, network=tmp_path / "text")


@pytest.mark.parametrize("unit", ["voxel", "mm"])
def test_a_centre_is_kept(chest, unit):
    centre = (20, 75, 130) if unit == "voxel" else (100.0, 150.0, 260.0)
    made = insert_lesion(chest, LesionSpec(20, 15, centre, unit), 1, spacing=SPACING)
    assert np.abs(np.array(made.centre_voxel) - (20, 75, 130)).max() <= 0.5
    assert np.abs(np.argwhere(made.mask).mean(axis=0) - (20, 75, 130)).max() < 5


def test_an_airway_is_no_place_for_a_lesion(chest):
    z, y, x = np.meshgrid(*(np.arange(n) for n in chest.shape), indexing="ij")
    tube = (y - 75) ** 2 + (x - 125) ** 2 < 64  # as if a bronchus had joined the lung
    joined = np.where(tube & (abs(z - 20) < 10), -1000, chest).astype(np.int16)
    with pytest.raises(ConsilienceError, match="outside its airways"):
        insert_lesion(joined, LesionSpec(12, 9, (20, 75, 125)), 1, spacing=SPACING, network=False)
    emphysema = np.where((chest < -700) & (chest > -950), chest - 100, chest).astype(np.int16)
    insert_lesion(emphysema, LesionSpec(12, 9, (20, 75, 125)), 1, spacing=SPACING, network=False)


def test_lungs_are_found_and_sided(chest):
    found = lungs.find(chest, np.array(SPACING))
    litres = [(found.sides == s).sum() * 20e-6 for s in (lungs.RIGHT, lungs.LEFT)]
    assert litres == pytest.approx([4 / 3 * np.pi * 18 * 45 * 30 * 20e-6] * 2, rel=0.06)
    assert np.argwhere(found.sides == lungs.LEFT)[:, 2].min() >= 95
    assert found.sides[20, 70, 90] == 0  # the windpipe


@pytest.mark.slow
def test_the_lungs_of_the_atlas_are_those_of_its_labels():
    real = atlas.load()
    found = lungs.find(real.ct, real.spacing)
    known = np.isin(real.labels, atlas.LUNG_LABELS)
    both = (found.sides > 0) & known
    assert 2 * both.sum() / ((found.sides > 0).sum() + known.sum()) > 0.93
    left = np.isin(real.labels, (10, 11))
    assert (found.sides[left & (found.sides > 0)] == lungs.LEFT).mean() > 0.98


AFFINES = {
    "RAS": np.diag([2.0, 2.0, 5.0, 1.0]),
    "LPS": np.diag([-2.0, -2.0, 5.0, 1.0]),
    "downwards": np.array([[-2.0, 0, 0, 3], [0, -2, 0, 4], [0, 0, -5, 5], [0, 0, 0, 1]]),
    "slices first": np.array([[0, 0, -2.0, 0], [0, -2.0, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1]]),
}


def to_nifti(chest, name, path):
    """The chest as stored by that affine: voxel (z, y, x) lies at -2x, -2y, 5z mm (RAS)."""
    affine = AFFINES[name]
    data = chest if name == "slices first" else chest.transpose(2, 1, 0)
    for axis in range(3):
        row = int(np.argmax(np.abs(affine[:3, axis])))
        ours = {0: -1, 1: -1, 2: 1}[row]
        if np.sign(affine[row, axis]) != ours:
            data = np.flip(data, axis)
    nib.save(nib.Nifti1Image(np.ascontiguousarray(data), affine), path)


@pytest.mark.parametrize("name", sorted(AFFINES))
def test_nifti_in_any_orientation(chest, tmp_path, name):
    to_nifti(chest, name, tmp_path / "ct.nii.gz")
    spec = {"long_mm": 26, "centre": "left lung"}
    made = cs.insert_lesion(tmp_path / "ct.nii.gz", spec, 5, out=tmp_path / "out")
    ct, mask = (nib.load(tmp_path / "out" / f"{n}.nii.gz") for n in ("ct", "mask"))
    assert np.allclose(ct.affine, AFFINES[name]) and np.allclose(mask.affine, AFFINES[name])
    assert np.array_equal(np.asarray(ct.dataobj), made.hu)
    found = np.asarray(mask.dataobj) > 0
    assert np.array_equal(found, made.mask)
    world = nib.affines.apply_affine(AFFINES[name], np.argwhere(found)).mean(axis=0)
    body = nib.affines.apply_affine(AFFINES[name], np.argwhere(made.hu > 0)).mean(axis=0)
    assert world[0] < body[0] - 30  # RAS: the left is negative
    straight = insert_lesion(chest, spec, 5, spacing=SPACING)
    assert found.sum() == straight.mask.sum() and made.long_mm == straight.long_mm
    note = json.loads((tmp_path / "out" / "lesion.json").read_text())
    assert note["synthetic"] and note["seed"] == 5


@pytest.mark.parametrize("unit", ["meter", "micron"])
def test_nifti_in_other_units_is_refused(chest, tmp_path, unit):
    image = nib.Nifti1Image(chest.transpose(2, 1, 0), AFFINES["LPS"])
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "ct.nii.gz")
    with pytest.raises(ConsilienceError, match=f"not in mm(.|\n)*{unit}"):
        insert_lesion(tmp_path / "ct.nii.gz", LesionSpec(20), 1)


def write_dicom(folder, chest, **other):
    folder.mkdir()
    study, series = generate_uid(), generate_uid()
    for k, plane in enumerate(chest):
        ds = pydicom.Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.FrameOfReferenceUID = "1.2.3"
        ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "me", "A^B", "", "F"
        ds.StudyDate, ds.StudyTime, ds.StudyID = "20240102", "101010", "1"
        ds.AccessionNumber = ds.ReferringPhysicianName = ""
        ds.Modality, ds.BodyPartExamined, ds.SeriesNumber = "CT", "CHEST", 4
        ds.Manufacturer, ds.PatientPosition = "M", "HFS"
        ds.PositionReferenceIndicator, ds.InstanceNumber = "", len(chest) - k
        ds.ImagePositionPatient = [-180.0, -150.0, 5.0 * k]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [2.0, 2.0], 5.0
        ds.Rows, ds.Columns = plane.shape
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = "1", "-1024", "HU"
        ds.KVP, ds.AcquisitionNumber, ds.ImageType = None, 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.PixelData = (plane.clip(-1024, 3071) + 1024).astype("<u2").tobytes()
        for key, value in other.items():
            if value is None:
                delattr(ds, key)
            else:
                setattr(ds, key, value)
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        pydicom.dcmwrite(folder / f"{k:03d}.dcm", ds, enforce_file_format=True)
    return series, study


def test_dicom_is_a_new_series_marked_as_synthetic(chest, tmp_path):
    series, study = write_dicom(tmp_path / "in", chest)
    spec = LesionSpec(24, 18, "right lung")
    made = insert_lesion(tmp_path / "in", spec, 2, out=tmp_path / "out")
    images = [pydicom.dcmread(p) for p in sorted((tmp_path / "out" / "ct").iterdir())]
    images.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    assert len(images) == len(chest)
    hu = np.stack([d.pixel_array.astype(int) - 1024 for d in images])
    assert np.array_equal(hu, made.hu)
    assert np.array_equal(hu[made.share == 0], chest.clip(-1024)[made.share == 0])
    for ds in images:
        assert ds.SeriesInstanceUID != series and ds.StudyInstanceUID == study
        assert ds.ImageType[:2] == ["DERIVED", "SECONDARY"] and ds.SyntheticData == "YES"
        assert "SYNTHETIC" in ds.SeriesDescription and ds.PatientID == "me"
        assert ds.SeriesNumber == 1004
        assert ds.SourceImageSequence[0].ReferencedSOPInstanceUID != ds.SOPInstanceUID
    assert len({d.SOPInstanceUID for d in images}) == len(images)
    seg = pydicom.dcmread(tmp_path / "out" / "seg.dcm")
    assert seg.pixel_array.sum() == made.mask.sum() and seg.SeriesNumber == 1005
    again = insert_lesion(tmp_path / "in", spec, 2, out=tmp_path / "again")
    first, second = ({p.name: p.read_bytes() for p in r.files} for r in (made, again))
    assert first == second


BAD_DICOM = {
    "tilt": ({"GantryDetectorTilt": 12.0}, "gantry tilt"),
    "no spacing": ({"PixelSpacing": None}, "no PixelSpacing"),
    "no rescale": ({"RescaleSlope": None, "RescaleIntercept": None}, "not HU"),
    "wrong body part": ({"BodyPartExamined": "HEAD"}, "wrong body part: HEAD"),
    "colour": ({"SamplesPerPixel": 3}, "colour"),
}


@pytest.mark.parametrize("name", sorted(BAD_DICOM))
def test_unusable_dicom_is_refused(chest, tmp_path, name):
    other, message = BAD_DICOM[name]
    write_dicom(tmp_path / "in", chest[:6], **other)
    with pytest.raises(ConsilienceError, match=message):
        insert_lesion(tmp_path / "in", LesionSpec(20), 1)


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS", "ignore:The value length")
@pytest.mark.parametrize("part", ["CHESTABDOMENPELVIS", "Chest_Abdomen", "THORAXABDOMEN", "LUNGS"])
def test_a_body_part_with_the_chest_in_it_is_read(chest, tmp_path, part):
    write_dicom(tmp_path / "in", chest[:6], BodyPartExamined=part)
    assert insert_files.read(tmp_path / "in", None).hu.shape == (6, 150, 180)
    path = tmp_path / "in" / "004.dcm"
    ds = pydicom.dcmread(path)
    ds.BodyPartExamined = "HEAD"
    ds.save_as(path)
    with pytest.raises(ConsilienceError, match="wrong body part: HEAD"):
        insert_files.read(tmp_path / "in", None)


def test_stored_values_that_cannot_hold_the_lesion(chest, tmp_path):
    chest = chest[8:32]
    # 10 bits from -1024: nothing above -1 HU; from -1000: only what is emptier than air is cut.
    write_dicom(tmp_path / "low", chest.clip(-1024, -1), BitsStored=10, HighBit=9)
    with pytest.raises(ConsilienceError, match="cannot hold the lesion"):
        insert_lesion(tmp_path / "low", LesionSpec(24), 1, network=False)
    write_dicom(tmp_path / "air", chest.clip(-1000) - 24, RescaleIntercept="-1000")
    spec = {"long_mm": 44, "cavity": True, "centre": "right lung"}
    made = insert_lesion(tmp_path / "air", spec, 1, out=tmp_path / "out")
    paths = sorted((tmp_path / "out" / "ct").iterdir())
    hu = np.stack([pydicom.dcmread(p).pixel_array.astype(int) - 1000 for p in paths])
    assert np.array_equal(hu, made.hu)


def test_a_missing_slice_and_a_sheared_stack_are_refused(chest, tmp_path):
    write_dicom(tmp_path / "gap", chest[:8])
    (tmp_path / "gap" / "003.dcm").unlink()
    with pytest.raises(ConsilienceError, match="slices are missing"):
        insert_lesion(tmp_path / "gap", LesionSpec(20), 1)
    write_dicom(tmp_path / "tilted", chest[:8])
    for k in range(8):
        path = tmp_path / "tilted" / f"{k:03d}.dcm"
        ds = pydicom.dcmread(path)
        ds.ImagePositionPatient = [-180.0, -150.0 + 0.8 * k, 5.0 * k]
        ds.save_as(path)
    with pytest.raises(ConsilienceError, match="gantry tilt"):
        insert_lesion(tmp_path / "tilted", LesionSpec(20), 1)


def test_unusable_arrays_are_refused(chest):
    spec = LesionSpec(20)
    with pytest.raises(ConsilienceError, match="without spacing"):
        insert_lesion(chest, spec, 1)
    with pytest.raises(ConsilienceError, match="no usable spacing"):
        insert_lesion(chest, spec, 1, spacing=(5.0, 0.0, 2.0))
    with pytest.raises(ConsilienceError, match="not square"):
        insert_lesion(chest, spec, 1, spacing=(5.0, 1.0, 2.0))
    with pytest.raises(ConsilienceError, match="colour"):
        insert_lesion(np.zeros((8, 64, 64, 3), np.uint8), spec, 1, spacing=SPACING)
    with pytest.raises(ConsilienceError, match="not HU"):
        insert_lesion((chest + 1024).astype(np.int16), spec, 1, spacing=SPACING)
    with pytest.raises(ConsilienceError, match="no lungs"):
        insert_lesion(np.where(chest == -850, 30, chest.clip(-1000)) * (abs(chest + 850) > 60)
                      + 30 * (abs(chest + 850) <= 60), spec, 1, spacing=SPACING)  # fmt: skip
    with pytest.raises(ConsilienceError, match="enclosed gas"):  # a bowel full of it, no lung
        insert_lesion(np.where(chest < -700, -1000, chest), spec, 1, spacing=SPACING)


def test_sheared_nifti_is_refused(chest, tmp_path):
    affine = AFFINES["RAS"].copy()
    affine[1, 2] = 1.0
    nib.save(nib.Nifti1Image(chest.transpose(2, 1, 0), affine), tmp_path / "t.nii.gz")
    with pytest.raises(ConsilienceError, match="gantry tilt"):
        insert_lesion(tmp_path / "t.nii.gz", LesionSpec(20), 1)
    with pytest.raises(ConsilienceError, match="no such CT"):
        insert_lesion(tmp_path / "none.nii.gz", LesionSpec(20), 1)


def test_a_lesion_that_does_not_fit_is_refused(chest):
    for spec in (
        LesionSpec(20, 15, (20, 75, 90)),  # between the lungs
        LesionSpec(20, 15, (99, 75, 90)),  # outside the scan
        LesionSpec(60, 50, (3, 75, 130)),  # beyond its end
    ):
        with pytest.raises(ConsilienceError, match="does not fit"):
            insert_lesion(chest, spec, 1, spacing=SPACING)
    with pytest.raises(ConsilienceError, match="the most room is"):
        insert_lesion(chest, LesionSpec(140, 110, "left lung"), 1, spacing=(2.5, 1.0, 1.0))


def test_a_spec_says_everything_that_is_wrong():
    with pytest.raises(ConsilienceError) as error:
        LesionSpec(500, 20, "somewhere", texture=7)
    assert all(word in str(error.value) for word in ("long_mm", "short_mm", "somewhere", "texture"))
    for wrong in (
        {"long_mm": "20"}, {"long_mm": None}, {"long_mm": float("nan")}, {"short_mm": "x"},
        {"centre": None}, {"centre": (float("nan"), 1, 1)}, {"centre": ("a", 1, 1)},
        {"centre": 3}, {"texture": 2.5}, {"texture": "5"}, {"texture": True}, {"halo": "no"},
        {"solid_hu": float("inf")}, {"centre_in": None},
    ):  # fmt: skip
        with pytest.raises(ConsilienceError, match=next(iter(wrong))):
            LesionSpec(**{"long_mm": 20, **wrong})
    plain = LesionSpec(np.float32(20), np.int64(15), [1, 2, 3], texture=np.int64(4))
    assert json.loads(json.dumps(dataclasses.asdict(plain)))["long_mm"] == 20.0
    assert plain == LesionSpec(20.0, 15.0, (1.0, 2.0, 3.0), texture=4)
    with pytest.raises(ConsilienceError, match="unknown colour"):
        cs.insert_lesion(np.zeros((5, 5, 5)), {"long_mm": 10, "colour": 1}, spacing=SPACING)


def test_axes_go_there_and_back():
    rng = np.random.default_rng(1)
    data = rng.integers(0, 9, (4, 5, 6))
    turned = insert_files._turned(data, (2, 0, 1), (True, False, True))
    ct = insert_files.Ct(turned, np.array([1.0, 2.0, 3.0]), (2, 0, 1), (True, False, True))
    assert np.array_equal(ct.to_own(turned), data)
    voxel = np.array([1, 2, 3])
    own = ct.to_own_index(voxel).astype(int)
    assert data[tuple(own)] == turned[tuple(voxel)]
    assert np.array_equal(ct.from_own_index(own), voxel)
    assert dataclasses.replace(ct).own_spacing.tolist() == [2.0, 3.0, 1.0]
