"""What every mechanism offers, and the linear predictor that most share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cohort.frame import Array, Floats, Frame
from cohort.numbers import Effect


class Mechanism(Protocol):
    """One node of the causal model."""

    dynamic: bool
    """Evaluated at every visit (True) or once (False)."""

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""

    def __call__(self, frame: Frame) -> Array:
        """Values of the patients in the frame."""

    def equation(self) -> str:
        """The formula in one line."""


class Predictor:
    """Sum of effects; each says which parent, at which level or per which amount."""

    def __init__(self, effects: Sequence[Effect]) -> None:
        self.effects = tuple(effects)

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag), each once, in the order of the file."""
        return tuple(dict.fromkeys((e.parent, e.lag) for e in self.effects))

    def __call__(self, frame: Frame) -> Floats | float:
        """(n,) float64 on the scale of the link, or 0.0 without effects."""
        total: Floats | float = 0.0
        for effect in self.effects:
            total = total + self.term(effect, frame)
        return total

    def term(self, effect: Effect, frame: Frame) -> Floats:
        """One effect's contribution, (n,) float64."""
        size = coefficient(effect)
        values = frame.value(effect.parent, effect.lag)
        if effect.level is not None:
            return np.asarray(size * frame.is_level(effect.parent, effect.level, effect.lag))
        if values.dtype == np.bool_:
            return np.asarray(size * values)
        if effect.log:
            return np.asarray(size * np.log(values / effect.reference))
        scaled = size * ((values - effect.reference) / effect.per)
        return np.asarray(scaled if effect.factor is None else np.log1p(scaled))

    def equation(self) -> str:
        """`` + 0.99 [sex = female] + ...``."""
        return "".join(f" {_signed(coefficient(e))} {_feature(e)}" for e in self.effects)


def coefficient(effect: Effect) -> float:
    """The coefficient on the scale of the link: ratios enter by their log."""
    ratio = effect.odds_ratio is not None or effect.ratio is not None
    return float(np.log(effect.size)) if ratio else effect.size


def select(logits: Sequence[Floats | float], uniform: Floats) -> Array:
    """(n,) int8 codes: inverse of the cumulative softmax of K logits at ``uniform``."""
    weights = [np.exp(logit) for logit in logits]
    total = sum(weights[1:], start=weights[0])
    threshold = uniform * total
    codes = np.zeros(len(uniform), np.int8)
    running: Floats | float = 0.0
    for weight in weights[:-1]:
        running = running + weight
        codes += threshold >= running
    return codes


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):.4g}"


def _feature(effect: Effect) -> str:
    lag = "(previous visit)" if effect.lag else ""
    toward = f" for {effect.toward}" if effect.toward else ""
    if effect.level is not None:
        return f"[{effect.parent}{lag} = {effect.level}]{toward}"
    if effect.log:
        return f"ln({effect.parent}{lag} / {effect.reference:g}){toward}"
    if effect.factor is not None:
        return f"as factor 1 + {effect.factor:g} ({effect.parent}{lag} - {effect.reference:g})"
    if effect.reference or effect.per != 1:
        return f"({effect.parent}{lag} - {effect.reference:g}) / {effect.per:g}{toward}"
    return f"{effect.parent}{lag}{toward}"
