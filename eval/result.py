"""What an evaluation finds: violations, checks with Wilson intervals, and the whole report."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Tier = Literal["agreement", "truth"]

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal."""


def wilson(agreed: int, tested: int, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Nothing tested says nothing: the interval is then (0, 1). Raises ``ValueError`` on counts
    that no experiment can give.
    """
    if not 0 <= agreed <= tested:
        raise ValueError(f"{agreed} agreed of {tested} tested is not a share")
    if tested == 0:
        return 0.0, 1.0
    share, z2 = agreed / tested, z * z
    centre = (share + z2 / (2 * tested)) / (1 + z2 / tested)
    half = z / (1 + z2 / tested) * math.sqrt(share * (1 - share) / tested + z2 / (4 * tested**2))
    low = 0.0 if agreed == 0 else max(0.0, centre - half)
    high = 1.0 if agreed == tested else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True, slots=True)
class Violation:
    """One contradiction. ``where``: the file, or the table and row, that disagrees."""

    patient_id: str
    day: int | None
    where: str
    expected: str
    found: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check over the whole dataset.

    ``tested`` comparisons were possible and ``agreed`` of them hold (``low``, ``high``: Wilson
    95 %); ``unrendered`` could not be compared because nothing was rendered to compare with, and
    ``reasons`` counts why.
    """

    key: str
    title: str
    tier: Tier
    tested: int
    agreed: int
    unrendered: int
    low: float
    high: float
    violations: tuple[Violation, ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.agreed <= self.tested or self.unrendered < 0:
            raise ValueError(f"check '{self.key}' counts {self.agreed} of {self.tested}")
        if bool(self.violations) != (self.agreed < self.tested):
            raise ValueError(f"check '{self.key}' must list a violation for each disagreement")

    @property
    def holds(self) -> bool:
        """No violation was found (which is also true where nothing could be tested)."""
        return not self.violations

    @property
    def absent(self) -> bool:
        """The dataset holds nothing that this check could look at."""
        return self.tested == 0 and self.unrendered == 0


@dataclass(frozen=True, slots=True)
class ConsistencyReport:
    """All checks of one dataset folder."""

    folder: Path
    checks: tuple[CheckResult, ...]

    @property
    def holds(self) -> bool:
        """No check has a violation."""
        return all(check.holds for check in self.checks)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every violation, in the order of the checks."""
        return tuple(v for check in self.checks for v in check.violations)

    def __getitem__(self, key: str) -> CheckResult:
        """The check of that key."""
        for check in self.checks:
            if check.key == key:
                return check
        raise KeyError(f"no check '{key}'; there are {', '.join(c.key for c in self.checks)}")

    def to_json(self) -> str:
        """Indented JSON with every violation; the folder by name only, so that it can move."""
        body = {
            "folder": self.folder.name,
            "holds": self.holds,
            "checks": [
                asdict(check) | {"holds": check.holds, "absent": check.absent}
                for check in self.checks
            ],
        }
        return json.dumps(body, indent=2) + "\n"


@dataclass
class Tally:
    """Counts one check while it runs; :meth:`result` freezes it."""

    key: str
    title: str
    tier: Tier = "agreement"
    tested: int = 0
    failed: int = 0
    violations: list[Violation] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def agree(self, count: int = 1) -> None:
        """Count comparisons that hold."""
        self.tested += count

    def violate(
        self,
        patient_id: str,
        day: int | None,
        where: str,
        *,
        expected: object,
        found: object,
        message: str,
    ) -> None:
        """Count one comparison that does not hold."""
        self.tested += 1
        self.failed += 1
        self.violations.append(
            Violation(patient_id, day, where, _text(expected), _text(found), message)
        )

    def compare(
        self,
        holds: bool,
        patient_id: str,
        day: int | None,
        where: str,
        *,
        expected: object,
        found: object,
        message: str,
    ) -> None:
        """Count one comparison either way."""
        if holds:
            self.agree()
        else:
            self.violate(patient_id, day, where, expected=expected, found=found, message=message)

    def skip(self, reason: str, count: int = 1) -> None:
        """Count comparisons that could not be made, with the reason."""
        if count:
            self.reasons[reason] += count

    def result(self) -> CheckResult:
        """The frozen check."""
        agreed = self.tested - self.failed
        low, high = wilson(agreed, self.tested)
        return CheckResult(
            key=self.key,
            title=self.title,
            tier=self.tier,
            tested=self.tested,
            agreed=agreed,
            unrendered=sum(self.reasons.values()),
            low=low,
            high=high,
            violations=tuple(self.violations),
            reasons=tuple(sorted(self.reasons.items())),
        )


def results(tallies: Iterable[Tally]) -> list[CheckResult]:
    """Freeze several tallies."""
    return [tally.result() for tally in tallies]


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
