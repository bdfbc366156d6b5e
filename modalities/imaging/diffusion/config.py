"""``configs/training/imaging.yaml``: what the CT network is trained on, and how."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class OwnScan(BaseModel):
    """A CT of the user: a DICOM folder or a NIfTI file; ``lesion``: a NIfTI mask of its grid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ct: Path
    lesion: Path | None = None


class TrainingConfig(BaseModel):
    """Scans and settings. The same file and scans give the same batches.

    ``adapter_rank``: above 0, the shipped weights are kept and low-rank adapters (LoRA) of this
    rank are trained on the convolutions instead, which ten studies suffice for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scans: tuple[str, ...] = ("atlas", "lung1")
    own: tuple[OwnScan, ...] = ()
    steps: int = Field(default=12_000, ge=1)
    batch: int = Field(default=8, ge=1)
    patch: int = Field(default=96, ge=32, multiple_of=16)
    rate: float = Field(default=1.2e-3, gt=0)
    warmup: int = Field(default=100, ge=0)
    decay: float = Field(default=0.998, gt=0, lt=1)
    every: int = Field(default=500, ge=1)
    seed: int = Field(default=1, ge=0)
    widths: tuple[int, ...] = (32, 64, 96, 128)
    groups: int = 16
    adapter_rank: int = Field(default=0, ge=0)
