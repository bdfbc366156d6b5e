"""The dataset folder is written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from alignment import arrow, schemas, splits
from alignment.artifact import Artifact
from alignment.dataset import DatasetWriter, files_below, load, sha256, write_artifact
from alignment.run import load_config
from ontology.errors import ConsilienceError

TABLE = splits.assign(1, range(10))


def write(out: Path, **options: bool) -> None:
    with DatasetWriter(out, **options) as writer:
        writer.append({schemas.SPLITS_TABLE.path: TABLE})
        writer.finish({"schema_version": schemas.SCHEMA_VERSION, "patients": 10})


def test_written_and_loaded(tmp_path: Path) -> None:
    write(tmp_path / "d")
    dataset = load(tmp_path / "d")
    assert len(dataset.table("splits")) == 10
    assert dataset.manifest["files"] == {
        str(p): sha256(tmp_path / "d" / p) for p in files_below(tmp_path / "d")
    }
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_of_a_failed_run(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), DatasetWriter(tmp_path / "d") as writer:
        writer.append({schemas.SPLITS_TABLE.path: TABLE})
        raise error
    assert list(tmp_path.iterdir()) == []


def test_resume_keeps_work_until_the_run_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "d"
    with pytest.raises(KeyboardInterrupt), DatasetWriter(out, resume=True) as writer:
        write_artifact(writer.folder, Artifact(Path("imaging/a.dcm"), b"x", "application/dicom"))  # type: ignore[arg-type]
        raise KeyboardInterrupt
    assert not out.exists()
    with DatasetWriter(out, resume=True) as writer:
        assert (writer.folder / "imaging" / "a.dcm").read_bytes() == b"x"
        writer.finish({"schema_version": schemas.SCHEMA_VERSION})
    assert (out / "imaging" / "a.dcm").is_file()


def test_an_existing_output_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "d")
    before = (tmp_path / "d" / "manifest.json").read_bytes()
    with pytest.raises(ConsilienceError, match="exists already"):
        write(tmp_path / "d")
    assert (tmp_path / "d" / "manifest.json").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConsilienceError, match="cannot write"):
        write(tmp_path / "file" / "d")


def test_a_full_disk_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ConsilienceError, match="No space left"), DatasetWriter(tmp_path / "d") as w:
        monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
        w.append({schemas.SPLITS_TABLE.path: TABLE})
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConsilienceError, match="not a dataset folder"):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text('{"schema_ver')
    with pytest.raises(ConsilienceError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"schema_version": 99, "version": "9.9"}))
    with pytest.raises(ConsilienceError, match=r"unknown dataset version[\s\S]*9\.9"):
        load(tmp_path)


def test_an_unknown_table_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "d")
    with pytest.raises(ConsilienceError, match="did you mean 'splits'"):
        load(tmp_path / "d").table("split")


def test_columns_are_matched_by_name() -> None:
    columns = {"split": arrow.coded(np.array([0, 1]), schemas.SPLITS),
               "patient_id": arrow.patient_column(0, 2, np.array([0, 1]))}  # fmt: skip
    assert arrow.build(schemas.SPLITS_TABLE, columns).column_names == ["patient_id", "split"]
    with pytest.raises(ConsilienceError, match="columns do not match"):
        arrow.build(schemas.SPLITS_TABLE, {"split": columns["split"]})


def test_equal_levels_share_one_entry() -> None:
    column = arrow.coded(np.array([0, 1, 2, -1]), ["a", "b", "a"])
    assert column.to_pylist() == ["a", "b", "a", None]
    assert len(column.dictionary) == 2


def test_a_split_does_not_depend_on_the_others() -> None:
    few, many = splits.assign(5, range(100)), splits.assign(5, range(1000))
    assert few["split"].to_pylist() == many["split"].to_pylist()[:100]
    share = pa.compute.value_counts(many["split"]).to_pylist()
    assert {s["values"] for s in share} == set(schemas.SPLITS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("disease: nsclc\npatients: 5\nseed: 1\npatient: 3\n", "unknown key 'patient'"),
        ("disease: nsclc\npatients: -5\nseed: 1\n", "greater than or equal to 1"),
        ("disease: nsclc\npatients: 5\n", "seed"),
        ("disease: nsclc\npatients: 5\nseed: 1\nmodalities: [xray]\n", "'imaging'"),
        ("disease: nsclc\npatients: 5\nseed: 1\nfollow_up_days: [9, 3]\n", "shortest"),
    ],
)
def test_a_bad_config_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConsilienceError) as error:
        load_config(path)
    assert message in str(error.value)
    assert "c.yaml:" in str(error.value)


def test_configs_by_name_and_override() -> None:
    assert load_config("nsclc", patients=7).patients == 7
    with pytest.raises(ConsilienceError, match="did you mean 'nsclc'"):
        load_config("nslcc")
    with pytest.raises(ConsilienceError, match="patients"):
        load_config("nsclc", patients=-1)


def test_the_digest_leaves_out_how_many() -> None:
    assert load_config("nsclc", patients=7).digest() == load_config("nsclc", patients=8).digest()
    assert load_config("nsclc", seed=7).digest() != load_config("nsclc", seed=8).digest()
