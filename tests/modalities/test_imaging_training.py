"""Training the CT network at tiny size: on the user's own CT, resumed, with adapters; bad input."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from typer.testing import CliRunner

import consilience as cs
from consilience_cli import app
from modalities.imaging.diffusion import data, sampler, training
from modalities.imaging.diffusion.config import OwnScan, TrainingConfig
from modalities.imaging.diffusion.sampler import Key
from modalities.imaging.diffusion.scans import cut
from ontology.errors import ConsilienceError

TINY = {"scans": [], "batch": 1, "patch": 32, "widths": [16, 16], "groups": 8, "warmup": 1}
"""Everything real, but small."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A NIfTI chest (24 slices of 96 x 96, 3.5 x 3.5 x 5 mm) with two lungs and a lesion's mask."""
    y, x = np.mgrid[:96, :96] - 47.5
    body = (x / 44) ** 2 + (y / 32) ** 2 < 1
    lungs = ((np.abs(x) - 20) / 14) ** 2 + (y / 22) ** 2 < 1
    hu = np.where(lungs, -850.0, np.where(body, 40.0, -1000.0))
    volume = np.repeat(hu[None], 24, axis=0)
    volume += np.random.default_rng(0).normal(0, 10, volume.shape)
    lesion = np.zeros(volume.shape, bool)
    lesion[10:13] = np.hypot(x - 20, y) < 4
    volume[lesion] = 40
    folder = tmp_path_factory.mktemp("own")
    affine = np.diag([-3.5, -3.5, 5.0, 1.0])  # axes run to the left, the back and the top
    for name, values in (("ct", volume), ("lesion", lesion)):
        image = nib.Nifti1Image(values.transpose(2, 1, 0).astype(np.float32), affine)
        nib.save(image, folder / f"{name}.nii.gz")
    return {"ct": str(folder / "ct.nii.gz"), "lesion": str(folder / "lesion.nii.gz")}


def config_of(own: dict[str, str], **more) -> TrainingConfig:
    return TrainingConfig(**{**TINY, "own": [own], **more})


def test_an_own_scan_is_read_with_its_lesion_where_it_is(own: dict[str, str]) -> None:
    (scan,) = data.scans_of(config_of(own))
    assert scan.hu.shape == (24, 96, 96) and scan.spacing.tolist() == [5.0, 3.5, 3.5]
    assert 2 < scan.regions.lung.sum() * scan.spacing.prod() / 1e6 < 6
    inside = scan.regions.lesion > 0.5
    assert scan.hu[inside].mean() == pytest.approx(40, abs=5)
    assert np.argwhere(inside).mean(axis=0)[0] == pytest.approx(11)


def test_the_same_step_gives_the_same_patch(own: dict[str, str]) -> None:
    config = config_of(own, batch=2)
    scans = data.scans_of(config)
    one, two, other = (training.batch_of(scans, config, step) for step in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], other[0])
    patch = cut(scans[0], 32, np.random.default_rng(1))
    assert patch.hu.shape == (1, 32, 32) and 0.9 <= patch.pixel_mm <= 1.9


def test_training_goes_on_where_it_stopped_and_ends_the_same(
    own: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(own, steps=4, every=2)
    scans = data.scans_of(config)
    whole = load_file(training.train(scans, None, config, tmp_path / "whole"))

    with monkeypatch.context() as patched:
        patched.setattr(training, "batch_of", _killed_after(2))
        with pytest.raises(KeyboardInterrupt):
            training.train(scans, None, config, tmp_path / "parts")
    parts = load_file(training.train(scans, None, config, tmp_path / "parts"))

    assert whole.keys() == parts.keys()
    assert all(torch.allclose(whole[key], parts[key], atol=1e-6) for key in whole)
    rows = csv.DictReader((tmp_path / "parts" / "loss.csv").read_text().splitlines())
    assert [row["step"] for row in rows] == ["2", "4"]
    assert (tmp_path / "parts" / "panel-000004.png").stat().st_size > 1000


def _killed_after(steps: int):
    real = training.batch_of

    def batch_of(scans, config, step):
        if step >= steps:
            raise KeyboardInterrupt
        return real(scans, config, step)

    return batch_of


def test_adapters_change_the_shipped_weights_and_keep_their_shape(
    own: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    settings = {**TINY, "own": [own], "steps": 2, "every": 2, "adapter_rank": 2, "rate": 0.01}
    del settings["widths"], settings["groups"]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings))
    done = CliRunner().invoke(app, ["train", "imaging", str(path), "--out", str(folder)])
    assert done.exit_code == 0, done.output
    shipped, mine = load_file(sampler.WEIGHTS), load_file(folder / "weights.safetensors")
    assert {k: v.shape for k, v in shipped.items()} == {k: v.shape for k, v in mine.items()}
    changed = {k for k in shipped if not torch.equal(shipped[k], mine[k])}
    assert changed and all("conv1" in k or "conv2" in k for k in changed)
    (scan,) = data.scans_of(config_of(own))
    made = sampler.denoise(
        scan.hu[10:12], _part(scan, slice(10, 12)), 3.5, Key(0, 0, 0),
        weights=folder / "weights.safetensors",
    )  # fmt: skip
    assert np.isfinite(made).all()


def _part(scan, at):
    r = scan.regions
    return type(r)(r.body[at], r.lung[at], r.lesion[at])


def test_bad_training_input_is_refused(own: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConsilienceError, match="nothing to train on"):
        data.scans_of(TrainingConfig(scans=()))
    with pytest.raises(ConsilienceError, match="no such training scan"):
        data.scan_of("lung2")  # held out
    with pytest.raises(ConsilienceError, match="nothing of that name"):
        cs.train("labs", "imaging", out=tmp_path / "x")
    with pytest.raises(ConsilienceError, match="another grid"):
        small = nib.Nifti1Image(np.zeros((8, 8, 8), np.float32), np.eye(4))
        nib.save(small, tmp_path / "small.nii.gz")
        wrong = OwnScan(ct=Path(own["ct"]), lesion=tmp_path / "small.nii.gz")
        data.scans_of(TrainingConfig(scans=(), own=(wrong,)))
    with pytest.raises(ConsilienceError, match="no lungs"):
        data.own_scan("empty", np.full((4, 64, 64), -1000, np.float32), np.array([5.0, 2.0, 2.0]))
