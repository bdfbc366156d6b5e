"""The two real CTs of the source archive: found in the cache, checked, or a clear error."""

import hashlib
import io
import tarfile

import pytest

from modalities import assets
from ontology.errors import ConsilienceError

NAME = "lung1_label.nrrd"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CONSILIENCE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def archive(folder, files):
    path = folder / "pyradiomics-3.0.1.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{assets.REAL_CT_ARCHIVE}/data/{name}")
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return path


def test_a_missing_ct_names_the_command(cache):
    with pytest.raises(ConsilienceError, match="make assets") as error:
        assets.real_ct(NAME)
    assert str(cache) in str(error.value)
    with pytest.raises(ConsilienceError, match="no such real CT"):
        assets.real_ct("brain1_image.nrrd")


def test_only_the_expected_files_are_unpacked(cache, tmp_path, monkeypatch):
    data = {name: name.encode() for name in assets.REAL_CTS}
    sums = {name: hashlib.sha256(value).hexdigest() for name, value in data.items()}
    with pytest.raises(ConsilienceError, match="not the expected file"):
        assets.unpack_real_cts(archive(tmp_path, data))
    monkeypatch.setattr(assets, "REAL_CTS", sums)
    assets.unpack_real_cts(archive(tmp_path, {**data, "brain1_image.nrrd": b"x"}))
    assert assets.real_ct(NAME).read_bytes() == NAME.encode()
    assert sorted(p.name for p in assets.real_ct(NAME).parent.iterdir()) == sorted(data)
    assets.real_ct(NAME).write_bytes(b"damaged")
    with pytest.raises(ConsilienceError, match="not the expected file"):
        assets.real_ct(NAME)


def test_an_archive_without_a_file_says_which(cache, tmp_path):
    with pytest.raises(ConsilienceError, match="lung1_image") as error:
        assets.unpack_real_cts(archive(tmp_path, {}))
    assert "lacks a file" in str(error.value)
