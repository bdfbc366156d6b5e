"""Kernel distance between two sets of features.

Squared maximum mean discrepancy with the cubic polynomial kernel, unbiased (Binkowski et al. 2018,
arXiv:1801.01401). Patches of one slice overlap, so pairs of one slice are left out of the means,
and the bootstrap draws whole slices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Distance:
    """value with the 2.5th and 97.5th centile of the bootstrap; n patches of each set."""

    value: float
    low: float
    high: float
    n: int


def polynomial(a: NDArray[np.float32], b: NDArray[np.float32]) -> F64:
    """(n, m) kernel ``(a b / d + 1)^3`` of features (n, d) and (m, d)."""
    product = a.astype(np.float64) @ b.astype(np.float64).T / a.shape[1]
    return np.asarray((product + 1) ** 3)


def distance(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    blocks: tuple[I64, I64],
    seed: int = 0,
    draws: int = 300,
) -> Distance:
    """Kernel distance of equally many features, with a bootstrap over ``blocks`` (slices)."""
    assert len(a) == len(b), f"{len(a)} against {len(b)} patches"
    kernels = (polynomial(a, a), polynomial(b, b), polynomial(a, b))
    apart = tuple((x[:, None] != x[None]).astype(float) for x in blocks)
    ones = (np.ones(len(a)), np.ones(len(b)))
    rng = np.random.default_rng(seed)
    drawn = [
        _estimate(kernels, apart, tuple(_weights(x, rng) for x in blocks)) for _ in range(draws)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Distance(_estimate(kernels, apart, ones), float(low), float(high), len(a))


def _weights(blocks: I64, rng: np.random.Generator) -> F64:
    """How often each patch is drawn when whole blocks are drawn with replacement."""
    _, index = np.unique(blocks, return_inverse=True)
    count = int(index.max()) + 1
    return rng.multinomial(count, np.full(count, 1 / count))[index].astype(float)


def _estimate(kernels: tuple[F64, ...], apart: tuple[F64, ...], weights: tuple[F64, ...]) -> float:
    within = 0.0
    for kernel, other, w in zip(kernels, apart, weights, strict=False):
        within += float(w @ (kernel * other) @ w) / float(w @ other @ w)
    between = float(weights[0] @ kernels[2] @ weights[1]) / float(
        weights[0].sum() * weights[1].sum()
    )
    return within - 2 * between
