"""What one sentence of a report says, as the read-back holds it against the outline."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["finding", "absent", "no_new", "response", "other", "unread"]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sized:
    """A stated size in whole mm: long axis, short axis or None."""

    long_mm: int
    short_mm: int | None
    span: Span


@dataclass(frozen=True, slots=True)
class Place:
    """A stated concept with its side and lobe, None where not stated."""

    concept: str
    side: str | None
    lobe: str | None
    noun: str
    span: Span
    side_span: Span | None = None
    lobe_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence as read; spans are characters of the whole text."""

    kind: Kind
    section: str
    span: Span
    places: tuple[Place, ...] = ()
    size: Sized | None = None
    prior: Sized | None = None
    change: tuple[str, Span] | None = None
    certainty: tuple[str, Span] | None = None
    negation: Span | None = None
    rank: int | None = None
    tiny: bool = False
    dominant: bool = False
    further: bool = False
    response: str | None = None
    faults: tuple[str, ...] = ()
    dates: tuple[dt.date, ...] = field(default=())
