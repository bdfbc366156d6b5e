"""``configs/training/notes.yaml``: what the author of reports learns from, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from modalities.notes.lm.base import DEFAULT
from ontology.yamlfile import read_yaml


class NotesTraining(BaseModel):
    """Settings. The same file gives the same batches.

    ``reports``: own reports as JSON lines, the sampled space of findings where left out.
    ``start``: a folder with an adapter to go on from, ``shipped``, or empty for a new one.
    ``batch``: reports a step. ``budget``: tokens that pass through the model at once. ``decay``:
    of the running average of the adapter, which is what is written. ``every``: steps between
    checkpoints; ``measured_every``: between held-out losses. ``precision``: of the base's products;
    bfloat16 takes half the time on a processor that multiplies it (AMX) or a GPU, and longer else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_model: str = DEFAULT
    reports: Path | None = None
    start: str = ""
    precision: Literal["float32", "bfloat16"] = "float32"
    rank: int = Field(default=8, ge=1, le=256)
    steps: int = Field(default=1000, ge=1)
    batch: int = Field(default=6, ge=1)
    budget: int = Field(default=640, ge=64)
    rate: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=20, ge=0)
    decay: float = Field(default=0.98, gt=0, lt=1)
    every: int = Field(default=25, ge=1)
    measured_every: int = Field(default=100, ge=1)
    held_out: int = Field(default=12, ge=1)
    seed: int = Field(default=1, ge=0)


def read(path: Path) -> NotesTraining:
    """A training config; ``reports`` is relative to the file.

    Raises ConsilienceError with the line of everything that cannot be used.
    """
    config = read_yaml(path).parse(NotesTraining)
    if config.reports is None:
        return config
    return config.model_copy(update={"reports": path.resolve().parent / config.reports})
