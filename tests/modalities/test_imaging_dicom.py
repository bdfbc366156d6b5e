"""Studies of one patient, re-read: diameters, places, DICOM validity, bytes without a clock."""

import dataclasses
import datetime as dt
import shutil
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist
from skimage.measure import label, regionprops

from alignment.plan import EncounterPlan, Finding, Protocol, Subject
from modalities import imaging
from modalities.imaging import atlas, dicom, warp
from ontology.errors import ConsilienceError

SIDE = {"R": "right", "L": "left"}


def tool(name):
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


VALIDATOR = tool("dciodvfy")


pytestmark = pytest.mark.slow


def lesion(name, lobe, long, short, **other):
    return Finding(
        name, "lung_lesion", True, "lung", lobe, SIDE[lobe[0]], long, short, round(long),
        round(short), rendered=("ct",), **other,
    )  # fmt: skip


NODE = Finding("L06", "lymph_node", True, "mediastinal_node", None, "midline", 22.4, 15.3, 22, 15,
               is_target=True)  # fmt: skip
BRAIN = Finding("L07", "brain_lesion", True, "brain", None, "left", 12.0, 9.0, 12, 9)
FLECK = Finding(
    "L08", "lung_lesion", True, "lung", "LLL", "left", 2.1, 2.0, None, None, rendered=("ct",)
)


def plan_of(day, *findings, weight=80.0):
    return EncounterPlan(
        seed=7, model="test", patient_id="P0000003", day=day,
        date=dt.date(2020, 1, 1) + dt.timedelta(days=day),
        subject=Subject("male", 66, 175.0, weight, "former", 30.0), protocol=Protocol(network="lesions"),
        histology="adenocarcinoma", stage="IV", line=0, regimen=None, prior_day=None,
        prior_date=None, overall_response=None, findings=findings,
    )  # fmt: skip


PLANS = (
    plan_of(0, lesion("L01", "RUL", 31.7, 22.9, is_target=True), lesion("L02", "LLL", 14.2, 10.3),
            lesion("L03", "RLL", 64.8, 49.1), lesion("L04", "LUL", 10.0, 8.0), NODE, BRAIN, FLECK),
    plan_of(42, lesion("L01", "RUL", 20.4, 15.2), lesion("L02", "LLL", 18.9, 12.7)),
    plan_of(84),
)  # fmt: skip


@pytest.fixture(scope="module")
def studies():
    return list(imaging.render_patient(PLANS))


def read(study, series):
    files = [a for a in study.artifacts if a.path.parent.name == series]
    return [pydicom.dcmread(BytesIO(a.data)) for a in files]


def ct_volume(study):
    """HU (z up, y, x) and affine pieces, by position and not by number."""
    images = sorted(read(study, "ct"), key=lambda d: float(d.ImagePositionPatient[2]))
    return images, np.stack([d.pixel_array * float(d.RescaleSlope) for d in images])


def masks(study):
    """Tracking id to mask (z up, y, x) on the CT grid, by position, from the SEG alone."""
    (seg,) = read(study, "seg")
    images, hu = ct_volume(study)
    heights = [float(d.ImagePositionPatient[2]) for d in images]
    names = {int(s.SegmentNumber): s for s in seg.SegmentSequence}
    out = {str(s.TrackingID): np.zeros(hu.shape, dtype=bool) for s in names.values()}
    for group, frame in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        z = float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        out[str(names[number].TrackingID)][int(np.argmin(np.abs(np.array(heights) - z)))] = frame
    return out, names


def feret_px(plane):
    """Largest distance between pixel centres, plus one pixel."""
    points = np.argwhere(plane)
    return float(pdist(points).max()) + 1 if len(points) > 1 else float(len(points))


def centroid_mm(mask, images):
    first = images[0]
    spacing = np.array([float(first.SliceThickness), *map(float, first.PixelSpacing)])
    x, y, z = map(float, first.ImagePositionPatient)
    widest = int(mask.sum(axis=(1, 2)).argmax())
    plane = np.argwhere(mask[widest]).mean(axis=0)
    return np.array([z, y, x]) + np.array([widest, *plane]) * spacing


def coarse(plan):
    return dataclasses.replace(plan, protocol=Protocol(matrix=64, network="none"))


def test_one_study_a_plan_in_day_order_with_paths(studies):
    found = list(imaging.render_patient([coarse(PLANS[2]), coarse(PLANS[1])]))
    assert [s.plan.day for s in found] == [42, 84]
    paths = [str(a.path) for a in studies[0].artifacts]
    assert paths[0] == "imaging/P0000003/ct-d0000/ct/0001.dcm"
    assert paths[-5:] == [
        "imaging/P0000003/ct-d0000/seg/0001.dcm",
        "imaging/P0000003/ct-d0000/sr/0001.dcm",
        "imaging/P0000003/ct-d0000/lobes/0001.dcm",
        "imaging/P0000003/ct-d0000/dx/0001.dcm",
        "imaging/P0000003/ct-d0000/dx/0002.dcm",
    ]
    # Without a lesion there is no SEG of lesions, and without a measurement no SR.
    assert {a.path.parent.name for a in studies[2].artifacts} == {"ct", "lobes", "dx"}


def test_renderings_say_what_is_not_in_the_pixels_and_why(studies):
    rows = {r.finding_id: r for r in studies[0].renderings}
    assert {n for n, r in rows.items() if r.rendered} == {"L01", "L02", "L03", "L04"}
    assert rows["L06"].reason == "the plan does not ask for it in CT"
    assert rows["L07"].reason == "outside a chest CT"
    assert all(r.description for r in rows.values() if r.rendered)
    assert rows["L08"].reason == "smaller than 3 mm"
    _, names = masks(studies[0])
    for number, segment in names.items():
        assert rows[str(segment.TrackingID)].segment == number


@pytest.mark.parametrize("visit", [0, 1])
def test_mask_diameter_is_the_latent_one_within_half_a_pixel(studies, visit):
    found, _ = masks(studies[visit])
    pixel = float(read(studies[visit], "ct")[0].PixelSpacing[0])
    for finding in studies[visit].plan.lesions("ct"):
        if finding.finding_id == "L08":
            continue
        long = max(feret_px(plane) for plane in found[finding.finding_id]) * pixel
        assert long == pytest.approx(finding.latent_long_mm, abs=0.5 * pixel)
        widest = max(found[finding.finding_id], key=lambda plane: plane.sum())
        props = regionprops(widest.astype(int))[0]
        assert props.feret_diameter_max * pixel == pytest.approx(
            finding.latent_long_mm, abs=1.0 * pixel
        )
        assert label(found[finding.finding_id], return_num=True)[1] == 1


@pytest.mark.parametrize("visit", [0, 1])
def test_pixels_show_the_lesion_at_its_diameter(studies, visit):
    _, hu = ct_volume(studies[visit])
    found, _ = masks(studies[visit])
    pixel = float(read(studies[visit], "ct")[0].PixelSpacing[0])
    solid_ones = [
        r.finding_id for r in studies[visit].renderings
        if r.rendered and r.description.startswith("solid")
    ]  # fmt: skip
    assert len(solid_ones) >= 1
    for finding in studies[visit].plan.lesions("ct"):
        if finding.finding_id not in solid_ones:  # ground glass has no edge of soft tissue
            continue
        mask = found[finding.finding_id]
        index = int(np.argmax([feret_px(plane) for plane in mask]))
        box = regionprops(mask[index].astype(int))[0].bbox
        # Half-way between lung and tumour, within three pixels of the mask: beyond, ribs begin.
        window = np.zeros(mask[index].shape, dtype=bool)
        window[box[0] - 3 : box[2] + 3, box[1] - 3 : box[3] + 3] = True
        solid = label((hu[index] > -400) & window)
        part = solid == np.bincount(solid[mask[index] & (solid > 0)]).argmax()
        # An opening cuts vessels off that run into the lesion.
        part = ndimage.binary_opening(part) | (part & mask[index])
        shown = feret_px(part & ndimage.binary_dilation(mask[index], iterations=2)) * pixel
        assert shown == pytest.approx(finding.latent_long_mm, abs=1.5 * pixel)
        core = ndimage.binary_erosion(mask[index], iterations=2)  # the rim is half lung
        if core.sum() >= 8:  # fewer are all next to the border, and a slice is 5 mm thick
            assert 5 < hu[index][core].mean() < 80  # solid, enhanced tissue


def test_lesions_lie_in_their_lobe_on_their_side(studies):
    anatomy = warp.anatomy_of(PLANS[0])
    for study in studies[:2]:
        found, _ = masks(study)
        images, _ = ct_volume(study)
        origin = np.array([float(v) for v in images[0].ImagePositionPatient])[::-1]
        spacing = [float(images[0].SliceThickness), *map(float, images[0].PixelSpacing)]
        for finding in study.plan.lesions("ct"):
            if finding.finding_id not in found:
                continue
            points = origin + np.argwhere(found[finding.finding_id]) * spacing
            seen = anatomy.atlas.voxels(
                warp.to_atlas(anatomy, warp.pose_of(study.plan), points.T.astype(np.float32))
            )
            labels = anatomy.atlas.labels[tuple(np.rint(seen).astype(int))]
            share = (labels == atlas.LOBE_LABELS[finding.lobe]).mean()
            assert share > (0.98 if finding.latent_long_mm < 40 else 0.8)
            x = points[:, 2].mean()
            assert (x < 0) == (finding.side == "right")  # DICOM x runs to the patient's left


def test_a_lesion_keeps_its_place_its_uid_and_its_body(studies):
    first, second = (masks(s) for s in studies[:2])
    for name in ("L01", "L02"):
        places = []
        for study, (found, _) in zip(studies, (first, second), strict=False):
            images, _ = ct_volume(study)
            at = centroid_mm(found[name], images)
            pose = warp.pose_of(study.plan)
            places.append(pose.to_reference(at.astype(np.float32)[:, None])[:, 0])
        apart = np.abs(places[0] - places[1])
        assert apart[0] <= 5.0 + 0.1  # each centre is on the slice nearest to its place
        assert np.hypot(*apart[1:]) < 3.0
    uids = [{str(s.TrackingID): s.TrackingUID for s in n.values()} for _, n in (first, second)]
    assert all(uids[0][name] == uids[1][name] for name in ("L01", "L02"))


def test_a_twin_with_another_future_shares_the_past():
    future = plan_of(42, lesion("L01", "RUL", 45.0, 33.0), lesion("L09", "RUL", 12.0, 9.0))
    ours = list(imaging.render_patient([coarse(p) for p in PLANS[:2]]))
    twin = list(imaging.render_patient([coarse(PLANS[0]), coarse(future)]))
    assert twin[0].artifacts == ours[0].artifacts
    places = [centroid_mm(masks(s)[0]["L01"], ct_volume(s)[0]) for s in (ours[1], twin[1])]
    assert np.abs(places[0] - places[1]).max() < 7.0  # a pixel is 6.4 mm here
    uids = [{str(d.SOPInstanceUID) for d in read(s, "ct")} for s in (ours[1], twin[1])]
    assert not uids[0] & uids[1]


def test_sr_gives_the_measured_values(studies):
    (sr,) = read(studies[0], "sr")
    groups, targets = {}, {}
    for container in sr.ContentSequence:
        if container.ConceptNameCodeSequence[0].CodeMeaning != "Imaging Measurements":
            continue
        for group in container.ContentSequence:
            items = {i.ConceptNameCodeSequence[0].CodeMeaning: i for i in group.ContentSequence}
            name = items["Tracking Identifier"].TextValue
            groups[name] = {
                axis: float(items[axis].MeasuredValueSequence[0].NumericValue)
                for axis in ("Long axis", "Short axis")
            }
            unit = items["Long axis"].MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]
            assert unit.CodeValue == "mm"
            assert "Finding Site" in items
            status = items["Baseline Category"].ConceptCodeSequence[0]
            targets[name] = status.CodeMeaning == "Target Lesion at Baseline"
    wanted = {
        f.finding_id: {"Long axis": f.measured_long_mm, "Short axis": f.measured_short_mm}
        for f in PLANS[0].findings
        if f.site in ("lung", "mediastinal_node") and f.measured_long_mm
    }
    assert groups == wanted
    assert targets == {name: name in ("L01", "L06") for name in wanted}
    texts = [i.TextValue for i in sr.ContentSequence if i.ValueType == "TEXT"]
    assert any("SYNTHETIC" in t for t in texts)


def test_headers_come_from_the_plan_and_say_synthetic(studies):
    for study in studies:
        others = [ds for series in ("seg", "sr", "lobes", "dx") for ds in read(study, series)]
        for ds in read(study, "ct")[:2] + others:
            assert ds.PatientID == "P0000003" and ds.PatientSex == "M"
            assert ds.PatientName.family_name == "P0000003"
            assert ds.PatientAge == "066Y" and float(ds.PatientSize) == 1.75
            assert float(ds.PatientWeight) == 80.0
            assert ds.StudyDate == study.plan.date.strftime("%Y%m%d")
            assert ds.SyntheticData == "YES" and ds.PatientIdentityRemoved == "YES"
            assert ds.Manufacturer == "Consilience"
            assert ds.StudyInstanceUID == dicom.uid(study.plan, "study")
            for element in ds.iterall():
                if element.VR == "DA" and element.value:
                    assert element.value == ds.StudyDate, element
    image = read(studies[0], "ct")[0]
    assert (image.Rows, image.Columns) == (256, 256) and image.SliceThickness == 5
    heights = [float(d.ImagePositionPatient[2]) for d in read(studies[0], "ct")]
    assert np.allclose(np.diff(heights), -5.0)  # instance 1 on top


def test_the_same_plans_give_the_same_bytes_seconds_later(studies):
    time.sleep(1.1)
    again = next(iter(imaging.render_patient(PLANS)))
    assert again == studies[0]


@pytest.mark.required
@pytest.mark.skipif(VALIDATOR is None, reason="dicom3tools not installed")
def test_dciodvfy_finds_no_error(studies, tmp_path):
    chosen = [
        a for s in studies[:2] for a in s.artifacts
        if a.path.parent.name != "ct" or a.path.name in ("0001.dcm", "0030.dcm")
    ]  # fmt: skip
    assert len(chosen) == 14
    for number, artifact in enumerate(chosen):
        file = tmp_path / f"{number}.dcm"
        file.write_bytes(artifact.data)
        done = subprocess.run([VALIDATOR, str(file)], capture_output=True, text=True, check=False)
        assert "Error" not in done.stdout + done.stderr, (artifact.path, done.stderr)
    broken = pydicom.dcmread(tmp_path / "0.dcm")
    del broken.Rows
    broken.save_as(tmp_path / "broken.dcm")
    done = subprocess.run(
        [VALIDATOR, str(tmp_path / "broken.dcm")], capture_output=True, text=True, check=False
    )
    assert "Error" in done.stdout + done.stderr  # so the validator does look


@pytest.mark.required
@pytest.mark.skipif(VALIDATOR is None, reason="dicom3tools not installed")
def test_dcentvfy_finds_one_patient_and_one_study(studies, tmp_path):
    for artifact in studies[0].artifacts:
        path = tmp_path / f"{artifact.path.parent.name}_{artifact.path.name}"
        path.write_bytes(artifact.data)
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run([tool("dcentvfy"), *files], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    # It files Accession Number, empty here, under two entities of its own.
    assert [line for line in said if line and "AccessionNumber" not in line] == []
    other = pydicom.dcmread(files[0])
    other.PatientSex = "F"
    other.save_as(files[0])
    done = subprocess.run([tool("dcentvfy"), *files], capture_output=True, text=True, check=False)
    assert "PatientSex" in done.stdout + done.stderr


def test_plans_of_two_patients_are_refused():
    other = dataclasses.replace(PLANS[1], patient_id="P0000004")
    with pytest.raises(ConsilienceError, match="several patient_id"):
        list(imaging.render_patient((PLANS[0], other)))


def test_no_plan_no_study():
    assert list(imaging.render_patient(())) == []
