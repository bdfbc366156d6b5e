"""A number in a disease file: value or values, unit, source and status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ontology.evidence import Parameter, Status

ANY, POSITIVE = (float("-inf"), float("inf")), (0.0, float("inf"))
RANGES: dict[str, tuple[float, float]] = {
    "1": ANY, "log": ANY, "%": (0, 100), "a": (0, 130), "d": (0, 36525), "wk": (0, 5218),
    "h": (0, 876600), "1/wk": (-1, 10), "1/d": (-1, 10), "1/a": (0, 365), "1/h": POSITIVE,
    "mm": (0, 2000), "mm2": POSITIVE, "cm": (0, 300), "kg": (0, 700), "kg/m2": (5, 150),
    "g/dL": (0, 30), "g/L": (0, 300), "mg/dL": (0, 10000), "U/L": (0, 1e6), "10*9/L": (0, 10000),
    "ng/mL": (0, 1e6), "mmol/L": (0, 1000), "m[IU]/L": (0, 1000), "{mut}/Mb": (0, 10000),
    "{pack}.a": (0, 400), "L": POSITIVE, "L/h": POSITIVE, "L/umol": POSITIVE, "mg/m2": POSITIVE,
    "g/mol": POSITIVE, "mm[Hg]": (0, 400), "/min": (0, 400), "Cel": (20, 50), "K": POSITIVE,
}  # fmt: skip
"""UCUM units that a disease file may use, and what a quantity in them can be."""


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt key would otherwise be a silently missing effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Provenance(Strict):
    """Where a number comes from: a key of ``sources``, or ``why`` for assumptions."""

    source: str | None = None
    why: str | None = None
    status: Status
    unit: str = "1"
    population: str = "NSCLC"

    @model_validator(mode="after")
    def _has_reason(self) -> Provenance:
        if self.unit not in RANGES:
            raise ValueError(f"unknown unit '{self.unit}'; one of {', '.join(sorted(RANGES))}")
        if self.status in ("assumption", "definition"):
            if not self.why:
                raise ValueError(f"status '{self.status}' needs 'why', a plain sentence")
        elif not self.source:
            raise ValueError(f"status '{self.status}' needs 'source', a key of 'sources'")
        if self.status == "calibrated" and not self.why:
            raise ValueError("status 'calibrated' needs 'why': what was matched")
        return self

    def parameter(self, value: float) -> Parameter:
        """The provenance with one value."""
        text = ": ".join(part for part in (self.source, self.why) if part)
        return Parameter(value, self.unit, self.population, text, self.status)


class Number(Provenance):
    """One number."""

    value: float


class Numbers(Provenance):
    """Numbers by level. Nested one deep where they depend on a parent."""

    values: dict[str, float | dict[str, float]]

    def flat(self) -> Iterator[tuple[str, float]]:
        """``(level, value)`` or ``(parent level/level, value)``."""
        for key, value in self.values.items():
            if isinstance(value, dict):
                for level, number in value.items():
                    yield f"{key}/{level}", number
            else:
                yield key, value


class Effect(Provenance):
    """What one parent adds to a linear predictor.

    One of ``odds_ratio`` (its log is added to a logit), ``ratio`` (its log is added on the log
    scale), ``add``, or ``factor`` (f: ``ln(1 + f (x - reference) / per)`` is added, where a source
    gives a linear factor). It applies to patients at ``level`` of a categorical parent, to patients
    with a true boolean parent, or, for numbers, times ``(x - reference) / per`` or, with
    ``log``, times ``ln(x / reference)``.
    """

    parent: str
    level: str | None = None
    toward: str | None = None
    reference: float = 0.0
    per: float = 1.0
    log: bool = False
    lag: int = 0
    odds_ratio: float | None = Field(default=None, gt=0)
    ratio: float | None = Field(default=None, gt=0)
    add: float | None = None
    factor: float | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Effect:
        if sum(size is not None for size in self._sizes) != 1:
            raise ValueError("give exactly one of odds_ratio, ratio, add, factor")
        return self

    @property
    def size(self) -> float:
        """The number as written."""
        return next(size for size in self._sizes if size is not None)

    @property
    def _sizes(self) -> tuple[float | None, ...]:
        return self.odds_ratio, self.ratio, self.add, self.factor


def numbers_of(name: str, value: Any) -> Iterator[tuple[str, Parameter]]:
    """Every number below ``value``, named by its path."""
    if isinstance(value, Number):
        yield name, value.parameter(value.value)
    elif isinstance(value, Numbers):
        for level, number in value.flat():
            yield f"{name}.{level}", value.parameter(number)
    elif isinstance(value, Effect):
        at = f"={value.level}" if value.level else ""
        toward = f">{value.toward}" if value.toward else ""
        kinds = ("odds_ratio", "ratio", "add", "factor")
        kind = next(k for k in kinds if getattr(value, k) is not None).replace("odds_ratio", "or")
        yield f"{kind}.{value.parent}{at}{toward}", value.parameter(value.size)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from numbers_of(f"{name}.{key}", item)
    elif isinstance(value, tuple):
        for item in value:
            prefix = "" if isinstance(item, Effect) else name
            for key, parameter in numbers_of(prefix, item):
                yield key.removeprefix("."), parameter
