"""One run as one small complete YAML file."""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from alignment import schemas
from alignment.identifiers import MAX_PATIENTS
from alignment.plan import Kernel, Network, Protocol
from ontology.errors import ConsilienceError, nearest
from ontology.yamlfile import read_yaml


class Range(BaseModel):
    """From ``at_least`` to ``at_most``, both included, in the unit of the variable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: float | None = None
    at_most: float | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value, infinite where open."""
        low = -math.inf if self.at_least is None else self.at_least
        return low, math.inf if self.at_most is None else self.at_most

    @model_validator(mode="after")
    def _bounded(self) -> Range:
        low, high = self.bounds
        if low > high or (low, high) == (-math.inf, math.inf):
            raise ValueError("wanted at_least or at_most or both, the lower one first")
        return self


One = str | bool | int
Wanted = One | tuple[One, ...] | Range
"""What is asked of a variable: a level, yes or no, any of several, or a range of a number."""

Modality = Literal["labs", "genomics", "imaging", "notes"]
MODALITIES: tuple[Modality, ...] = ("labs", "genomics", "imaging", "notes")


class ImagingOptions(BaseModel):
    """How chest CT is taken, with radiographs or not, and how many studies of a patient."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    matrix: int = Field(default=256, ge=64, le=512)
    slice_mm: float = Field(default=5.0, ge=1.0, le=10.0)
    contrast: bool = True
    radiographs: bool = True
    network: Network = "whole"
    weights: str = ""
    kernel: Kernel = "soft"
    ctdi_mgy: float = Field(default=9.0, ge=0.3, le=40.0)
    max_studies: int | None = Field(default=None, ge=1)

    @property
    def protocol(self) -> Protocol:
        """The CT protocol of a plan."""
        return Protocol(**self.model_dump(exclude={"max_studies"}))


class NotesOptions(BaseModel):
    """Which kinds of notes are written, by whom, and how often a faulty draft is drawn again.

    A radiograph report only where radiographs are taken. ``author``: of the CT chest reports; the
    grammar writes the other kinds. ``base_model``: the bundled name, or the folder or locally
    cached id of a Llama-like model (docs/author.md says which); ``adapter``: a folder that
    ``consilience train notes`` wrote, the shipped one where empty. ``batch``: drafts at once on a
    core (up to four cores); docs/author.md says what depends on it. ``precision``: of the
    model's products; ``auto`` is bfloat16 where the processor has AMX (another takes long
    for it), else float32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[schemas.NoteKind, ...] = schemas.NOTE_KINDS
    author: Literal["language_model", "grammar"] = "language_model"
    base_model: str = "smollm2-135m-instruct"
    adapter: str = ""
    redraws: int = Field(default=8, ge=0, le=20)
    batch: int = Field(default=32, ge=1, le=256)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    @field_validator("kinds")
    @classmethod
    def _some(cls, value: tuple[schemas.NoteKind, ...]) -> tuple[schemas.NoteKind, ...]:
        if not value:
            raise ValueError("wanted a kind; to write no notes, leave them out of modalities")
        return tuple(kind for kind in schemas.NOTE_KINDS if kind in value)


class RunConfig(BaseModel):
    """``configs/NAME.yaml``: what is generated, of whom, with which seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disease: str
    patients: int = Field(ge=1, le=MAX_PATIENTS)
    seed: int = Field(ge=0, lt=2**63)
    modalities: tuple[Modality, ...] = MODALITIES
    population: dict[str, Wanted] = Field(default_factory=dict)
    assessors: tuple[Literal["investigator", "central"], ...] = ("investigator",)
    scan_weeks: tuple[float, ...] | None = None
    scan_every_weeks: float | None = Field(default=None, gt=0)
    follow_up_days: tuple[int, int] | None = None
    imaging: ImagingOptions = ImagingOptions()
    notes: NotesOptions = NotesOptions()

    @field_validator("modalities")
    @classmethod
    def _ordered(cls, value: tuple[Modality, ...]) -> tuple[Modality, ...]:
        return tuple(m for m in MODALITIES if m in value)

    @field_validator("follow_up_days")
    @classmethod
    def _rising(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 0 < value[0] < value[1]:
            raise ValueError("wanted [shortest, longest] with 0 < shortest < longest")
        return value

    @model_validator(mode="after")
    def _whole_schedule(self) -> RunConfig:
        if (self.scan_weeks is None) != (self.scan_every_weeks is None):
            raise ValueError("give scan_weeks and scan_every_weeks together, or neither")
        return self

    @property
    def scans(self) -> tuple[tuple[float, ...], float] | None:
        """Weeks of the first scans of a line and those between later ones, where given."""
        if self.scan_weeks is None or self.scan_every_weeks is None:
            return None
        return self.scan_weeks, self.scan_every_weeks

    def digest(self) -> str:
        """Hash of everything that shapes a patient: not how many, nor which files are written."""
        left_out: Any = {"patients": True, "modalities": True, "notes": {"kinds"}}
        content = self.model_dump(mode="json", exclude=left_out)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_config(config: str | Path | RunConfig, **overrides: Any) -> RunConfig:
    """Read a config by path, or a bundled one by name; overrides that are None are left out."""
    if isinstance(config, RunConfig):
        run = config
    else:
        path = bundled(str(config), folder="") if is_name(config) else Path(config)
        run = read_yaml(path).parse(RunConfig)
    given = {key: value for key, value in overrides.items() if value is not None}
    if not given:
        return run
    merged = {**run.model_dump(), **given}
    try:
        return RunConfig.model_validate(merged)
    except ValueError as error:
        problems: list[dict[str, Any]] = getattr(error, "errors", list)()
        text = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
        raise ConsilienceError(
            text or str(error), where="options", got=given, remedy="correct the option"
        ) from None


def is_name(config: str | Path) -> bool:
    """Whether a config is named (``nsclc``) rather than given by its path."""
    return isinstance(config, str) and "/" not in config and not config.endswith((".yaml", ".yml"))


def bundled(name: str, folder: str) -> Path:
    """Path of a bundled YAML file: a run config (folder "") or one in ``diseases``."""
    root = Path(str(resources.files("configs"))) / folder
    path = root / f"{name}.yaml"
    if not path.is_file():
        names = [p.stem for p in sorted(root.glob("*.yaml"))]
        raise ConsilienceError(
            f"no bundled {'config' if not folder else folder.rstrip('s')} '{name}'",
            wanted=nearest(name, names),
            remedy="give one of these names, or the path of a YAML file",
        )
    return path
