"""A clinical number and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal["confirmed", "secondary", "unverified", "calibrated", "assumption", "definition"]
"""How far a number can be trusted.

confirmed   read in the primary source
secondary   read only on a secondary page or a transcription
unverified  from memory or a textbook range; to be checked
calibrated  fitted so that the model reproduces a published summary, which ``source`` names
assumption  no evidence found; ``source`` says in a plain sentence why this value
definition  follows from a definition (a criterion, a unit conversion), not from data
"""

STATUSES: tuple[str, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One clinical number: an uncited constant cannot be audited."""

    value: float
    unit: str
    population: str
    source: str
    status: Status

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status '{self.status}' is not one of {', '.join(STATUSES)}")
        if not self.source.strip():
            raise ValueError("a number needs a source; status 'assumption' needs the reason why")

    def cite(self) -> str:
        """``0.0182 1/week (secondary: PMID 39985158)``."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.value:g}{unit} ({self.status}: {self.source})"
