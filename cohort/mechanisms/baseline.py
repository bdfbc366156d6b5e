"""Mechanisms that are drawn once a patient."""

from __future__ import annotations

import itertools
from typing import cast

import numpy as np
from scipy.special import betaincinv, gammaincc, logit, ndtr, ndtri

from cohort import numbers, spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.base import Predictor, select


class Static:
    """Common to all mechanisms of this module."""

    dynamic = False

    def __init__(self, name: str, variable: spec.Variable) -> None:
        self.name = name
        self.predictor = Predictor(variable.effects)

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return self.predictor.parents


class Histogram(Static):
    """Piecewise uniform, by inversion; whole units are floored, as ages are."""

    def __init__(self, name: str, variable: spec.Histogram) -> None:
        super().__init__(name, variable)
        self.v = variable
        counts = np.array([float(cast(float, c)) for c in variable.counts.values.values()])
        self.cumulative = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
        self.edges = np.array(variable.edges)

    def __call__(self, frame: Frame) -> Array:
        u = frame.uniform(self.name)
        bin_ = np.clip(np.searchsorted(self.cumulative, u, side="right") - 1, 0, None)
        low, high = self.cumulative[bin_], self.cumulative[bin_ + 1]
        share = (u - low) / (high - low)
        value = self.edges[bin_] + share * (self.edges[bin_ + 1] - self.edges[bin_])
        scale = 10.0**self.v.decimals
        return np.floor(value * scale) / scale

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} ~ histogram with bin edges {', '.join(f'{e:g}' for e in self.edges)}"


class Bernoulli(Static):
    """Logistic."""

    def __init__(
        self, name: str, variable: spec.Bernoulli, by_levels: tuple[tuple[str, ...], ...]
    ) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.shape = tuple(len(levels) for levels in by_levels)
        base = variable.base
        if isinstance(base, numbers.Numbers):
            table = dict(base.flat())
            keys = ["/".join(combination) for combination in itertools.product(*by_levels)]
            self.base = np.array([logit(table[key]) for key in keys])
        else:
            self.base = np.array([logit(base.value)])

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        by = tuple((parent, 0) for parent in self.v.by)
        return tuple(dict.fromkeys((*by, *self.predictor.parents)))

    def __call__(self, frame: Frame) -> Array:
        base = self.base[row_of(frame, self.v.by, self.shape)] if self.v.by else self.base[0]
        odds = np.exp(base + self.predictor(frame))
        u = frame.uniform(self.name)
        return u * (1.0 + odds) < odds

    def equation(self) -> str:
        """The formula in one line."""
        by = f" by {', '.join(self.v.by)}" if self.v.by else ""
        return f"logit P({self.name}) = logit(base{by}){self.predictor.equation()}"


class Categorical(Static):
    """Multinomial logit."""

    def __init__(
        self, name: str, variable: spec.Categorical, by_levels: tuple[tuple[str, ...], ...]
    ) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.shape = tuple(len(levels) for levels in by_levels)
        tables = [variable.base.values]
        if variable.by:
            keys = ["/".join(combination) for combination in itertools.product(*by_levels)]
            tables = [
                cast("dict[str, float | dict[str, float]]", variable.base.values[key])
                for key in keys
            ]
        probabilities = np.array(
            [[float(cast(float, table[level])) for level in variable.levels] for table in tables]
        )
        with np.errstate(divide="ignore"):  # a level that cannot occur has logit -inf
            self.log_base = np.log(probabilities / probabilities.sum(1, keepdims=True))
        self.by_level = [
            Predictor([e for e in variable.effects if e.toward == level])
            for level in variable.levels
        ]

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        by = tuple((parent, 0) for parent in self.v.by)
        return tuple(dict.fromkeys((*by, *self.predictor.parents)))

    def __call__(self, frame: Frame) -> Array:
        row = row_of(frame, self.v.by, self.shape)
        logits = [
            (self.log_base[row, k] if self.v.by else self.log_base[0, k]) + predictor(frame)
            for k, predictor in enumerate(self.by_level)
        ]
        return select(logits, frame.uniform(self.name))

    def equation(self) -> str:
        """The formula in one line."""
        by = f" by {', '.join(self.v.by)}" if self.v.by else ""
        return f"log odds of {self.name} = ln(base{by}){self.predictor.equation()}"


class Normal(Static):
    """Truncated normal, by inversion."""

    def __init__(self, name: str, variable: spec.Normal) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        mean = self.v.base.value + self.predictor(frame)
        low, high = self.v.range
        value = mean + self.v.sd.value * truncated(
            frame.uniform(self.name),
            (low - mean) / self.v.sd.value,
            (high - mean) / self.v.sd.value,
        )
        if self.v.box_cox is not None:
            shape = self.v.box_cox.value
            value = np.expm1(shape * value) / shape
        return value if self.v.decimals is None else np.round(value, self.v.decimals)

    def equation(self) -> str:
        """The formula in one line."""
        low, high = self.v.range
        box = f", then Box-Cox({self.v.box_cox.value:g})" if self.v.box_cox else ""
        return (
            f"{self.name} = {self.v.base.value:g}{self.predictor.equation()}"
            f" + {self.v.sd.value:g} z, in [{low:g}, {high:g}]{box}"
        )


class LogNormal(Static):
    """Truncated log-normal, by inversion."""

    def __init__(self, name: str, variable: spec.LogNormal) -> None:
        super().__init__(name, variable)
        self.v = variable

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        named = tuple((parent, 0) for parent in (*self.v.zero_when, *self.v.least))
        return tuple(dict.fromkeys((*named, *self.predictor.parents)))

    def __call__(self, frame: Frame) -> Array:
        mean = np.log(self.v.median.value) + self.predictor(frame)
        low: Floats | float = self.v.range[0]
        for parent, amount in self.v.least.items():
            low = np.maximum(low, amount.value * frame[parent])
        sd = self.v.sd_log.value
        z = truncated(
            frame.uniform(self.name),
            (np.log(low) - mean) / sd,
            (np.log(self.v.range[1]) - mean) / sd,
        )
        value = np.exp(mean + sd * z)
        for parent, level in self.v.zero_when.items():
            value = np.where(frame.is_level(parent, level), 0.0, value)
        return value if self.v.decimals is None else np.round(value, self.v.decimals)

    def equation(self) -> str:
        """The formula in one line."""
        low, high = self.v.range
        return (
            f"ln {self.name} = ln {self.v.median.value:g}{self.predictor.equation()}"
            f" + {self.v.sd_log.value:g} z, {self.name} in [{low:g}, {high:g}]"
        )


class Beta(Static):
    """Beta by inversion."""

    def __init__(self, name: str, variable: spec.Beta) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.a = variable.mean.value * variable.concentration.value
        self.b = variable.concentration.value - self.a

    def __call__(self, frame: Frame) -> Array:
        return np.asarray(betaincinv(self.a, self.b, frame.uniform(self.name)))

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} ~ Beta({self.a:.3g}, {self.b:.3g})"


class Count(Static):
    """Truncated Poisson by inversion."""

    def __init__(self, name: str, variable: spec.Count) -> None:
        super().__init__(name, variable)
        self.v = variable

    def __call__(self, frame: Frame) -> Array:
        mean = self.v.mean.value * np.exp(self.predictor(frame)) * np.ones(frame.n)
        threshold = frame.uniform(self.name) * gammaincc(self.v.maximum + 1, mean)
        value = np.zeros(frame.n)
        for k in range(self.v.maximum):
            value += threshold >= gammaincc(k + 1, mean)  # P(X <= k)
        return value

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} ~ Poisson(exp(ln {self.v.mean.value:g}{self.predictor.equation()}))"
            f", at most {self.v.maximum}"
        )


class Tally(Static):
    """How many of the parents hold."""

    def __init__(self, name: str, variable: spec.Tally) -> None:
        super().__init__(name, variable)
        self.v = variable

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return tuple((parent, 0) for parent in self.v.parents)

    def __call__(self, frame: Frame) -> Array:
        total = np.full(frame.n, float(self.v.base))
        for parent in self.v.parents:
            total += frame[parent]
        return total

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = {self.v.base} + " + " + ".join(f"[{p}]" for p in self.v.parents)


class Member(Static):
    """Whether the parent's level holds an item."""

    def __init__(self, name: str, variable: spec.Member, parent_levels: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.holds = np.array([variable.item in level.split("+") for level in parent_levels])

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return ((self.v.parent, 0),)

    def __call__(self, frame: Frame) -> Array:
        return self.holds[frame[self.v.parent]]

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = [{self.v.parent} includes {self.v.item}]"


class Lookup(Static):
    """A definition."""

    def __init__(
        self,
        name: str,
        variable: spec.Lookup,
        parent_levels: tuple[str, ...],
        levels: tuple[str, ...] | None,
    ) -> None:
        super().__init__(name, variable)
        self.v = variable
        entries = [variable.table[level] for level in parent_levels]
        self.values = (
            np.array([levels.index(cast(str, e)) for e in entries], np.int8)
            if levels
            else np.array(entries)  # bool or float64
        )

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return ((self.v.parent, 0),)

    def __call__(self, frame: Frame) -> Array:
        return self.values[frame[self.v.parent]]

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = table[{self.v.parent}] ({self.v.why})"


class Within(Static):
    """A number inside the interval that the parent's level names."""

    def __init__(self, name: str, variable: spec.Within, levels: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.low, self.high = np.array([variable.intervals[level] for level in levels]).T.copy()
        self.shape = np.array([cast(float, variable.shape.values[level]) for level in levels])

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return ((self.v.parent, 0),)

    def __call__(self, frame: Frame) -> Array:
        code = frame[self.v.parent]
        share = np.exp(self.shape[code] * np.log(frame.uniform(self.name)))
        value = self.low[code] + share * (self.high[code] - self.low[code])
        return np.round(value, self.v.decimals)

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = low + (high - low) u^shape, interval and shape by {self.v.parent}"


def row_of(frame: Frame, by: tuple[str, ...], shape: tuple[int, ...]) -> Array:
    """(n,) row of a table by the levels of some parents, the last one fastest."""
    row: Array = np.zeros(frame.n, np.int64)
    for parent, size in zip(by, shape, strict=True):
        row = row * size + frame[parent]
    return row


def truncated(uniform: Floats, low: Floats | float, high: Floats | float) -> Floats:
    """Standard normal truncated to [low, high], at the quantile ``uniform``."""
    from_, to = ndtr(low), ndtr(high)
    return np.clip(ndtri(from_ + uniform * (to - from_)), low, high)
