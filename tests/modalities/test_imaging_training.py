"""Training the CT network at tiny size: on the user's own CT, resumed, with adapters; bad input."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import CliRunner

import consilience as cs
from alignment.run import bundled
from consilience_cli import app
from modalities import assets
from modalities.imaging import insert_files, insert_seg
from modalities.imaging.diffusion import config as settings
from modalities.imaging.diffusion import data, sampler, training
from modalities.imaging.diffusion.config import TrainingConfig
from modalities.imaging.diffusion.sampler import Key
from modalities.imaging.diffusion.scans import cut
from ontology.errors import ConsilienceError

TINY = {"batch": 1, "patch": 32, "widths": [16, 16], "groups": 8, "warmup": 1}
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


def config_of(own: dict[str, object], **more) -> TrainingConfig:
    return TrainingConfig(**{**TINY, "own": [own], **more})


def test_an_own_scan_is_read_with_its_lesion_where_it_is(own: dict[str, str]) -> None:
    (scan,), _ = data.scans_of(config_of(own))
    assert scan.hu.shape == (24, 96, 96) and scan.spacing.tolist() == [5.0, 3.5, 3.5]
    assert 2 < scan.regions.lung.sum() * scan.spacing.prod() / 1e6 < 6
    inside = scan.regions.lesion > 0.5
    assert scan.hu[inside].mean() == pytest.approx(40, abs=5)
    assert np.argwhere(inside).mean(axis=0)[0] == pytest.approx(11)


def test_the_same_step_gives_the_same_patch(own: dict[str, str]) -> None:
    config = config_of(own, batch=2)
    scans, _ = data.scans_of(config)
    one, two, other = (training.batch_of(scans, config, step) for step in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], other[0])
    patch = cut(scans[0], 32, np.random.default_rng(1))
    assert patch.hu.shape == (1, 32, 32) and 0.9 <= patch.pixel_mm <= 1.9


def test_slices_held_out_are_not_trained_on(own: dict[str, str]) -> None:
    trained, (held_out,) = data.scans_of(config_of({**own, "held_out": [8, 14], "weight": 2}))
    (whole,), _ = data.scans_of(config_of(own))
    below, above = trained
    assert np.array_equal(below.hu, whole.hu[:8]) and np.array_equal(above.hu, whole.hu[14:])
    assert np.array_equal(held_out.hu, whole.hu[8:14]) and held_out.regions.lesion.any()
    assert not below.regions.lesion.any() and not above.regions.lesion.any()
    assert (below.weight, above.weight) == pytest.approx((2 * 8 / 18, 2 * 10 / 18))
    for part in (*trained, held_out):
        assert cut(part, 32, np.random.default_rng(1)).hu.shape == (1, 32, 32)


def test_the_shipped_config_holds_out_slices_of_the_atlas(
    own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (scan,), _ = data.scans_of(config_of(own))
    tall = replace(
        scan,
        hu=np.repeat(scan.hu, 6, axis=0)[:133],
        regions=type(scan.regions)(
            *(
                np.repeat(getattr(scan.regions, n), 6, axis=0)[:133]
                for n in ("body", "lung", "lesion")
            )
        ),
    )
    monkeypatch.setattr(data, "scan_of", lambda name: replace(tall, name=name))
    trained, held_out = data.scans_of(settings.read(bundled("imaging", "training")))
    assert [(part.name, len(part.hu)) for part in trained] == [
        ("atlas, slices 0 to 95", 96), ("atlas, slices 108 to 132", 25), ("lung1", 133),
    ]  # fmt: skip
    assert [part.name for part in held_out] == ["atlas, slices 96 to 107"]
    assert sum(part.weight for part in trained[:2]) == pytest.approx(3) and trained[2].weight == 1


def test_patches_come_from_scans_by_weight(
    own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(own, batch=200)
    (scan,), _ = data.scans_of(config)
    cuts = []

    def cut_and_note(chosen, size, generator):
        cuts.append(chosen.name)
        return patch

    patch = cut(scan, 32, np.random.default_rng(0))
    monkeypatch.setattr(training, "cut", cut_and_note)
    training.batch_of([replace(scan, name="a", weight=3), replace(scan, name="b")], config, 0)
    assert 130 < cuts.count("a") < 170  # 150 expected, SD 6


def test_voxels_are_counted_once_a_scan(own: dict[str, str]) -> None:
    (scan,), _ = data.scans_of(config_of(own))
    assert scan.totals is scan.totals
    assert scan.totals["lung"][-1] == scan.regions.lung.sum()
    lesion = (scan.regions.lesion > 0.5).sum(axis=(1, 2))
    assert np.array_equal(np.diff(scan.totals["lesion"], prepend=0), lesion)
    bare = scan.of(0, 4)
    lungless = replace(bare, regions=replace(bare.regions, lung=np.zeros_like(bare.regions.lung)))
    for seed in range(8):  # neither lesion nor lung: anywhere in the body
        assert cut(lungless, 32, np.random.default_rng(seed)).hu.shape == (1, 32, 32)


@pytest.mark.parametrize("when", ["cutting a batch", "writing a checkpoint"])
def test_training_goes_on_where_it_stopped_and_ends_the_same(
    own: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    config = config_of({**own, "held_out": [20, 24]}, steps=4, every=2)
    scans, held_out = data.scans_of(config)
    whole = load_file(training.train(scans, held_out, config, tmp_path / "whole"))

    with monkeypatch.context() as patched:
        if when == "cutting a batch":
            patched.setattr(training, "batch_of", _killed_after(2))
        else:  # the second one, when everything else of that step is written
            patched.setattr(training.Accelerator, "save_state", _killed_at_the_second())
        with pytest.raises(KeyboardInterrupt):
            training.train(scans, held_out, config, tmp_path / "parts")
    assert [p.name for p in (tmp_path / "parts").glob("checkpoint-*")] == ["checkpoint-00000002"]
    told = []
    path = training.train(
        scans, held_out, config, tmp_path / "parts", lambda *what: told.append(what)
    )
    parts = load_file(path)

    assert whole.keys() == parts.keys()
    assert all(torch.allclose(whole[key], parts[key], atol=1e-6) for key in whole)
    assert told == [("training", 3, 4), ("training", 4, 4)]
    rows = list(csv.DictReader((tmp_path / "parts" / "loss.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["2", "4"] and all(row["held_out"] for row in rows)
    assert (tmp_path / "parts" / "panel-000004.png").stat().st_size > 1000
    assert not list((tmp_path / "parts").glob("*part*"))
    with safe_open(path, framework="pt") as file:
        card = file.metadata()
    assert json.loads(card["config"])["steps"] == 4 and card["steps"] == "4 of 4"
    assert (card["loss"], card["held_out_loss"]) == (rows[-1]["loss"], rows[-1]["held_out"])
    assert own["ct"] not in str(card)  # names of folders may be names of patients

    with pytest.raises(ConsilienceError, match=r"another config[\s\S]*rate: 0.5"):
        other = config.model_copy(update={"rate": 0.5})
        training.train(scans, held_out, other, tmp_path / "parts")


def _killed_at_the_second():
    real, calls = training.Accelerator.save_state, []

    def save_state(self, folder):
        real(self, folder)
        calls.append(folder)
        if len(calls) == 2:
            raise KeyboardInterrupt

    return save_state


def _killed_after(steps: int):
    real = training.batch_of

    def batch_of(scans, config, step):
        if steps <= step < training._TEST_STEP:
            raise KeyboardInterrupt
        return real(scans, config, step)

    return batch_of


def test_adapters_change_the_shipped_weights_and_keep_their_shape(
    own: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    home = Path(own["ct"]).parent
    studies = [{name: Path(file).name for name, file in own.items()}]
    keys = {"own": studies, "steps": 2, "every": 2, "adapter_rank": 2, "rate": 0.01}
    path = home / "mine.yaml"  # its paths are relative to it
    path.write_text(yaml.safe_dump({"batch": 1, "patch": 32, "warmup": 1, **keys}))
    done = CliRunner().invoke(app, ["train", "imaging", str(path), "--out", str(folder)])
    assert done.exit_code == 0, done.output
    shipped, mine = load_file(sampler.WEIGHTS), load_file(folder / "weights.safetensors")
    assert {k: v.shape for k, v in shipped.items()} == {k: v.shape for k, v in mine.items()}
    changed = {k for k in shipped if not torch.equal(shipped[k], mine[k])}
    assert changed and all("conv1" in k or "conv2" in k for k in changed)
    (scan,), _ = data.scans_of(config_of(own))
    made = sampler.denoise(
        scan.hu[10:12], _part(scan, slice(10, 12)), 3.5, Key(0, 0, 0),
        weights=folder / "weights.safetensors",
    )  # fmt: skip
    assert np.isfinite(made).all()


def _part(scan, at):
    r = scan.regions
    return type(r)(r.body[at], r.lung[at], r.lesion[at])


def test_the_config_for_adapters_wants_own_studies() -> None:
    path = bundled("adapt", "training")
    assert settings.read(path).adapter_rank == 8
    with pytest.raises(ConsilienceError, match="nothing to train on"):
        data.scans_of(settings.read(path))


@pytest.fixture(scope="module")
def series(own: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same chest as DICOM with rows that run to the front, and the SEG of its lesion."""
    folder = tmp_path_factory.mktemp("series")
    voxels = np.asarray(nib.load(own["ct"]).dataobj).transpose(2, 1, 0)[:, ::-1]
    study, serial, frame = (pydicom.uid.generate_uid(entropy_srcs=[n]) for n in "abc")
    images = []
    for index, plane in enumerate(np.rint(voxels).astype(np.int16)):
        ds = pydicom.Dataset()
        ds.SOPClassUID = pydicom.uid.CTImageStorage
        ds.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[str(index)])
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, serial, frame
        ds.PatientID, ds.PatientName, ds.PatientSex, ds.PatientBirthDate = "X", "X^", "O", ""
        ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID = "20200101", "", "", "1"
        ds.ReferringPhysicianName, ds.Modality, ds.InstanceNumber = "", "CT", index + 1
        ds.BodyPartExamined = "CHEST"
        ds.ImagePositionPatient = [0, 3.5 * 95, 5 * index]
        ds.ImageOrientationPatient = [1, 0, 0, 0, -1, 0]
        ds.PixelSpacing, ds.SliceThickness = [3.5, 3.5], 5
        ds.Rows, ds.Columns = plane.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        ds.PixelData = np.ascontiguousarray(plane).tobytes()
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        (folder / "ct").mkdir(exist_ok=True)
        ds.save_as(folder / "ct" / f"{index}.dcm", enforce_file_format=True)
        images.append(ds)
    mask = np.asarray(nib.load(own["lesion"]).dataobj).transpose(2, 1, 0)[:, ::-1] > 0
    seg = insert_seg.segmentation(images, mask, "key")
    seg.save_as(folder / "seg.dcm", enforce_file_format=True)
    return {"ct": folder / "ct", "lesion": folder / "seg.dcm"}


def test_masks_of_nifti_and_of_seg_fit_a_dicom_ct(
    own: dict[str, str], series: dict[str, Path], tmp_path: Path
) -> None:
    (nifti,), _ = data.scans_of(config_of(own))
    (dicom,), _ = data.scans_of(config_of(series))
    (both,), _ = data.scans_of(config_of({"ct": series["ct"], "lesion": own["lesion"]}))
    for scan in (dicom, both):
        assert np.abs(scan.hu - nifti.hu).max() <= 1
        assert np.array_equal(scan.regions.lesion, nifti.regions.lesion)
    with pytest.raises(ConsilienceError, match="SEG of other images"):
        data.scans_of(config_of({"ct": own["ct"], "lesion": series["lesion"]}))
    with pytest.raises(ConsilienceError, match="cannot be read"):
        data.scans_of(config_of({"ct": series["ct"], "lesion": series["ct"] / "3.dcm"}))


def test_masks_that_are_not_of_the_ct_are_refused(own: dict[str, str], tmp_path: Path) -> None:
    def refused(path: Path, match: str) -> None:
        with pytest.raises(ConsilienceError, match=match):
            data.scans_of(config_of({**own, "lesion": path}))

    lesion = nib.load(own["lesion"])
    voxels = np.asarray(lesion.dataobj)
    path = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(voxels[:8], lesion.affine), path)
    refused(path, "another grid")
    moved = lesion.affine.copy()
    moved[2, 3] += 300
    nib.save(nib.Nifti1Image(voxels, moved), path)
    refused(path, "another place")
    nib.save(lesion, path)
    path.write_bytes(path.read_bytes()[:200])
    refused(path, "cannot be read")
    path.write_bytes(b"no image")
    refused(path, "cannot be read")
    refused(tmp_path / "none.nii.gz", "no such mask")


def test_the_test_scan_is_refused_under_any_name(
    own: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConsilienceError, match="no such training scan"):
        data.scan_of("lung2")
    ct = insert_files.read(own["ct"], None)
    monkeypatch.setattr(data, "_LUNG2", data.histogram(ct.hu[:, ::-1]))
    with pytest.raises(ConsilienceError, match="for tests only"):
        data.scans_of(config_of(own))


def test_the_known_histogram_is_that_of_the_test_scan() -> None:
    nrrd = pytest.importorskip("nrrd")
    if not (assets.cache() / assets.REAL_CT_ARCHIVE / "lung2_image.nrrd").is_file():
        pytest.skip("lung2 is not at hand: make assets")
    assert data.histogram(nrrd.read(str(assets.real_ct("lung2_image.nrrd")))[0]) == data._LUNG2


def test_bad_training_input_is_refused(own: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConsilienceError, match="nothing to train on"):
        data.scans_of(TrainingConfig())
    with pytest.raises(ConsilienceError, match="nothing of that name"):
        cs.train("labs", "imaging", out=tmp_path / "x")
    with pytest.raises(ConsilienceError, match="no lungs"):
        data.own_scan("empty", np.full((4, 64, 64), -1000, np.float32), np.array([5.0, 2.0, 2.0]))
    with pytest.raises(ConsilienceError, match="the scan has not"):
        data.scans_of(config_of({**own, "held_out": [20, 25]}))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("widths: [16, 20]", "multiples of groups"),
        ("widths: [16, 16, 16, 16, 16]", "at most 4"),
        ("widths: []", "at least 1"),
        ("groups: 0", "greater than or equal to 1"),
        ("held_out: {atlas: [1, 2]}", "which scans does not name"),
        ("{scans: {atlas: 1}, held_out: {atlas: [9, 9]}}", "one after the last"),
        ("own: [{ct: x, held_out: [4, 2]}]", "one after the last"),
        ("scans: {atlas: 0}", "greater than 0"),
    ],
)
def test_a_config_says_what_is_wrong(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(line)
    with pytest.raises(ConsilienceError, match=problem):
        settings.read(path)


def test_several_processes_and_missing_packages_are_refused(
    own: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(own)
    monkeypatch.setattr(training, "Accelerator", lambda: SimpleNamespace(num_processes=2))
    with pytest.raises(ConsilienceError, match="several processes"):
        training.train(data.scans_of(config)[0], [], config, tmp_path / "x")
    monkeypatch.delattr("modalities.imaging.diffusion.training")
    monkeypatch.delitem(sys.modules, "modalities.imaging.diffusion.training")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ConsilienceError, match=r"consilience\[train\]"):
        cs.train("imaging", "imaging", out=tmp_path / "x")
