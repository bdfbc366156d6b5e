"""The verbs end to end: a tiny cohort in all modalities, twins, workers, interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import consilience as cs
from alignment.dataset import files_below

BINARY = Path(sys.executable).parent / "consilience"
TINY = """
disease: nsclc
patients: 3
seed: 7
population: {stage: [IVA, IVB]}
follow_up_days: [60, 120]
imaging: {matrix: 128, max_studies: 2}
notes: {author: grammar}
"""


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BINARY), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


def same_files(a: Path, b: Path) -> list[str]:
    """Names of files that differ, or that only one of the folders has."""
    names = {str(p) for folder in (a, b) for p in files_below(folder)} | {"manifest.json"}
    return sorted(
        n for n in names
        if not ((a / n).is_file() and (b / n).is_file())
        or (a / n).read_bytes() != (b / n).read_bytes()
    )  # fmt: skip


@pytest.fixture(scope="module")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, tiny_config: Path) -> Path:
    return cs.generate(tiny_config, out=tmp_path_factory.mktemp("tiny") / "cohort").folder


@pytest.mark.slow
def test_a_cohort_in_all_modalities_tells_one_story(tiny: Path) -> None:
    report = cs.evaluate(tiny)
    assert report.holds, [v for c in report.checks for v in c.violations][:5]
    tested = {check.key: check.tested for check in report.checks}
    assert sum(tested.values()) > 1000
    assert (tiny / "report" / "index.html").is_file()
    assert {p.parts[0] for p in files_below(tiny)} >= {
        "tables",
        "truth",
        "imaging",
        "notes",
        "genomics",
    }


@pytest.mark.slow
def test_written_twice_with_other_workers_every_file_is_identical(
    tiny: Path, tiny_config: Path, tmp_path: Path
) -> None:
    """Even in a notebook that has used torch, whose threads do not follow into a worker."""
    script = f"""
import torch
torch.set_num_threads(2)
a = torch.randn(800, 800)
torch.nn.functional.gelu(a @ a)
import consilience as cs
cs.generate({str(tiny_config)!r}, out={str(tmp_path / "again")!r}, workers=2)
"""
    with (tmp_path / "errors").open("w") as errors:  # a pipe would stay open in a worker that hangs
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=errors, stderr=errors, start_new_session=True,
            env={k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"},
        )  # fmt: skip
        try:
            process.wait(timeout=300)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    assert process.returncode == 0, (tmp_path / "errors").read_text()
    assert same_files(tiny, tmp_path / "again") == []


@pytest.mark.slow
def test_the_factual_twin_is_the_patient(tiny: Path, tmp_path: Path) -> None:
    patient = "P0000001"
    twin = cs.twin(tiny, patient=patient, out=tmp_path / "twin").folder
    mine = [p for p in files_below(tiny) if patient in p.parts]
    assert mine
    for path in mine:
        assert (tiny / path).read_bytes() == (twin / path).read_bytes(), path
    for name in ("patients", "lesions", "labs", "responses", "variants", "truth/lesions"):
        original = cs.load(tiny).table(name)
        original = original[original["patient_id"] == patient].reset_index(drop=True).astype(str)
        pd.testing.assert_frame_equal(original, cs.load(twin).table(name).astype(str))


@pytest.mark.slow
def test_a_changed_image_never_carries_the_originals_uid(tiny: Path, tmp_path: Path) -> None:
    import pydicom

    patient = "P0000001"
    twin = cs.twin(tiny, patient=patient, out=tmp_path / "twin",
                   do=[cs.Intervention("eta_kg", 1.5)]).folder  # fmt: skip

    def uids(folder: Path) -> dict[str, bytes]:
        files = sorted((folder / "imaging" / patient).rglob("*.dcm"))
        return {str(pydicom.dcmread(f, stop_before_pixels=True).SOPInstanceUID): f.read_bytes()
                for f in files}  # fmt: skip

    before, after = uids(tiny), uids(twin)
    shared = before.keys() & after.keys()
    assert before.keys() != after.keys()
    assert all(before[uid] == after[uid] for uid in shared)


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing_and_a_resumed_one_is_identical(
    tiny: Path, tiny_config: Path, tmp_path: Path
) -> None:
    for resume in (False, True):
        out = tmp_path / f"out-{resume}"
        # One worker: several studies are still to come when the first file of the first is seen.
        command = [str(BINARY), "generate", str(tiny_config), "--out", str(out)]
        if resume:
            command.append("--resume")
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
            # A suite that runs in the background hands down an ignored SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        partial = tmp_path / f".out-{resume}.partial"
        # Only a guard against a run that never writes: a busy machine takes minutes to begin.
        deadline = time.monotonic() + 300
        try:
            while not list(partial.glob("imaging/*/*/ct/*.dcm")):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert "interrupted" in errors
        assert not out.exists()
        assert partial.exists() == resume
    again = cs.generate(tiny_config, out=tmp_path / "out-True", resume=True).folder
    assert same_files(tiny, again) == []


def test_tables_are_identical_for_any_number_of_workers(tmp_path: Path) -> None:
    one = cs.generate("nsclc", patients=17_000, out=tmp_path / "one", workers=1).folder
    two = cs.generate("nsclc", patients=17_000, out=tmp_path / "two", workers=2).folder
    assert same_files(one, two) == []


def test_patients_are_the_same_whatever_n_is(tmp_path: Path) -> None:
    few = cs.generate("nsclc", patients=60, out=tmp_path / "few")
    many = cs.generate("nsclc", patients=300, out=tmp_path / "many")
    for name in ("patients", "labs", "lesions", "survival", "variants", "truth/patients", "splits"):
        a, b = few.table(name), many.table(name)
        b = b[b["patient_id"].astype(str) < "P0000060"].reset_index(drop=True)
        pd.testing.assert_frame_equal(a.astype(str), b.astype(str))


def test_a_cohort_without_any_line_of_systemic_treatment(tmp_path: Path) -> None:
    early = cs.load_config("nsclc", patients=1, seed=1, population={"stage": ["IA1", "IA2", "IB"]})
    cohort = cs.generate(early, out=tmp_path / "d")
    assert cohort.table("best_responses").empty
    assert cs.evaluate(tmp_path / "d", page=False).holds


def test_tables_alone_hold(tmp_path: Path) -> None:
    cs.generate("nsclc", patients=400, out=tmp_path / "d")
    report = cs.evaluate(tmp_path / "d", page=False)
    assert report.holds, [v for c in report.checks for v in c.violations][:5]


def test_explain_names_parents_numbers_and_sources() -> None:
    text = cs.explain("egfr")
    for part in ("ancestry", "logit P(egfr)", "PMID 27738317", "calibrated", "acts on"):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "nslcc", "--out", "x"], "did you mean 'nsclc'"),
        (["generate", "missing.yaml", "--out", "x"], "cannot read the file"),
        (["generate", "nsclc", "--patients", "-3", "--out", "x"], "patients"),
        (["generate", "nsclc", "--patients", "many", "--out", "x"], "valid integer"),
        (["generate", "nsclc", "--modalities", "labs,xrays", "--out", "x"], "modalities"),
        (["generate", "nsclc", "--workers", "0", "--out", "x"], "workers"),
        (["generate", "nsclc", "--out", "there"], "exists already"),
        (["generate", "nsclc", "--out", "file/x"], "cannot write"),
        (["evaluate", "nowhere"], "not a dataset folder"),
        (["explain", "smokin"], "unknown variable 'smokin'"),
        (["twin", "nowhere", "--patient", "P0000000", "--out", "x"], "not a dataset folder"),
        (["twin", "there", "--patient", "P0000000", "--do", "sex", "--out", "x"], "VAR=VALUE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_is_one_message_and_exit_code_2(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("x")
    before = sorted(p.name for p in tmp_path.iterdir())
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_read_only_folder(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; test_dataset covers the error")
    (tmp_path / "locked").mkdir(mode=0o500)
    done = run("generate", "nsclc", "--out", tmp_path / "locked" / "x")
    assert done.returncode == 2
    assert "cannot write" in done.stderr


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    folder = cs.generate("nsclc", patients=20, out=tmp_path / "d").folder
    path = folder / "tables" / "labs.parquet"
    path.write_bytes(path.read_bytes()[:500])
    done = run("evaluate", folder)
    assert done.returncode == 2
    assert "labs.parquet" in done.stderr
    assert "Traceback" not in done.stderr


def test_evaluate_exits_with_1_on_a_contradiction(tmp_path: Path) -> None:
    folder = cs.generate("nsclc", patients=20, out=tmp_path / "d").folder
    path = folder / "tables" / "patients.parquet"
    frame = pd.read_parquet(path)
    frame["stage"] = "IA2"
    frame.to_parquet(path)
    done = run("evaluate", folder, "--json", tmp_path / "report.json")
    assert done.returncode == 1
    assert (tmp_path / "report.json").is_file()
