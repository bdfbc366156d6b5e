"""``consilience explain`` and ``cs.why`` end to end, against a dataset."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import consilience as cs

BINARY = Path(sys.executable).parent / "consilience"
PATIENT = "P0000007"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BINARY), *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> cs.Dataset:
    return cs.generate("nsclc", patients=10, out=tmp_path_factory.mktemp("explain") / "d")


def test_a_laboratory_value(dataset: cs.Dataset) -> None:
    labs = dataset.table("labs")
    row = labs[(labs["patient_id"] == PATIENT) & (labs["name"] == "ldh")].iloc[1]
    made = cs.why(dataset, PATIENT, day=int(row["day"]), value="labs.LDH")
    assert made.recorded == row["value"]
    assert made.sum is not None and made.sum.rest == pytest.approx(0.0, abs=1e-9)
    assert f"rounded to 0 decimals: {row['value']:g}" in made.text
    assert "adds more than this error" not in made.text
    assert made.notes == ("the dataset holds the same value",)
    by_code = cs.why(dataset, PATIENT, day=int(row["day"]), value=f"labs.{row['loinc']}")
    assert by_code.recorded == made.recorded


def test_a_lesion_and_its_reader(dataset: cs.Dataset) -> None:
    lesions = dataset.table("lesions")
    truth = dataset.table("truth/lesions")
    rows = lesions[(lesions["patient_id"] == PATIENT) & lesions["long_axis_mm"].notna()]
    row = rows.iloc[-1]
    address = f"lesions.{row['lesion_id']}.long_axis_mm"
    made = cs.why(dataset, PATIENT, day=int(row["day"]), value=address)
    assert made.recorded == row["long_axis_mm"]
    key = ["patient_id", "day", "lesion_id"]
    latent = truth[(truth[key] == row[key]).all(axis=1)].iloc[0]["long_axis_mm"]
    assert float(made.latent.split()[0]) == pytest.approx(latent, rel=1e-4)
    assert "reader error: sd" in made.text


@pytest.mark.parametrize(
    "value",
    [
        "patients.age", "patients.stage", "patients.index_date", "responses.overall_response",
        "responses.sld_mm", "survival.os_days", "treatments.regimen", "visits.line",
        "egfr", "sld", "death", "LDH",
    ],
)  # fmt: skip
def test_every_table_can_be_addressed(dataset: cs.Dataset, value: str) -> None:
    responses = dataset.table("responses")
    day = int(responses[responses["patient_id"] == PATIENT].iloc[0]["day"])
    if value in ("sld", "LDH"):
        labs = dataset.table("labs")
        day = int(labs[labs["patient_id"] == PATIENT].iloc[-1]["day"])
    made = cs.why(dataset, PATIENT, day=day, value=value)
    assert made.text.startswith(f"{PATIENT}, day {day}: {value} = ")


@pytest.mark.parametrize(
    ("patient", "value", "day", "message"),
    [
        ("P0000010", "labs.LDH", 0, "P0000000 to P0000009"),
        (PATIENT, "labs.troponin", 0, "ldh"),
        (PATIENT, "labs.LDH", 1, "one of the days 0, "),
        (PATIENT, "lesions.L77.long_axis_mm", 0, "L01"),
        (PATIENT, "lesions.L01.diameter", 0, "long_axis_mm"),
        (PATIENT, "potassiun", 0, "unknown value"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(
    dataset: cs.Dataset, patient: str, value: str, day: int, message: str
) -> None:
    with pytest.raises(cs.ConsilienceError, match=message):
        cs.why(dataset, patient, day=day, value=value)


def test_a_twin_is_replayed_under_its_intervention(dataset: cs.Dataset, tmp_path: Path) -> None:
    do = [cs.Intervention("regimen", "docetaxel", 1)]
    twin = cs.twin(dataset.folder, patient=PATIENT, do=do, out=tmp_path / "t")
    made = cs.why(twin, PATIENT, day=0, value="treatments.regimen")
    assert made.recorded == "docetaxel"
    assert "set by do()" in made.text


@pytest.mark.parametrize(("version", "reason"), [("0" * 64, "model_version"), (None, "changed")])
def test_a_dataset_that_the_replay_does_not_give(
    tmp_path: Path, version: str | None, reason: str
) -> None:
    made = cs.generate("nsclc", patients=8, out=tmp_path / "d")
    path = made.folder / "tables" / "labs.parquet"
    table = pq.read_table(path)
    index = table.schema.get_field_index("value")
    column = pa.array([v + 1.0 for v in table["value"].to_pylist()])
    pq.write_table(table.set_column(index, table.schema.field("value"), column), path)
    if version is not None:
        manifest = made.folder / "manifest.json"
        content = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**content, "model_version": version}))
    with pytest.raises(cs.ConsilienceError, match=reason):
        cs.why(made.folder, PATIENT, day=0, value="labs.LDH")


def test_the_command_draws_a_variable(tmp_path: Path) -> None:
    for name in ("a.svg", "a.png"):
        done = run("explain", "ldh", "--out", tmp_path / name, "--hops", "2")
        assert done.returncode == 0, done.stderr
        assert "acts on: " in done.stdout
        assert (tmp_path / name).stat().st_size > 10_000


def test_the_command_explains_a_patient(dataset: cs.Dataset) -> None:
    for source in (("--config", "nsclc"), ("--dataset", dataset.folder)):
        done = run("explain", PATIENT, "--day", "0", "--value", "labs.LDH", *source)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{PATIENT}, day 0: labs.LDH = ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["P0000007"], "which value"),
        (["P0000007", "--value", "ldh", "--out", "a.svg"], "--out draws variables"),
        (["ldh", "--day", "3"], "belong to a patient"),
        (["ldh", "--config", "nsclc", "--dataset", "d"], "give one"),
        (["ldh", "--dataset", "nowhere"], "not a dataset folder"),
        (["ldh", "--out", "graph.pdf"], ".svg or .png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_message_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = run("explain", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
