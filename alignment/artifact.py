"""One rendered file and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Rendering:
    """Whether one finding of the plan is in the pixels; ``segment``: its number in the SEG.

    ``description``: in words, as drawn; ``volume_ml``: of an effusion, which the plan leaves open.
    """

    finding_id: str
    modality: str
    rendered: bool
    reason: str | None = None
    segment: int | None = None
    description: str | None = None
    volume_ml: float | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file below the dataset folder, as bytes, with its provenance."""

    path: PurePosixPath
    data: bytes
    media_type: str
    provenance: dict[str, str] = field(default_factory=dict)
