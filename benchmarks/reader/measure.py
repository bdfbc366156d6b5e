"""Precision, recall and F1 of a set of findings a report against the tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reader.reference import Report


@dataclass(frozen=True)
class Counts:
    """Reports in which tags and reader agree or differ about one finding."""

    hit: int
    extra: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hit / (self.hit + self.extra) if self.hit + self.extra else 0.0

    @property
    def recall(self) -> float:
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.hit / (2 * self.hit + self.extra + self.missed) if self.hit else 0.0


def count(reports: Sequence[Report], read: Sequence[frozenset[str]], finding: str) -> Counts:
    hit = sum(finding in r.present and finding in s for r, s in zip(reports, read, strict=True))
    extra = sum(
        finding in s and finding not in r.present for r, s in zip(reports, read, strict=True)
    )
    missed = sum(
        finding in r.present and finding not in s for r, s in zip(reports, read, strict=True)
    )
    return Counts(hit, extra, missed)


def total(parts: Sequence[Counts]) -> Counts:
    return Counts(
        sum(p.hit for p in parts), sum(p.extra for p in parts), sum(p.missed for p in parts)
    )
