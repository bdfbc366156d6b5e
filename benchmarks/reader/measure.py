"""Precision, recall and F1 of what a reader states against what the tags say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from reader.reference import Report
from scipy.stats import beta

LEVEL = 0.95
RESAMPLES = 2000
SEED = 5


@dataclass(frozen=True)
class Counts:
    """Reports in which tags and reader agree that a finding is there, or differ."""

    hit: int
    extra: int
    missed: int

    def precision(self) -> float:
        """Share of what is read that is tagged."""
        return self.hit / max(self.hit + self.extra, 1)

    def recall(self) -> float:
        """Share of what is tagged that is read."""
        return self.hit / max(self.hit + self.missed, 1)

    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.hit / max(2 * self.hit + self.extra + self.missed, 1)


@dataclass(frozen=True)
class Comparison:
    """What tags say and a reader states of the same reports: (reports, findings) bool each."""

    findings: tuple[str, ...]
    tagged: np.ndarray
    read: np.ndarray

    @staticmethod
    def of(
        reports: Sequence[Report], read: Sequence[frozenset[str]], findings: Sequence[str]
    ) -> Comparison:
        """From what each report is tagged with, and what was read of it."""
        return Comparison(
            tuple(findings),
            np.array([[f in report.present for f in findings] for report in reports]),
            np.array([[f in stated for f in findings] for stated in read]),
        )

    def counts(self, chosen: Sequence[str]) -> Counts:
        """Summed over the chosen findings."""
        return Counts(*(int(n) for n in self._by_report(chosen).sum(axis=0)))

    def f1_interval(self, chosen: Sequence[str]) -> tuple[float, float]:
        """Percentile bootstrap over reports."""
        each = self._by_report(chosen)
        rng = np.random.default_rng(SEED)
        drawn = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=RESAMPLES)
        hit, extra, missed = (drawn @ each).T
        values = 2 * hit / np.maximum(2 * hit + extra + missed, 1)
        low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)

    def _by_report(self, chosen: Sequence[str]) -> np.ndarray:
        columns = [self.findings.index(f) for f in chosen]
        tagged, read = self.tagged[:, columns], self.read[:, columns]
        parts = [tagged & read, ~tagged & read, tagged & ~read]
        return np.stack([part.sum(axis=1) for part in parts], axis=1)


def binomial(k: int, n: int) -> tuple[float, float]:
    """Exact (Clopper-Pearson) interval of k of n."""
    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high
