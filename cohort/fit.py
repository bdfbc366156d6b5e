"""Fits a few numbers of a disease file so that study arms reach their published summaries.

Least squares by Gauss-Newton on the logarithms of the numbers, with the same patients (common
random numbers) at every evaluation, so that the objective is smooth up to single patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohort.study import Published, Study, run_study, study_model
from ontology.knowledge import KnowledgeGraph

Vector = NDArray[np.float64]
Z95 = 1.959964


@dataclass(frozen=True)
class Free:
    """A number that may move: its path in the disease file, and the scale of a step.

    ``logarithmic``: it moves by factors ``exp(step)``, else by ``step``.
    """

    path: str
    start: float
    step: float = 0.1
    logarithmic: bool = True

    def at(self, moved: float) -> float:
        """The number after moving by ``moved`` on the scale of the fit."""
        return self.start * float(np.exp(moved)) if self.logarithmic else self.start + moved


@dataclass(frozen=True)
class Target:
    """One published summary of one study, and how precisely it is known (log scale for times,
    logit for shares)."""

    study: str
    endpoint: str
    published: Published
    spread: float

    def residual(self, value: float) -> float:
        """Distance from the published value in standard errors."""
        link = _logit if self.endpoint == "orr" else np.log
        return float((link(value) - link(self.published.value)) / self.spread)


@dataclass(frozen=True)
class Fit:
    """The fitted numbers, the last Jacobian (targets by free numbers) and the residuals."""

    free: tuple[Free, ...]
    targets: tuple[Target, ...]
    values: dict[str, float]
    reached: dict[str, dict[str, float]]
    residuals: Vector
    jacobian: NDArray[np.float64]

    @property
    def rank(self) -> int:
        """Rank of the Jacobian: how many directions the targets see."""
        return int(np.linalg.matrix_rank(self.jacobian, tol=0.05))


def targets_of(study: Study, endpoints: Sequence[str] = ("os", "pfs", "orr")) -> list[Target]:
    """The study's published summaries as targets; 15 % where no interval is published."""
    made = []
    for endpoint in endpoints:
        result = study.published[endpoint]
        if endpoint == "orr":
            assert result.n is not None
            share = result.value / 100.0
            spread = 1.0 / np.sqrt(result.n * share * (1.0 - share))
        elif result.low is not None and result.high is not None:
            spread = np.log(result.high / result.low) / (2.0 * Z95)
        else:
            spread = 0.15 / Z95
        made.append(Target(study.study, endpoint, result, float(spread)))
    return made


def fit(
    studies: Sequence[Study],
    free: Sequence[Free],
    knowledge: KnowledgeGraph,
    *,
    patients: int,
    seed: int,
    iterations: int = 4,
    tell: Callable[[str], None] = lambda text: None,
) -> Fit:
    """Move the free numbers until the studies' summaries are as near as they get."""
    targets = [target for study in studies for target in targets_of(study)]

    def evaluate(moved: Vector) -> tuple[Vector, dict[str, dict[str, float]]]:
        numbers = {f.path: f.at(m) for f, m in zip(free, moved, strict=True)}
        reached = summaries(studies, numbers, knowledge, patients, seed)
        return np.array([t.residual(reached[t.study][t.endpoint]) for t in targets]), reached

    moved = np.zeros(len(free))
    residuals, reached = evaluate(moved)
    jacobian = np.zeros((len(targets), len(free)))
    for iteration in range(iterations):
        for i, number in enumerate(free):
            shifted = moved.copy()
            shifted[i] += number.step
            jacobian[:, i] = (evaluate(shifted)[0] - residuals) / number.step
        improved = False
        step = _damped(jacobian, residuals)
        for share in (1.0, 0.5, 0.25):
            candidate = moved + share * step
            found, there = evaluate(candidate)
            if (found**2).sum() < (residuals**2).sum():
                moved, residuals, reached, improved = candidate, found, there, True
                break
        tell(f"iteration {iteration + 1}: sum of squares {(residuals**2).sum():.3f}")
        if not improved:
            break
    values = {f.path: f.at(m) for f, m in zip(free, moved, strict=True)}
    return Fit(tuple(free), tuple(targets), values, reached, residuals, jacobian)


def summaries(
    studies: Sequence[Study],
    numbers: Mapping[str, float],
    knowledge: KnowledgeGraph,
    patients: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Median OS and PFS in months and ORR in per cent of every study, by study."""
    return {
        study.study: run_study(
            study, study_model(study, knowledge, numbers), patients, seed
        ).summary()
        for study in studies
    }


def _damped(jacobian: NDArray[np.float64], residuals: Vector) -> Vector:
    """A step that stays short in directions that the targets hardly see."""
    count = jacobian.shape[1]
    rows = np.vstack([jacobian, 0.7 * np.eye(count)])
    step, *_ = np.linalg.lstsq(rows, np.concatenate([-residuals, np.zeros(count)]), rcond=None)
    short: Vector = np.clip(step, -0.5, 0.5)
    return short


def _logit(per_cent: float) -> float:
    share = np.clip(per_cent / 100.0, 1e-4, 1.0 - 1e-4)
    return float(np.log(share / (1.0 - share)))
