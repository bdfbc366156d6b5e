"""``configs/training/*.yaml``: what the CT network is trained on, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ontology.yamlfile import read_yaml

Index = Annotated[int, Field(ge=0)]
Slices = tuple[Index, Index]
"""The first slice and the one after the last, counted from the lowest, 0."""
Weight = Annotated[float, Field(gt=0)]
"""How often patches are cut from a scan, beside the other scans."""
_LEVELS = 4
"""Resolutions of the network: rows and columns come as multiples of 16, folded two by two."""


class OwnScan(BaseModel):
    """A CT of the user: a DICOM folder or a NIfTI file.

    ``lesion``: a NIfTI mask of its grid, or a DICOM SEG of its images, every segment of which
    counts as lesion. ``held_out``: slices that are not trained on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ct: Path
    lesion: Path | None = None
    weight: Weight = 1.0
    held_out: Slices | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.held_out is not None:
            _require_order(self.held_out)
        return self


class TrainingConfig(BaseModel):
    """Scans and settings. The same file and scans give the same batches.

    ``scans``: bundled scans and their weights. ``held_out``: their slices that are not trained on,
    but measured. ``adapter_rank``: above 0, the shipped weights are kept and low-rank adapters
    (LoRA) of this rank are trained on the convolutions instead, which ten studies suffice for;
    ``widths`` and ``groups`` then are those of the shipped network.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scans: dict[str, Weight] = Field(default_factory=dict)
    held_out: dict[str, Slices] = Field(default_factory=dict)
    own: tuple[OwnScan, ...] = ()
    steps: int = Field(default=4_400, ge=1)
    batch: int = Field(default=8, ge=1)
    patch: int = Field(default=96, ge=32, multiple_of=2**_LEVELS)
    rate: float = Field(default=1.2e-3, gt=0)
    warmup: int = Field(default=100, ge=0)
    decay: float = Field(default=0.998, gt=0, lt=1)
    every: int = Field(default=200, ge=1)
    seed: int = Field(default=1, ge=0)
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(32, 64, 96, 128), min_length=1, max_length=_LEVELS
    )
    groups: int = Field(default=16, ge=1)
    adapter_rank: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if odd := [width for width in self.widths if width % self.groups]:
            raise ValueError(f"widths {odd} are no multiples of groups ({self.groups})")
        if unknown := sorted(set(self.held_out) - set(self.scans)):
            raise ValueError(f"slices are held out of {unknown}, which scans does not name")
        for slices in self.held_out.values():
            _require_order(slices)
        return self


def _require_order(slices: Slices) -> None:
    if slices[0] >= slices[1]:
        raise ValueError(f"held_out is [first slice, one after the last], not {list(slices)}")


def read(path: Path) -> TrainingConfig:
    """A training config; the paths of ``own`` are relative to the file.

    Raises ConsilienceError with the line of everything that cannot be used.
    """
    config = read_yaml(path).parse(TrainingConfig)
    folder = path.resolve().parent
    own = tuple(
        scan.model_copy(
            update={
                "ct": folder / scan.ct,
                "lesion": None if scan.lesion is None else folder / scan.lesion,
            }
        )
        for scan in config.own
    )
    return config.model_copy(update={"own": own})
