"""The promises of the spine: the demo in time, byte-identity, row-identity, twins.

python benchmarks/spine.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from results import Row, write

import consilience as cs
from alignment.dataset import files_below
from consilience_run import Job

ROOT = Path(__file__).parent.parent
COMMAND = "python benchmarks/spine.py"
BINARY = Path(sys.executable).parent / "consilience"


def differing(a: Path, b: Path) -> list[str]:
    """Files that are not the same, byte for byte; the manifest included."""
    names = {str(p) for folder in (a, b) for p in files_below(folder)} | {"manifest.json"}
    return sorted(
        n for n in names
        if not (a / n).is_file() or not (b / n).is_file()
        or (a / n).read_bytes() != (b / n).read_bytes()
    )  # fmt: skip


def demo(folder: Path) -> tuple[list[Row], Path]:
    out = folder / "demo"
    start = time.perf_counter()
    subprocess.run(
        [str(BINARY), "generate", "demo", "--out", str(out), "--workers", "2"], check=True
    )
    seconds = time.perf_counter() - start
    code = subprocess.run([str(BINARY), "evaluate", str(out)], check=False).returncode
    total = time.perf_counter() - start
    studies = len(list((out / "imaging").glob("*/*/ct")))
    patients = len(cs.load(out).table("patients"))
    return [
        Row("demo: patients", patients, "1", COMMAND, target=">= 12", met=patients >= 12),
        Row("demo: CT studies", studies, "1", COMMAND, target=">= 24", met=studies >= 24),
        Row("demo: generate", seconds, "s", COMMAND),
        Row("demo: generate and evaluate", total, "s", COMMAND, target="< 360", met=total < 360),
        Row("demo: exit code of evaluate", code, "1", COMMAND, target="0", met=code == 0),
    ], out


def identity(folder: Path, demo_out: Path) -> list[Row]:
    def make(name: str, patients: int, workers: int) -> Path:
        out = folder / name
        cs.generate("nsclc", patients=patients, workers=workers, out=out)
        return out

    one, two = make("one", 20_000, 1), make("two", 20_000, 2)
    small, large = make("small", 1000, 1), make("large", 5000, 1)
    again = folder / "demo-again"
    cs.generate("demo", out=again, workers=1)
    unequal_rows = 0
    for path in sorted(p for f in ("tables", "truth") for p in (small / f).glob("*.parquet")):
        a = pd.read_parquet(path)
        b = pd.read_parquet(large / path.relative_to(small))
        if "patient_id" in a:
            keep = b["patient_id"].astype(str) < "P0001000"
            b = b[keep].reset_index(drop=True)
            for frame in (a, b):
                frame["patient_id"] = frame["patient_id"].astype(str)
        text = [c for c in a if isinstance(a[c].dtype, pd.CategoricalDtype)]
        a, b = a.astype(dict.fromkeys(text, object)), b.astype(dict.fromkeys(text, object))
        unequal_rows += not a.equals(b)
    pairs = (
        ("files that differ between --workers 1 and 2 (20,000 patients)", len(differing(one, two))),
        ("tables whose first 1,000 patients differ between N = 1,000 and 5,000", unequal_rows),
        ("files that differ between two demo runs, minutes apart, with 1 and 2 workers",
         len(differing(demo_out, again))),
    )  # fmt: skip
    return [Row(name, value, "1", COMMAND, target="0", met=value == 0) for name, value in pairs]


def twins(folder: Path, demo_out: Path) -> list[Row]:
    dataset = cs.load(demo_out)
    patient = str(dataset.table("patients")["patient_id"].iloc[0])
    factual = cs.twin(demo_out, patient=patient, out=folder / "factual").folder
    mine = [p for p in files_below(demo_out) if patient in p.parts or p.stem == patient]
    unequal = sum((demo_out / p).read_bytes() != (factual / p).read_bytes() for p in mine)
    job = Job.prepare(cs.load_config("nsclc"))
    outside, compared = 0, 0
    before = job.model.sample(500, 9)
    for name, value in (("smoking_status", "never"), ("sex", "female"), ("egfr", True),
                        ("ecog", "2"), ("regimen", "docetaxel")):  # fmt: skip
        after = job.model.do(cs.Intervention(name, value)).sample(500, 9)
        allowed = job.model.descendants(name)
        for variable, values in before.baseline.items():
            compared += variable not in allowed
            # A share that is not measured is NaN, and NaN is no change.
            same = np.array_equal(
                values, after.baseline[variable], equal_nan=values.dtype.kind == "f"
            )
            outside += variable not in allowed and not same
    return [
        Row("factual twin: files that differ", unequal, "1", COMMAND, target="0", met=unequal == 0,
            against=f"{len(mine)} files of one demo patient"),
        Row("twins under do: non-descendants that changed", outside, "1", COMMAND, target="0",
            met=outside == 0, against=f"{compared} comparisons over five interventions"),
    ]  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, demo_out = demo(folder)
        rows += identity(folder, demo_out)
        rows += twins(folder, demo_out)
    write("spine", rows)


if __name__ == "__main__":
    main()
