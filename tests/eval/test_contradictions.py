"""The evaluator evaluated: break one thing in a consistent dataset, and exactly its check fails."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.pixels.utils import pack_bits
from scipy.ndimage import binary_erosion

from alignment import schemas
from eval import ConsistencyReport, evaluate
from eval.readers.dx import heart_left_mm, read_dx

sys.path.insert(0, str(Path(__file__).parent))
from conftest import P0, P1, P2, edit_table, sign, write_vcf

Break = Callable[[Path], None]


def test_the_consistent_dataset_holds(consistent: Path) -> None:
    report = evaluate(consistent, page=False)
    assert report.violations == ()
    assert report.holds
    # Nothing holds by looking at nothing.
    assert [check.key for check in report.checks if check.tested == 0] == []


def cell(table: schemas.Table, where: dict[str, Any], column: str, value: Any) -> Break:
    """Set one cell of one table."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        frame.loc[rows, column] = value
        return frame

    return lambda folder: edit_table(folder, table, change)


def drop(table: schemas.Table, where: dict[str, Any]) -> Break:
    """Delete one row of one table."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        return frame[~rows]

    return lambda folder: edit_table(folder, table, change)


def twice(table: schemas.Table) -> Break:
    """Repeat the first row."""
    return lambda folder: edit_table(folder, table, lambda f: pd.concat([f, f.iloc[:1]]))


def words(day: str, old: str, new: str) -> Break:
    """Replace words in a report, in the file and in notes.parquet."""

    def apply(folder: Path) -> None:
        path = folder / "notes" / P0 / f"ct-{day}.txt"
        text = path.read_text()
        assert text.count(old) == 1, text
        changed = text.replace(old, new)
        path.write_text(changed)
        edit_table(
            folder,
            schemas.NOTES,
            lambda f: f.assign(text=[changed if t == text else t for t in f["text"]]),
        )

    return apply


def dicom(study: str, series: str, change: Callable[[pydicom.Dataset], None]) -> Break:
    """Change every DICOM file of a series."""

    def apply(folder: Path) -> None:
        for path in sorted((folder / "imaging" / P0 / study / series).glob("*.dcm")):
            ds = pydicom.dcmread(path)
            change(ds)
            ds.save_as(path)

    return apply


def _first_long_axis(ds: pydicom.Dataset) -> pydicom.Dataset:
    for item in _all(ds):
        names = item.get("ConceptNameCodeSequence")
        if names and names[0].CodeValue == "103339001":
            return item
    raise AssertionError("no long axis")


def _all(ds: pydicom.Dataset) -> list[pydicom.Dataset]:
    found = []
    for item in ds.get("ContentSequence", []):
        found += [item, *_all(item)]
    return found


def _sr_size(ds: pydicom.Dataset) -> None:
    _first_long_axis(ds).MeasuredValueSequence[0].NumericValue = "31"


def _sr_unit(ds: pydicom.Dataset) -> None:
    value = _first_long_axis(ds).MeasuredValueSequence[0]
    value.MeasurementUnitsCodeSequence[0].CodeValue = "cm"


def _sr_name(ds: pydicom.Dataset) -> None:
    for item in _all(ds):
        names = item.get("ConceptNameCodeSequence")
        if names and names[0].CodeValue == "112039":
            item.TextValue = "L09"
            return


def _no_lesion(ds: pydicom.Dataset) -> None:
    """Paint lung over the soft tissue that is inside the right lung."""
    hu = ds.pixel_array.copy()
    hu[55:125, 40:66] = -850
    ds.PixelData = hu.tobytes()


def _small_seg(ds: pydicom.Dataset) -> None:
    planes = [binary_erosion(plane, iterations=4) for plane in ds.pixel_array.astype(bool)]
    ds.PixelData = pack_bits(np.stack(planes).astype("uint8").ravel())


def _retrack(ds: pydicom.Dataset) -> None:
    ds.SegmentSequence[0].TrackingUID = "2.25.1"


def _in_the_liver(ds: pydicom.Dataset) -> None:
    region = pydicom.Dataset()
    region.CodeValue, region.CodingSchemeDesignator = "10200004", "SCT"
    region.CodeMeaning = "Liver"
    ds.SegmentSequence[0].AnatomicRegionSequence = [region]


def _other_segment(ds: pydicom.Dataset) -> None:
    ds.SegmentSequence[0].TrackingID = "L08"


def _sr_target(ds: pydicom.Dataset) -> None:
    codes = [
        item.ConceptCodeSequence[0]
        for item in _all(ds)
        if item.ConceptNameCodeSequence[0].CodeValue == "112016"
    ]
    codes[0].CodeValue = "112075"


def _mirror(ds: pydicom.Dataset) -> None:
    ds.PixelData = np.ascontiguousarray(ds.pixel_array[:, ::-1]).tobytes()


def _wider(ds: pydicom.Dataset) -> None:
    """A chest a sixth wider than that of the CT."""
    image = ds.pixel_array
    columns = image.shape[1]
    at = (np.arange(columns) - columns / 2) / 1.17 + columns / 2
    ds.PixelData = np.ascontiguousarray(image[:, np.round(at).astype(int)]).tobytes()


def _relabel(ds: pydicom.Dataset) -> None:
    """Left upper and lower lobe change names."""
    upper, lower = (ds.SegmentSequence[n].AnatomicRegionSequence[0] for n in (0, 1))
    upper.CodeValue, lower.CodeValue = lower.CodeValue, upper.CodeValue


def _lobe_planes(change: Callable[[dict[tuple[int, float], Any]], None]) -> Any:
    """Change {(segment, height): (rows, columns) bool} of a SEG in place."""

    def apply(ds: pydicom.Dataset) -> None:
        keys = [
            (
                int(g.SegmentIdentificationSequence[0].ReferencedSegmentNumber),
                float(g.PlanePositionSequence[0].ImagePositionPatient[2]),
            )
            for g in ds.PerFrameFunctionalGroupsSequence
        ]
        planes = dict(zip(keys, ds.pixel_array.astype(bool), strict=True))
        change(planes)
        ds.PixelData = pack_bits(np.stack(list(planes.values())).astype("uint8").ravel())

    return apply


def _hand_over(planes: dict[tuple[int, float], Any]) -> None:
    """The left upper lobe takes the lower one's slices around L04."""
    for height in (30.0, 35.0, 40.0):
        planes[1, height] |= planes[2, height]
        planes[2, height] &= False


def _left_out(planes: dict[tuple[int, float], Any]) -> None:
    """Half of the right upper lobe, away from the lesion."""
    for (segment, _), plane in planes.items():
        if segment == 3:
            plane[: plane.shape[0] // 2 - 12] = False


def _other_side(planes: dict[tuple[int, float], Any]) -> None:
    for key, plane in planes.items():
        planes[key] = plane[:, ::-1]


L01 = {"patient_id": P0, "day": 84, "lesion_id": "L01"}
RESPONSE = {"patient_id": P0, "day": 42, "assessor": "investigator"}
SURVIVAL = {"patient_id": P0, "assessor": "investigator"}
FIRST_VISIT = {"patient_id": P1, "day": 0}
HB = {"day": 21, "name": "haemoglobin"}

CASES: dict[str, tuple[Break, set[str]]] = {
    "flag": (cell(schemas.LABS, HB, "flag", "N"), {"lab_flags"}),
    "grade": (cell(schemas.LABS, HB, "ctcae_grade", 3), {"lab_grades"}),
    "unit": (cell(schemas.LABS, HB, "unit", "g/L"), {"lab_units"}),
    "lab after death": (cell(schemas.LABS, HB, "day", 151), {"dates", "at_visits"}),
    "stage": (cell(schemas.PATIENTS, {"patient_id": P1}, "stage", "IIB"), {"stage"}),
    "split lost": (drop(schemas.SPLITS_TABLE, {"patient_id": P1}), {"splits"}),
    "repeated key": (twice(schemas.VISITS), {"keys"}),
    "unknown value": (cell(schemas.VISITS, FIRST_VISIT, "kind", "party"), {"schema"}),
    "stray patient": (cell(schemas.VISITS, FIRST_VISIT, "patient_id", "P0000099"), {"keys"}),
    "sum": (cell(schemas.RESPONSES_TABLE, RESPONSE, "sld_mm", 33.0), {"recist_sum"}),
    "target response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE | {"day": 84}, "target_response", "PR"),
        {"recist_target"},
    ),
    "non-target response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE, "nontarget_response", "CR"),
        {"recist_nontarget"},
    ),
    "overall response": (
        cell(schemas.RESPONSES_TABLE, RESPONSE, "overall_response", "SD"),
        {"recist_overall", "best_responses"},
    ),
    "pfs": (cell(schemas.SURVIVAL, SURVIVAL, "pfs_days", 90), {"survival"}),
    "pfs cause": (cell(schemas.SURVIVAL, SURVIVAL, "pfs_cause", "target"), {"survival"}),
    "os": (cell(schemas.SURVIVAL, SURVIVAL, "os_days", 149), {"survival", "censoring", "deaths"}),
    "censored death": (
        cell(schemas.SURVIVAL, SURVIVAL, "os_event", False),
        {"survival", "censoring", "deaths"},
    ),
    "unknown drug": (cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "1"), {"drugs"}),
    "TKI without target": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "1721560"),
        {"indication"},
    ),
    "pemetrexed in squamous": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "rxnorm", "68446+40048"),
        {"indication"},
    ),
    "genotype lost": (lambda f: write_vcf(f, genotype="0/0"), {"vcf_carriers", "indication"}),
    "variant row lost": (drop(schemas.VARIANTS, {"day": 0}), {"vcf_carriers"}),
    "allele fraction": (lambda f: write_vcf(f, af=0.315), {"vcf_fractions"}),
    "hotspot": (
        cell(schemas.VARIANTS, {"day": 0}, "pos", 55191821),
        {"hotspots", "vcf_carriers"},
    ),
    "side in text": (
        words("d0084", "in the\nleft lower lobe", "in the\nright lower lobe"),
        {"text_side"},
    ),
    "lobe in text": (
        words("d0084", "in the\nleft lower lobe", "in the\nleft upper lobe"),
        {"text_lobe"},
    ),
    "node side in text": (
        words("m0007", "A right paratracheal", "A left paratracheal"),
        {"text_side"},
    ),
    "size in text": (words("m0007", "30 x 22 mm", "33 x 22 mm"), {"text_size"}),
    "short axis in text": (words("m0007", "30 x 22 mm", "30 x 23 mm"), {"text_size"}),
    "prior in text": (words("d0042", "prior 3.0 cm", "prior 3.5 cm"), {"text_size"}),
    "change in text": (words("d0042", "3.0 cm), smaller", "3.0 cm), larger"), {"text_change"}),
    "new in text": (words("d0084", "New 13 x 11", "Stable 13 x 11"), {"text_change"}),
    "invented lesion": (
        words("m0007", "No pleural effusion.", "A 9 mm nodule in the left upper lobe."),
        {"text_invented"},
    ),
    "invented effusion": (
        words("m0007", "No pleural effusion.", "Small left pleural effusion."),
        {"text_invented"},
    ),
    "denied lesion": (
        words("d0084", "Unchanged lytic lesion of a left\nrib.", "No bone lesion."),
        {"text_denied", "text_reported"},
    ),
    "denied new lesion": (
        words("d0042", "No new pulmonary nodule.", "No pulmonary nodule or mass."),
        {"text_denied"},
    ),
    "left out": (words("d0042", "Bones: Lytic left rib lesion.\n", ""), {"text_reported"}),
    "SR size": (dicom("ct-m0007", "sr", _sr_size), {"sr_sizes"}),
    "SR unit": (dicom("ct-m0007", "sr", _sr_unit), {"sr_sizes"}),
    "SR lesion": (dicom("ct-m0007", "sr", _sr_name), {"sr_lesions"}),
    "SR target": (dicom("ct-d0084", "sr", _sr_target), {"sr_targets"}),
    "radiograph mirrored": (dicom("ct-d0042", "dx", _mirror), {"dx_side"}),
    "radiograph of another chest": (dicom("ct-d0042", "dx", _wider), {"dx_projection"}),
    "radiograph's sex": (
        dicom("ct-d0042", "dx", lambda ds: setattr(ds, "PatientSex", "F")),
        {"dicom_header"},
    ),
    "lobes exchanged": (dicom("ct-d0084", "lobes", _relabel), {"lobes_ct", "lobes_lesions"}),
    "lesion in another lobe": (
        dicom("ct-d0084", "lobes", _lobe_planes(_hand_over)),
        {"lobes_lesions"},
    ),
    "lung left out of the lobes": (
        dicom("ct-d0042", "lobes", _lobe_planes(_left_out)),
        {"lobes_ct"},
    ),
    "lobes mirrored": (
        dicom("ct-m0007", "lobes", _lobe_planes(_other_side)),
        {"lobes_ct", "lobes_lesions"},
    ),
    "SEG lesion": (
        dicom("ct-m0007", "seg", _other_segment),
        {"seg_lesions", "mask_truth", "rendering"},
    ),
    "SEG tracking": (dicom("ct-d0042", "seg", _retrack), {"seg_lesions"}),
    "SEG of another organ": (dicom("ct-d0042", "seg", _in_the_liver), {"seg_site"}),
    "SEG too small": (
        dicom("ct-m0007", "seg", _small_seg),
        {"seg_sizes", "mask_truth", "seg_site"},  # inside the lesion there is no lung around
    ),
    "DICOM sex": (
        dicom("ct-d0042", "ct", lambda ds: setattr(ds, "PatientSex", "F")),
        {"dicom_header"},
    ),
    "DICOM date": (
        dicom("ct-d0042", "sr", lambda ds: setattr(ds, "StudyDate", "20200101")),
        {"dicom_header"},
    ),
    "DICOM patient": (
        dicom("ct-d0042", "seg", lambda ds: setattr(ds, "PatientID", P1)),
        {"dicom_header"},
    ),
    "latent size": (
        cell(schemas.TRUTH_LESIONS, L01, "long_axis_mm", 30.0),
        {"mask_truth", "pixel_truth", "reader_error"},
    ),
    "rendering": (
        cell(schemas.TRUTH_RENDERING, {"day": 84, "finding_id": "L01"}, "rendered", False),
        {"rendering"},
    ),
    "plan": (
        lambda f: edit_table(f, schemas.TRUTH_PLANS, lambda t: t.assign(digest="0" * 64)),
        {"plans"},
    ),
    "note text": (
        lambda f: edit_table(
            f, schemas.NOTES, lambda t: t.assign(text=[x + " " for x in t["text"]])
        ),
        {"notes_table"},
    ),
}

CENTRAL = {"patient_id": P1, "assessor": "central"}
SECOND_LINE = {"patient_id": P2, "line": 2}
BRAIN = {"patient_id": P2, "day": 484, "assessor": "investigator", "lesion_id": "L02"}
DOSE = {"day": 21}


def column(table: schemas.Table, patient: str, name: str, value: Any) -> Break:
    """Set a column of all rows of one patient."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame["patient_id"] == patient, name] = value
        return frame

    return lambda folder: edit_table(folder, table, change)


def copied(table: schemas.Table, where: dict[str, Any], **changes: Any) -> Break:
    """Add a changed copy of one row."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        rows = pd.Series(True, index=frame.index)
        for name, wanted in where.items():
            rows &= frame[name] == wanted
        assert rows.sum() == 1
        return pd.concat([frame, frame[rows].assign(**changes)])

    return lambda folder: edit_table(folder, table, change)


CASES |= {
    "central target response": (
        cell(schemas.RESPONSES_TABLE, CENTRAL | {"day": 82}, "target_response", "SD"),
        {"recist_target", "recist_overall"},
    ),
    "assessed opening scan": (
        copied(schemas.RESPONSES_TABLE, CENTRAL | {"day": 82}, day=-5),
        {"recist_sum"},
    ),
    "gone where the brain was not scanned": (
        cell(
            schemas.RESPONSES_TABLE,
            {"patient_id": P2, "day": 526, "assessor": "central"},
            "nontarget_response",
            "CR",
        ),
        {"recist_nontarget", "recist_overall"},
    ),
    "brain lesion without a brain scan": (
        drop(schemas.VISITS, {"patient_id": P2, "day": 484, "kind": "brain_scan"}),
        {"lesion_coverage"},
    ),
    "brain lesion left out": (
        drop(schemas.LESIONS, BRAIN),
        {"lesion_coverage", "recist_nontarget"},
    ),
    "target too small": (
        cell(schemas.LESIONS, BRAIN | {"day": 442, "lesion_id": "L01"}, "long_axis_mm", 3.0),
        {"too_small", "recist_sum"},
    ),
    "new lesion called old": (
        cell(schemas.LESIONS, BRAIN | {"day": 568, "lesion_id": "L03"}, "is_new", False),
        {"new_lesions"},
    ),
    "confirmed response": (
        cell(
            schemas.BEST_RESPONSES,
            {"patient_id": P2, "line": 1, "assessor": "central"},
            "confirmed_response",
            "CR",
        ),
        {"best_responses"},
    ),
    "best response lost": (drop(schemas.BEST_RESPONSES, CENTRAL), {"best_responses"}),
    "central progression": (
        cell(schemas.SURVIVAL, CENTRAL, "pfs_event", True),
        {"survival"},
    ),
    "central pfs ends at death": (cell(schemas.SURVIVAL, CENTRAL, "pfs_days", 120), {"survival"}),
    "survival of a line lost": (
        drop(schemas.SURVIVAL, {"patient_id": P2, "line": 0}),
        {"survival"},
    ),
    "disease-free survival": (
        cell(schemas.SURVIVAL, {"patient_id": P2, "line": 0}, "pfs_days", 393),
        {"survival"},
    ),
    "cause of death": (
        column(schemas.SURVIVAL, P1, "cause_of_death", "cancer"),
        {"deaths"},
    ),
    "two causes of death": (
        cell(schemas.SURVIVAL, CENTRAL, "cause_of_death", "cancer"),
        {"censoring", "deaths"},
    ),
    "no cause of death": (
        column(schemas.SURVIVAL, P1, "cause_of_death", "none"),
        {"censoring", "deaths"},
    ),
    "withdrawal that was none": (
        column(schemas.SURVIVAL, P2, "censor_reason", "withdrawal"),
        {"deaths"},
    ),
    "known after the cutoff": (
        column(schemas.PATIENTS, P0, "index_date", dt.date(2020, 12, 1)),
        {"censoring", "dicom_header", "plans"},
    ),
    "latent death": (
        cell(schemas.TRUTH_DEATHS, {"patient_id": P2}, "cancer_day", 500.0),
        {"deaths"},
    ),
    "visit after censoring": (
        cell(schemas.VISITS, {"patient_id": P2, "day": 589}, "day", 630),
        {"dates"},
    ),
    "line without an end": (
        cell(schemas.TREATMENTS, {"patient_id": P2, "line": 1}, "stop_day", None),
        {"dates", "treatment_course"},
    ),
    "intent": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "intent", "adjuvant"),
        {"treatment_course"},
    ),
    "stopped and ongoing": (
        cell(schemas.TREATMENTS, SECOND_LINE, "stop_reason", "toxicity"),
        {"treatment_course"},
    ),
    "stopped by no death": (
        cell(schemas.TREATMENTS, {"patient_id": P0}, "stop_reason", "death"),
        {"treatment_course"},
    ),
    "a drug of surgery": (
        cell(schemas.TREATMENTS, {"regimen": "surgery"}, "rxnorm", "72962"),
        {"drugs"},
    ),
    "a drug lost": (cell(schemas.TREATMENTS, SECOND_LINE, "rxnorm", ""), {"drugs"}),
    "drug for a target found later": (
        lambda f: edit_table(f, schemas.TREATMENTS, _capmatinib),
        {"indication"},
    ),
    "dose after stop": (cell(schemas.DOSES, DOSE, "day", 105), {"doses"}),
    "dose of another regimen": (cell(schemas.DOSES, DOSE, "regimen", "gemcitabine"), {"doses"}),
    "omitted and given": (cell(schemas.DOSES, DOSE, "action", "omitted"), {"doses"}),
    "cycle twice": (cell(schemas.DOSES, DOSE, "cycle", 1), {"doses"}),
    "lab without a visit": (cell(schemas.LABS, HB, "day", 22), {"at_visits"}),
    "vitals without a visit": (
        cell(schemas.VITALS, {"patient_id": P0}, "day", 3),
        {"at_visits"},
    ),
    "ctDNA below the limit": (
        cell(schemas.CTDNA, {"patient_id": P0}, "detected", False),
        {"ctdna"},
    ),
    "progression not told": (
        drop(schemas.EVENTS, {"patient_id": P0, "category": "progression"}),
        {"events", "treatment_course"},
    ),
    "recurrence not told": (
        drop(schemas.EVENTS, {"category": "recurrence"}),
        {"events", "survival"},
    ),
    "summary stage": (
        cell(schemas.PATIENTS, {"patient_id": P2}, "summary_stage", "distant"),
        {"summary_stage"},
    ),
    "T below the size": (cell(schemas.PATIENTS, {"patient_id": P2}, "t", "T1b"), {"t_size"}),
    "value that was missing": (
        cell(schemas.TRUTH_MISSING, {"patient_id": P0}, "day", 21),
        {"missing"},
    ),
    "specimen of another day": (
        cell(schemas.VARIANTS, {"day": 82}, "day", 0),
        {"vcf_carriers"},
    ),
}


def _capmatinib(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[frame["patient_id"] == P1, "rxnorm"] = "2362165"
    return frame


def failures(report: ConsistencyReport) -> set[str]:
    """Checks that fail; the patient rules may fail beside them on the same matter."""
    keys = {check.key for check in report.checks if not check.holds}
    return {key for key in keys if not key.startswith("rule:")}


@pytest.mark.parametrize("name", CASES)
def test_one_contradiction_fails_its_check_alone(name: str, dataset: Path) -> None:
    change, expected = CASES[name]
    change(dataset)
    sign(dataset)
    report = evaluate(dataset, page=False)
    failed = failures(report)
    assert failed == expected, [v.message for v in report.violations]
    assert not report.holds


@pytest.mark.parametrize("change", ["edited", "deleted", "added"])
def test_files_that_are_not_the_manifests(change: str, dataset: Path) -> None:
    path = dataset / "notes" / P0 / "ct-d0042.txt"
    if change == "added":
        (path.parent / "more.txt").write_text("x")
    else:
        extra = dataset / "LICENSE.txt"
        extra.write_text("terms")
        sign(dataset)
        extra.write_text("other terms") if change == "edited" else extra.unlink()
    report = evaluate(dataset, page=False)
    assert failures(report) == {"files"}
    assert len(report["files"].violations) == 1


def test_a_lesion_gone_from_the_pixels_is_noticed(dataset: Path) -> None:
    dicom("ct-m0007", "ct", _no_lesion)(dataset)
    sign(dataset)
    report = evaluate(dataset, page=False)
    failed = failures(report)
    assert failed == {"pixel_truth"} or report["pixel_truth"].unrendered == 1


def test_a_heart_at_the_right_is_noticed_without_a_ct(dataset: Path) -> None:
    shot = read_dx(dataset / "imaging" / P0 / "ct-d0042" / "dx" / "0001.dcm")
    at = heart_left_mm(shot)
    mirrored = heart_left_mm(replace(shot, density=shot.density[:, ::-1]))
    turned = replace(shot, density=shot.density[:, ::-1], directions=("R", "F"))
    assert at is not None and at > 10
    assert mirrored == pytest.approx(-at, abs=4) and heart_left_mm(turned) == pytest.approx(
        at, abs=4
    )
    assert heart_left_mm(replace(shot, directions=("P", "F"))) is None


def test_swapped_segments_change_sides(dataset: Path) -> None:
    def swap(ds: pydicom.Dataset) -> None:
        first, second = ds.SegmentSequence[0], ds.SegmentSequence[1]
        first.TrackingID, second.TrackingID = second.TrackingID, first.TrackingID
        first.TrackingUID, second.TrackingUID = second.TrackingUID, first.TrackingUID

    dicom("ct-d0084", "seg", swap)(dataset)
    sign(dataset)
    failed = failures(evaluate(dataset, page=False))
    assert failed == {"seg_side", "seg_sizes", "lobes_lesions", "mask_truth", "pixel_truth"}


def test_a_biased_reader_is_noticed(dataset: Path) -> None:
    edit_table(
        dataset, schemas.TRUTH_LESIONS, lambda f: f.assign(long_axis_mm=f["long_axis_mm"] - 3)
    )
    sign(dataset)
    assert not evaluate(dataset, page=False)["reader_error"].holds


def test_a_reader_better_than_declared_is_noticed(dataset: Path) -> None:
    sign(dataset, config={"reader_error": {"sd_mm": 30.0, "sd_share": 0.0}})
    assert not evaluate(dataset, page=False)["reader_error"].holds
