"""What cannot be read is one clear error that names file and remedy; what is absent is not."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from alignment import schemas
from eval import evaluate
from ontology.errors import ConsilienceError

sys.path.insert(0, str(Path(__file__).parent))
from conftest import P0, sign

FILES = [
    "tables/lesions.parquet",
    "truth/plans.parquet",
    "notes.parquet",
    f"imaging/{P0}/ct-d0042/ct/0003.dcm",
    f"imaging/{P0}/ct-d0042/seg/0001.dcm",
    f"imaging/{P0}/ct-d0042/sr/0001.dcm",
    "genomics/cohort.vcf.gz",
    "manifest.json",
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_a_truncated_file_is_named(name: str, share: float, dataset: Path) -> None:
    path = dataset / name
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ConsilienceError) as caught:
        evaluate(dataset, page=False)
    assert path.name in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_something_else_is_named(name: str, dataset: Path) -> None:
    path = dataset / name
    path.write_bytes(b"this is a letter to the editor" * 40)
    with pytest.raises(ConsilienceError) as caught:
        evaluate(dataset, page=False)
    assert path.name in str(caught.value)


def test_a_folder_without_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(ConsilienceError, match=r"no manifest\.json"):
        evaluate(tmp_path)
    with pytest.raises(ConsilienceError, match=r"no manifest\.json"):
        evaluate(tmp_path / "nowhere")


def test_an_unknown_schema_version_is_refused(dataset: Path) -> None:
    sign(dataset, schema_version=99)
    with pytest.raises(ConsilienceError, match="unknown schema version"):
        evaluate(dataset, page=False)


def test_a_report_that_is_no_text(dataset: Path) -> None:
    (dataset / "notes" / P0 / "ct-d0042.txt").write_bytes(b"\xff\xfe\x00mass")
    with pytest.raises(ConsilienceError, match="the note cannot be read"):
        evaluate(dataset, page=False)


ABSENT = {
    "imaging": {
        "dicom_header",
        "sr_lesions",
        "sr_sizes",
        "seg_lesions",
        "seg_side",
        "seg_sizes",
        "mask_truth",
        "pixel_truth",
        "rendering",
    },
    "notes": {
        "notes_table",
        "note_dates",
        "text_reported",
        "text_size",
        "text_denied",
        "cxr_reported",
        "clinic_treatment",
        "clinic_labs",
        "molecular_variants",
    },
    "genomics": {"vcf_fractions", "molecular_vcf"},
    "truth": {
        "mask_truth",
        "pixel_truth",
        "rendering",
        "reader_error",
        "plans",
        "deaths",
        "t_size",
        "missing",
    },
}


@pytest.mark.parametrize("room", ABSENT)
def test_an_absent_modality_is_no_contradiction(room: str, dataset: Path) -> None:
    shutil.rmtree(dataset / room)
    (dataset / f"{room}.parquet").unlink(missing_ok=True)
    sign(dataset)
    report = evaluate(dataset, page=False)
    assert report.violations == ()
    assert {key for key in ABSENT[room] if report[key].tested} == set()


LATER = {
    schemas.BEST_RESPONSES: "best_responses",
    schemas.DOSES: "doses",
    schemas.CTDNA: "ctdna",
    schemas.VITALS: "at_visits",
    schemas.SYMPTOMS: "at_visits",
    schemas.TOXICITIES: "at_visits",
    schemas.TRUTH_DEATHS: "deaths",
    schemas.TRUTH_MISSING: "missing",
    schemas.TRUTH_EVENTS: None,
    schemas.TRUTH_MARROW: None,
}


@pytest.mark.parametrize("table", LATER, ids=lambda table: table.path)
def test_an_absent_table_is_skipped_with_a_reason(table: schemas.Table, dataset: Path) -> None:
    (dataset / table.path).unlink()
    sign(dataset)
    report = evaluate(dataset, page=False)
    assert report.violations == ()
    check = LATER[table]
    assert check is None or report[check].unrendered == 1


def test_tables_alone_can_be_evaluated(dataset: Path) -> None:
    for room in ("imaging", "notes", "genomics", "truth"):
        shutil.rmtree(dataset / room)
    (dataset / "notes.parquet").unlink()
    sign(dataset)
    report = evaluate(dataset)
    assert report.holds
    assert report["recist_target"].tested == 16
    assert report["indication"].unrendered == 1
    assert json.loads(report.to_json())["holds"] is True


def test_a_page_that_cannot_be_written(dataset: Path) -> None:
    (dataset / "report").write_text("a file where the folder should be")
    with pytest.raises(ConsilienceError, match="the page cannot be written"):
        evaluate(dataset)
