"""What a mechanism sees: the values of the patients still followed, at one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from alignment.noise import Noise, to_uniform

Array = NDArray[Any]
Floats = NDArray[np.float64]


class Frame:
    """Values by variable for one shard, patients on the last axis.

    ``now`` holds this step's values, ``before`` the previous step's (lag 1). Baseline variables
    stay in ``now``. ``state`` holds what a mechanism must remember. Categorical values are int8
    codes into ``levels[variable]``; all arrays are cut to the patients still followed.
    """

    def __init__(
        self, seed: int, start: int, n: int, levels: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.seed, self.start, self.shard = seed, start, n
        self.levels = levels
        self.rows: NDArray[np.int64] = np.arange(n)
        self.step = 0
        self.now: dict[str, Array] = {}
        self.before: dict[str, Array] = {}
        self.state: dict[str, Array] = {}
        self._noise: dict[str, Noise] = {}

    @property
    def n(self) -> int:
        """Patients still followed."""
        return len(self.rows)

    def __getitem__(self, variable: str) -> Array:
        return self.now[variable]

    def value(self, variable: str, lag: int = 0) -> Array:
        """Value at this step (lag 0) or at the previous one (lag 1)."""
        return (self.before if lag else self.now)[variable]

    def is_level(self, variable: str, level: str, lag: int = 0) -> NDArray[np.bool_]:
        """Where a categorical variable is at a level."""
        result: NDArray[np.bool_] = self.value(variable, lag) == self.code(variable, level)
        return result

    def code(self, variable: str, level: str) -> int:
        """Code of a level."""
        return self.levels[variable].index(level)

    def uniform(self, variable: str, slot: int = 0, step: int | None = None) -> Floats:
        """(n,) keyed uniforms of this step; ``step`` 0 for what is drawn once a patient."""
        words = self._words(variable, slot, self.step if step is None else step)
        return to_uniform(words if self.n == self.shard else words[self.rows])

    def normal(self, variable: str, slot: int = 0, step: int | None = None) -> Floats:
        """(n,) keyed standard normals."""
        return np.asarray(ndtri(self.uniform(variable, slot, step)))

    def normal_pair(self, variable: str, slot: int, among: NDArray[np.int64]) -> Floats:
        """(2, k): two standard normals for each of the patients ``among`` (positions in the
        frame), from the two halves of one word."""
        words = self._words(variable, slot, self.step)[self.rows[among]]
        halves = np.stack([words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)])
        return np.asarray(ndtri((halves.astype(np.float64) + 0.5) * 2.0**-32))

    def quarters(self, variable: str, slot: int) -> NDArray[np.uint16]:
        """(4, n): four independent 16-bit numbers a patient, from one word; for chances."""
        words = self._words(variable, slot, self.step)[self.rows]
        return np.ascontiguousarray(words.astype("<u8").view("<u2").reshape(-1, 4).T)

    def thirds(self, variable: str) -> Floats:
        """(3, n) uniforms of 21 bits each, from the parts of one word."""
        words = self._words(variable, 0, self.step)
        words = words if self.n == self.shard else words[self.rows]
        parts = [(words >> np.uint64(shift)) & np.uint64(0x1FFFFF) for shift in (0, 21, 42)]
        return np.asarray((np.stack(parts).astype(np.float64) + 0.5) * 2.0**-21)

    def _words(self, variable: str, slot: int, step: int) -> NDArray[np.uint64]:
        noise = self._noise.get(variable)
        if noise is None:
            noise = self._noise[variable] = Noise(self.seed, variable)
        return noise.raw(self.start, self.shard, step, slot)

    def advance(self, step: int, dynamic: frozenset[str]) -> None:
        """Go to a step: this step's dynamic values become the previous ones."""
        self.step = step
        self.before = {name: self.now[name] for name in dynamic if name in self.now}

    def retain(self, keep: NDArray[np.bool_]) -> None:
        """Cut every array to the patients to keep."""
        if keep.all():
            return
        left = np.flatnonzero(keep)
        self.rows = self.rows[left]
        for store in (self.now, self.before, self.state):
            for name, values in store.items():
                # take keeps arrays contiguous: strided input would take other code paths in
                # numpy's exp and log and could differ in the last bit.
                store[name] = np.take(values, left, axis=-1)
