"""One patient, replayed with a record of every draw, parent, term and remembered value.

Noise is keyed, so the replay gives the patient's own values; nothing here knows any one mechanism.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from alignment.noise import Noise, to_uniform
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.base import Predictor
from cohort.model import CausalModel
from cohort.numbers import Effect
from ontology.errors import ConsilienceError


@dataclass(frozen=True, slots=True)
class NoiseDraw:
    """One word of keyed noise. ``halves``: read as two normals of 32 bits each."""

    variable: str
    step: int
    slot: int
    word: int
    halves: bool = False

    @property
    def uniform(self) -> float:
        """In (0, 1)."""
        return float(to_uniform(np.array([self.word], np.uint64))[0])

    @property
    def normals(self) -> tuple[float, ...]:
        """The standard normal at that quantile; two where the word was halved."""
        if not self.halves:
            return (float(ndtri(self.uniform)),)
        halves = np.array([self.word >> 32, self.word & 0xFFFFFFFF], np.float64)
        return tuple(float(z) for z in ndtri((halves + 0.5) * 2.0**-32))

    def key(self, seed: int) -> str:
        """The Philox key, 32 hexadecimal digits, as in truth/noise."""
        return Noise(seed, self.variable).key_hex


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run of one mechanism. Arrays have the patient, one, on the last axis.

    ``step``: None for what is drawn once a patient. ``computed``: before do(). ``parents``: by
    (variable, lag), at step 0 without those of an earlier visit. ``state``: all that mechanisms
    remembered before it ran; ``wrote``: what this one changed.
    """

    variable: str
    step: int | None
    computed: Array
    value: Array
    parents: Mapping[tuple[str, int], Array]
    terms: tuple[tuple[Effect, float], ...]
    noise: tuple[NoiseDraw, ...]
    state: Mapping[str, Array]
    wrote: Mapping[str, Array]

    @property
    def number(self) -> float:
        """The value of a variable with one number a patient or visit."""
        return float(self.value[0])

    @property
    def forced(self) -> bool:
        """Whether do() changed the value."""
        kind = self.value.dtype.kind
        return not np.array_equal(self.value, self.computed, equal_nan=kind == "f")


Trace = dict[tuple[str, int | None], Evaluation]
"""By (variable, step)."""


class TracingFrame(Frame):
    """A frame of one patient that keeps the words drawn."""

    def __init__(self, seed: int, start: int, levels: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(seed, start, 1, levels)
        self.draws: list[NoiseDraw] = []

    def _words(self, variable: str, slot: int, step: int) -> NDArray[np.uint64]:
        words = super()._words(variable, slot, step)
        self.draws.append(NoiseDraw(variable, step, slot, int(words[0])))
        return words

    def normal_pair(self, variable: str, slot: int, among: NDArray[np.int64]) -> Floats:
        """As in ``Frame``; the draw is marked as two halves."""
        pair = super().normal_pair(variable, slot, among)
        last = self.draws.pop()
        self.draws.append(NoiseDraw(last.variable, last.step, last.slot, last.word, halves=True))
        return pair


@dataclass(frozen=True)
class TracedModel(CausalModel):
    """The same model; ``sample`` of one patient fills ``trace``."""

    trace: Trace = field(default_factory=dict)

    def _frame(self, seed: int, start: int, n: int) -> Frame:
        if n != 1:
            raise ConsilienceError("a trace is of one patient", got=f"n = {n}", wanted="n = 1")
        return TracingFrame(seed, start, self.levels)

    def _evaluate(self, frame: Frame, name: str) -> None:
        assert isinstance(frame, TracingFrame)
        mechanism = self.mechanisms[name]
        first = len(frame.draws)
        before = {key: values.copy() for key, values in frame.state.items()}
        computed = mechanism(frame)
        drawn = tuple(frame.draws[first:])
        parents = {
            (parent, lag): frame.value(parent, lag).copy()
            for parent, lag in mechanism.parents
            if parent in (frame.before if lag and mechanism.dynamic else frame.now)
        }
        predictor: Predictor | None = getattr(mechanism, "predictor", None)
        effects = predictor.effects if predictor is not None else ()
        terms = tuple(
            (e, float(Predictor((e,)).term(e, frame)[0]))
            for e in effects
            if (e.parent, e.lag) in parents
        )
        wrote = {k: v.copy() for k, v in frame.state.items() if not _same(before.get(k), v)}
        value = self._intervened(frame, name, computed)
        step = frame.step if mechanism.dynamic else None
        self.trace[name, step] = Evaluation(
            name, step, computed.copy(), value.copy(), parents, terms, drawn, before, wrote
        )
        frame.now[name] = value


def trace_model(model: CausalModel) -> TracedModel:
    """The model with an empty trace."""
    content: dict[str, Any] = {f.name: getattr(model, f.name) for f in fields(CausalModel)}
    return TracedModel(**content)


def _same(a: Array | None, b: Array) -> bool:
    return a is not None and np.array_equal(a, b, equal_nan=b.dtype.kind == "f")
